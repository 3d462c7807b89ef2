"""Singular values over any number of decades."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from gradcourse.figures.line import Axis, Line
from gradcourse.figures.of_a_record.from_record import by_name, color_of, numbers, theory_lines
from gradcourse.figures.plot import Plot
from gradcourse.support import GradcourseError

_LOGS = "logs of singular values: gc.jacobian_spectrum(model, x)"


def spectrum_plot(
    log_singular_values: ArrayLike | Mapping[str, ArrayLike],
    *,
    theory: ArrayLike | Mapping[str, ArrayLike] | None = None,
    title: str = "",
) -> Plot:
    """Plot singular values from the largest to the smallest.

    Parameters
    ----------
    log_singular_values : array, shape (n,), or mapping of str to array
        Natural logs, as `jacobian_spectrum`, `lag_spectrum` and `product_log_singular_values`
        give them; several by name, for one line each.
    theory : array or mapping of str to array, optional
        Natural logs that are predicted, drawn dashed. For a product of L matrices with N(0, s²)
        entries: ``L * theory.ginibre_exponents(n, s)``.
    title : str
        By default made from the number of decades.

    Returns
    -------
    Plot
        The axis shows decades, since the values themselves leave every float format. A label
        counts those that are exactly 0.

    Raises
    ------
    GradcourseError
        If nothing is finite, or a theory has another length.
    """
    rows = by_name("spectrum_plot", log_singular_values, "measured", _LOGS)
    lines, widest = [], 0.0
    for index, (name, logs) in enumerate(rows.items()):
        decades = np.sort(numbers("spectrum_plot", logs, _LOGS).ravel())[::-1] / np.log(10)
        finite = np.isfinite(decades)
        if not finite.any():
            raise GradcourseError(f"No singular value of {name!r} is finite and above 0.")
        widest = max(widest, float(np.ptp(decades[finite])))
        y = np.where(finite, decades, np.nan)
        lines.append(Line(np.arange(1, len(y) + 1), y, name, "measured", color_of(name, index)))
    predicted = theory_lines(lines, theory, lambda logs: logs / np.log(10))
    shown = [_with_zeros(line) for line in lines]
    return Plot(
        title=title or f"Singular values over {widest:.{0 if widest > 9 else 1}f} decades",
        x=Axis("singular value (1 = largest)"),
        y=Axis("log₁₀ of the singular value"),
        lines=(*shown, *predicted),
    )


def _with_zeros(line: Line) -> Line:
    zeros = int(np.isnan(np.asarray(line.y)).sum())
    if not zeros:
        return line
    return replace(line, label=f"{line.label}; {zeros} of {np.size(line.y)} are exactly 0")
