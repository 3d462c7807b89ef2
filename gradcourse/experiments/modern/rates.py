"""Lesson 12: which rate of Adam is best, over width and over depth, on the digits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse.experiments.common import digits

if TYPE_CHECKING:
    import torch

BASE = 64
"""The width at which both parametrizations are the same."""

STANDARD, MUP = "standard", "µP"
WIDTHS = (64, 256, 1024)
EXPONENTS = tuple(range(-12, -4))
"""Adam's rates, as powers of two."""

BRANCHES = {"1": 0.0, "1/√L": 0.5, "1/L": 1.0}
"""What multiplies each branch of a residual network: L to the power of minus this."""

DEPTHS = (2, 8, 32)
DEPTH_EXPONENTS = tuple(range(-11, -3))
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
    branch : float or None
        What multiplies a residual branch; None for a plain network.
    """

    weights: list[torch.Tensor]
    factors: list[float]
    branch: float | None = None

    def states(self, x: torch.Tensor) -> list[torch.Tensor]:
        """What each matrix of a plain network gives, pre-activations first, the outputs last."""
        found = []
        for w in self.weights:
            x = x @ w.T
            found.append(x)
            x = x.relu()
        return found

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs (rows, 10) of images (rows, 64)."""
        if self.branch is None:
            return self.states(x)[-1]
        h = x @ self.weights[0].T
        for first, second in zip(self.weights[1:-1:2], self.weights[2:-1:2], strict=True):
            h = h + self.branch * (_rms(h) @ first.T).relu() @ second.T
        return _rms(h) @ self.weights[-1].T

    def adam(self, rate: float) -> torch.optim.Adam:
        """Adam on all matrices, each with its own rate."""
        import torch

        groups = [
            {"params": [w], "lr": rate * factor}
            for w, factor in zip(self.weights, self.factors, strict=True)
        ]
        return torch.optim.Adam(groups, fused=True)


def _rms(h: torch.Tensor) -> torch.Tensor:
    return h * (h.square().mean(1, keepdim=True) + 1e-6).rsqrt()


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


def residual(blocks: int, power: float, seed: int, width: int = 64) -> Layers:
    """Residual blocks whose branches read a normed stream and are multiplied by L^(−power)."""
    draw = _drawing(seed)
    weights = [draw(width, 64, math.sqrt(2 / 64))]
    for _ in range(blocks):
        weights += [
            draw(width, width, math.sqrt(2 / width)),
            draw(width, width, math.sqrt(1 / width)),
        ]
    weights.append(draw(10, width, math.sqrt(1 / width)))
    return Layers(weights, [1.0] * len(weights), blocks**-power)


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
        outputs = layers.outputs(data.x_train[rows])
        loss = torch.nn.functional.cross_entropy(outputs, data.y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return float(np.mean(losses[-LAST:])) if np.isfinite(losses).all() else math.inf


# ---------------------------------------------------------------- what is stored

ITEMS = (
    *(("width", kind, n, seed) for kind in (STANDARD, MUP) for n in WIDTHS for seed in SEEDS),
    *(("depth", kind, n, seed) for kind in BRANCHES for n in DEPTHS for seed in SEEDS),
)


def measured(over: str, kind: str, size: int, seed: int) -> dict[str, Any]:
    """Loss against the rate, in one parametrization at one width or depth.

    Parameters
    ----------
    over : {"width", "depth"}
    kind : str
    size : int
        Width, or blocks.
    seed : int
    """
    exponents = DEPTH_EXPONENTS if over == "depth" else EXPONENTS
    losses = []
    for exponent in exponents:
        layers = (
            residual(size, BRANCHES[kind], seed) if over == "depth" else plain(size, kind, seed)
        )
        loss = loss_after(layers, 2.0**exponent, seed)
        losses.append(loss if math.isfinite(loss) else None)
    return {"over": over, "kind": kind, "size": size, "seed": seed, "loss": losses}
