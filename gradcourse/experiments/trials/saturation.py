"""Lesson 02 on trial."""

from __future__ import annotations

import numpy as np

from gradcourse import theory
from gradcourse.experiments.claim import (
    CONDITION,
    FAILS,
    Claim,
    Kept,
    Rows,
    Values,
    control,
    needs,
)
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


def adam(rows: Rows) -> Values:
    """Sigmoid layers with Adam at 0.003: eight and sixteen at the end, two and eight early."""

    def right(kind: str, updates: int) -> list[float]:
        return [row["at"][str(updates)]["right"] for row in rows if row["kind"] == kind]

    return {
        "right after 5000 updates, 8 layers": right("Adam 0.003", 5000),
        "right after 5000 updates, 16 layers": right("Adam 0.003, 16 layers", 5000),
        "right after 100 updates, 8 layers": right("Adam 0.003", 100),
        "right after 100 updates, 2 layers": right("Adam 0.003, 2 layers", 100),
    }


CLAIMS = (
    Claim(
        "saturation/claim-adam",
        "claim-adam-line",
        "So if the first layer has gradient much smaller than the last layer, each update to the "
        "weight should be still similar in magnitude, right? Then why do we need other methods",
        CONDITION,
        "The updates are alike, and eight layers learn in the end. Sixteen do not.",
        "Sigmoid layers, Adam at 0.003, 5000 updates.",
        adam,
        (
            needs("right after 5000 updates, 8 layers", above=0.5),
            needs("right after 5000 updates, 16 layers", below=0.15),
            control("right after 100 updates, 2 layers", above=0.8),
        ),
        source="stats.stackexchange.com, question 318370, of Adam",
        year=2017,
        kept=Kept(
            "eight_sigmoids", ("Adam 0.003", "Adam 0.003, 16 layers", "Adam 0.003, 2 layers")
        ),
    ),
    Claim(
        "saturation/claim-tanh",
        "claim-tanh",
        "[…] we cannot prevent that because each derivative is smaller than one, except for x = 0.",
        CONDITION,
        "The slopes are as it says. The gradient is multiplied by weight times slope, and at "
        "gain 2 that makes it grow.",
        "Untrained, 20 tanh layers, five networks.",
        tanh_slope,
        (
            needs("slope at 0", above=0.999),
            needs("factor on δ per layer, gain 2", above=1.0),
            control("slope at ±0.1", below=1.0),
        ),
        source="datascience.stackexchange.com, question 51545",
        year=2019,
    ),
    Claim(
        "saturation/claim-zero",
        "claim-zero-measure",
        "When the gradient is too small, it continues to become smaller, updating the weight "
        "parameters until they become insignificant—i.e. 0.",
        FAILS,
        "Without a gradient nothing pulls at a weight. It keeps its first value.",
        "Eight sigmoid layers, gradient descent at 0.5, 1000 steps; decay 0.005.",
        weights_to_zero,
        (
            needs("‖W‖ after training / before", above=0.9),
            control("the same with weight decay", below=0.2),
        ),
        source="IBM Cloud Education",
        year=2020,
    ),
    Claim(
        "saturation/claim-deep",
        "claim-deep-measure",
        "For shallow network with only a few layers that use these activations, this isn't a big "
        "problem.",
        CONDITION,
        "Two hidden layers learned. One output that is sure and wrong does not, under a loss "
        "that leaves its slope in.",
        "Digits, 300 updates at 0.5.",
        shut_output,
        (
            needs("right, squared error", below=0.5),
            control("right, cross-entropy", above=0.9),
        ),
        source="Wang, of vanishing gradients and sigmoids",
        year=2019,
        map="output",
    ),
)
