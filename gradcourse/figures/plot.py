"""A figure as data: what is drawn, and the sentence that says what is seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from gradcourse.figures.describe import describe_picture, describe_plot
from gradcourse.figures.line import Axis, Band, Line, frozen, same
from gradcourse.figures.style import DPI
from gradcourse.support import GradcourseError, write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Bundle = tuple[dict[str, Any], dict[str, Any]]


class Displayed:
    """What all figures share: pictures for a notebook, with their alternative text."""

    @property
    def alt(self) -> str:
        """The alternative text."""
        raise NotImplementedError

    def to_matplotlib(self) -> Figure:
        """Draw in a new Figure."""
        raise NotImplementedError

    def to_png(self, dpi: float = DPI) -> bytes:
        """Return a PNG; the same data give the same bytes."""
        from gradcourse.figures.draw import png

        return png(self.to_matplotlib(), dpi)

    def save(self, path: Path | str, dpi: float = 2 * DPI) -> None:
        """Write it to a file; the ending says which kind: .png, .svg or .pdf.

        The same data give the same file, which bears neither date nor version.

        Raises
        ------
        GradcourseError
            If the ending is another.
        OSError
            If the file cannot be written.
        """
        from gradcourse.figures.draw import encoded

        path = Path(path)
        kind = path.suffix.lower().removeprefix(".")
        if kind not in ("png", "svg", "pdf"):
            raise GradcourseError(
                f"save got {path.name!r}; the name must end in .png, .svg or .pdf."
            )
        write_atomically(path, encoded(self.to_matplotlib(), kind, dpi))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Bundle:
        from gradcourse.figures.draw import bundle
        from gradcourse.figures.themed import html_drawing, html_image
        from gradcourse.figures.wire import FIGURE, stored

        drawn = self.to_matplotlib()
        data, metadata = bundle(drawn, self.alt)
        if not self.parts():
            return {**data, "text/html": html_drawing(drawn, self.alt)}, metadata
        page = html_image(self.parts())
        return {**data, "text/html": page, FIGURE: stored(self.parts())}, metadata

    def parts(self) -> tuple[Plot | Picture, ...]:
        """Return what is drawn, from left to right."""
        raise NotImplementedError


class OnAxes(Displayed):
    """What Plot and Picture share: one pair of axes."""

    title: str

    def parts(self) -> tuple[Plot | Picture, ...]:
        assert isinstance(self, Plot | Picture)
        return (self,)

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


@dataclass(frozen=True)
class Plot(OnAxes):
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
class Picture(OnAxes):
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
    signed : bool
        Whether the sign is the message: a diverging map, pale in the middle of the colour bar.

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
    signed: bool = False

    def __post_init__(self) -> None:
        for name in ("values", "rows", "columns"):
            array = frozen(getattr(self, name), f"{name} of picture {self.title!r}")
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
        return isinstance(other, Picture) and same(self, other)

    def __repr__(self) -> str:
        return f"Picture({self.alt!r})"


@dataclass(frozen=True)
class SideBySide(Displayed):
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

    def parts(self) -> tuple[Plot | Picture, ...]:
        return self.figures

    def __repr__(self) -> str:
        return f"SideBySide({self.alt!r})"


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
