"""One forward pass, and what was read off each layer in it."""

from __future__ import annotations

import functools
from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from gradcourse.instrument.norms import reachable
from gradcourse.instrument.probe import moments
from gradcourse.instrument.record.step import GRADIENT, MEASURES, NORM, SIZE, LayerTable


class Layer(NamedTuple):
    """What does not change from call to call."""

    name: str
    kind: str
    family: str
    inner_axes: int | None


class Pass:
    """One forward pass: layers in the order in which they ran, and raw numbers about each."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.units: list[int] = []
        self.rows: list[list[Any]] = []
        self.lags: dict[str, torch.Tensor] = {}
        self.nodes: set[Any] = set()
        self.channels: int | None = None
        self.task = -1

    def add(self, layer: Layer, tensor: torch.Tensor) -> list[Any]:
        """Measure an output and return its row of raw numbers."""
        row = [_NAN] * len(MEASURES)
        self.layers.append(layer)
        self.rows.append(row)
        self.nodes.add(tensor.grad_fn)
        row[SIZE] = size = tensor.numel()
        values = real(tensor.detach())
        units = 0
        # An activation keeps the layout of what it follows.
        if layer.family:
            if self.channels == 0 and values.dim() > 1:
                values = values.transpose(0, 1)  # an image without a batch
            units = moments.units(tuple(values.shape), self.channels is not None)
        elif layer.inner_axes is not None:
            self.channels = moments.channels(layer.inner_axes, tensor.dim())
        self.units.append(units)
        if size:
            moments.read(values, layer.family, self.channels is not None, row)
        return row


_NAN = float("nan")


class Measured(NamedTuple):
    """What a `Step` keeps of the passes that share a backward pass."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    lags: dict[str, torch.Tensor]
    table: LayerTable


def measured(passes: Sequence[Pass]) -> Measured:
    """Join passes to the rows of one table, of which numbers may still lie on a device."""
    layers = tuple(layer for each in passes for layer in each.layers)
    names, kinds, families = _described(layers)
    units = array("q", [count for each in passes for count in each.units])  # (n,)
    rows = [row for each in passes for row in each.rows]
    there: list[tuple[int, int]] = []
    values: torch.Tensor | None = None
    if any(torch.Tensor in (type(row[NORM]), type(row[GRADIENT])) for row in rows):
        there = [
            (k, column)
            for k, row in enumerate(rows)
            for column, value in enumerate(row)
            if isinstance(value, torch.Tensor)
        ]
        values = _stacked([rows[k][column] for k, column in there])
        rows = [[_NAN if isinstance(v, torch.Tensor) else v for v in row] for row in rows]
    # NumPy reads them later: amid a training step each call into it costs more than all of this.
    raw = array("d")
    for row in rows:
        raw.fromlist(row)

    def table() -> np.ndarray:
        numbers = np.array(raw).reshape(-1, len(MEASURES))
        if values is not None:
            numbers[tuple(zip(*there, strict=True))] = values.cpu().numpy()
        return moments.measures(numbers, np.array(units), families)

    lags = {k: v for each in reversed(passes) for k, v in each.lags.items()}
    return Measured(names, kinds, lags, LayerTable(table))


@functools.lru_cache(maxsize=64)
def _described(ran: tuple[Layer, ...]) -> tuple[tuple[str, ...], ...]:
    """Names, kinds and families; a layer that is called again gets a number."""
    calls: dict[str, int] = {}
    names = []
    for name, *_ in ran:
        calls[name] = calls.get(name, 0) + 1
        names.append(name if calls[name] == 1 else f"{name} #{calls[name]}")
    return tuple(names), tuple(layer.kind for layer in ran), tuple(layer.family for layer in ran)


def _stacked(values: list[Any]) -> torch.Tensor:
    if len({value.device for value in values}) > 1:
        values = [value.cpu() for value in values]
    if len({value.dtype for value in values}) > 1:
        values = [reachable(value).double() for value in values]
    return torch.stack(values)


def real(tensor: torch.Tensor) -> torch.Tensor:
    """A complex tensor as pairs of real numbers; of a nested or sparse one the numbers alone."""
    if tensor.is_nested:
        tensor = tensor.values()
    if tensor.is_sparse:
        tensor = tensor.coalesce().values()
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor
