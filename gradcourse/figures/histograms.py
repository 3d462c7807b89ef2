"""Histograms of the gradients' sizes, one ridge for each layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.figures.given import histograms_of
from gradcourse.figures.line import Axis, Line
from gradcourse.figures.plot import Plot
from gradcourse.support import GradcourseError

if TYPE_CHECKING:
    from gradcourse.instrument import Log2Histogram, Record

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
    rows = histograms_of("ridge_plot", histograms, step)
    shares = [row.counts / max(1, row.total) for row in rows]
    tallest = max((float(share.max()) for share in shares if len(share)), default=0.0)
    if not tallest:
        raise GradcourseError(
            f"None of the {len(rows)} histograms holds a number with an exponent: every gradient "
            "is 0, NaN or Inf."
        )
    x, y = [], []
    for layer, (row, share) in enumerate(zip(rows, shares, strict=True), start=1):
        if not len(share):
            continue
        e = row.exponents
        x += [float(e[0]) - 0.5, *(e + 0.5), float(e[-1]) + 1.5, float(e[-1]) + 1.5]
        y += [float(layer), *(layer + _HEIGHT * share / tallest), float(layer), np.nan]
    zeros = sum(row.zeros for row in rows) / max(1, sum(row.total for row in rows))
    title = title or f"Size of the gradients by layer; {100 * zeros:.0f} % are exactly 0"
    return Ridge(
        title=title,
        x=Axis("log₂ |gradient|"),
        y=Axis("layer (1 = nearest to the input)", limits=(0.7, len(rows) + 1.1)),
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
