"""The nodes of autograd's graph."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import torch

next_number: Callable[[], int] = torch._C._autograd._get_sequence_nr
"""The number of the next node that autograd will make."""

DEEPEST = 20_000
"""Nodes that are looked at where a look must not take long."""


def nodes_behind(
    starts: Iterable[Any], without: Collection[Any] = (), most: int | None = None
) -> Iterator[Any]:
    """Each node that a backward pass from these can reach, once, leaves included.

    Parameters
    ----------
    starts : iterable of torch.autograd.graph.Node or None
    without : collection of torch.autograd.graph.Node
        Neither they nor what lies behind them alone.
    most : int, optional
        After so many it ends.
    """
    waiting = list(starts)
    seen: set[Any] = set()
    while waiting and (most is None or len(seen) < most):
        node = waiting.pop()
        if node is None or node in seen or node in without:
            continue
        seen.add(node)
        yield node
        waiting += [following for following, _ in node.next_functions]


def kept(node: Any, name: str) -> torch.Tensor | None:
    """A tensor that an operation keeps for the backward pass, "self", "other", "result", ….

    None where it keeps none of that name, where that pass is over, and where a hook would have to
    give it back: that of a checkpoint would run its part of the model again, for once.
    """
    saved = getattr(node, f"_raw_saved_{name}", None)
    if saved is None or saved.unpack_hook is not None:
        return None
    try:
        value = getattr(node, f"_saved_{name}")
    except RuntimeError:
        return None
    return value if isinstance(value, torch.Tensor) else None


def saved_dim(node: Any, dims: int) -> int:
    """The dimension that an operation keeps, of a tensor of ``dims``: from 0 on.

    torch gives a negative one as an unsigned number.
    """
    dim = int(node._saved_dim)
    return (dim - (1 << 64) if dim >= 1 << 63 else dim) % max(dims, 1)


def is_leaf(node: Any) -> bool:
    """Whether a gradient is gathered there, in a tensor without a history."""
    return hasattr(node, "variable")
