"""What is kept of one step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
import torch

from gradcourse.instrument.histogram import Log2Histogram
from gradcourse.support import GradcourseError

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
        source = self._source  # read once: another thread may be doing the same
        if callable(source):
            self._source = source = source()
        return source


@dataclass(slots=True)
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
        taken = self.taken  # read once: another thread may be doing the same
        if callable(taken):
            self.taken = taken = taken()
        return taken


def fetched(values: Any) -> np.ndarray:
    """As a float64 array, from whatever device."""
    if hasattr(values, "cpu"):
        values = values.cpu()
    return np.asarray(values, dtype=np.float64)


def one_number(loss: Any) -> float | torch.Tensor:
    """Read a loss that is logged, so that nothing which the loop does later can change it.

    Returns
    -------
    float or torch.Tensor
        A tensor that lies on another device is copied there: to read it would mean to wait for it.

    Raises
    ------
    GradcourseError
        If it is not one real number.
    """
    what, size = type(loss).__name__, 1
    if isinstance(loss, torch.Tensor):
        real = not (loss.is_complex() or loss.is_meta or loss.dtype is torch.bool)
        what, size = f"{what} of {loss.dtype}", loss.numel()
    elif isinstance(loss, np.ndarray):
        real = loss.dtype.kind in "iuf"
        what, size = f"{what} of {loss.dtype}", loss.size
    else:
        real = isinstance(loss, Real) and not isinstance(loss, bool)
    if real and size == 1:
        try:
            if isinstance(loss, torch.Tensor) and not loss.is_cpu:
                return loss.detach().clone()
            return float(loss.item() if isinstance(loss, torch.Tensor | np.ndarray) else loss)
        except (TypeError, ValueError, RuntimeError, OverflowError) as error:
            what += f" that cannot be read ({error})"
    many = "" if size == 1 else f" with {size} elements"
    raise GradcourseError(
        f"record.log got {what}{many}; it takes one real number: a float, an int, or an array or "
        "a tensor of one element. Give it the loss alone, as in record.log(loss)."
    )
