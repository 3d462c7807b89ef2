"""A sound training run: how it is made, run, and seen to learn."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import gradcourse as gc

Step = Callable[[int], torch.Tensor]
LENGTHS = (60, 150, 300)
"""Steps that are recorded, by seed: a short look, a usual one, a long one."""


@dataclass
class Training:
    """A model, the optimizer that the probe gets, and one step of the loop, which gives the loss.

    ``score``, if there is one, says how good the model is where the loss does not: higher is
    better.
    """

    model: nn.Module
    optimizer: Any
    step: Step
    score: Callable[[], float] | None = None


@dataclass(frozen=True)
class Sound:
    """A run that learns.

    Attributes
    ----------
    name, source : str
    make : callable
        Makes the `Training`; torch's generator is seeded before.
    lengths : tuple of int
        Steps that are recorded, one run for each; its place is its seed.
    """

    name: str
    source: str
    make: Callable[[], Training]
    lengths: tuple[int, ...] = LENGTHS


@dataclass
class Course:
    """What a run gave: the probe's record if there was one, losses, scores before and after."""

    record: Any = None
    losses: list[float] = field(default_factory=list)
    scores: tuple[float, float] = (math.nan, math.nan)


def follow(sound: Sound, seed: int, steps: int, probe: Any = None) -> Course:
    """Run it for some steps; with a probe around it, as the docs have it, if one is given."""
    course = Course()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(100 + seed)
        training = sound.make()
        score = training.score or (lambda: math.nan)
        before = score()
        if probe is None:
            course.losses = [float(training.step(k).detach()) for k in range(steps)]
        else:
            with probe(training.model, training.optimizer) as course.record:
                for k in range(steps):
                    loss = training.step(k)
                    course.record.log(loss)
                    course.losses.append(float(loss.detach()))
        course.scores = (before, score())
    return course


def has_learned(course: Course) -> bool:
    """Whether the score rose, or the loss fell by a fifth; one below 0, by far more than scatter.

    It knows nothing of the diagnosis, and compares a fifth of the run with its first five steps.
    """
    before, after = course.scores
    if math.isfinite(before):
        return after > before + 0.1 * max(1.0, abs(before))
    losses = np.array(course.losses)
    if not np.isfinite(losses[-1]):
        return False
    start, late = float(np.nanmedian(losses[:5])), losses[-max(5, len(losses) // 5) :]
    end = float(np.nanmedian(late))
    if start > 0 and end >= 0:
        return end < 0.8 * start
    return end < start - 4 * float(np.nanstd(late)) / math.sqrt(len(late)) - 0.05 * abs(start)


def usual(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: Callable[[], Any],
    loss_of: Callable[..., torch.Tensor],
) -> Training:
    """The plain loop: ``loss_of(model(x), y)`` on ``x, y = batch()``."""

    def step(k: int) -> torch.Tensor:
        x, y = batch()
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Training(model, optimizer, step)


def adam(model: nn.Module, rate: float = 1e-3) -> torch.optim.Adam:
    """Adam of all parameters that train."""
    return torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=rate)


def dense(*widths: int, end: nn.Module | None = None, between: Any = nn.ReLU) -> nn.Sequential:
    """Linear layers with an activation between them."""
    layers: list[nn.Module] = []
    for k in range(len(widths) - 1):
        layers += [nn.Linear(widths[k], widths[k + 1]), between()]
    return nn.Sequential(*layers[:-1], *([end] if end is not None else []))


def digits(rows: int = 64, image: bool = False) -> Callable[[], tuple[torch.Tensor, torch.Tensor]]:
    """Random rows of the digits, standardized; as 1 × 8 × 8 images if asked."""
    data = gc.digits()
    x, y = data.x_train, data.y_train
    x = x.reshape(-1, 1, 8, 8) if image else x

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        chosen = torch.randint(0, len(x), (rows,))
        return x[chosen], y[chosen]

    return batch


def pixels(rows: int = 64) -> Callable[[], tuple[torch.Tensor, torch.Tensor]]:
    """Digits with pixels from 0 to 1, as inputs and as targets."""
    source = digits(rows)

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = source()[0]
        x = (x - x.min()) / (x.max() - x.min())
        return x, x

    return batch


def teacher(n: int, rows: int = 64, noise: float = 0.1) -> Callable[[], Any]:
    """Fresh inputs, and one target of each by a fixed curved rule."""
    a, b = torch.randn(n) / n**0.5, torch.randn(n) / n**0.5

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(rows, n)
        y = torch.sin(x @ a * 1.5) + x @ b + noise * torch.randn(rows)
        return x, y[:, None]

    return batch


def cross_entropy(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Of logits."""
    return functional.cross_entropy(out, y)
