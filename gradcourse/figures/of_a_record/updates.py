"""How much each optimizer step changes each weight matrix."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.figures.line import Axis, Band, Line
from gradcourse.figures.of_a_record.from_record import check_record, color_of
from gradcourse.figures.plot import Plot
from gradcourse.support import GradcourseError

if TYPE_CHECKING:
    from gradcourse.instrument import Record

USUAL = Band(3e-4, 3e-3, "usual: around 1e-3 per step")
"""A rule of thumb for networks that learn well (Karpathy & Johnson, CS231n course notes, 2015)."""

_MOST = 5
"""More lines than this cannot be told apart; the extremes and the median stand for them."""


def update_plot(record: Record, *, title: str = "") -> Plot:
    """Plot ‖update‖ / ‖weight‖ of each weight matrix over time, on a log axis.

    Parameters
    ----------
    record : Record
        From a probe that was given the optimizer: ``gc.probe(model, optimizer)``.
    title : str
        By default the quantity.

    Returns
    -------
    Plot
        One line for each of up to five weights. Of more: the largest, the median and the
        smallest of each step, and the label says which weight is mostly the extreme one.

    Raises
    ------
    GradcourseError
        If the record holds no update.
    """
    check_record("update_plot", record, "update_ratio", "weights")
    table = np.asarray(record.update_ratio)
    steps = np.flatnonzero(~np.isnan(table).all(axis=1))
    if not len(steps):
        raise GradcourseError(
            "The record holds no updates. Give the probe the optimizer: gc.probe(model, optimizer)."
        )
    table = table[steps]
    used = ~np.isnan(table).all(axis=0)
    table, names = table[:, used], [n for n, keep in zip(record.weights, used, strict=True) if keep]
    if len(names) <= _MOST:
        rows = dict(zip(names, table.T, strict=True))
    else:
        rows = _extremes(table, names)
    numbers = np.asarray(record.step_numbers)[steps]
    lines = [
        Line(numbers, row, name, "measured", color_of(name, index))
        for index, (name, row) in enumerate(rows.items())
    ]
    return Plot(
        title=title or "Size of the update, relative to the weight",
        x=Axis("step"),
        y=Axis("‖update‖ / ‖weight‖", "log"),
        lines=tuple(lines),
        bands=(USUAL,),
    )


def _extremes(table: np.ndarray, names: list[str]) -> dict[str, np.ndarray]:
    with warnings.catch_warnings():
        # A step without any update is a gap, not a fault.
        warnings.simplefilter("ignore", RuntimeWarning)
        high, middle, low = (f(table, axis=1) for f in (np.nanmax, np.nanmedian, np.nanmin))
    some = ~np.isnan(table).all(axis=1)
    most = [
        names[int(np.bincount(pick(table[some], axis=1)).argmax())]
        for pick in (np.nanargmax, np.nanargmin)
    ]
    return {
        f"largest (mostly {most[0]})": high,
        f"median of {len(names)} weights": middle,
        f"smallest (mostly {most[1]})": low,
    }
