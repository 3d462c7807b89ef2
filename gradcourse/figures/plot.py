"""A figure as data: lines with a role, bands, axes, and the sentence that says what is seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

Role = Literal["measured", "theory", "reference"]
Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Axis:
    """One axis: its label with the unit, its scale, and its limits (None: from the data)."""

    label: str
    scale: Scale = "linear"
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class Line:
    """One line.

    Attributes
    ----------
    x, y : array of float, shape (n,)
        The points; NaN leaves a gap. On a log axis an exact 0 is drawn on a strip of its own
        at the foot of the picture, labelled 0: a gradient that is 0 is not a small gradient.
    label : str
        For the legend and the alt text.
    role : {"measured", "theory", "reference"}
        Measured is solid, theory dashed, reference thin and grey.
    color : str
        A key of the style table ("sigmoid", "tanh", "relu", "linear", "plain", "blue", …);
        a theory line takes the colour of the line it predicts.
    """

    x: ArrayLike
    y: ArrayLike
    label: str
    role: Role = "measured"
    color: str = "blue"

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", np.asarray(self.x, dtype=np.float64))
        object.__setattr__(self, "y", np.asarray(self.y, dtype=np.float64))


@dataclass(frozen=True)
class Band:
    """A shaded range of y, with its label: "healthy: 0.1 to 10"."""

    low: float
    high: float
    label: str


@dataclass(frozen=True)
class Plot:
    """Lines on a pair of axes. Drawn by matplotlib (`to_matplotlib`) or live by `LivePlot`."""

    title: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    bands: tuple[Band, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A heat map: ``values[i, j]`` in the cell at row ``rows[i]`` and column ``columns[j]``.

    Attributes
    ----------
    values : array of float, shape (n_rows, n_columns)
        NaN is drawn in the background's colour.
    rows, columns : array of float
        Coordinates of the cell centres, evenly spaced.
    x, y : Axis
        Labels of the columns and of the rows.
    color_label : str
        What the colour means, with the unit.
    """

    title: str
    x: Axis
    y: Axis
    values: ArrayLike
    rows: ArrayLike
    columns: ArrayLike
    color_label: str
    lines: tuple[Line, ...] = ()
