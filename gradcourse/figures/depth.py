"""From a Record to figures: a quantity against depth, and histograms layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.figures.plot import Axis, Line, Picture, Plot
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
        Which step of the record; by default the last.
    title : str
        By default made from the quantity.

    Returns
    -------
    Plot

    Raises
    ------
    GradcourseError
        If the quantity, the step or the kind is not in the record.
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
    where = "weight matrix" if weights else f"{kind or ''} layer".strip()
    return Plot(
        title=title or f"{QUANTITIES[quantity]} by depth",
        x=Axis(f"{where} (1 = nearest to the input)"),
        y=Axis(QUANTITIES[quantity], "log"),
        lines=tuple(lines),
    )


_IN_ORDER = ("blue", "vermillion", "green", "orange", "purple", "sky", "brown", "navy")


def _line(
    name: str, record: Record, quantity: str, kind: str | None, step: int, index: int
) -> Line:
    from gradcourse.figures.style import HUES

    table = np.abs(getattr(record, quantity))
    if not -len(table) <= step < len(table):
        raise GradcourseError(f"The record has {len(table)} steps; step {step} is not one of them.")
    row = table[step] if kind is None else table[step, record.select(kind)]
    color = name if name in HUES else _IN_ORDER[index % len(_IN_ORDER)]
    return Line(np.arange(1, len(row) + 1), row, name, "measured", color)


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
        Which step of a record; by default the last.

    Returns
    -------
    Picture
        Columns are exponents of two, rows layers from the input up, the colour the percentage of
        a layer's gradients in [2^e, 2^(e + 1)).

    Raises
    ------
    GradcourseError
        If no layer has a gradient that is neither 0 nor NaN nor Inf.
    """
    if isinstance(histograms, Mapping):
        rows = list(histograms.values())
    else:
        every = list(histograms.log2_histograms.values())
        if not -len(every[0]) <= step < len(every[0]):
            raise GradcourseError(f"The record has {len(every[0])} steps; step {step} is none.")
        rows = [one[step] for one in every]
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
