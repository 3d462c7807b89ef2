"""What a Layout is made of: lines, bands, cells and labels, ready to draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradcourse.figures.layout.scale import STRIP, Array, Scale
from gradcourse.figures.style import Hue, Stroke


@dataclass(frozen=True)
class Series:
    """One line, ready to draw.

    Attributes
    ----------
    marks : tuple of int
        Indices of the points that carry the hue's marker.
    width : float
        In points. A measured line under a theory line is broad, so that the dashes of the theory
        stay visible where the two coincide.
    halo : float
        How many points of another colour lie on either side, so that the line stands out from
        what it crosses.
    edge : str
        That colour; empty for the page's.
    direct : bool
        Whether the label stands beside the line; otherwise it is in the legend.
    """

    x: Array
    y: Array
    label: str
    role: str
    hue: Hue
    stroke: Stroke
    width: float
    marks: tuple[int, ...]
    direct: bool
    halo: float = 0.0
    edge: str = ""
    note: Note | None = None


@dataclass(frozen=True)
class Note:
    """A label inside the axes: where its middle or end lies, as shares of width and height."""

    text: str
    across: float
    up: float
    anchor: str = "left"


@dataclass(frozen=True)
class Zone:
    """A band in axis units."""

    low: float
    high: float
    label: str
    note: Note = Note("", 0.0, 0.0)


@dataclass(frozen=True)
class Cells:
    """The cells of a Picture.

    Attributes
    ----------
    values : array, shape (n_rows, n_columns)
        NaN is a gap, through which the page is seen.
    across, up : (float, float)
        The outer edges of the first and the last column, and of the first and the last row, in
        axis units.
    color : Scale
        The colour bar.
    signed : bool
        Whether it diverges from the middle.
    """

    values: Array
    across: tuple[float, float]
    up: tuple[float, float]
    color: Scale
    signed: bool = False

    @property
    def shares(self) -> Array:
        """Where each value lies on the colour bar: 0 at its low end, 1 at its high end."""
        low, high = self.color.low, self.color.high
        return np.clip((self.values - low) / (high - low), 0.0, 1.0)  # (n_rows, n_columns)


@dataclass(frozen=True)
class Layout:
    """A figure, ready to draw. ``series`` are in the order in which they are painted."""

    x: Scale
    y: Scale
    series: tuple[Series, ...]
    zones: tuple[Zone, ...]
    order: tuple[str, ...] = ()
    cells: Cells | None = None

    def foot(self, one: Series) -> float | None:
        """Where on the y axis a line's exact zeros lie, or None if it has none.

        Lines with zeros share the strip, each in a lane of its own: one must not hide another.
        """
        if self.y.zero is None or not np.isneginf(one.y).any():
            return None
        sharing = [other for other in self.series if np.isneginf(other.y).any()]
        lane = next(index for index, other in enumerate(sharing) if other is one)
        step = STRIP * abs(self.y.high - self.y.low) * min(0.3, 0.8 / len(sharing))
        return self.y.zero + step * ((len(sharing) - 1) / 2 - lane)
