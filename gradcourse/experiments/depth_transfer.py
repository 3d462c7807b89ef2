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


def late_losses(exponent: float, blocks: int, seed: int) -> list[float]:
    """Mean losses over the last 20 of 60 Adam steps, at all rates; the same start and batches.

    Residual blocks of two matrices with an RMS norm in front. The networks of the eight rates are
    trained side by side: every parameter has a first axis for the rate.
    """
    import torch
    from torch.nn.functional import cross_entropy, relu

    from gradcourse.data import digits

    data, width, scale, count = digits(), 64, blocks**-exponent, len(LOG2_RATES)
    generator = torch.Generator().manual_seed(seed)
    rates = torch.tensor([2.0**power for power in LOG2_RATES])[:, None]
    shapes = [(width, 64), *[(width, width)] * (2 * blocks), (10, width)]
    gains = [math.sqrt(2), *[math.sqrt(2), 1.0] * blocks, 1.0]
    drawn = [
        torch.randn(out * into, generator=generator) * gain / math.sqrt(into)
        for (out, into), gain in zip(shapes, gains, strict=True)
    ]
    theta = torch.cat(drawn).repeat(count, 1).requires_grad_()  # (rates, parameters)
    mean, square = torch.zeros_like(theta), torch.zeros_like(theta)

    def normed(x: torch.Tensor) -> torch.Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)

    losses = []
    for step in range(1, STEPS + 1):
        rows = torch.randint(len(data.x_train), (64,), generator=generator)
        flat = theta.split([out * into for out, into in shapes], dim=1)
        stem, *inner, output = [
            w.view(count, *shape).mT for w, shape in zip(flat, shapes, strict=True)
        ]
        x = data.x_train[rows] @ stem  # (rates, images, width)
        for first, last in zip(inner[::2], inner[1::2], strict=True):
            x = x + scale * relu(normed(x) @ first) @ last
        logits = (normed(x) @ output).flatten(0, 1)
        each = cross_entropy(logits, data.y_train[rows].repeat(count), reduction="none")
        loss = each.view(count, -1).mean(1)  # (rates,)
        (gradient,) = torch.autograd.grad(loss.sum(), theta)
        with torch.no_grad():  # Adam with a rate for each row
            mean.lerp_(gradient, 0.1)
            square.lerp_(gradient.square(), 0.001)
            size = (square / (1 - 0.999**step)).sqrt_().add_(1e-8)
            theta -= rates / (1 - 0.9**step) * mean / size
        losses.append(loss.detach())
    return [float(value) for value in torch.stack(losses[-LAST:]).mean(0)]


def losses_by_rate(exponent: float, blocks: int, seed: int) -> dict[str, Any]:
    """Late losses at eight rates, powers of two."""
    found = late_losses(exponent, blocks, seed)
    return {"exponent": exponent, "blocks": blocks, "seed": seed, "losses": found}


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
