"""From a Record to figures: a quantity against depth, and histograms layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from gradcourse.figures.given import check_record, histograms_of
from gradcourse.figures.line import Axis, Band, Line
from gradcourse.figures.plot import Picture, Plot
from gradcourse.support import GradcourseError

if TYPE_CHECKING:
    from gradcourse.instrument import Log2Histogram, Record

QUANTITIES: dict[str, str] = {
    "output_gradient_norm": "‖∂ℒ/∂output‖",
    "output_gradient_rms": "∂ℒ/∂output, root mean square",
    "weight_gradient_norm": "‖∂ℒ/∂W‖",
    "weight_gradient_rms": "∂ℒ/∂W, root mean square",
    "activation_norm": "‖output‖",
    "activation_rms": "output, root mean square",
    "activation_std": "output, standard deviation",
    "mean_slope": "mean slope φ′",
}
"""What `depth_plot` can show: an attribute of `Record`, and the label of its axis."""


def depth_plot(
    record: Record | Mapping[str, Record],
    quantity: str = "weight_gradient_norm",
    *,
    kind: str | None = None,
    step: int = -1,
    theory: ArrayLike | Mapping[str, ArrayLike] | None = None,
    healthy: float | None = None,
    title: str = "",
) -> Plot:
    """Plot one quantity against depth, on a log axis.

    Parameters
    ----------
    record : Record or mapping of str to Record
        What a probe measured; or several, by name, for one line each. A name that the style table
        knows ("sigmoid", "residual", …) gives the line its colour.
    quantity : str
        One of `QUANTITIES`. Those that start with "weight" have one point for each weight matrix,
        the others one for each layer.
    kind : str, optional
        Only layers of this class, "Linear" or "Sigmoid"; not for weights.
    step : int
        Which step of the record; by default the last one at which the quantity was measured.
    theory : array or mapping of str to array, optional
        What is predicted at each point, drawn dashed; of several records, by name.
    healthy : float, optional
        Shade the values within this factor of the first record's last point: 10 for the band
        from a tenth of the output's to ten times as much. Relative, so it does not move with the
        size of the loss.
    title : str
        By default made from the quantity.

    Returns
    -------
    Plot

    Raises
    ------
    GradcourseError
        If the quantity, the step or the kind is not in the record, or a theory has another
        length.
    """
    if quantity not in QUANTITIES:
        raise GradcourseError(
            f"depth_plot was asked for {quantity!r}; it knows {', '.join(QUANTITIES)}."
        )
    weights = quantity.startswith("weight")
    if weights and kind is not None:
        raise GradcourseError(f"{quantity} belongs to weights, not to layers: leave kind out.")
    records = dict(record) if isinstance(record, Mapping) else {"measured": record}
    lines = [
        _line(name, one, quantity, kind, step, index)
        for index, (name, one) in enumerate(records.items())
    ]
    bands = () if healthy is None else (healthy_band(lines[0], healthy, "the last"),)
    lines += theory_lines(lines, theory)
    where = "weight matrix" if weights else f"{kind or ''} layer".strip()
    return Plot(
        title=title or f"{QUANTITIES[quantity]} by depth",
        x=Axis(f"{where} (1 = nearest to the input)"),
        y=Axis(QUANTITIES[quantity], "log"),
        lines=tuple(lines),
        bands=bands,
    )


def theory_lines(
    measured: list[Line], theory: ArrayLike | Mapping[str, ArrayLike] | None
) -> list[Line]:
    """Return a dashed line for each prediction, in the colour of the line that it predicts."""
    if theory is None:
        return []
    by_name = theory if isinstance(theory, Mapping) else {measured[0].label: theory}
    lines = {line.label: line for line in measured}
    found = []
    for name, values in by_name.items():
        if name not in lines:
            raise GradcourseError(
                f"theory has an entry {name!r}, but the lines are: {', '.join(lines)}."
            )
        line, predicted = lines[name], np.asarray(values, dtype=np.float64)
        if predicted.shape != np.shape(line.x):
            raise GradcourseError(
                f"theory of {name!r} has shape {predicted.shape}; the line has "
                f"{np.size(line.x)} points."
            )
        label = "theory" if len(measured) == 1 else f"{name}, theory"
        found.append(Line(line.x, predicted, label, "theory", line.color))
    return found


def healthy_band(line: Line, factor: float, end_name: str) -> Band:
    """Return the band within a factor of a line's last finite, positive point."""
    if not factor > 1:
        raise GradcourseError(f"healthy is {factor}; expected a factor above 1, such as 10.")
    y = np.asarray(line.y)
    usable = y[np.isfinite(y) & (y > 0)]
    if not len(usable):
        raise GradcourseError(f"No point of {line.label!r} is positive, so there is no band.")
    end = float(usable[-1])
    return Band(end / factor, end * factor, f"healthy: within {factor:g} times {end_name}")


