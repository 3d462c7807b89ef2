"""How much each optimizer step changes each weight matrix."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.figures.line import Axis, Band, Line
from gradcourse.figures.of_a_record.from_record import check_record, color_of, short_names, still
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
    # It brings torch with it, which a figure of plain numbers does without.
    from gradcourse.instrument.record.owners import plain_name

    check_record("update_plot", record, "update_ratio", "weights")
    record = still(record)
    table = np.asarray(record.update_ratio)
    steps = np.flatnonzero(~np.isnan(table).all(axis=1))
    if not len(steps):
        raise GradcourseError(_why_there_is_none(record))
    table = table[steps]
    used = ~np.isnan(table).all(axis=0)
    weights = [name for name, keep in zip(record.weights, used, strict=True) if keep]
    table, names = table[:, used], short_names(map(plain_name, weights))
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


def _why_there_is_none(record: Record) -> str:
    if not record.weights:
        return "The model of this record has no weight matrix, so there is no update of one."
    if np.any(getattr(record, "update_measured", False)):
        return (
            "All updates that were measured are NaN, and so are the weights or their gradients. "
            "gc.watch(model, optimizer) finds where the first NaN comes from."
        )
    facts = getattr(record, "facts", None)
    if facts is None or not facts.optimizer:
        return (
            "The record holds no updates. Give the probe the optimizer: gc.probe(model, optimizer)."
        )
    cause = (
        "no weight had a gradient at the steps that were looked at closely. "
        "record.who_trains() says which parameters take part."
        if np.any(getattr(record, "measured", False))
        else 'at level "gradients" they are not measured. Probe with level="standard" or '
        '"everything".'
    )
    return f"The record holds no updates, though the probe was given the optimizer: {cause}"


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
