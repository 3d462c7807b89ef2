"""What is kept of one step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcourse.instrument.histogram import Log2Histogram

MEASURES = ("size", "norm", "mean", "std", "slope", "saturated", "dead", "zero", "gradient")
"""Columns of a `LayerTable`: what is known about one call of one layer."""

SIZE, NORM, MEAN, STD, SLOPE, SATURATED, DEAD, ZERO, GRADIENT = range(len(MEASURES))


class LayerTable:
    """Measures of the layers that ran: a row each, columns as in `MEASURES`.

    Parameters
    ----------
    source : numpy.ndarray, shape (n, len(MEASURES)), or callable
        A function that gives it is called when the table is first read: until then numbers may
        lie on their device, which a training loop need not wait for.
    """

    __slots__ = ("_source",)

    def __init__(self, source: np.ndarray | Callable[[], np.ndarray]) -> None:
        self._source = source

    @property
    def values(self) -> np.ndarray:
        """The numbers, float64."""
        if callable(self._source):
            self._source = self._source()
        return self._source


@dataclass
class Step:
    """One step: a forward pass, the backward pass that followed, and perhaps the update.

    Attributes
    ----------
    number : int
        Which step of the block, from 0.
    columns : array of int (n,)
        Which parameters had a gradient.
    parameter_gradients : array (n,)
        Its 2-norm, for each of these.
    weight_norms, update_ratios : array (W,), optional
        ‖W‖ before the update, and ‖change‖ / ‖W‖.
    names, kinds : tuple of str, n each
        The layers that ran, in order, and their classes.
    measures : LayerTable of n rows, optional
        What was read off each of them.
    lag_gradients : dict of str to array (T,)
        ‖∂ℒ/∂x_t‖ of each recurrent layer, in the order of time.
    taken : dict of str to Log2Histogram, or callable
        `histograms`, or what gives them when they are first read.
    loss : float
        NaN if it was not logged.
    evaluations : int
        Times that the closure of ``optimizer.step`` was called; 1 without a closure.
    logged : bool
        Whether a loss was logged, be it NaN.

    An array may also be a tensor that still lies on its device: `Record` fetches it when read.
    """

    number: int = 0
    columns: Any = ()
    parameter_gradients: Any = ()
    weight_norms: Any = None
    update_ratios: Any = None
    names: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    measures: LayerTable | None = None
    lag_gradients: dict[str, Any] = field(default_factory=dict)
    taken: Mapping[str, Log2Histogram] | Callable[[], Mapping[str, Log2Histogram]] = field(
        default_factory=dict
    )
    loss: Any = math.nan
    evaluations: int = 1
    logged: bool = False

    @property
    def histograms(self) -> Mapping[str, Log2Histogram]:
        """Of the weights' gradients, by name."""
        if callable(self.taken):
            self.taken = self.taken()
        return self.taken


def fetched(values: Any) -> np.ndarray:
    """As a float64 array, from whatever device."""
    if hasattr(values, "cpu"):
        values = values.cpu()
    return np.asarray(values, dtype=np.float64)
