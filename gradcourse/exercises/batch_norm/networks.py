"""Questions that networks answer: accumulated gradients, growth over depth, and a β to tune."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import (
    Choice,
    NamedValue,
    Option,
    Prediction,
    Tuning,
)
from gradcourse.demos.batch_norm.depth import BEND, DEEP, deltas, network

SEEDS = range(5)

# ---------------------------------------------------------------- accumulated gradients


def accuracy_with_accumulation(norm, batch, pieces, seed=0, updates=120):
    """Test accuracy of 4 ReLU layers when each update averages the gradients of ``pieces`` batches.

    Learning rate 0.1; the images of one update are ``batch`` times ``pieces``.
    """
    import torch

    from gradcourse.data import digits
    from gradcourse.training import accuracy

    data, model = digits(), network(norm, 4, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(updates):
        optimizer.zero_grad()
        for _ in range(pieces):
            rows = torch.randperm(len(data.x_train), generator=generator)[:batch]
            loss = torch.nn.functional.cross_entropy(model(data.x_train[rows]), data.y_train[rows])
            (loss / pieces).backward()
        optimizer.step()
    return accuracy(model, data.x_test, data.y_test)


def _accumulate():
    by_batch = accuracy_with_accumulation("batch", 2, 8)
    by_layer = accuracy_with_accumulation("layer", 2, 8)
    if by_batch > 0.8:
        return "both" if by_layer > 0.8 else "batch"
    return "layer" if by_layer > 0.8 else "neither"


ACCUMULATE = Choice(
    id="batch-norm/accumulate",
    title="Eight batches of two, one update",
    question="Your memory holds two images. So you take the gradients of eight batches of two, "
    "average them, and then make one update: 16 images per update. Four ReLU layers, 120 updates, "
    "η = 0.1. With 16 images at once both batch norm and layer norm reach more than 85 % of the "
    "test digits. Which of them still gets above 80 %?",
    answer="accumulate",
    options=(
        Option(
            "both",
            "Both: the average of eight gradients is the gradient of 16 images.",
            "True where images do not see each other. In batch norm they do.",
        ),
        Option(
            "layer",
            "Layer norm only.",
            "Each of the eight passes normalizes by two images, however many you average later.",
        ),
        Option(
            "batch",
            "Batch norm only.",
            "Layer norm gives each image the same z in any batch, so its gradients average.",
        ),
        Option(
            "neither",
            "Neither.",
            "For layer norm the average is exactly the gradient of 16 images.",
        ),
    ),
    measure=_accumulate,
    explain="For layer norm the loss is a mean over independent images. Batch norm with two images "
    "leaves only the signs of their differences, and nearly no gradient below.",
    hints=(
        "Whose z depends on which other images are in the batch?",
        "When are the batch's mean and variance computed: in each pass, or in each update?",
        "In each pass. Two images standardise to +1 and −1 in every unit.",
    ),
    points=1.0,
)

# ---------------------------------------------------------------- depth


def layers_to_a_thousand(seed):
    """How many of 56 batch-normed ReLU layers δ crosses before it is 1000 times as large."""
    found = deltas(network("batch", DEEP, seed=seed))
    logs = np.log(found[::-1] / found[-1])
    beyond = np.flatnonzero(logs > np.log(1000.0))
    if not len(beyond):
        return float(DEEP)
    k = int(beyond[0])
    return float(k - 1 + (np.log(1000.0) - logs[k - 1]) / (logs[k] - logs[k - 1]))


THOUSANDFOLD = Prediction(
    id="batch-norm/thousandfold",
    title="A thousandfold gradient",
    question="An untrained network of 56 ReLU layers with batch norm, 64 units each; He's "
    "weights; 128 digits. δ leaves the last hidden layer and travels back. Through how many layers "
    "must it go to become 1000 times as large? The check takes the median of five networks.",
    answer="layers",
    measure=lambda: float(np.median([layers_to_a_thousand(seed) for seed in SEEDS])),
    within=1.25,
    low=3.0,
    high=300.0,
    unit="layers",
    explain="Each layer multiplies δ by √(π/(π − 1)) ≈ 1.21, and ln 1000 / ln 1.211 = 36.",
    misconceptions=(
        NamedValue(
            "the factor on the mean square",
            18.0,
            "You used 1.47 per layer. That is the factor on δ's mean square; its size grows by "
            "the square root, 1.21.",
        ),
        NamedValue(
            "the log of the factor forgotten",
            5.7,
            "You divided ln 1000 by 1.211. Each layer adds ln 1.211 to ln δ: divide by that.",
        ),
        NamedValue(
            "a factor of 2 per layer",
            10.0,
            "You doubled δ in each layer. ReLU halves its mean square, and batch norm gives back "
            "more than that, but not 2: 1.21 on its size.",
        ),
        NamedValue(
            "never",
            300.0,
            "You expected δ to stay. Batch norm keeps the size of what goes forwards; backwards "
            "every layer adds a factor of 1.21.",
        ),
    ),
    hints=(
        "There is a factor per layer that does not depend on the weights.",
        "It is √(π/(π − 1)) = 1.211. How often must you multiply it to get 1000?",
        "ln 1000 / ln 1.211.",
    ),
    points=1.0,
)


def end_to_end(seed, beta):
    """Size of δ in layer 1 relative to layer 56 when every β starts there."""
    found = deltas(network("batch", DEEP, seed=seed, beta=beta))
    return float(found[0] / found[-1])


TUNE_BETA = Tuning(
    id="batch-norm/beta",
    title="A β for 56 layers",
    question="Choose the first value of every β so that δ in layer 1 of 56 batch-normed ReLU "
    "layers is between 4 and 60 times δ in layer 56. More would explode; less means that hardly a "
    "unit ever switches off, and 56 layers are nearly one.",
    answers=("beta",),
    demo=lambda: BEND,
    measure=end_to_end,
    low=4.0,
    high=60.0,
    quantity="δ in layer 1 relative to layer 56",
    reference={"beta": 1.5},
    misconceptions=(
        NamedValue(
            "torch's start",
            {"beta": 0.0},
            "β = 0 is where torch starts: ReLU bends in the middle of its inputs, and each layer "
            "costs a factor of 1.21.",
        ),
        NamedValue(
            "far to the right",
            {"beta": 4.0},
            "At β = 4 a unit's input is 4 standard deviations above the bend: it is a straight "
            "line for nearly every image.",
        ),
    ),
    hints=(
        "z = x̂ + β. Where is the bend of ReLU, seen from the middle of the inputs?",
        "The factor per layer is √(E[φ′²]/Var[φ]). It is 1.21 at β = 0 and 1 for a straight line.",
        '`gc.theory.normalized_gradient_growth("relu", beta=…)` gives it for wide layers; narrow '
        "ones grow by about 0.03 more. Try β from 1.25 to 1.75.",
    ),
    points=2.0,
    below="The units are nearly straight lines: the gradient is level because little is bent.",
    above="δ explodes on the way to layer 1. The bend lies too near the middle of the inputs.",
)