def chosen_row(table: np.ndarray, step: int) -> np.ndarray:
    """Return one step's row; by default (-1) the last in which something was measured."""
    if not -len(table) <= step < len(table):
        raise GradcourseError(f"The record has {len(table)} steps; step {step} is not one of them.")
    measured = np.flatnonzero(~np.isnan(table).all(axis=1))
    if step == -1 and len(measured):
        return np.asarray(table[measured[-1]])
    return np.asarray(table[step])


def color_of(name: str, index: int) -> str:
    """Return a name's own colour if the style table has one, else the next in order."""
    from gradcourse.figures.style import HUES

    return name if name in HUES else _IN_ORDER[index % len(_IN_ORDER)]


_IN_ORDER = ("blue", "vermillion", "green", "orange", "purple", "sky", "brown", "navy")


def _line(
    name: str, record: Record, quantity: str, kind: str | None, step: int, index: int
) -> Line:
    check_record("depth_plot", record, quantity)
    row = chosen_row(np.abs(getattr(record, quantity)), step)
    if kind is not None:
        row = row[record.select(kind)]
    return Line(np.arange(1, len(row) + 1), row, name, "measured", color_of(name, index))


def histogram_picture(
    histograms: Record | Mapping[str, Log2Histogram], title: str = "", step: int = -1
) -> Picture:
    """Show how large the gradients are, layer by layer, as a heat map.

    Parameters
    ----------
    histograms : Record or mapping of str to Log2Histogram
        A record probed with ``level="everything"``, or one histogram for each layer, in order.
    title : str
        By default made from the share of exact zeros.
    step : int
        Which of the steps of a record that have histograms; by default the last.

    Returns
    -------
    Picture
        Columns are exponents of two, rows layers from the input up, the colour the percentage of
        a layer's gradients in [2^e, 2^(e + 1)).

    Raises
    ------
    GradcourseError
        If it is no record and no histograms, no layer has a gradient that is neither 0 nor NaN nor
        Inf, or the step is not there.
    """
    rows = histograms_of("histogram_picture", histograms, step)
    filled = [row for row in rows if len(row.exponents)]
    if not filled:
        raise GradcourseError(
            f"None of the {len(rows)} histograms holds a number with an exponent: every gradient "
            "is 0, NaN or Inf."
        )
    low = min(int(row.exponents[0]) for row in filled)
    high = max(int(row.exponents[-1]) for row in filled)
    values = np.zeros((len(rows), high - low + 1))
    for index, row in enumerate(rows):
        if len(row.exponents):
            start = int(row.exponents[0]) - low
            values[index, start : start + len(row.counts)] = 100 * row.counts / row.total
    zeros = sum(row.zeros for row in rows)
    share = 100 * zeros / max(1, sum(row.total for row in rows))
    return Picture(
        title=title or f"Size of the gradients by layer; {share:.0f} % are exactly 0",
        x=Axis("log₂ |gradient|"),
        y=Axis("layer (1 = nearest to the input)"),
        values=np.where(values > 0, values, np.nan),
        rows=np.arange(1, len(rows) + 1),
        columns=np.arange(low, high + 1),
        color_label="gradients of the layer (%)",
    )
