"""Points with names: hits against false alarms, say."""

from __future__ import annotations

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

        # Between the diagonal, which would cross them, and the points.
        box = {"facecolor": INK.background, "edgecolor": "none", "pad": 0.5}
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
            axes.plot(
                [0, end], [0, end], color=hue("grey").light, linestyle=":", linewidth=1.2, zorder=1
            )
            place = 0.65 * end
            axes.text(place, place - 0.03 * (high - low), self.diagonal, color=INK.muted)
        for point in self.points:
            shape = hue(point.color)
            size = 7 if point.name else 4
            axes.plot([point.x], [point.y], shape.marker.code, color=shape.light, markersize=size)
        for point, across, up, side in _beside(self):
            axes.annotate(
                point.name,
                (point.x, point.y),
                xytext=(across, up),
                fontsize=FONT_POINTS - 2,
                color=INK.text,
                ha=side,
                va="center",
                bbox=box,
                zorder=1.5,
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


_LETTER, _ROW, _MARK = 0.0118, 0.032, 0.012
"""Width of a letter, height of a row and half a marker, as shares of the axes' sides."""


def _beside(scatter: Scatter) -> list[tuple[Point, float, float, str]]:
    """Return each named point with the place of its name and the side at which that begins.

    A name stands beside its point, or a row higher or lower, or on the other side: where the
    least lies below it. Each is placed three times, the others where they were left.
    """
    left, right, low, high = scatter.limits
    marks = [((p.x - left) / (right - left), (p.y - low) / (high - low)) for p in scatter.points]
    named = [(one, *at) for one, at in zip(scatter.points, marks, strict=True) if one.name]
    taken: dict[int, tuple[float, float, float]] = {}

    def cost(which: int, start: float, end: float, up: float) -> float:
        others = [place for other, place in taken.items() if other != which]
        names = sum(start < e and b < end and abs(y - up) < _ROW for b, e, y in others)
        covered = sum(
            start - _MARK < x < end + _MARK and abs(y - up) < (_ROW + _MARK) / 2 for x, y in marks
        )
        rows = [low + (up + half) * (high - low) for half in (-_ROW / 3, _ROW / 3)]
        first, last = ((row - left) / (right - left) for row in rows)
        crossed = bool(scatter.diagonal) and first < end and start < last
        outside = start < 0 or end > 1 or up < _ROW / 2 or up > 1 - _ROW / 2
        away = abs(up - named[which][2]) / _ROW
        return 9 * (outside + names) + 3 * covered + crossed + 0.2 * away

    longest_first = sorted(range(len(named)), key=lambda which: -len(named[which][0].name))
    for which in 3 * longest_first:
        point, x, y = named[which]
        width = _LETTER * len(point.name)
        sides = (x + 0.02, x - 0.02 - width)
        places = [
            (start, start + width, y + by * _ROW)
            for start in (reversed(sides) if point.left else sides)
            for by in (0.0, 0.5, -0.5, 0.9, -0.9, 1.3, -1.3)
        ]
        taken[which] = min(places, key=lambda place: cost(which, *place))
    return [
        (
            point,
            point.x + (0.02 if taken[which][0] > x else -0.02) * (right - left),
            low + taken[which][2] * (high - low),
            "left" if taken[which][0] > x else "right",
        )
        for which, (point, x, _) in enumerate(named)
    ]
