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
from gradcourse.figures.layout import Layout, Scale, alike, arrange, steady
from gradcourse.figures.layout.scale import settle
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
    names = [track.knob.name for track in grid]
    spots = itertools.product(*(track.values for track in grid))
    figures = [demo.frame(**dict(zip(names, spot, strict=True))) for spot in spots]
    layouts = on_shared_axes([arrange(figure) for figure in figures])
    for figure, layout in zip(figures, layouts, strict=True):
        yield describe(rounded(layout), figure.title, figure.alt, points)


def on_shared_axes(layouts: Sequence[Layout]) -> list[Layout]:
    """Give frames axes in common by the kernel's own rule: what is seen fits, and fills half.

    In the kernel the axes of a frame depend on how the hand came to it. Here they depend on the
    frame alone: the axes of the largest are shared by all that fill half of them, and so on.
    """
    shared: list[Layout] = []
    laid = list(layouts)
    for index in sorted(range(len(laid)), key=lambda i: -_height(laid[i])):
        settled = next((one for known in shared if (one := _settled(laid[index], known))), None)
        if settled is None:
            shared.append(laid[index])
        else:
            laid[index] = settled
    return alike(laid)


def _height(layout: Layout) -> float:
    return abs(layout.y.high - layout.y.low)


def _settled(layout: Layout, known: Layout) -> Layout | None:
    """Return the layout on known axes, or None where they do not suit it."""
    kept = (settle(new, old) for new, old in zip(_scales(layout), _scales(known), strict=True))
    if [_ends(scale) for scale in kept] != [_ends(scale) for scale in _scales(known)]:
        return None
    return steady(layout, known)


def _scales(layout: Layout) -> list[Scale]:
    return [layout.x, layout.y, *([layout.cells.color] if layout.cells else [])]


def _ends(scale: Scale) -> tuple[float, float, float | None]:
    return scale.low, scale.high, scale.zero


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
