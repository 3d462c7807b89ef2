"""Which modules are layers, and which tensors are in what they return."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn


def layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Modules that compute something themselves: without children, or with own parameters.

    What torch.jit.script has made takes no hooks and is left out.
    """
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.RecursiveScriptModule):
            continue
        has_children = next(module.children(), None) is not None
        owns = next(module.parameters(recurse=False), None) is not None
        if not has_children or (owns and name):
            yield name or type(module).__name__, module


def tensors(output: Any, depth: int = 0) -> Iterator[torch.Tensor]:
    """The real or complex tensors inside an output, in order."""
    if isinstance(output, torch.Tensor):
        if output.is_floating_point() or output.is_complex():
            yield output
        return
    if depth > 8:
        return  # an object that holds itself
    for part in _parts(output):
        yield from tensors(part, depth + 1)


def _parts(output: Any) -> Iterator[Any]:
    if isinstance(output, Mapping):
        yield from output.values()
    elif isinstance(output, Sequence) and not isinstance(output, str | bytes):
        yield from output
    elif dataclasses.is_dataclass(output) and not isinstance(output, type):
        yield from (getattr(output, item.name) for item in dataclasses.fields(output))
    elif hasattr(output, "__dict__") and not isinstance(output, type | nn.Module):
        yield from vars(output).values()


def first_tensor(output: Any) -> torch.Tensor | None:
    """The tensor that stands for a layer's output: the first in it."""
    return next(tensors(output), None)
