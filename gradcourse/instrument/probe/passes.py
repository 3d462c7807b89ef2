"""One forward pass, and what was read off each layer in it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from gradcourse.instrument.probe import moments


class Layer(NamedTuple):
    """What does not change from call to call."""

    name: str
    kind: str
    family: str


class Pass:
    """One forward pass: layers in the order in which they ran, and raw numbers about each."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.sizes: list[int] = []
        self.units: list[int] = []
        self.rows: list[list[Any]] = []
        self.lags: dict[str, torch.Tensor] = {}
        self.nodes: set[Any] = set()
        self.channels_first = False
        self.task = -1

    def add(self, layer: Layer, tensor: torch.Tensor) -> list[Any]:
        """Measure an output and return its row of raw numbers."""
        row = [_NAN] * moments.RAW
        self.layers.append(layer)
        self.rows.append(row)
        self.nodes.add(tensor.grad_fn)
        size = tensor.numel()
        self.sizes.append(size)
        units = 0
        # An activation keeps the layout of what it follows.
        if layer.family:
            units = moments.units(tuple(tensor.shape), self.channels_first)
        elif layer.kind in moments.CHANNELS_FIRST:
            self.channels_first = tensor.dim() > 2
        elif layer.kind in _UNITS_LAST:
            self.channels_first = False
        self.units.append(units)
        if size:
            moments.read(real(tensor.detach()), layer.family, self.channels_first, row)
        return row


_NAN = float("nan")
_NORM, _GRADIENT = moments.NORM, moments.GRADIENT
_UNITS_LAST = frozenset({"Linear", "LayerNorm", "Embedding", "RNN", "LSTM", "GRU", "RMSNorm"})


class Measured:
    """Passes that share a backward pass, as rows of one table that may still lie on a device."""

    def __init__(self, passes: Sequence[Pass]) -> None:
        self.names, self.kinds, self._families = _described(
            tuple(layer for one in passes for layer in one.layers)
        )
        self.lags = {k: v for one in reversed(passes) for k, v in one.lags.items()}
        self._sizes = np.array([size for one in passes for size in one.sizes])
        self._units = np.array([units for one in passes for units in one.units])
        rows = [row for one in passes for row in one.rows]
        self._where: list[tuple[int, int]] = []
        self._values = torch.zeros(0)
        if any(torch.Tensor in (type(row[_NORM]), type(row[_GRADIENT])) for row in rows):
            there = [
                (k, column)
                for k, row in enumerate(rows)
                for column, value in enumerate(row)
                if isinstance(value, torch.Tensor)
            ]
            self._values = _stacked([rows[k][column] for k, column in there])
            self._where = there
            rows = [[_NAN if isinstance(v, torch.Tensor) else v for v in row] for row in rows]
        self._raw = np.array(rows, dtype=np.float64).reshape(-1, moments.RAW)

    def cpu(self) -> np.ndarray:
        """The measures of a `Step`, shape (n, len(MEASURES)); fetches them from the device."""
        if self._where:
            rows, columns = zip(*self._where, strict=True)
            self._raw[rows, columns] = self._values.cpu().numpy()
        return moments.measures(self._raw, self._sizes, self._units, self._families)


@functools.lru_cache(maxsize=64)
def _described(ran: tuple[Layer, ...]) -> tuple[tuple[str, ...], ...]:
    """Names, kinds and families; a layer that is called again gets a number."""
    calls: dict[str, int] = {}
    names = []
    for name, _, _ in ran:
        calls[name] = calls.get(name, 0) + 1
        names.append(name if calls[name] == 1 else f"{name} #{calls[name]}")
    return tuple(names), tuple(one.kind for one in ran), tuple(one.family for one in ran)


def _stacked(values: list[Any]) -> torch.Tensor:
    if not values:
        return torch.zeros(0)
    if len({value.device for value in values}) > 1:
        values = [value.cpu() for value in values]
    if len({value.dtype for value in values}) > 1:
        values = [value.double() for value in values]
    return torch.stack(values)


def real(tensor: torch.Tensor) -> torch.Tensor:
    """A complex tensor as pairs of real numbers."""
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor
