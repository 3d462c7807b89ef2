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


def care() -> Values:
    """27 blocks without a norm, from He's weights, with a branch scale and without."""
    from gradcourse.nets import residual_mlp

    return {
        f"right, {name}": [
            _learned(residual_mlp(BLOCKS, scale=scale, seed=seed), 50, 0.1, seed) for seed in THREE
        ]
        for name, scale in (("α = 1", 1.0), ("α = 1/√27", "inverse_sqrt"))
    }


CLAIMS = (
    Claim(
        "residual/claim-bypass",
        "claim-bypass",
        "An advantage of ResNets is that the gradient can flow directly through the identity "
        "function from later layers to the earlier layers.",
        CONDITION,
        "There is a path around all layers; what it carries depends on the size of the branches.",
        "27 blocks, untrained, mean of three networks.",
        bypass,
        (
            needs("share, α = 1, log₁₀", below=-6.0),
            control("share, α = 1/√27", above=0.2),
        ),
        source="Huang et al., section 3, of DenseNets",
        year=2017,
    ),
    Claim(
        "residual/claim-vanishing",
        "claim-vanishing-decided",
        "Residual networks avoid the vanishing gradient problem by introducing short paths which "
        "can carry gradient throughout the extent of very deep networks.",
        FAILS,
        "None of them starts with a vanishing gradient. And plain layers that start near the "
        "identity learn without a shortcut.",
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
        source="Veit et al., the last sentence of their abstract",
        year=2016,
        map="identity",
    ),
    Claim(
        "residual/claim-care",
        "",
        "With shortcuts the initialization no longer matters.",
        FAILS,
        "A branch scale is an initialization. Batch norm in the branch provides one silently.",
        "27 blocks without a norm, digits, 50 updates at 0.1.",
        care,
        (
            needs("right, α = 1", below=0.2),
            control("right, α = 1/√27", above=0.8),
        ),
        map="care",
    ),
)
