"""Choose the cure that helps a vanished signal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.checking.question import Choice, Option
from gradcourse.demos.relu import RATE, same_zeros

if TYPE_CHECKING:
    from torch import nn


def _leak(net):
    from torch import nn

    from gradcourse.nets import with_activation

    return with_activation(net, lambda: nn.LeakyReLU(0.1))


def _larger_weights(net):
    from gradcourse.nets import scaled

    return scaled(net, 10.0)


def _no_biases(net):
    import torch

    for name, parameter in net.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.zeros_(parameter)
    return net


CURES: dict[str, tuple[Callable[[nn.Sequential], nn.Sequential], float]] = {
    "leak": (_leak, RATE),
    "weights": (_larger_weights, RATE),
    "biases": (_no_biases, RATE),
    "rate": (lambda net: net, 10 * RATE),
}
"""What is done to the network, and the learning rate it then gets."""


def accuracy_with_cure(kind, cure, seed=0, steps=300):
    """Test accuracy of one of the networks with 75 % zeros after a cure and training."""
    from gradcourse.data import digits
    from gradcourse.training import train

    change, rate = CURES[cure]
    net = change(same_zeros(kind, seed))
    run = train(net, digits(), steps=steps, lr=rate, seed=seed, every=steps)
    return float(run.test_accuracy[-1])


def _right_cure():
    median = {
        cure: float(np.median([accuracy_with_cure("vanished", cure, seed) for seed in range(3)]))
        for cure in CURES
    }
    return max(median, key=lambda cure: median[cure])


RIGHT_CURE = Choice(
    id="relu/right-cure",
    title="The right cure",
    question="A ReLU network with four hidden layers stays at chance. Its record on all digits: "
    "75 % of the outputs of each layer are 0; no unit is silent on all digits; the size of the "
    "outputs is 0.1 in layer 1 and 0.0001 in layer 4. Which change lets it learn in 300 steps?",
    answer="right_cure",
    options=(
        Option(
            "leak",
            "A leak of 0.1 on the negative side.",
            "A leak brings dead units back, and here none is dead. It makes the signal hardly "
            "larger.",
        ),
        Option(
            "weights",
            "Weights ten times larger.",
            "The signal vanishes by a factor of 10 per layer. This pays it back.",
        ),
        Option(
            "biases",
            "All biases to 0, so that only half of the outputs are 0.",
            "The zeros were never the trouble. The weights are as small as before.",
        ),
        Option(
            "rate",
            "A learning rate ten times larger.",
            "The gradient of layer 1 is too small by far more than 10, and a larger rate is "
            "larger for the output biases, too.",
        ),
    ),
    measure=_right_cure,
    explain="No unit is dead, and the size falls by 10 per layer: a vanished signal. Its cure is "
    "larger weights.",
    hints=(
        "Which of the numbers in the record is not what a healthy network has?",
        "Zeros are no illness as long as each unit speaks for some digits.",
        "From 0.1 to 0.0001 in three layers: a factor of 10 per layer is missing.",
    ),
    points=1.0,
)
