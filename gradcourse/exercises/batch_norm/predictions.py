"""The questions of lesson 06 itself: a guess before each measurement, for no points."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction
from gradcourse.demos.batch_norm.depth import DEEP, deltas, network

if TYPE_CHECKING:
    pass

SEEDS = range(5)


def _large_weights():
    """What a batch-normed layer makes of weights a thousand times as large."""
    import torch

    from gradcourse.data import digits

    network_of_one = network("batch", 1).double()
    layer, weight = network_of_one[:2], next(network_of_one.parameters())
    x = digits().x_train[:64].double()
    with torch.no_grad():
        before = layer(x)
        weight.mul_(1000.0)
        ratio = float(layer(x).norm() / before.norm())
    if ratio > 500:
        return "thousand"
    return "same" if abs(ratio - 1.0) < 0.01 else "other"


LARGE_WEIGHTS = Choice(
    id="batch-norm/large-weights",
    title="Weights a thousand times as large",
    question="A layer computes u = W h and then batch norm. Multiply every weight of W by 1000, "
    "with the same images. What becomes of z, the output of batch norm?",
    answer="large_weights",
    options=(
        Option(
            "thousand",
            "It becomes 1000 times as large.",
            "u does. But its mean and its standard deviation grow by the same 1000.",
        ),
        Option("same", "It stays the same.", "Mean and standard deviation grow with u and cancel."),
        Option(
            "other",
            "Something in between: γ and β hold it back.",
            "γ and β come after the division and do not know the weights.",
        ),
    ),
    measure=_large_weights,
    explain="With mean μ and standard deviation σ: (1000 u − 1000 μ)/(1000 σ) is (u − μ)/σ.",
    hints=("What happens to the mean and the standard deviation of u?",),
)


def share_of_gradient(images, seed=0):
    """‖s ∂ℒ/∂u‖ / ‖δ‖ for random δ and real digits; 1 if there were the direct path only."""
    import torch

    from gradcourse.data import digits

    data = digits()
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(data.x_train), generator=generator)[:images]
    u = network("batch", 1, seed=seed)[0](data.x_train[rows]).detach().double().requires_grad_()
    delta = torch.randn(u.shape, generator=generator, dtype=torch.float64)
    torch.nn.functional.batch_norm(u, None, None, training=True).backward(delta)
    size = (u.detach().var(0, correction=0) + 1e-5).sqrt()
    assert u.grad is not None
    return float((u.grad * size).norm() / delta.norm())


def _two_images():
    left = float(np.median([share_of_gradient(2, seed) for seed in SEEDS]))
    if left < 0.1:
        return "nothing"
    return "half" if left < 0.8 else "all"


TWO_IMAGES = Choice(
    id="batch-norm/two-images",
    title="A batch of two",
    question="A batch of two images goes through batch norm, and some δ comes back. How much of it "
    "gets through to u, compared with what multiplying by γ and dividing by the standard deviation "
    "would let through?",
    answer="two_images",
    options=(
        Option(
            "all",
            "Nearly all of it: normalizing is only a shift and a division.",
            "A shift and a division that depend on u themselves.",
        ),
        Option(
            "half",
            "About half: each image also counts in the other's mean.",
            "The mean takes one half. The variance takes the other.",
        ),
        Option(
            "nothing",
            "Less than a tenth.",
            "Whatever the two values are, x̂ is +1 and −1. What never moves has no gradient.",
        ),
    ),
    measure=_two_images,
    explain="Of two numbers, standardised, one is +1 and the other −1. Moving either changes "
    "nothing, except through ε.",
    hints=("Standardise 3 and 7. Now standardise 3 and 700.",),
)


@cache
def _trained(seed=0):
    from gradcourse.data import digits
    from gradcourse.training import train

    model = network("batch", 4, seed=seed)
    train(model, digits(), steps=200, lr=0.1, seed=seed, every=200)
    return model


def accuracy_sorted(seed=0, training=True):
    """Test accuracy of a trained network when each batch holds one digit only."""
    import copy

    import torch

    from gradcourse.data import digits

    data, model = digits(), copy.deepcopy(_trained(seed))
    model.train(training)
    right = 0
    with torch.no_grad():
        for digit in range(10):
            mine = data.y_test == digit
            right += int((model(data.x_test[mine]).argmax(1) == digit).sum())
    return right / len(data.y_test)


def _sorted_digits():
    right = accuracy_sorted()
    if right < 0.3:
        return "chance"
    return "most" if right > 0.9 else "between"


SORTED_DIGITS = Choice(
    id="batch-norm/sorted-digits",
    title="Ten batches, sorted",
    question="A network with batch norm has learned the digits: more than 95 % of the test set are "
    "right. You forget model.eval(), and you show it the test set sorted: first all the zeros as "
    "one batch, then all the ones, and so on. How many are right?",
    answer="sorted_digits",
    options=(
        Option(
            "most",
            "More than 90 %, as before.",
            "They would be, if the network saw one image at a time.",
        ),
        Option(
            "between",
            "Something between 30 % and 90 %.",
            "It is worse: what makes a zero a zero is what all images of the batch share.",
        ),
        Option(
            "chance",
            "Less than 30 %.",
            "Batch norm subtracts what all images of the batch share: here, the digit.",
        ),
    ),
    measure=_sorted_digits,
    explain="In training mode each image is seen relative to its batch. In a batch of zeros, "
    "being a zero is nothing special, and it is subtracted.",
    hints=("What is the mean of a batch of zeros?",),
)


def deep_sigmoids_right(norm, seed, steps=200):
    """Test accuracy of 30 sigmoid layers with one of the normalizations."""
    from gradcourse.data import digits
    from gradcourse.nets import normalized_mlp
    from gradcourse.training import train

    model = normalized_mlp(30, activation="sigmoid", norm=norm, init="xavier", seed=seed)
    return float(train(model, digits(), steps=steps, lr=0.1, every=steps).test_accuracy[-1])


def _other_norms():
    learned = [norm for norm in ("layer", "rms") if deep_sigmoids_right(norm, 0) > 0.5]
    return "-".join(learned) or "neither"


OTHER_NORMS = Choice(
    id="batch-norm/other-norms",
    title="Would another norm do?",
    question="Put layer norm, or RMS norm, where batch norm was in the 30 sigmoid layers. Both "
    "keep the size of every image's z in every layer. Which of them makes the network learn?",
    answer="other_norms",
    options=(
        Option(
            "layer-rms",
            "Both: what counts is the size.",
            "The size is kept. What is it the size of?",
        ),
        Option(
            "layer",
            "Layer norm, which subtracts a mean.",
            "It subtracts the mean over the units of one image, not what all images share.",
        ),
        Option(
            "rms",
            "RMS norm.",
            "It divides only. What all images share stays, and soon is all there is.",
        ),
        Option(
            "neither",
            "Neither.",
            "They keep the size of a vector that is the same for all images.",
        ),
    ),
    measure=_other_norms,
    explain="A sigmoid is positive, so all images share a large mean, and only the difference "
    "between images knows the digit. Batch norm subtracts exactly the shared part.",
    hints=("In lesson 02, what did layer 8 send to the output?",),
)


def first_delta():
    """δ in layer 1 relative to layer 56, median over five batch-normed ReLU networks."""
    found = [deltas(network("batch", DEEP, seed=seed), 1024) for seed in SEEDS]
    return float(np.median([delta[0] / delta[-1] for delta in found]))


FIRST_DELTA = Prediction(
    id="batch-norm/first-delta",
    title="δ in layer 1 of 56 batch-normed layers",
    question="56 ReLU layers with batch norm, untrained, He's weights. δ travels from layer 56 "
    "down to layer 1. How large is it in layer 1, if it is 1 in layer 56?",
    answer="first_delta_56",
    measure=first_delta,
    within=4.0,
    low=1e-10,
    high=1e10,
    explain="Every layer multiplies δ by about 1.211, and 1.211^55 is about 38,000.",
    misconceptions=(
        NamedValue(
            "batch norm keeps it",
            1.0,
            "It keeps the size of z, forwards. Nothing was promised backwards.",
        ),
        NamedValue(
            "ReLU halves it",
            0.5**27.5,
            "ReLU lets half of δ's mean square through, and you let nothing give it back. He's "
            "weights do: without batch norm δ would stay. Batch norm adds a division.",
        ),
    ),
    hints=("ReLU lets half of δ's mean square through. What does batch norm divide by?",),
)
