"""A recipe carried out: the loss, the gradient's norm, and what the network can do afterwards."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import nn

from gradcourse.experiments.common import Array
from gradcourse.experiments.ward.recipe import SPIKE, Recipe, build, loss_of, rows_of
from gradcourse.instrument import Record, clip_grad_norm_, gradient_norm
from gradcourse.instrument.probe import probe

BLANK = Record({})


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a run left.

    Attributes
    ----------
    recipe : Recipe
    loss, norm : array, shape (updates,)
        Loss of each batch; norm of the whole gradient as the optimizer got it, before clipping.
    start, end : tuple of array
        Weights of each layer, before and after.
    measured : float
        Share of right answers on the test rows, or the share of the targets' variance that is
        explained; NaN or worse than a constant counts as that of a constant.
    record : Record
        Of the probe; empty if none was asked for.
    model : nn.Module
        As trained.
    """

    recipe: Recipe
    loss: Array
    norm: Array
    start: tuple[Array, ...]
    end: tuple[Array, ...]
    measured: float
    record: Record
    model: nn.Module

    @property
    def skill(self) -> float:
        """0 for a guess, 1 for all."""
        chance = {"digits": 0.1, "recall": 0.5}.get(self.recipe.task, 0.0)
        return max(0.0, (self.measured - chance) / (1.0 - chance))


@lru_cache(maxsize=256)
def outcome(recipe: Recipe, probed: bool = False) -> Outcome:
    """Carry a recipe out; with a probe over the whole run if asked for.

    torch's global generator is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = build(recipe)
        start = _weights(model)
        optimizer = _optimizer(recipe, model)
        losses: list[float] = []
        norms: list[float] = []
        if probed:
            with probe(model, optimizer) as record:
                _train(recipe, model, optimizer, losses, norms, record.log)
        else:
            record = BLANK
            _train(recipe, model, optimizer, losses, norms, lambda loss: None)
        measured = _tested(recipe, model)
    ends = _weights(model)
    return Outcome(recipe, np.array(losses), np.array(norms), start, ends, measured, record, model)


def _weights(model: nn.Module) -> tuple[Array, ...]:
    return tuple(p.detach().numpy().copy() for p in model.parameters() if p.dim() > 1)


def _optimizer(recipe: Recipe, model: nn.Module) -> torch.optim.Optimizer:
    # One that is older than the network holds other parameters, of the same shapes. Only the last
    # bias was put in by hand later: a probe refuses an optimizer that holds nothing of its model.
    held = list(model.parameters())
    if not recipe.trained:
        held = [*build(recipe).parameters(), held[-1]]
    make = torch.optim.SGD if recipe.optimizer == "sgd" else torch.optim.Adam
    return make(held, lr=recipe.rate, weight_decay=recipe.decay)


def _train(
    recipe: Recipe,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    losses: list[float],
    norms: list[float],
    log: Callable[[Any], None],
) -> None:
    x, y, *_ = rows_of(recipe)
    model.train()
    parameters = list(model.parameters())
    for k, rows in zip(range(recipe.updates), _batches(len(x), recipe), strict=False):
        inputs = x[rows] if k != recipe.spike_at else SPIKE * torch.randn_like(x[rows])
        for p in parameters:
            p.grad = None
        loss = recipe.scale * loss_of(recipe, model(inputs), y[rows])
        loss.backward()
        losses.append(float(loss.detach()))
        norms.append(_norm(parameters))
        if recipe.clip:
            _clip(recipe, parameters)
        optimizer.step()
        log(loss)
        if not math.isfinite(losses[-1]):
            break


def _norm(parameters: list[nn.Parameter]) -> float:
    gradients = [p.grad for p in parameters if p.grad is not None]
    return float(np.sqrt(np.square(gradient_norm(gradients)).sum())) if gradients else 0.0


def _clip(recipe: Recipe, parameters: list[nn.Parameter]) -> None:
    if recipe.clipper == "exact":
        clip_grad_norm_(parameters, recipe.clip)
    else:
        nn.utils.clip_grad_norm_(parameters, recipe.clip)


def _batches(rows: int, recipe: Recipe) -> Iterator[torch.Tensor]:
    generator = torch.Generator().manual_seed(recipe.seed + 1)
    size = min(recipe.batch, rows)
    while True:
        order = torch.randperm(rows, generator=generator)
        for first in range(0, rows - size + 1, size):
            yield order[first : first + size]


def _tested(recipe: Recipe, model: nn.Module) -> float:
    x, _, x_test, y_test = rows_of(recipe)
    if recipe.recount:
        _recount(model, x)
    model.train(recipe.tested == "training")
    size = 4 if recipe.tested == "training" else len(x_test)
    with torch.no_grad():
        outputs = torch.cat([model(rows) for rows in x_test.split(size) if len(rows) > 1])
    y_test = y_test[: len(outputs)]
    if not torch.isfinite(outputs).all():
        return {"digits": 0.1, "recall": 0.5}.get(recipe.task, 0.0)
    if recipe.task == "regression":
        left = (outputs - y_test).double().square().mean() / y_test.double().var()
        return max(0.0, 1.0 - float(left))
    return float((outputs.argmax(1) == y_test).double().mean())


def _recount(model: nn.Module, x: torch.Tensor) -> None:
    """Take the running statistics of batch normalization anew, from all training rows at once."""
    layers = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d)]
    kept = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    model.eval()
    for layer in layers:
        layer.train()
    with torch.no_grad():
        model(x)
    for layer, momentum in zip(layers, kept, strict=True):
        layer.momentum = momentum
