"""What the masks of an attention let through: by the graph of the output, and by its calls."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch

from gradcourse.instrument.loop.graph import kept, saved_dim
from gradcourse.instrument.loop.tensors import leaves

_LEAST = 4
"""Steps from which a triangle is no chance."""

_SEVERAL = 8
"""Rows from which one can say that they differ."""

_BIASES = ("attn_mask", "attn_bias")
"""What the nodes of fused attentions call the mask that they add."""

_ON_THE_WAY = ("Add", "Sub", "Div", "Mul", "View", "UnsafeView", "ReshapeAlias", "ToCopy")
_FEW = 6
"""Operations between the scores and their softmax."""


def mask_of(positional: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    """The mask over steps that an `nn.MultiheadAttention` was called with; or None."""
    return named.get("attn_mask", positional[5] if len(positional) > 5 else None)


def is_of_numbers(mask: Any) -> bool:
    """Whether a mask over steps is of ones and zeros as numbers, which forbid nothing."""
    return isinstance(mask, torch.Tensor) and _triangle(mask) is not None


def _triangle(mask: torch.Tensor) -> torch.Tensor | None:
    """One mask over steps, shape (T, T), if it is a triangle of ones and zeros as numbers."""
    if not mask.is_floating_point() or mask.dim() < 2 or mask.is_meta or mask.is_sparse:
        return None
    steps = mask.shape[-1]
    if mask.shape[-2] != steps or steps < _LEAST:
        return None
    square = _first(mask.detach())
    ones = torch.ones_like(square)
    triangles = (t for k in (-1, 0, 1) for t in (ones.tril(k), ones.triu(k)))
    return square if any(torch.equal(square, triangle) for triangle in triangles) else None


def _first(masks: torch.Tensor) -> torch.Tensor:
    return masks[(0,) * (masks.dim() - 2)]


def taken_as_numbers(node: Any) -> str:
    """How the scores take such a mask, "added" or "multiplied"; "" where they take none."""
    if any(is_of_numbers(kept(node, bias)) for bias in _BIASES):
        return "added"
    chances = kept(node, "result")
    mask = None if chances is None else _multiplied(node)
    if chances is None or mask is None or chances.shape[-2:] != mask.shape:
        return ""
    # A large negative number may have been added where it is 0.
    return "multiplied" if bool(chances.detach()[..., mask == 0].any()) else ""


def _multiplied(node: Any) -> torch.Tensor | None:
    """The triangle with which the scores of a softmax are multiplied, if they are."""
    for _ in range(_FEW):
        node = next((f for f, _ in node.next_functions if f is not None), None)
        if node is None or not node.name().startswith(_ON_THE_WAY):
            return None
        if node.name() == "MulBackward0":
            sides = [kept(node, side) for side in ("self", "other")]
            found = [_triangle(side) for side in sides if side is not None]
            if any(square is not None for square in found):
                return next(square for square in found if square is not None)
    return None


class Seen(NamedTuple):
    """What the queries of an attention may look at.

    Attributes
    ----------
    values : torch.Tensor, shape (…, queries, keys)
        Of an attention in one call the mask that it adds, of another the result of its softmax.
    closed : float
        What stands where it may not look: −inf, or exactly 0.
    """

    values: torch.Tensor
    closed: float

    def looks_ahead_alone(self) -> bool:
        """Whether each step may look at those after it, and at none before it."""
        queries, keys = self.values.shape[-2:]
        if queries != keys or keys < _LEAST:
            return False
        square = _first(self.values) != self.closed
        return any(torch.equal(square, torch.ones_like(square).triu(k)) for k in (0, 1))

    def looks_at_padding_alone(self, given: Iterable[Any]) -> bool:
        """Whether all that may be looked at is one and the same in the input, and the rest not.

        ``given`` are the arguments of the model's call: tokens of shape (n, keys), or vectors of
        shape (n, keys, k).
        """
        # Most masks end here: some query of the first row looks at each key.
        if bool((_first(self.values) != self.closed).any(0).all()):
            return False
        keys = self.values.shape[-1]
        for data in _sequences(given, keys):
            rows = len(data)
            if self.values.dim() < 3 or self.values.shape[0] % rows or rows < _SEVERAL:
                continue
            # Heads may have been laid to the rows.
            seen = (self.values != self.closed).reshape(rows, -1, keys).any(1)  # (n, keys)
            if bool((seen == seen[:1]).all()):
                continue  # one mask for all rows is none of padding
            values = data.reshape(rows, keys, -1)
            inside, outside = values[seen], values[~seen]
            if not len(inside) or not len(outside):
                continue
            token = inside[:1]
            if bool((inside == token).all()) and not bool((outside == token).all(1).any()):
                return True
        return False


def seen_by(node: Any) -> Seen | None:
    """What an attention may look at, by its node in a graph; None where that does not say it."""
    name = node.name()
    if name.startswith("ScaledDotProduct"):
        masks = [mask for mask in (kept(node, bias) for bias in _BIASES) if mask is not None]
        return Seen(masks[0].detach(), -math.inf) if masks and masks[0].dim() >= 2 else None
    if name not in ("SoftmaxBackward0", "SafeSoftmaxBackward0"):
        return None
    chances = kept(node, "result")
    if chances is None or chances.dim() < 3 or chances.is_meta or chances.is_sparse:
        return None
    if saved_dim(node, chances.dim()) != chances.dim() - 1:
        return None
    return Seen(chances.detach(), 0.0)


def _sequences(given: Iterable[Any], keys: int) -> Iterable[torch.Tensor]:
    """Of the arguments, those that have as many steps as there are keys."""
    for data in leaves(given):
        if isinstance(data, torch.Tensor) and data.layout is torch.strided and not data.is_nested:
            data = data.detach()
            if data.dim() in (2, 3) and data.shape[1] == keys and data.dtype != torch.bool:
                yield data
