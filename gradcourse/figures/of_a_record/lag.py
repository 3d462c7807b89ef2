"""Gradient against time lag: how far back in a sequence a loss can still teach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from gradcourse.figures.line import Axis, Band, Line
from gradcourse.figures.of_a_record.from_record import (
    by_name,
    chosen_row,
    color_of,
    healthy_band,
    numbers,
    short_names,
    still,
    theory_lines,
)
from gradcourse.figures.plot import Plot
from gradcourse.support import GradcourseError

if TYPE_CHECKING:
    from gradcourse.instrument import Record


def lag_plot(
    record: Record | Mapping[str, Record | ArrayLike],
    *,
    step: int = -1,
    theory: ArrayLike | Mapping[str, ArrayLike] | None = None,
    healthy: float | None = None,
    title: str = "",
) -> Plot:
    """Plot the gradient's norm against how many steps back it has travelled, on a log axis.

    Parameters
    ----------
    record : Record or mapping of str to Record or array
        What a probe measured, one line for each recurrent layer; or several records by name; or
        norms in the order of time, as `lag_gradient` and `lag_log_norms` (through exp) give them.
        A name that the style table knows ("rnn", "lstm", "gru") gives the line its colour.
    step : int
        Which step of a record; by default the last one measured.
    theory : array or mapping of str to array, optional
        What is predicted, in the order of time, drawn dashed; of several lines, by name.
    healthy : float, optional
        Shade the values within this factor of the first line's at lag 0.
    title : str
        By default the quantity.

    Returns
    -------
    Plot
        Lag 0 is the last time step. Each label says how many decades are lost per step.

    Raises
    ------
    GradcourseError
        If a record has no recurrent layer, or a theory has another length.
    """
    rows = _rows(record, step)
    named = [
        _line(name, row, color_of(name, index)) for index, (name, row) in enumerate(rows.items())
    ]
    bands: tuple[Band, ...] = ()
    if healthy is not None:
        newest_last = Line(named[0].x, np.asarray(named[0].y)[::-1], named[0].label)
        bands = (healthy_band(newest_last, healthy, "lag 0"),)
    lines = [*named, *theory_lines(named, theory, np.flip)]
    measured = [_with_slope(line) if line.role == "measured" else line for line in lines]
    return Plot(
        title=title or "Gradient norm by time lag",
        x=Axis("lag (time steps back from the last)"),
        y=Axis("‖gradient‖", "log"),
        lines=tuple(measured),
        bands=bands,
    )


def _rows(record: Record | Mapping[str, Record | ArrayLike], step: int) -> dict[str, np.ndarray]:
    """Norms in the order of time, by the name of their line."""
    given = by_name("lag_plot", record, "", _EXPECTED)
    rows: dict[str, np.ndarray] = {}
    for name, one in given.items():
        one = still(one)
        tables = getattr(one, "lag_gradient", None)
        if tables is None:
            rows[name] = numbers("lag_plot", one, _EXPECTED)
            continue
        if not tables:
            raise GradcourseError(
                "The record holds no gradient against time lag: the model has no nn.RNN, nn.LSTM "
                "or nn.GRU, or the probe's level was 'gradients'."
            )
        # The gradients arrive from the last layer to the first.
        order = [layer for layer in getattr(one, "layers", ()) if layer in tables]
        layers = list(dict.fromkeys([*order, *tables]))
        for layer, short in zip(layers, short_names(layers), strict=True):
            label = name if name and len(tables) == 1 else f"{name} {short}".strip()
            rows[label] = chosen_row(tables[layer], step)
    for name, row in rows.items():
        if row.ndim != 1 or not len(row):
            raise GradcourseError(
                f"The norms of {name!r} have shape {row.shape}; expected one for each time step."
            )
    return rows


_EXPECTED = "a record of a probe, or norms in order of time"


def _line(name: str, row: np.ndarray, color: str) -> Line:
    # Left of a sequence shorter than the longest there is nothing.
    first = int(np.argmax(~np.isnan(row))) if not np.isnan(row).all() else 0
    row = row[first:]
    return Line(np.arange(len(row)), row[::-1], name, "measured", color)


def _with_slope(line: Line) -> Line:
    y = np.asarray(line.y)
    keep = np.flatnonzero(np.isfinite(y) & (y > 0))
    if len(keep) < 3:
        return line
    slope = float(np.polyfit(keep, np.log10(y[keep]), 1)[0])
    sign = "−" if slope < 0 else "+"
    label = f"{line.label} ({sign}{abs(slope):.2g} decades/step)".strip()
    return replace(line, label=label)
