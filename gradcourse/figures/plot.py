"""A figure as data: lines with a role, bands, axes, and the sentence that says what is seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradcourse.figures.describe import describe_picture, describe_plot
from gradcourse.figures.style import hue
from gradcourse.support import GradcourseError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Role = Literal["measured", "theory", "reference"]
Scale = Literal["linear", "log"]
Bundle = tuple[dict[str, Any], dict[str, Any]]

DPI = 144.0
"""Resolution of a stored picture; it is shown at half of that, so it stays crisp."""


@dataclass(frozen=True)
class Axis:
    """One axis: its label with the unit, its scale, and its limits (None: from the data)."""

    label: str
    scale: Scale = "linear"
    limits: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.scale not in get_args(Scale):
            raise GradcourseError(
                f"Axis {self.label!r}: scale is {self.scale!r}; expected 'linear' or 'log'."
            )
        if self.limits is None:
            return
        if len(self.limits) != 2 or not all(np.isfinite(self.limits)):
            raise GradcourseError(
                f"Axis {self.label!r}: limits are {self.limits}; expected two finite numbers."
            )
        if self.limits[0] == self.limits[1]:
            raise GradcourseError(f"Axis {self.label!r}: both limits are {self.limits[0]:g}.")
        if self.scale == "log" and min(self.limits) <= 0:
            raise GradcourseError(
                f"Axis {self.label!r}: limits {self.limits} on a log axis must be positive; "
                "an exact 0 in the data gets a strip of its own."
            )


@dataclass(frozen=True, eq=False)
class Line:
    """One line.

    Attributes
    ----------
    x, y : array of float, shape (n,)
        The points; NaN or inf in y leaves a gap. On a log axis an exact 0 is drawn on a strip of
        its own at the foot of the picture, labelled 0: a gradient that is 0 is not a small
        gradient.
    label : str
        For the legend and the alt text.
    role : {"measured", "theory", "reference"}
        Measured is solid, theory dashed, reference thin and grey.
    color : str
        A key of the style table ("sigmoid", "tanh", "relu", "linear", "plain", "blue", …);
        a theory line takes the colour of the line it predicts.

    Raises
    ------
    GradcourseError
        If x and y are not two vectors of the same length, x is not finite, or the role or the
        colour is unknown.
    """

    x: ArrayLike
    y: ArrayLike
    label: str
    role: Role = "measured"
    color: str = "blue"

    def __post_init__(self) -> None:
        x, y = (
            _numbers(self.x, f"x of line {self.label!r}"),
            _numbers(self.y, f"y of line {self.label!r}"),
        )
        if x.ndim != 1 or x.shape != y.shape or not len(x):
            raise GradcourseError(
                f"Line {self.label!r}: x has shape {x.shape} and y has shape {y.shape}; "
                "expected two vectors of the same length, at least 1."
            )
        if not np.isfinite(x).all():
            raise GradcourseError(
                f"Line {self.label!r}: x holds NaN or inf; put the gap into y instead."
            )
        if self.role not in get_args(Role):
            raise GradcourseError(
                f"Line {self.label!r}: role is {self.role!r}; expected one of {get_args(Role)}."
            )
        hue(self.color)
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", y)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Line) and _same(self, other)


@dataclass(frozen=True)
class Band:
    """A shaded range of y, with its label: "healthy: 0.1 to 10"."""

    low: float
    high: float
    label: str

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise GradcourseError(
                f"Band {self.label!r}: from {self.low} to {self.high}; expected low < high, "
                "both finite."
            )


class Displayed:
    """What Plot and Picture share: pictures for a notebook, with their alternative text."""

    title: str

    @property
    def alt(self) -> str:
        """The alternative text."""
        raise NotImplementedError

    def to_matplotlib(self, ax: Axes | None = None) -> Figure:
        """Draw with matplotlib.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default a new Figure of 6.4 × 4 inches.

        Returns
        -------
        matplotlib.figure.Figure
            The figure that holds the axes.
        """
        from gradcourse.figures.draw import draw

        return draw(self, ax)

    def to_png(self, dpi: float = DPI) -> bytes:
        """Return a PNG; the same data give the same bytes."""
        from gradcourse.figures.draw import png

        return png(self.to_matplotlib(), dpi)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Bundle:
        from gradcourse.figures.draw import bundle

        return bundle(self.to_matplotlib(), self.alt)


@dataclass(frozen=True)
class Plot(Displayed):
    """Lines on a pair of axes. Drawn by matplotlib (`to_matplotlib`) or live by `LivePlot`.

    Raises
    ------
    GradcourseError
        If there is no line, no finite point, or a log axis is given something it cannot show.
    """

    title: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    bands: tuple[Band, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "lines", tuple(self.lines))
        object.__setattr__(self, "bands", tuple(self.bands))
        if not any(np.isfinite(np.asarray(line.y)).any() for line in self.lines):
            raise GradcourseError(
                f"Plot {self.title!r} has no finite point in its {len(self.lines)} lines; "
                "there is nothing to draw."
            )
        for line in self.lines:
            self._check_log(line)
        if self.y.limits is not None and self.y.limits[0] > self.y.limits[1]:
            raise GradcourseError(
                f"Plot {self.title!r}: y limits {self.y.limits} run downwards; swap them. "
                "Only an x axis may be reversed."
            )
        for band in self.bands:
            if self.y.scale == "log" and band.high <= 0:
                raise GradcourseError(f"Band {band.label!r} lies below 0 on a log axis.")

    def _check_log(self, line: Line) -> None:
        if self.x.scale == "log" and np.min(line.x) <= 0:
            raise GradcourseError(
                f"Line {line.label!r}: x holds {np.min(line.x):g} on a log axis; "
                "expected positive numbers."
            )
        y = np.asarray(line.y)
        if self.y.scale == "log" and (y < 0).any():
            worst = int(np.flatnonzero(y < 0)[0])
            raise GradcourseError(
                f"Line {line.label!r}: y is {y[worst]:g} at point {worst} on a log axis; "
                "expected positive numbers or an exact 0. Plot the absolute value."
            )

    @cached_property
    def alt(self) -> str:
        """The alternative text: one clause for each line and band, from the data."""
        return describe_plot(self)

    def __repr__(self) -> str:
        return f"Plot({self.alt!r})"


@dataclass(frozen=True, eq=False)
class Picture(Displayed):
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
    lines : tuple of Line
        Drawn over the cells.
    color_limits : (float, float), optional
        The values at the two ends of the colour bar; by default those of the data.

    Raises
    ------
    GradcourseError
        If the shapes do not fit, nothing is finite, or the coordinates are not evenly spaced.
    """

    title: str
    x: Axis
    y: Axis
    values: ArrayLike
    rows: ArrayLike
    columns: ArrayLike
    color_label: str
    lines: tuple[Line, ...] = ()
    color_limits: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for name in ("values", "rows", "columns"):
            array = _numbers(getattr(self, name), f"{name} of picture {self.title!r}")
            object.__setattr__(self, name, array)
        object.__setattr__(self, "lines", tuple(self.lines))
        values, rows, columns = map(np.asarray, (self.values, self.rows, self.columns))
        if values.ndim != 2 or values.shape != (len(rows), len(columns)):
            raise GradcourseError(
                f"Picture {self.title!r}: values have shape {values.shape}; expected "
                f"({len(rows)}, {len(columns)}), one row for each of rows and one column for "
                "each of columns."
            )
        if not np.isfinite(values).any():
            raise GradcourseError(f"Picture {self.title!r} has no finite value to draw.")
        for name, centres in (("rows", rows), ("columns", columns)):
            gaps = np.diff(centres)
            if len(gaps) and (not gaps[0] or not np.allclose(gaps, gaps[0], rtol=1e-6)):
                raise GradcourseError(
                    f"Picture {self.title!r}: {name} are not evenly spaced; take the axis's log "
                    "first, or interpolate."
                )

    @cached_property
    def alt(self) -> str:
        """The alternative text: what the colour means, its range, and where the extremes lie."""
        return describe_picture(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Picture) and _same(self, other)

    def __repr__(self) -> str:
        return f"Picture({self.alt!r})"


