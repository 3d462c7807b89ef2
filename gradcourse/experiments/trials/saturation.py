"""Lesson 02 on trial."""

from __future__ import annotations

import numpy as np

from gradcourse import theory
from gradcourse.experiments.claim import CONDITION, FAILS, Claim, Values, control, needs
from gradcourse.experiments.common import SEEDS, accuracy, delta_by_layer, factor_per_layer, trained


def tanh_slope() -> Values:
    """The slope at 0 and beside it; δ through 20 tanh layers at gain 2."""
    from gradcourse.nets import mlp

    growth = [
        factor_per_layer(delta_by_layer(mlp(20, activation="tanh", gain=2.0, seed=seed))[:20])
        for seed in SEEDS
    ]
    return {
        "slope at 0": [float(theory.slope("tanh", 0.0))],
        "slope at ±0.1": theory.slope("tanh", np.array([-0.1, 0.1])).tolist(),
        "factor on δ per layer, gain 2": growth,
    }


def weights_to_zero() -> Values:
    """‖W‖ of layer 1 of 8 sigmoid layers after 1000 updates; with weight decay as control."""
    import torch

    from gradcourse.nets import mlp

    def left(seed: int, decay: float) -> float:
        net = mlp(8, seed=seed)
        weight = net.get_submodule("layer1").weight
        before = float(weight.detach().norm())  # type: ignore[operator]
        trained(
            net,
            1000,
            0.5,
            seed=seed,
            optimizer=lambda p: torch.optim.SGD(p, lr=0.5, weight_decay=decay),
        )
        return float(weight.detach().norm()) / before  # type: ignore[operator]

    return {
        "‖W‖ after training / before": [left(seed, 0.0) for seed in SEEDS],
        "the same with weight decay": [left(seed, 5e-3) for seed in SEEDS],
    }


def shut_output() -> Values:
    """No hidden layer, sigmoid outputs that begin at −10: squared error and cross-entropy."""
    import torch

    from gradcourse.nets import mlp

    def right(seed: int, loss: object) -> float:
        net = mlp(0, seed=seed)
        torch.nn.init.constant_(net.get_submodule("output").bias, -10.0)  # type: ignore[arg-type]
        return accuracy(net, 300, 0.5, seed=seed, loss=loss)

    def entropy(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        target = torch.nn.functional.one_hot(y, 10).to(z.dtype)
        each = torch.nn.functional.binary_cross_entropy_with_logits(z, target, reduction="none")
        return each.sum(-1).mean()

    return {
        "right, squared error": [right(seed, "sigmoid_squared_error") for seed in SEEDS],
        "right, cross-entropy": [right(seed, entropy) for seed in SEEDS],
    }


CLAIMS = (
    Claim(
        "saturation/claim-tanh",
        "claim-tanh",
        "The gradient of tanh is always less than 1.",
        CONDITION,
        "It holds for the slope, and away from 0. The gradient is weight times slope.",
        "Untrained, 20 tanh layers, five networks.",
        tanh_slope,
        (
            needs("slope at 0", above=0.999),
            needs("factor on δ per layer, gain 2", above=1.0),
            control("slope at ±0.1", below=1.0),
        ),
    ),
    Claim(
        "saturation/claim-zero",
        "claim-zero-measure",
        "You recognise a vanishing gradient by weights that go to 0.",
        FAILS,
        "The weights stay where they were drawn. What goes to 0 is their change.",
        "8 sigmoid layers, 1000 updates at 0.5.",
        weights_to_zero,
        (
            needs("‖W‖ after training / before", above=0.9),
            control("the same with weight decay", below=0.2),
        ),
    ),
    Claim(
        "saturation/claim-deep",
        "claim-deep-measure",
        "Saturation is a problem of deep networks only.",
        FAILS,
        "One layer is enough, if its output saturates and the loss leaves the slope in.",
        "Digits, 300 updates at 0.5.",
        shut_output,
        (
            needs("right, squared error", below=0.5),
            control("right, cross-entropy", above=0.9),
        ),
        map="output",
    ),
)
