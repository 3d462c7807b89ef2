"""Lesson 12: which rate of Adam is best over the width, on the digits. Over depth: lesson 07."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse.experiments.common import Array, digits

if TYPE_CHECKING:
    import torch

BASE = 64
"""The width at which both parametrizations are the same."""

STANDARD, MUP = "standard", "µP"
WIDTHS = (64, 256, 1024)
EXPONENTS = tuple(range(-12, -4))
"""Adam's rates, as powers of two."""

UPDATES, ROWS, LAST = 60, 64, 20

SEEDS = range(5)


@dataclass(frozen=True, eq=False)
class Layers:
    """Matrices, what each one's rate is multiplied by, and how they make outputs of images.

    Attributes
    ----------
    weights : list of torch.Tensor, (fan_out, fan_in)
        In order; the last one makes the outputs.
    factors : list of float
    """

    weights: list[torch.Tensor]
    factors: list[float]

    def states(self, x: torch.Tensor) -> list[torch.Tensor]:
        """What each matrix gives, pre-activations first, the outputs (rows, 10) last."""
        found = []
        for w in self.weights:
            x = x @ w.T
            found.append(x)
            x = x.relu()
        return found

    def adam(self, rate: float) -> torch.optim.Adam:
        """Adam on all matrices, each with its own rate."""
        import torch

        groups = [
            {"params": [w], "lr": rate * factor}
            for w, factor in zip(self.weights, self.factors, strict=True)
        ]
        return torch.optim.Adam(groups, fused=True)


def plain(width: int, kind: str, seed: int) -> Layers:
    """Three ReLU layers, without biases, in the standard parametrization or in µP.

    He's weights. µP, relative to a width of 64: the hidden matrices' and the output's rates are
    multiplied by 64/n, the output's weights besides by √(64/n) (Yang et al. 2022, table 3).
    """
    ratio = BASE / width if kind == MUP else 1.0
    draw = _drawing(seed)
    weights = [
        draw(width, 64, math.sqrt(2 / 64)),
        draw(width, width, math.sqrt(2 / width)),
        draw(width, width, math.sqrt(2 / width)),
        draw(10, width, math.sqrt(ratio / width)),
    ]
    return Layers(weights, [1.0, ratio, ratio, ratio])


def _drawing(seed: int) -> Any:
    import torch

    generator = torch.Generator().manual_seed(seed)

    def draw(fan_out: int, fan_in: int, std: float) -> torch.Tensor:
        weight = std * torch.randn(fan_out, fan_in, generator=generator)
        return weight.requires_grad_()

    return draw


def loss_after(layers: Layers, rate: float, seed: int) -> float:
    """Train with Adam; the mean loss of the last 20 updates, inf where one was not finite."""
    import torch

    data, optimizer = digits(), layers.adam(rate)
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(UPDATES):
        rows = torch.randint(len(data.x_train), (ROWS,), generator=generator)
        outputs = layers.states(data.x_train[rows])[-1]
        loss = torch.nn.functional.cross_entropy(outputs, data.y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return float(np.mean(losses[-LAST:])) if np.isfinite(losses).all() else math.inf


# ---------------------------------------------------------------- what is stored

ITEMS = tuple((kind, n, seed) for kind in (STANDARD, MUP) for n in WIDTHS for seed in SEEDS)


def measured(kind: str, width: int, seed: int) -> dict[str, Any]:
    """Loss against the rate, in one parametrization at one width; None where it is not finite."""
    losses = [loss_after(plain(width, kind, seed), 2.0**power, seed) for power in EXPONENTS]
    kept = [loss if math.isfinite(loss) else None for loss in losses]
    return {"kind": kind, "width": width, "seed": seed, "loss": kept}


def losses(rows: Sequence[Mapping[str, Any]], kind: str, width: int) -> Array:
    """Stored losses, (seeds, rates); inf where a training was not finite."""
    found = [row["loss"] for row in rows if (row["kind"], row["width"]) == (kind, width)]
    return np.array([[np.inf if loss is None else loss for loss in row] for row in found])


def best_rates(rows: Sequence[Mapping[str, Any]], kind: str, width: int) -> Array:
    """log₂ of the best rate of each stored network; (seeds,)."""
    return np.asarray(np.array(EXPONENTS)[np.argmin(losses(rows, kind, width), axis=1)])
