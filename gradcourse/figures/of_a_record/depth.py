"""A quantity of a Record against depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from gradcourse.figures.line import Axis, Line
from gradcourse.figures.of_a_record.from_record import (
    check_record,
    chosen_row,
    color_of,
    healthy_band,
    theory_lines,
)
from gradcourse.figures.plot import Plot
from gradcourse.support import GradcourseError

if TYPE_CHECKING:
    from gradcourse.instrument import Record

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


def _line(
    name: str, record: Record, quantity: str, kind: str | None, step: int, index: int
) -> Line:
    check_record("depth_plot", record, quantity)
    row = chosen_row(np.abs(getattr(record, quantity)), step)
    if kind is not None:
        row = row[record.select(kind)]
    return Line(np.arange(1, len(row) + 1), row, name, "measured", color_of(name, index))