@dataclass(frozen=True)
class SideBySide:
    """Two or three figures in one row, with one alternative text."""

    figures: tuple[Plot | Picture, ...]

    @property
    def alt(self) -> str:
        """The alternative texts, one after the other."""
        return " ".join(figure.alt for figure in self.figures)

    def to_matplotlib(self) -> Figure:
        """Draw all of them in one new Figure."""
        from gradcourse.figures.draw import draw_row

        return draw_row(self.figures)

    def to_png(self, dpi: float = DPI) -> bytes:
        """Return a PNG; the same data give the same bytes."""
        from gradcourse.figures.draw import png

        return png(self.to_matplotlib(), dpi)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Bundle:
        from gradcourse.figures.draw import bundle

        return bundle(self.to_matplotlib(), self.alt)

    def __repr__(self) -> str:
        return f"SideBySide({self.alt!r})"


def with_theory(
    x: ArrayLike, measured: ArrayLike, expected: ArrayLike, name: str, color: str = "blue"
) -> tuple[Line, Line]:
    """Return a measured line and the theory that lies dashed over it.

    Parameters
    ----------
    x, measured, expected : array of float, shape (n,)
        The points, what was measured there, and what theory says.
    name : str
        The lines are called ``name`` and "theory, ``name``".
    color : str
        See `Line`; both lines have it.

    Returns
    -------
    tuple of Line
        To be unpacked into a plot's lines: ``lines=(*gc.with_theory(…), *gc.with_theory(…))``.

    Examples
    --------
    >>> [line.label for line in with_theory([1, 2], [1.0, 0.2], [1.0, 0.25], "δ", "sigmoid")]
    ['δ', 'theory, δ']
    """
    return (
        Line(x, measured, name, "measured", color),
        Line(x, expected, f"theory, {name}", "theory", color),
    )


def side_by_side(*figures: Plot | Picture) -> SideBySide:
    """Put two or three figures in one row.

    Raises
    ------
    GradcourseError
        If there are fewer than two or more than three: a fourth would be too small to read.
    """
    if not 2 <= len(figures) <= 3:
        raise GradcourseError(f"side_by_side was given {len(figures)} figures; expected 2 or 3.")
    return SideBySide(figures)


def _numbers(values: ArrayLike, what: str) -> NDArray[np.float64]:
    """Copy into float64 and freeze: a figure must not change when its source does."""
    try:
        array = np.asarray(values, dtype=np.float64).copy()
    except (TypeError, ValueError, RuntimeError) as problem:
        raise GradcourseError(
            f"The {what} is no array of numbers ({problem}). Pass a list or an array; a tensor "
            "with gradient goes through .detach() first."
        ) from None
    array.setflags(write=False)
    return array


def _same(first: Any, second: Any) -> bool:
    """Compare field by field; NaN equals NaN, so that a frame equals its recomputation."""
    for name in first.__dataclass_fields__:
        left, right = getattr(first, name), getattr(second, name)
        if isinstance(left, np.ndarray):
            if not np.array_equal(left, right, equal_nan=True):
                return False
        elif left != right:
            return False
    return True
