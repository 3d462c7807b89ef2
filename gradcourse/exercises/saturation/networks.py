"""Questions that a network answers: a layer to predict, a gain to tune, a weight to follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction, Tuning
from gradcourse.demos.saturation import (
    GAIN,
    LEARNING_RATE,
    STEPS,
    deep_net,
    delta_by_layer,
)

if TYPE_CHECKING:
    pass

SEEDS = range(5)


def _weights(model):
    return [p for p in model.parameters() if p.dim() > 1]


def first_deaf_layer(seed, depth=20, learning_rate=0.1):
    """The first deaf layer of an untrained σ network, counted from the output.

    The output layer is 1. A layer is deaf when one step of gradient descent on 64 digits leaves
    more than half of its float32 weights exactly as they were.
    """
    import torch

    from gradcourse.data import digits

    data = digits()
    model = deep_net(seed=seed, depth=depth)
    loss = torch.nn.functional.cross_entropy(model(data.x_train[:64]), data.y_train[:64])
    gradients = torch.autograd.grad(loss, _weights(model))
    with torch.no_grad():
        unchanged = [
            float((w - learning_rate * g == w).double().mean())
            for w, g in zip(_weights(model), gradients, strict=True)
        ]
    deaf = [k for k, share in enumerate(reversed(unchanged), start=1) if share > 0.5]
    return deaf[0] if deaf else depth + 1


DEAF_LAYER = Prediction(
    id="saturation/deaf-layer",
    title="From which layer on is the network deaf?",
    question="A network of 20 sigmoid layers of 64 units and an output layer, Glorot's "
    "initialization, float32. It takes one step of gradient descent with η = 0.1 on 64 digits. "
    "Call a layer deaf when more than half of its weights are exactly the same number after the "
    "step as before. Count from the output: the output layer is 1, the layer nearest the input "
    "is 21. Which is the first deaf layer?",
    answer="deaf_layer",
    measure=lambda: float(np.median([first_deaf_layer(seed) for seed in SEEDS])),
    within=1.0,
    low=1.0,
    high=21.0,
    log=False,
    explain="float32 has 24 binary digits. A step smaller than about 2⁻²⁴ of a weight changes "
    "nothing, and each layer costs a factor of about 0.24.",
    misconceptions=(
        NamedValue(
            "only at the far end",
            21.0,
            "You expected only the layer nearest the input to be deaf. A step need not be 0 to "
            "be lost: it need only be smaller than half the last digit of the weight.",
        ),
        NamedValue(
            "η left out",
            13.0,
            "You counted how often ¼ goes into 2⁻²⁴: 12 layers. But the step in the output layer "
            "is not as large as the weight: it is η times a gradient below 1. (Or you counted "
            "from the input: the output layer is 1.)",
        ),
        NamedValue(
            "the first layer",
            2.0,
            "The last hidden layer is loud: its gradient went through one slope only.",
        ),
    ),
    hints=(
        "Two numbers decide: the factor per layer, and the smallest relative change that float32 "
        "can store.",
        "The factor is about 0.24, the smallest relative change about 2⁻²⁴ = 6·10⁻⁸. The relative "
        "step of the output layer is about 10⁻².",
        "Solve 10⁻² · 0.24^k = 6·10⁻⁸ for k, and count the output layer as 1.",
    ),
    points=1.0,
)


def end_to_end(seed, gain):
    """Size of δ in layer 1 relative to layer 20, sigmoid."""
    return float(delta_by_layer("sigmoid", gain, seed=seed)[0])


TUNE_GAIN = Tuning(
    id="saturation/gain",
    title="A gain for 20 sigmoid layers",
    question="Choose the gain σ_w of the weights so that δ in layer 1 of a random 20-layer "
    "sigmoid network is between 0.1 and 10 times δ in layer 20.",
    answers=("gain",),
    demo=lambda: GAIN,
    measure=end_to_end,
    low=0.1,
    high=10.0,
    quantity="δ in layer 1 relative to layer 20",
    reference={"gain": 10.5},
    misconceptions=(
        NamedValue(
            "Glorot's gain",
            {"gain": 1.0},
            "Gain 1 keeps a vector's size only if the slopes are near 1. Those of σ are at most ¼.",
        ),
        NamedValue(
            "one over the largest slope",
            {"gain": 4.0},
            "4 · ¼ = 1 would be right if every unit had the largest slope. At gain 4 the "
            "pre-activations are larger, and the mean slope is smaller than ¼.",
        ),
        NamedValue(
            "more is better",
            {"gain": 20.0},
            "Now every layer multiplies δ by more than 1: it explodes on the way down.",
        ),
    ),
    hints=(
        "The factor per layer is σ_w·√E[φ′²]. A larger gain makes the first larger and the second "
        "smaller.",
        "E[φ′²] shrinks more slowly than σ_w² grows, so a gain with factor 1 exists. It is well "
        "above 4.",
        '`gc.theory.chi("sigmoid", gain)` is 1 at the gain you look for: try 9 to 12.',
    ),
    points=2.0,
    below="δ vanishes on the way to layer 1. The factor per layer is still below 1.",
    above="δ explodes on the way to layer 1. The factor per layer is above 1.",
)

DECAY_RATE = 5e-3


def norm_ratio_with_decay(seed=0):
    """‖W_t‖/‖W_0‖ of layer 1 after training with weight decay, and e^(−ηλt)."""
    import torch

    from gradcourse.data import digits
    from gradcourse.training import train

    model = deep_net(seed=seed)
    first = _weights(model)[0]
    before = float(first.detach().norm())
    train(
        model,
        digits(),
        steps=STEPS,
        lr=LEARNING_RATE,
        seed=seed,
        every=STEPS,
        optimizer=lambda parameters: torch.optim.SGD(
            parameters, lr=LEARNING_RATE, weight_decay=DECAY_RATE
        ),
    )
    expected = float(np.exp(-LEARNING_RATE * DECAY_RATE * STEPS))
    return float(first.detach().norm()) / before, expected


def _weight_decay():
    measured, expected = norm_ratio_with_decay()
    if measured > 0.9:
        return "stay"
    return "shrink" if abs(measured / expected - 1.0) < 0.1 else "learn"


WEIGHT_DECAY = Choice(
    id="saturation/weight-decay",
    title="The early weights under weight decay",
    question="Train the lesson's 8-layer network again for 1000 steps with η = 0.5, now with "
    "weight decay λ = 0.005: each step is W ← W − η(∂ℒ/∂W + λW). What becomes of ‖W‖ in layer 1?",
    answer="weight_decay",
    options=(
        Option(
            "stay",
            "It stays within 10 % of its start.",
            "Without decay it does. λW does not depend on the gradient that vanished.",
        ),
        Option(
            "shrink",
            "It shrinks to e^(−ηλ·1000), 8 % of its start, whatever the digits show.",
            "The decay is the only force left on these weights.",
        ),
        Option(
            "learn",
            "It shrinks less, because the digits pull the other way.",
            "They would, if a gradient arrived. Nothing pulls the other way.",
        ),
    ),
    measure=_weight_decay,
    explain="Weights that go to 0 are a sign of weight decay. The vanished gradient only lets it "
    "win.",
    hints=(
        "Two forces act on a weight: ∂ℒ/∂W and λW. Which one vanished?",
        "With ∂ℒ/∂W = 0 each step multiplies W by 1 − ηλ.",
        "(1 − 0.0025)^1000 = 0.08.",
    ),
    points=1.0,
)
