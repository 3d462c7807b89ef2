"""Lesson 11: what is stored of one training: its losses, its logits, and the network at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

from gradcourse.experiments.common import Array
from gradcourse.experiments.copying.training import Recipe, batch, copy_loss, training
from gradcourse.nets.transformer import Attention, TransformerBlock

FRESH = 10_000
"""Added to a seed for rows that no training has seen."""


def blocks_of(model: nn.Sequential) -> list[TransformerBlock]:
    """The blocks, in order."""
    return [module for module in model if isinstance(module, TransformerBlock)]


def fresh_rows(seed: int, rows: int = 128) -> torch.Tensor:
    """Rows that no training has seen, shape (rows, 24)."""
    return batch(torch.Generator().manual_seed(FRESH + seed), rows)


def without(model: nn.Sequential, number: int) -> nn.Sequential:
    """The network without its block ``number``, counted from 1; nothing is copied."""
    block = blocks_of(model)[number - 1]
    return nn.Sequential(*(module for module in model if module is not block))


def damage(model: nn.Sequential, seed: int) -> Array:
    """By how much the loss on fresh rows grows when a block is cut out; shape (blocks,)."""
    tokens = fresh_rows(seed)
    with torch.no_grad():
        whole = float(copy_loss(model, tokens))
        cut = [
            float(copy_loss(without(model, k + 1), tokens)) for k in range(len(blocks_of(model)))
        ]
    return np.array(cut) - whole


def stream(model: nn.Sequential, seed: int = 0, rows: int = 32) -> tuple[Array, Array]:
    """The residual stream on fresh rows.

    Returns
    -------
    size : array, shape (blocks + 1,)
        Mean square of x_0 (the embedding), x_1, …, x_L.
    share : array, shape (blocks,)
        ‖x_l − x_{l−1}‖ / ‖x_l‖: what block l adds, relative to what it is added to.
    """
    states: list[torch.Tensor] = []
    with torch.no_grad():
        x: Any = fresh_rows(seed, rows)[:, :-1]
        for module in model:
            x = module(x)
            if not states or isinstance(module, TransformerBlock):
                states.append(x)
    size = [float(x.square().mean()) for x in states]
    share = [float((b - a).norm() / b.norm()) for a, b in pairwise(states)]
    return np.array(size), np.array(share)


def delta_by_block(model: nn.Sequential, seed: int = 0, rows: int = 32) -> Array:
    """Root mean square of ∂ℒ/∂x_l behind each block, the gradient in the stream; (blocks,)."""
    states: list[torch.Tensor] = []
    hooks = [
        block.register_forward_hook(lambda _, __, output: states.append(output))
        for block in blocks_of(model)
    ]
    loss = copy_loss(model, fresh_rows(seed, rows))
    for hook in hooks:
        hook.remove()
    found = torch.autograd.grad(loss, states)
    return np.array([float(g.double().square().mean().sqrt()) for g in found])


def gradients(model: nn.Sequential, seed: int = 0, rows: int = 32) -> dict[str, Array]:
    """‖∂ℒ/∂W‖ of the query, value and down matrix of each block, on fresh rows."""
    model.zero_grad()
    copy_loss(model, fresh_rows(seed, rows)).backward()
    kinds: dict[str, Callable[[TransformerBlock], Any]] = {
        "query": lambda block: block.attention.query.weight,
        "value": lambda block: block.attention.value.weight,
        "down": lambda block: block.feed_forward.down.weight,  # type: ignore[union-attr]
    }
    found = {
        name: np.array([float(weight(block).grad.double().norm()) for block in blocks_of(model)])
        for name, weight in kinds.items()
    }
    model.zero_grad()
    return found


def sure_share(model: nn.Sequential, seed: int = 0, rows: int = 32) -> float:
    """Share of queries that give one key more than 0.99; the first token has no choice."""
    sure: list[float] = []

    def look(module: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        assert isinstance(module, Attention)
        logits = module.logits(inputs[0])
        future = torch.ones(logits.shape[-2:], dtype=torch.bool).triu(1)
        weights = logits.masked_fill(future, -torch.inf).softmax(-1)[..., 1:, :]
        sure.append(float((weights.amax(-1) > 0.99).double().mean()))

    hooks = [block.attention.register_forward_pre_hook(look) for block in blocks_of(model)]
    with torch.no_grad():
        model(fresh_rows(seed, rows)[:, :-1])
    for hook in hooks:
        hook.remove()
    return float(np.mean(sure))


def row(recipe: Recipe, seed: int) -> dict[str, Any]:
    """Train one network and note what lesson 11 shows of it, as plain numbers."""
    run = training(recipe, seed)
    size, share = stream(run.model, seed)
    norms = gradients(run.model, seed)
    return {
        "seed": seed,
        "recipe": asdict(recipe),
        "loss": _short(run.loss.reshape(-1, 10).mean(1)),
        "at 250": _number(float(run.loss[230:250].mean())),
        "end": _number(run.end),
        "largest logit": _number(float(run.logits.max())),
        "sure": _number(sure_share(run.model, seed)),
        "size": _short(size),
        "share": _short(share),
        "delta": _short(delta_by_block(run.model, seed)),
        **{f"gradient of {name}": _short(values) for name, values in norms.items()},
        "damage": _short(damage(run.model, seed)) if recipe.order == "pre" else [],
    }


def _number(value: float) -> float:
    """Four digits; −1 for what is not finite, which JSON cannot hold."""
    return float(f"{value:.4g}") if np.isfinite(value) else -1.0


def _short(values: Array) -> list[float]:
    return [_number(float(value)) for value in values]
