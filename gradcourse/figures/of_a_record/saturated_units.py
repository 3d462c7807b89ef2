"""Saturated and dead units, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gradcourse.figures.line import Axis, Line
from gradcourse.figures.of_a_record.from_record import check_record, chosen_row, still
from gradcourse.figures.plot import Plot
from gradcourse.support import GradcourseError

if TYPE_CHECKING:
    from gradcourse.instrument import Record

_SHARES = (
    ("saturated_fraction", "saturated: slope below 5 % of the largest", "vermillion"),
    ("dead_fraction", "dead: a unit that is 0 on the whole batch", "black"),
    ("zero_fraction", "zero: outputs that are exactly 0", "green"),
)


def saturation_plot(record: Record, *, step: int = -1, title: str = "") -> Plot:
    """Plot the share of saturated outputs, of dead units and of zeros, by layer.

    Parameters
    ----------
    record : Record
        Probed at level "standard" or "everything".
    step : int
        Which step; by default the last one measured.
    title : str
        By default the quantity.

    Returns
    -------
    Plot
        Only layers that can saturate or die count: sigmoid and tanh, ReLU and its kin, as modules
        or called as functions (see `gradcourse.probe`). A share that no layer has makes no line.

    Raises
    ------
    GradcourseError
        If no layer can saturate or die, or the step is not in the record.
    """
    check_record("saturation_plot", record, *(name for name, _, _ in _SHARES))
    record = still(record)
    rows = {name: chosen_row(np.asarray(getattr(record, name)), step) for name, _, _ in _SHARES}
    layers = np.flatnonzero(~np.isnan(np.stack(list(rows.values()))).all(axis=0))
    if not len(layers):
        raise GradcourseError(
            "The record has no layer that can saturate or die. Probed at level 'standard', it "
            "knows sigmoid, tanh and ReLU-like modules; called as functions (torch.tanh, F.relu) "
            "it sees those three where a layer takes their result, or the model returns it. Of "
            "GELU, x.clamp(min=0) and others it does not know when they are flat."
        )
    lines = [
        Line(np.arange(1, len(layers) + 1), 100 * rows[name][layers], label, "measured", color)
        for name, label, color in _SHARES
        if not np.isnan(rows[name][layers]).all()
    ]
    return Plot(
        title=title or "Saturated and dead units by layer",
        x=Axis("activation layer (1 = nearest to the input)"),
        y=Axis("share (%)", limits=(-3.0, 103.0)),
        lines=tuple(lines),
    )
