"""The tensors in what a module takes or gives, in containers of any kind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

import torch
from torch import nn

_DEEPEST = 8
"""A list may hold itself."""


def leaves(value: Any) -> Iterator[Any]:
    """What is in a value and is no container, in order.

    Containers are mappings, sequences, sets, dataclasses, and any other object with attributes;
    of these each is entered once, since they may lead back to each other.
    """
    return _leaves(value, 0, set())


def _leaves(value: Any, depth: int, entered: set[int]) -> Iterator[Any]:
    parts = None if isinstance(value, torch.Tensor) else _parts(value, entered)
    if parts is None:
        yield value
    elif depth <= _DEEPEST:
        for part in parts:
            yield from _leaves(part, depth + 1, entered)


def _parts(value: Any, entered: set[int]) -> Iterable[Any] | None:
    if isinstance(value, Mapping):
        return value.values()
    if isinstance(value, Sequence | Set):
        return None if isinstance(value, str | bytes) else value
    fields = getattr(value, "__dataclass_fields__", None)  # one with slots has no __dict__
    if isinstance(value, type | nn.Module) or (fields is None and not hasattr(value, "__dict__")):
        return None
    if id(value) in entered:
        return ()
    entered.add(id(value))
    return vars(value).values() if fields is None else [getattr(value, name) for name in fields]


def tensors(value: Any) -> Iterable[torch.Tensor]:
    """The real or complex floating-point tensors among the leaves."""
    if type(value) is torch.Tensor:
        # By far the commonest, and asked for at every call of a model.
        return (value,) if value.is_floating_point() or value.is_complex() else ()
    return (
        leaf
        for leaf in leaves(value)
        if isinstance(leaf, torch.Tensor) and (leaf.is_floating_point() or leaf.is_complex())
    )


def first_tensor(value: Any) -> torch.Tensor | None:
    """The tensor that stands for a layer's output: the first in it."""
    return next(iter(tensors(value)), None)


def with_gradients(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that can have a gradient, by name: packed integers are none of them."""
    return {
        name: parameter
        for name, parameter in model.named_parameters()
        if parameter.is_floating_point() or parameter.is_complex()
    }


is_transformed: Callable[[torch.Tensor], bool] = torch._C._functorch.is_functorch_wrapped_tensor
"""Whether torch.func is at work: such a tensor takes no hook and has no values yet."""


def infinite(named: Iterable[tuple[str, torch.Tensor]]) -> set[str]:
    """Names of those that hold Inf: if from the start, on purpose, as a mask or a best value."""
    return {name for name, held in _floating(named) if bool(held.isinf().any())}


def not_finite(named: Iterable[tuple[str, torch.Tensor]], meant: Collection[str]) -> list[str]:
    """Names of those that hold NaN, or Inf where it is not ``meant`` so."""
    return [
        name
        for name, held in _floating(named)
        if not bool(held.isfinite().all()) and (name not in meant or bool(held.isnan().any()))
    ]


def _floating(named: Iterable[tuple[str, torch.Tensor]]) -> Iterator[tuple[str, torch.Tensor]]:
    for name, held in named:
        if held.is_floating_point() and not held.is_meta:
            held = held.detach()
            yield name, held.coalesce().values() if held.is_sparse else held
