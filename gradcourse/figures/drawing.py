"""Drawings that are no measurement: boxes, arrows and curves from a few lines of code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from gradcourse.figures.plot import Displayed
from gradcourse.figures.style import FONT_POINTS, THEMES, hue

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gradcourse.figures.plot import Picture, Plot

INK = THEMES["light"]


@dataclass(frozen=True)
class Box:
    """A rectangle with words; ``x, y`` is its middle, in inches from the upper left corner."""

    x: float
    y: float
    width: float
    height: float
    text: str
    color: str = "grey"
    filled: bool = False


@dataclass(frozen=True)
class Arrow:
    """From one place to another, with a word beside it; ``color`` is one of the style table.

    ``width`` is that of the line, in points; ``head`` says whether there is one.
    """

    start: tuple[float, float]
    end: tuple[float, float]
    text: str = ""
    color: str = ""
    width: float = 1.4
    head: bool = True

    @property
    def ink(self) -> str:
        """Its colour in the light theme."""
        return hue(self.color).light if self.color else INK.muted


@dataclass(frozen=True, eq=False)
class Curve:
    """A line through points, in inches from the upper left corner; arrays of shape (n,)."""

    x: ArrayLike
    y: ArrayLike
    color: str = "blue"


@dataclass(frozen=True)
class Drawing(Displayed):
    """Boxes, arrows and curves.

    Attributes
    ----------
    width, height : float
        In inches.
    boxes : tuple of Box
    arrows : tuple of Arrow
    words : str
        The alternative text: what is drawn, in full.
    curves : tuple of Curve
    """

    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    words: str
    curves: tuple[Curve, ...] = ()

    @property
    def alt(self) -> str:
        """The alternative text."""
        return self.words

    def to_matplotlib(self) -> Figure:
        """Draw in a new Figure of its size."""
        from matplotlib.figure import Figure
        from matplotlib.patches import FancyBboxPatch

        figure = Figure(figsize=(self.width, self.height), facecolor=INK.background)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        axes.set_xlim(0.0, self.width)
        axes.set_ylim(self.height, 0.0)
        for arrow in self.arrows:
            axes.annotate(
                "",
                xy=arrow.end,
                xytext=arrow.start,
                arrowprops={
                    "arrowstyle": "-|>" if arrow.head else "-",
                    "color": arrow.ink,
                    "lw": arrow.width,
                    "shrinkA": 0 if arrow.width > 2 else 2,
                    "shrinkB": 0 if arrow.width > 2 else 2,
                },
            )
            middle = [(a + b) / 2 for a, b in zip(arrow.start, arrow.end, strict=True)]
            axes.text(middle[0] + 0.06, middle[1] - 0.06, arrow.text, fontsize=9, color=arrow.ink)
        for curve in self.curves:
            axes.plot(
                np.asarray(curve.x), np.asarray(curve.y), color=hue(curve.color).light, lw=1.8
            )
        for box in self.boxes:
            color = hue(box.color).light
            axes.add_patch(
                FancyBboxPatch(
                    (box.x - box.width / 2, box.y - box.height / 2),
                    box.width,
                    box.height,
                    boxstyle="round,pad=0,rounding_size=0.07",
                    facecolor=color if box.filled else INK.background,
                    edgecolor=color,
                    linewidth=1.6,
                )
            )
            axes.text(
                box.x,
                box.y,
                box.text,
                ha="center",
                va="center",
                fontsize=FONT_POINTS - 1.5,
                linespacing=1.25,
                color=INK.background if box.filled else INK.text,
            )
        return figure

    def parts(self) -> tuple[Plot | Picture, ...]:
        """A drawing is no plot."""
        return ()

    def __repr__(self) -> str:
        return f"Drawing({self.alt!r})"
