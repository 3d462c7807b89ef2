"""Lesson 06 on trial."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.experiments.claim import CONDITION, FAILS, Claim, Values, control, needs
from gradcourse.experiments.common import SEEDS, digits, probed, trained

if TYPE_CHECKING:
    from torch import nn


def both() -> Values:
    """δ in layer 1 over layer 30 of 45 batch-normed networks, and of plain ones."""
    from gradcourse.nets import mlp, normalized_mlp

    def ends(net: nn.Module, kind: str) -> float:
        record = probed(net, 128)
        d = record.output_gradient_rms[0, record.select(kind)][:30]
        return float(np.log10(d[0] / d[-1]))

    normed = [
        ends(normalized_mlp(30, activation=name, gain=gain, seed=seed), "BatchNorm1d")
        for name in ("relu", "tanh", "sigmoid")
        for gain in (0.1, 1.0, 10.0)
        for seed in SEEDS
    ]
    return {
        "decades from layer 30 back to layer 1, smallest of 45": [min(normed)],
        "decades from layer 30 back to layer 1, largest of 45": [max(normed)],
        "the same without batch norm, sigmoid": [
            ends(mlp(30, activation="sigmoid", seed=seed), "Linear") for seed in SEEDS
        ],
    }


def covariate_shift() -> Values:
    """Four sigmoid layers: plain, with batch norm, and with jumps behind it."""
    from gradcourse.nets import mlp, normalized_mlp
    from gradcourse.training import ShiftMeter

    def normed(seed: int, noise: float) -> nn.Module:
        return normalized_mlp(4, 64, "sigmoid", init="xavier", noise=noise, seed=seed)

    found: dict[str, list[float]] = {}
    for seed in SEEDS:
        for name, net in (
            ("plain", mlp(4, seed=seed)),
            ("batch norm", normed(seed, 0.0)),
            ("batch norm and jumps", normed(seed, 0.55)),
        ):
            meter = ShiftMeter(net, digits().x_train[:512], lr=0.1, every=20)
            run = trained(net, 300, 0.1, seed=seed, optimizer=meter)
            found.setdefault(f"right, {name}", []).append(float(run.test_accuracy[-1]))
            found.setdefault(f"shift per step, log₁₀, {name}", []).append(
                math.log10(float(meter.shift))
            )
    plain, jumps = (
        found[f"shift per step, log₁₀, {name}"] for name in ("plain", "batch norm and jumps")
    )
    more = [b - a for a, b in zip(plain, jumps, strict=True)]
    return found | {"shift per step, log₁₀, jumps over plain": more}


def initial_weights() -> Values:
    """Four batch-normed layers, their hidden matrices times 1 and times 100."""
    import torch

    from gradcourse.nets import normalized_mlp

    found: dict[str, list[float]] = {}
    for factor in (1, 100):
        for seed in SEEDS:
            net = normalized_mlp(4, seed=seed)
            with torch.no_grad():
                for number in range(1, 5):
                    net.get_submodule(f"layer{number}").weight.mul_(factor)  # type: ignore[operator]
            run = trained(net, 300, 0.1, seed=seed)
            found.setdefault(f"right, × {factor}", []).append(float(run.test_accuracy[-1]))
            found.setdefault(f"layer 1 moved, × {factor}", []).append(
                float(run.relative_change[-1][0])
            )
    return found


CLAIMS = (
    Claim(
        "batch-norm/claim-both",
        "claim-both-decided",
        "In traditional deep networks, too-high learning rate may result in the gradients that "
        "explode or vanish, as well as getting stuck in poor local minima. Batch Normalization "
        "helps address these issues.",
        CONDITION,
        "It keeps a gradient from vanishing. With random weights every layer that bends makes it "
        "grow.",
        "30 layers, three activations, gains 0.1 to 10, random weights, untrained.",
        both,
        (
            needs("decades from layer 30 back to layer 1, smallest of 45", above=-1.0),
            needs("decades from layer 30 back to layer 1, largest of 45", above=2.0),
            control("the same without batch norm, sigmoid", below=-3.0),
        ),
        source="Ioffe & Szegedy, section 3.3",
        year=2015,
    ),
    Claim(
        "batch-norm/claim-shift",
        "claim-shift-decided",
        "By fixing the distribution of the layer inputs x as the training progresses, we expect "
        "to improve the training speed.",
        FAILS,
        "With the shift put back behind batch norm, the network learns all the same.",
        "Four sigmoid layers, digits, 300 updates at 0.1; shift relative to a layer's spread.",
        covariate_shift,
        (
            needs("right, batch norm and jumps", above=0.85),
            needs("right, plain", below=0.5),
            needs("shift per step, log₁₀, jumps over plain", above=0.0, every=True),
            control("right, batch norm", above=0.85),
        ),
        source="Ioffe & Szegedy, section 2",
        year=2015,
        map="shift",
    ),
    Claim(
        "batch-norm/claim-init",
        "claim-init-decided",
        "Batch Normalization allows us to use much higher learning rates and be less careful "
        "about initialization.",
        CONDITION,
        "The size of the weights cancels forwards. Backwards it divides the gradient, and a "
        "relative step by its square.",
        "Four ReLU layers, digits, 300 updates at 0.1.",
        initial_weights,
        (
            needs("right, × 100", below=0.9),
            needs("layer 1 moved, × 100", below=0.05),
            control("right, × 1", above=0.93),
        ),
        source="Ioffe & Szegedy, abstract",
        year=2015,
        map="scale",
    ),
)
