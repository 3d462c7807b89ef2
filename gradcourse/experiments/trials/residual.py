"""Lesson 07 on trial."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.experiments.claim import CONDITION, FAILS, Claim, Values, control, needs
from gradcourse.experiments.common import probed, trained
from gradcourse.experiments.residual import measured_shares

if TYPE_CHECKING:
    from torch import nn

THREE = range(3)
BLOCKS = 27
"""56 layers."""


def bypass() -> Values:
    """Share of the squared gradient that takes no branch at all, for two sizes of a branch."""
    return {
        "share, α = 1/√27": [float(measured_shares(BLOCKS**-0.5)[0])],
        "share, α = 1, log₁₀": [math.log10(float(measured_shares(1.0)[0]))],
    }


def _learned(net: nn.Module, steps: int, lr: float, seed: int) -> float:
    return float(trained(net, steps, lr, seed=seed).train_accuracy[-1])


def vanishing() -> Values:
    """56 plain layers, with a norm and without: δ at the start, and what they learn."""
    from gradcourse.nets import near_identity_, residual_mlp

    def ends(net: nn.Module) -> float:
        record = probed(net, 256)
        d = record.output_gradient_rms[0, record.select("Linear")][:-1]
        return float(np.log10(d[0] / d[-1]))

    found: dict[str, list[float]] = {}
    for name, norm in (("no norm", None), ("batch norm", "batch")):
        for seed in THREE:
            net = residual_mlp(BLOCKS, order="post", norm=norm, skip=False, seed=seed)
            found.setdefault(f"decades back to layer 1, {name}", []).append(ends(net))
            found.setdefault(f"right, {name}", []).append(_learned(net, 50, 0.1, seed))
    skip = [
        _learned(residual_mlp(BLOCKS, order="post", norm="batch", seed=seed), 50, 0.1, seed)
        for seed in THREE
    ]
    near = []
    for seed in THREE:
        net = residual_mlp(BLOCKS, order="post", skip=False, seed=seed)
        near.append(_learned(near_identity_(net, 0.02, seed=seed), 150, 0.02, seed))
    return found | {"right, batch norm and shortcuts": skip, "right, near the identity": near}


def necessary() -> Values:
    """56 plain ReLU layers without norm and shortcut, from two starts."""
    from gradcourse.experiments.residual import plain_layers

    return {
        f"right, {name}": [_learned(plain_layers(start, s), 150, 0.02, s) for s in THREE]
        for name, start in (("near the identity", "near I"), ("He's weights", "He"))
    }


CLAIMS = (
    Claim(
        "residual/claim-bypass",
        "claim-bypass",
        "An advantage of ResNets is that the gradient can flow directly through the identity "
        "function from later layers to the earlier layers.",
        CONDITION,
        "There always is such a way. Where the branches are as large as x, almost nothing takes "
        "it.",
        "27 blocks, untrained, mean of three networks.",
        bypass,
        (
            needs("share, α = 1, log₁₀", below=-6.0),
            control("share, α = 1/√27", above=0.2),
        ),
        source="Huang et al., of DenseNets, section 3",
        year=2017,
        map="care",
    ),
    Claim(
        "residual/claim-vanishing",
        "claim-vanishing-decided",
        "Residual networks avoid the vanishing gradient problem by introducing short paths which "
        "can carry gradient throughout the extent of very deep networks.",
        FAILS,
        "The plain networks that do not learn have no vanishing gradient to be avoided.",
        "56 layers, digits, 50 updates at 0.1, and 150 at 0.02.",
        vanishing,
        (
            needs("decades back to layer 1, no norm", above=-1.5, below=1.5),
            needs("decades back to layer 1, batch norm", above=1.0),
            needs("right, no norm", below=0.5),
            needs("right, batch norm", below=0.5),
            control("right, batch norm and shortcuts", above=0.7),
            needs("right, near the identity", above=0.7),
        ),
        source="Veit et al., abstract",
        year=2016,
    ),
    Claim(
        "residual/claim-necessary",
        "claim-care-decided",
        "Skip connections made the training of very deep networks possible and have become an "
        "indispensable component in a variety of neural architectures.",
        FAILS,
        "Matrices that start near the identity make 56 layers learn without any shortcut.",
        "56 ReLU layers without a norm, digits, 150 updates at 0.02.",
        necessary,
        (
            needs("right, near the identity", above=0.8),
            control("right, He's weights", below=0.5),
        ),
        source="Orhan & Pitkow, abstract",
        year=2018,
    ),
)
