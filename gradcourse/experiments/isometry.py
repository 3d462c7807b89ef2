"""Lesson 05: 100 tanh layers, one variance, two spectra; trained once and stored."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from gradcourse.experiments.common import trained

if TYPE_CHECKING:
    import torch
    from torch import nn

DEPTH, WIDTH = 100, 64
RATE, STEPS = 3e-3, 300
RATES = (1e-3, 3e-3, 1e-2)
KINDS = ("gaussian", "orthogonal")
LONG = (("gaussian", RATES[0]), ("orthogonal", RATES[2]))
"""What does not learn in time, and is trained five times as long."""
SEEDS = range(5)


def start(kind: str, seed: int, depth: int = DEPTH) -> nn.Sequential:
    """100 tanh layers of 64 units at σ_w = 1, biases 0.

    Parameters
    ----------
    kind : {"gaussian", "orthogonal"}
        Each entry N(0, 1/fan_in), or a random orthogonal matrix: the same variance.
    seed, depth : int
    """
    from gradcourse.nets import mlp, orthogonal_

    net = mlp(depth, WIDTH, "tanh", init="lecun", seed=seed)
    if kind == "orthogonal":
        orthogonal_(net, 1.0, seed=seed)
    return net


def _momentum(parameters: Iterable[nn.Parameter], rate: float) -> torch.optim.SGD:
    import torch

    return torch.optim.SGD(parameters, lr=rate, momentum=0.9, fused=True)


def isometry(kind: str, rate: float, steps: int, seed: int) -> dict[str, Any]:
    """Train one of them on the digits: momentum 0.9, batches of 64.

    Returns
    -------
    dict
        ``right``: share of the test digits at the end, 0 where the loss became NaN.
    """
    history = trained(
        start(kind, seed), steps, rate, seed=seed, optimizer=partial(_momentum, rate=rate)
    )
    right = 0.0 if history.stopped else float(history.test_accuracy[-1])
    return {"kind": kind, "rate": rate, "steps": steps, "seed": seed, "right": right}


ITEMS = (
    *((kind, rate, STEPS, seed) for rate in RATES for kind in KINDS for seed in SEEDS),
    *((kind, rate, 5 * STEPS, seed) for kind, rate in LONG for seed in range(2)),
)
