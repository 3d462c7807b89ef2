"""Every picture of a demo, computed ahead over the grid of its knobs, as one script for a page.

A frame is what the kernel would send (`gradcourse.figures.wire.describe`), so that the browser
draws it with the same code. Three steps make it small: what several frames share is stored once,
places are rounded to less than a twentieth of a pixel, and all is compressed.
"""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcourse.demos import demo as find
from gradcourse.figures.demo import Demo, Knob
from gradcourse.figures.layout import Layout, Scale, arrange, steady
from gradcourse.figures.wire import Points, describe
from gradcourse.site.options import MOST

FINENESS = 8192
"""Into how many parts an axis is divided; a figure is at most 720 pixels wide."""


@dataclass(frozen=True)
class Track:
    """The places of one knob that are kept."""

    knob: Knob
    stride: int = 1

    @property
    def places(self) -> list[float]:
        """In the units of the slider; the knob's start is among them."""
        start = round((self.knob.start - self.knob.low) / self.knob.step)
        indices = range(start % self.stride, self.knob.count, self.stride)
        return [self.knob.position(index) for index in indices]

    @property
    def values(self) -> list[float]:
        """The real values there."""
        return [self.knob.value(place) for place in self.places]

    def control(self) -> dict[str, Any]:
        """Return the slider as the browser's widget wants it, and how many places it has."""
        places, step = self.places, self.knob.step * self.stride
        return {
            "name": self.knob.name,
            "label": self.knob.label,
            "low": places[0],
            "high": places[-1],
            "step": step,
            "log": self.knob.log,
            "integer": self.knob.integer,
            "decimals": max(0, -math.floor(math.log10(self.knob.step) + 1e-9)),
            "places": len(places),
        }


def tracks(demo: Demo, most: int = MOST) -> list[Track]:
    """Thin the grid until it has at most so many frames; each time the finest knob."""
    grid = [Track(knob) for knob in demo.knobs]
    while math.prod(len(track.places) for track in grid) > most:
        finest = max(range(len(grid)), key=lambda i: len(grid[i].places))
        grid[finest] = replace(grid[finest], stride=grid[finest].stride + 1)
    return grid


def script(id: str, most: int = MOST) -> str:
    """Return the script that hands a demo's frames to the page.

    Parameters
    ----------
    id : str
        "recurrent/scalar".
    most : int
        At most so many frames.
    """
    demo = find(id)
    grid = tracks(demo, most)
    points = Points()
    frames = list(_described(demo, grid, points))
    head = {
        "heading": demo.title,
        "controls": [track.control() for track in grid],
        "start": demo.values(),
        "click": list(demo.click or ()),
        "rests": demo.rest is not None,
        **pooled(frames),
    }
    return f'gcSite.frames("{id}","{packed(head, points.bytes())}");\n'


def _described(demo: Demo, grid: Sequence[Track], points: Points) -> Iterator[dict[str, Any]]:
    """Yield the description of each frame; the last knob is the fastest."""
    axes = SharedAxes()
    for values in itertools.product(*(track.values for track in grid)):
        named = {track.knob.name: value for track, value in zip(grid, values, strict=True)}
        figure = demo.frame(**named)
        layout = rounded(axes.lay(arrange(figure)))
        yield describe(layout, figure.title, figure.alt, points)


class SharedAxes:
    """Gives frames the axes of an earlier one by the kernel's own rule: they fit, and fill half.

    In the kernel the axes of a frame depend on how the hand came to it. Here each frame has the
    first axes that suit it, whatever the way.
    """

    def __init__(self) -> None:
        self._known: list[Layout] = []

    def lay(self, layout: Layout) -> Layout:
        """Return the layout on known axes, or keep its own as new ones."""
        for known in self._known:
            settled = steady(layout, known)
            if _ends(settled) == _ends(known):
                return settled
        self._known.append(layout)
        return layout


def _ends(layout: Layout) -> tuple[tuple[float, float, float | None], ...]:
    scales = [layout.x, layout.y, *([layout.cells.color] if layout.cells else [])]
    return tuple((scale.low, scale.high, scale.zero) for scale in scales)


def rounded(layout: Layout) -> Layout:
    """Return the layout with places that compress well, and look the same."""
    series = tuple(
        replace(one, x=_snapped(one.x, layout.x), y=_snapped(one.y, layout.y))
        for one in layout.series
    )
    cells = layout.cells
    if cells is not None:
        low, high = cells.color.low, cells.color.high
        levels = np.minimum(np.floor(cells.shares * 256), 255)  # the colour that is shown
        cells = replace(cells, values=low + (levels + 0.5) / 256 * (high - low))
    return replace(layout, series=series, cells=cells)


def _snapped(places: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    step = 2.0 ** math.floor(math.log2(abs(scale.high - scale.low) / FINENESS))
    return np.round(places / step) * step


def pooled(frames: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Store what several frames share once.

    Returns
    -------
    dict
        ``pool``, the parts; and ``rows``, for each frame its title, its alternative text and the
        places of its parts in the pool. Of a line and of cells, their points stand in the row.
    """
    pool = Pool()
    rows = [
        [
            frame["title"],
            frame["alt"],
            pool.place(frame["x"]),
            pool.place(frame["y"]),
            pool.place(frame["zones"]),
            [
                [pool.place(_without(line, "x", "y")), line["x"], line["y"]]
                for line in frame["lines"]
            ],
            pool.place(frame["order"]),
            *_cells(frame["cells"], pool),
        ]
        for frame in frames
    ]
    return {"pool": pool.parts, "rows": rows}


def _cells(cells: dict[str, Any] | None, pool: Pool) -> list[int]:
    return [] if cells is None else [pool.place(_without(cells, "start")), cells["start"]]


def _without(part: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name not in names}


class Pool:
    """Parts, each once."""

    def __init__(self) -> None:
        self.parts: list[Any] = []
        self._known: dict[str, int] = {}

    def place(self, part: Any) -> int:
        """Return where a part stands; a new one is put at the end."""
        key = json.dumps(part, ensure_ascii=False)
        if key not in self._known:
            self._known[key] = len(self.parts)
            self.parts.append(part)
        return self._known[key]


def packed(head: dict[str, Any], points: bytes) -> str:
    """Return a description and its points as base64.

    Four bytes say how long the JSON is. Of the float32 first all lowest bytes stand, then all
    second ones and so on: neighbours resemble each other, and that compresses.
    """
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
    planes = np.frombuffer(points, np.uint8).reshape(-1, 4).T.tobytes()
    whole = len(text).to_bytes(4, "little") + text + planes
    return base64.b64encode(gzip.compress(whole, 9, mtime=0)).decode()


def unpacked(text: str) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """Undo `packed`: what the browser does, for tests and measurements."""
    whole = gzip.decompress(base64.b64decode(text))
    end = 4 + int.from_bytes(whole[:4], "little")
    planes = np.frombuffer(whole[end:], np.uint8).reshape(4, -1)
    return json.loads(whole[4:end]), planes.T.copy().view("<f4").ravel()
