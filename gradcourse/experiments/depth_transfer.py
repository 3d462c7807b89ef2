"""Lesson 07: which learning rate is best at which depth, for three sizes of the branches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

SEEDS = range(5)
DEPTHS = (2, 8, 32)
EXPONENTS = (0.0, 0.5, 1.0)
"""The branch scale is L to the minus this: 1, 1/√L, 1/L."""

LOG2_RATES = tuple(range(-11, -3))
STEPS, LAST = 60, 20
ITEMS = tuple(
    (exponent, blocks, seed) for exponent in EXPONENTS for blocks in DEPTHS for seed in SEEDS
)


def late_loss(exponent: float, blocks: int, rate: float, seed: int) -> float:
    """Mean loss over the last 20 of 60 Adam steps of residual blocks with RMS norm in front."""
    import torch
    from torch.nn.functional import cross_entropy, relu

    from gradcourse.data import digits

    data, width, scale = digits(), 64, blocks**-exponent
    generator = torch.Generator().manual_seed(seed)

    def drawn(rows: int, columns: int, size: float) -> torch.Tensor:
        return (torch.randn(rows, columns, generator=generator) * size).requires_grad_()

    def normed(x: torch.Tensor) -> torch.Tensor:
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-6)

    stem = drawn(width, 64, math.sqrt(2 / 64))
    pairs = [
        (drawn(width, width, math.sqrt(2 / width)), drawn(width, width, width**-0.5))
        for _ in range(blocks)
    ]
    output = drawn(10, width, width**-0.5)
    parameters = [stem, output, *(w for pair in pairs for w in pair)]
    optimizer = torch.optim.Adam(parameters, lr=rate, fused=True)
    losses = []
    for _ in range(STEPS):
        rows = torch.randint(len(data.x_train), (64,), generator=generator)
        x = data.x_train[rows] @ stem.T
        for first, last in pairs:
            x = x + scale * relu(normed(x) @ first.T) @ last.T
        loss = cross_entropy(normed(x) @ output.T, data.y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return float(np.mean(losses[-LAST:]))


def losses_by_rate(exponent: float, blocks: int, seed: int) -> dict[str, Any]:
    """Late losses at eight rates, powers of two."""
    losses = [late_loss(exponent, blocks, 2.0**power, seed) for power in LOG2_RATES]
    return {"exponent": exponent, "blocks": blocks, "seed": seed, "losses": losses}


def best_rates(rows: Sequence[Mapping[str, Any]], exponent: float, blocks: int) -> str:
    """The best power of two in the mean over the seeds, and those within 10 % of its loss.

    Parameters
    ----------
    rows : sequence of mappings
        As they are stored.
    exponent : float
        The branch scale is blocks to the minus this.
    blocks : int
    """
    mine = [r["losses"] for r in rows if r["exponent"] == exponent and r["blocks"] == blocks]
    mean = np.mean(mine, axis=0)  # (rates,)
    powers = np.array(LOG2_RATES)
    good = powers[mean <= 1.1 * mean.min()]
    return f"{powers[np.argmin(mean)]:3} ({good.min():3} to {good.max():2})"
