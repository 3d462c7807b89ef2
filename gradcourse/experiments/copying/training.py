"""Lesson 11: train a small Transformer to copy, and note what it does meanwhile."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from gradcourse.experiments.common import Array
from gradcourse.nets import transformer

if TYPE_CHECKING:
    from gradcourse.instrument import Record

TOKENS, HALF = 16, 12
"""16 tokens; 12 random ones, and the same 12 again."""

GUESS = math.log(TOKENS)
"""The loss of whoever does not look: ln 16 = 2.77."""


@dataclass(frozen=True)
class Recipe:
    """One training.

    Attributes
    ----------
    blocks : int
    order, norm, qk_norm, depth_scaling
        See `gradcourse.nets.transformer`.
    rate : float
        Adam's.
    warm_up : int
        Updates over which the rate rises, in a straight line, to ``rate``; 0 for none.
    updates : int
    """

    blocks: int = 16
    order: str = "pre"
    norm: str = "layer"
    qk_norm: bool = False
    depth_scaling: bool = False
    rate: float = 1e-3
    warm_up: int = 0
    updates: int = 250

    def network(self, seed: int) -> nn.Sequential:
        """The network before its training."""
        return transformer(
            self.blocks,
            order=self.order,
            norm=self.norm,
            qk_norm=self.qk_norm,
            depth_scaling=self.depth_scaling,
            tokens=TOKENS,
            longest=2 * HALF,
            seed=seed,
        )


@dataclass(frozen=True, eq=False)
class Training:
    """What a training gave.

    Attributes
    ----------
    model : nn.Sequential
        As it is at the end.
    loss : array, shape (updates,)
    logits : array, shape (updates // 10,)
        Largest |q·k|/√d of any block, head and pair that may meet, at every tenth update.
    record : Record or None
    """

    model: nn.Sequential
    loss: Array
    logits: Array
    record: Record | None = field(default=None)

    @property
    def end(self) -> float:
        """Mean loss of the last 20 updates."""
        return float(self.loss[-20:].mean())


def batch(generator: torch.Generator, rows: int = 32) -> torch.Tensor:
    """Rows of 12 random tokens and the same again, shape (rows, 24), int64."""
    first = torch.randint(TOKENS, (rows, HALF), generator=generator)
    return torch.cat([first, first], 1)


def copy_loss(model: nn.Module, tokens: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the second half, each token predicted from all before it."""
    logits = model(tokens[:, :-1])[:, HALF - 1 :]  # (rows, 12, tokens)
    return nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, HALF:].flatten())


def training(recipe: Recipe, seed: int, *, probed: bool = False) -> Training:
    """Train one network with Adam, each update on fresh rows.

    Parameters
    ----------
    recipe : Recipe
    seed : int
        Of the weights and of the rows.
    probed : bool
        Whether a probe follows every 25th update; it costs time.
    """
    from gradcourse.instrument.probe import probe

    model = recipe.network(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.rate, fused=True)
    if probed:
        with probe(model, optimizer, every=25) as record:
            losses, logits = _loop(model, optimizer, recipe, seed, record)
        return Training(model, losses, logits, record)
    return Training(model, *_loop(model, optimizer, recipe, seed, None))


def _loop(
    model: nn.Sequential, optimizer: Any, recipe: Recipe, seed: int, record: Any
) -> tuple[Array, Array]:
    generator = torch.Generator().manual_seed(seed)
    losses, logits = [], []
    for k in range(recipe.updates):
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate * min(1.0, (k + 1) / max(recipe.warm_up, 1))
        tokens = batch(generator)
        optimizer.zero_grad()
        loss = copy_loss(model, tokens)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
        if record is not None:
            record.log(loss)
        elif k % 10 == 9:
            logits.append(largest_logit(model, tokens[:8]))
    return np.array(losses), np.array(logits)


def largest_logit(model: nn.Sequential, tokens: torch.Tensor) -> float:
    """Largest |q·k|/√d of any block, head and pair of which one may read the other."""
    found: list[float] = []

    def look(module: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        found.append(float(module.logits(inputs[0]).tril().abs().max()))

    hooks = [
        module.register_forward_pre_hook(look)
        for name, module in model.named_modules()
        if name.endswith("attention")
    ]
    with torch.no_grad():
        model(tokens[:, :-1])
    for hook in hooks:
        hook.remove()
    return max(found)
