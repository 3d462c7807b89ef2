"""A picture that changes while a knob is dragged: drawn once, then only its data is redrawn."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse.figures.draw import color_range, new_figure, paint
from gradcourse.figures.style import ThemeName

if TYPE_CHECKING:
    from gradcourse.figures.plot import Picture


@dataclass(frozen=True)
class Screen:
    """What the browser says about itself."""

    theme: ThemeName = "light"
    dpi: float = 150.0


class Stage:
    """A persistent Agg figure. Axes, ticks, labels and colour bar are drawn once and copied.

    The cells are coloured by matplotlib, and copied to their pixels here: its own resampling, made
    for any transformation, takes longer than everything else together. The PNG is compressed at
    level 1 and by runs only: for flat cells as small as with the general search, in half the time.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._frozen: tuple[Any, ...] | None = None
        self._range: tuple[float, float] | None = None

    def png(self, picture: Picture) -> bytes:
        """Draw the picture and return it as PNG."""
        self._range = _steady_range(color_range(picture), self._range)
        frozen = _frozen(picture, self._range)
        if frozen != self._frozen:
            self._build(picture)
            self._frozen = frozen
        self._update(picture)
        return self._encode()

    def axes(self) -> dict[str, Any]:
        """Return where the axes of the last picture lie, and from what to what they go.

        ``left``, ``top``, ``width`` and ``height`` are shares of the whole picture; ``x`` and
        ``y`` are the values at the left and right, and at the lower and upper end.
        """
        left, bottom, width, height = map(float, self._axes.get_position().bounds)
        return {
            "left": left,
            "top": 1.0 - bottom - height,
            "width": width,
            "height": height,
            "x": [float(end) for end in self._axes.get_xlim()],
            "y": [float(end) for end in self._axes.get_ylim()],
        }

    def _build(self, picture: Picture) -> None:
        """Lay the figure out with everything on it, then take the data off and keep the rest."""
        # matplotlib's types know neither the Agg canvas's blitting nor which artist is which.
        self._figure: Any = new_figure(theme=self._screen.theme)
        self._figure.set_dpi(self._screen.dpi)
        self._axes: Any = self._figure.axes[0]
        artists: list[Any] = paint(picture, self._axes, self._screen.theme)
        self._mesh, *self._lines = artists
        self._mesh.set_clim(*(self._range or color_range(picture)))
        self._figure.canvas.draw()
        self._figure.set_layout_engine("none")
        self._title: Any = self._axes.findobj(lambda one: _is_title(one, picture.title))[0]
        self._moving = [*self._lines, self._title]
        for artist in (self._mesh, *self._moving):
            artist.set_animated(True)
        self._figure.canvas.draw()
        canvas: Any = self._figure.canvas
        self._background = canvas.copy_from_bbox(self._figure.bbox)
        self._pixels = _pixels_of_cells(self._axes, self._mesh)

    def _update(self, picture: Picture) -> None:
        self._title.set_text(picture.title)
        for artist, line in zip(self._lines, picture.lines, strict=True):
            artist.set_data(line.x, line.y)
        self._figure.canvas.restore_region(self._background)
        self._fill(np.ma.masked_invalid(np.asarray(picture.values)))
        for artist in self._moving:
            self._axes.draw_artist(artist)

    def _fill(self, values: Any) -> None:
        where, rows, columns = self._pixels
        colors = np.ascontiguousarray(self._mesh.to_rgba(values, bytes=True))
        cells = colors.view(np.uint32)[..., 0][rows[:, None], columns]
        shown = (colors[..., 3] > 0)[rows[:, None], columns]  # a masked cell lets the page through
        canvas = np.asarray(self._figure.canvas.buffer_rgba()).view(np.uint32)[..., 0]
        canvas[where] = np.where(shown, cells, canvas[where])

    def _encode(self) -> bytes:
        from PIL import Image

        buffer = io.BytesIO()
        picture = Image.fromarray(np.asarray(self._figure.canvas.buffer_rgba())).convert("RGB")
        picture.save(buffer, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
        return buffer.getvalue()


def _pixels_of_cells(axes: Any, mesh: Any) -> tuple[Any, Any, Any]:
    """Return the axes' block of pixels, and which row and column of cells each pixel shows.

    Rows of pixels are counted from the top, as Agg stores them; only the block inside the axes
    and inside the picture's extent is taken.
    """
    left, right, bottom, top = mesh.get_extent()
    n_rows, n_columns = mesh.get_array().shape[:2]
    box, height = axes.bbox, int(axes.figure.bbox.height)
    across = np.arange(int(np.ceil(box.x0)), int(np.floor(box.x1)))
    down = np.arange(int(np.ceil(height - box.y1)), int(np.floor(height - box.y0)))
    inverse = axes.transData.inverted()
    x = inverse.transform(np.stack([across + 0.5, np.full(len(across), box.y0)], axis=1))[:, 0]
    y = inverse.transform(np.stack([np.full(len(down), box.x0), height - down - 0.5], axis=1))[:, 1]
    columns = np.floor((x - left) / (right - left) * n_columns).astype(int)
    rows = np.floor((y - bottom) / (top - bottom) * n_rows).astype(int)
    inside_x = (columns >= 0) & (columns < n_columns)
    inside_y = (rows >= 0) & (rows < n_rows)
    where = np.ix_(down[inside_y], across[inside_x])
    return where, rows[inside_y], columns[inside_x]


def _is_title(artist: Any, title: str) -> bool:
    return hasattr(artist, "get_text") and artist.get_text() == title


def _frozen(picture: Picture, colors: tuple[float, float]) -> tuple[Any, ...]:
    """Everything that does not move; when it changes, the figure is built anew."""
    rows, columns = np.asarray(picture.rows), np.asarray(picture.columns)
    coordinates = (len(rows), rows[0], rows[-1], len(columns), columns[0], columns[-1])
    labels = tuple((line.label, line.role) for line in picture.lines)
    return (picture.x, picture.y, picture.color_label, coordinates, colors, labels)


def _steady_range(new: tuple[float, float], old: tuple[float, float] | None) -> tuple[float, float]:
    """Keep the colour bar while the new values fit and fill half of it."""
    if old is None:
        return new
    fits = old[0] <= new[0] and new[1] <= old[1]
    return old if fits and new[1] - new[0] > 0.5 * (old[1] - old[0]) else new
