"""Histograms of the gradients' sizes, layer by layer: as ridges, and as a heat map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.figures.line import Axis, Line
from gradcourse.figures.of_a_record.from_record import by_name, check_record, still
from gradcourse.figures.plot import Picture, Plot
from gradcourse.support import GradcourseError

if TYPE_CHECKING:
    from gradcourse.instrument import Log2Histogram, Record

_EXPONENT, _LAYER = "log₂ |gradient|", "layer (1 = nearest to the input)"

_HEIGHT = 0.86
"""Height of the tallest ridge, in distances between two layers: ridges must not cross."""


@dataclass(frozen=True, repr=False)
class Ridge(Plot):
    """A Plot whose one line runs along every layer's histogram in turn."""

    summary: str = ""

    @cached_property
    def alt(self) -> str:
        """The alternative text: where the gradients of the first and the last layer lie."""
        return self.summary


def ridge_plot(
    histograms: Record | Mapping[str, Log2Histogram], *, step: int = -1, title: str = ""
) -> Ridge:
    """Plot the log₂ histogram of each layer's gradients, one ridge above the other.

    Parameters
    ----------
    histograms : Record or mapping of str to Log2Histogram
        A record probed with ``level="everything"``, or one histogram for each layer, in order.
    step : int
        Which of the steps that have histograms; by default the last.
    title : str
        By default made from the share of exact zeros.

    Returns
    -------
    Ridge
        A Plot: across, the power of two; upwards, the layers from the input on. A ridge's height
        is the share of its layer's gradients in [2^e, 2^(e + 1)), on one scale for all.

    Raises
    ------
    GradcourseError
        If it is no record and no histograms, no layer has a gradient that is neither 0 nor NaN nor
        Inf, or the step is not there.
    """
    rows = _rows("ridge_plot", histograms, step)
    shares = [row.counts / max(1, row.total) for row in rows]
    tallest = max(float(share.max()) for share in shares if len(share))
    x, y = [], []
    for layer, (row, share) in enumerate(zip(rows, shares, strict=True), start=1):
        if not len(share):
            continue
        e = row.exponents
        x += [float(e[0]) - 0.5, *(e + 0.5), float(e[-1]) + 1.5, float(e[-1]) + 1.5]
        y += [float(layer), *(layer + _HEIGHT * share / tallest), float(layer), np.nan]
    title = title or _title(rows)
    return Ridge(
        title=title,
        x=Axis(_EXPONENT),
        y=Axis(_LAYER, limits=(0.7, len(rows) + 1.1)),
        lines=(Line(x, y, "share of the layer's gradients"),),
        summary=f"{title}: {_described(rows)}.",
    )


def _described(rows: list[Log2Histogram]) -> str:
    clauses = []
    for layer, row in ((1, rows[0]), (len(rows), rows[-1])):
        if not len(row.exponents):
            clauses.append(f"layer {layer} has none that is finite and not 0")
            continue
        middle = int(row.exponents[np.searchsorted(np.cumsum(row.counts), row.counts.sum() / 2)])
        low, high = int(row.exponents[0]), int(row.exponents[-1]) + 1
        clauses.append(
            f"those of layer {layer} range from 2^{low} to 2^{high}, half of them below "
            f"2^{middle + 1}"
        )
    return "; ".join(dict.fromkeys(clauses))


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
    rows = _rows("histogram_picture", histograms, step)
    filled = [row for row in rows if len(row.exponents)]
    low = min(int(row.exponents[0]) for row in filled)
    high = max(int(row.exponents[-1]) for row in filled)
    values = np.zeros((len(rows), high - low + 1))  # (n_layers, n_exponents)
    for index, row in enumerate(rows):
        if len(row.exponents):
            start = int(row.exponents[0]) - low
            values[index, start : start + len(row.counts)] = 100 * row.counts / row.total
    return Picture(
        title=title or _title(rows),
        x=Axis(_EXPONENT),
        y=Axis(_LAYER),
        values=np.where(values > 0, values, np.nan),
        rows=np.arange(1, len(rows) + 1),
        columns=np.arange(low, high + 1),
        color_label="gradients of the layer (%)",
    )


def _title(rows: list[Log2Histogram]) -> str:
    share = 100 * sum(row.zeros for row in rows) / max(1, sum(row.total for row in rows))
    return f"Size of the gradients by layer; {share:.0f} % are exactly 0"


def _rows(
    figure: str, given: Record | Mapping[str, Log2Histogram], step: int
) -> list[Log2Histogram]:
    """Return one histogram for each layer, of one step if they come from a record."""
    rows = (
        _of_mapping(figure, given) if isinstance(given, Mapping) else _of_step(figure, given, step)
    )
    if not any(np.any(row.counts) for row in rows):
        raise GradcourseError(
            f"None of the {len(rows)} histograms holds a number with an exponent: every gradient "
            "is 0, NaN or Inf."
        )
    return rows


def _of_mapping(figure: str, given: Mapping[str, Log2Histogram]) -> list[Log2Histogram]:
    expected = "one log2_histogram for each layer, or the record of a probe"
    for name, row in by_name(figure, given, "", expected).items():
        if not (hasattr(row, "exponents") and hasattr(row, "counts")):
            raise GradcourseError(
                f"{figure} got {type(row).__name__!r} as {name!r}; it takes {expected}."
            )
    return list(given.values())


def _of_step(figure: str, record: Record, step: int) -> list[Log2Histogram]:
    check_record(figure, record, "log2_histograms")
    layers = list(still(record).log2_histograms.values())
    if not -len(layers[0]) <= step < len(layers[0]):
        raise GradcourseError(
            f"The record has histograms of {len(layers[0])} steps; step {step} is none of them."
        )
    return [steps[step] for steps in layers]
