"""Points with names: hits against false alarms, say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gradcourse.figures.describe import number
from gradcourse.figures.plot import Displayed
from gradcourse.figures.style import FONT_POINTS, THEMES, TITLE_POINTS, hue

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gradcourse.figures.plot import Picture, Plot

INK = THEMES["light"]


@dataclass(frozen=True)
class Point:
    """One point; without a name it is drawn small. Its name stands right or left of it."""

    x: float
    y: float
    name: str = ""
    color: str = "blue"
    left: bool = False


@dataclass(frozen=True)
class Scatter(Displayed):
    """Points with their names beside them, and a diagonal for comparison.

    Attributes
    ----------
    title, x, y : str
        Headline, and what the axes mean.
    points : tuple of Point
    limits : (float, float, float, float)
        Of x, then of y.
    key : tuple of (str, str)
        What each colour means: colour, words.
    diagonal : str
        What lies on x = y; empty for no line.
    key_at : {"upper right", "center right"}
        Where the key stands, in matplotlib's words.
    """

    title: str
    x: str
    y: str
    points: tuple[Point, ...]
    limits: tuple[float, float, float, float]
    key: tuple[tuple[str, str], ...] = ()
    diagonal: str = ""
    key_at: Literal["upper right", "center right"] = "upper right"

    @property
    def alt(self) -> str:
        """The alternative text: every named point."""
        named = "; ".join(
            f"{p.name} at {number(p.x)} and {number(p.y)}" for p in self.points if p.name
        )
        return f"{self.title}. {self.x} against {self.y}. {named}."

    def to_matplotlib(self) -> Figure:
        """Draw in a new Figure of 6.4 × 5 inches."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6.4, 5.0), layout="constrained", facecolor=INK.background)
        axes = figure.subplots()
        left, right, low, high = self.limits
        axes.set(xlim=(left, right), ylim=(low, high), xlabel=self.x, ylabel=self.y)
        axes.set_title(self.title, loc="left", fontsize=TITLE_POINTS)
        axes.grid(color=INK.grid, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        if self.diagonal:
            end = min(right, high)
            axes.plot([0, end], [0, end], color=hue("grey").light, linestyle=":", linewidth=1.2)
            place = 0.65 * end
            axes.text(place, place - 0.03 * (high - low), self.diagonal, color=INK.muted)
        for point in self.points:
            shape = hue(point.color)
            size = 7 if point.name else 4
            axes.plot([point.x], [point.y], shape.marker.code, color=shape.light, markersize=size)
        named = [point for point in self.points if point.name]
        for point, at in zip(named, _spread(named, 0.042 * (high - low)), strict=True):
            beside = -0.02 if point.left else 0.02
            axes.annotate(
                point.name,
                (point.x, point.y),
                xytext=(point.x + beside * (right - left), at),
                fontsize=FONT_POINTS - 2,
                color=INK.text,
                ha="right" if point.left else "left",
                va="center",
            )
        for color, words in self.key:
            shape = hue(color)
            axes.plot([], [], shape.marker.code, color=shape.light, label=words)
        if self.key:
            axes.legend(loc=self.key_at, frameon=False, fontsize=FONT_POINTS - 2)
        return figure

    def parts(self) -> tuple[Plot | Picture, ...]:
        """It is no plot of lines."""
        return ()

    def __repr__(self) -> str:
        return f"Scatter({self.alt!r})"


def _spread(points: Sequence[Point], gap: float) -> list[float]:
    """Heights of the names, moved apart where points lie close to each other."""
    at = {id(point): point.y for point in points}
    for lower in sorted(points, key=lambda p: p.y):
        for upper in sorted(points, key=lambda p: p.y):
            close = abs(upper.x - lower.x) < 12 and upper is not lower and upper.y >= lower.y
            if close and at[id(upper)] - at[id(lower)] < gap:
                at[id(upper)] = at[id(lower)] + gap
    return [at[id(point)] for point in points]
