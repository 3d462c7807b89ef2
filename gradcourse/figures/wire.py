"""A figure on its way to the browser: a small description as JSON, its points as float32 bytes.

Positions are sent, not values: on a log axis the log10, because float32 ends near 1e-38 and a
vanished gradient does not. NaN is a gap; -inf is an exact zero on a log axis. Of a cell, the place
on the colour bar is sent, from 0 to 1.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcourse.figures import style
from gradcourse.figures.layout import Cells, Layout, Note, Scale, Series, arrange

FIGURE = "application/vnd.gradcourse.figure+json"
"""The MIME type of a stored figure."""


class Points:
    """Float32 vectors laid end to end; a vector that is already there is not stored again."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._known: dict[bytes, int] = {}
        self._length = 0

    def add(self, vector: NDArray[np.float64]) -> int:
        """Store a vector; return the index of its first number."""
        with np.errstate(over="ignore"):
            chunk = np.ascontiguousarray(vector, dtype="<f4").tobytes()
        if chunk not in self._known:
            self._known[chunk] = self._length
            self._chunks.append(chunk)
            self._length += len(vector)
        return self._known[chunk]

    def bytes(self) -> bytes:
        """Return everything: little-endian float32."""
        return b"".join(self._chunks)


def describe(layout: Layout, title: str, alt: str, points: Points) -> dict[str, Any]:
    """Return what the browser needs besides the points of one frame.

    Parameters
    ----------
    layout : Layout
    title, alt : str
    points : Points
        Receives the points; the lines in the description hold indices into them.

    Returns
    -------
    dict
        JSON-ready.
    """
    named = {  # the first of a name: several theories have one
        one.label: len(layout.series) - 1 - back
        for back, one in enumerate(reversed(layout.series))
        if not one.direct
    }
    return {
        "title": title,
        "alt": alt,
        "x": _scale(layout.x),
        "y": _scale(layout.y),
        "zones": [
            {"low": zone.low, "high": zone.high, "note": _note(zone.note)} for zone in layout.zones
        ],
        "lines": [_line(one, layout.foot(one), points) for one in layout.series],
        "cells": layout.cells and _cells(layout.cells, points),
        "order": [named[label] for label in dict.fromkeys(layout.order) if label in named],
    }


def stored(figures: Sequence[Any]) -> dict[str, Any]:
    """Return figures as a notebook stores them, for whoever draws them without a kernel.

    Parameters
    ----------
    figures : sequence of Plot or Picture
        One, or those of a row.

    Returns
    -------
    dict
        JSON-ready: ``frames`` as of `describe`, and ``points``, the float32 in base64. Of what
        the course's style table says nothing is repeated.
    """
    points = Points()
    frames = [describe(arrange(one), one.title, one.alt, points) for one in figures]
    return {
        "version": 1,
        "frames": frames,
        "points": base64.b64encode(points.bytes()).decode(),
    }


def style_table() -> dict[str, Any]:
    """Return what the browser needs of the style table, once for each widget."""
    return {
        "themes": {name: vars(theme) for name, theme in style.THEMES.items()},
        "bandOpacity": style.BAND_OPACITY,
        "colors": bar_colors(),
        "signed": bar_colors(signed=True),
    }


@cache
def bar_colors(signed: bool = False) -> list[str]:
    """Return the colours of cells, from the low end of the colour bar to the high one."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    colors = colormaps[style.SIGNED_COLORS if signed else style.PICTURE_COLORS]
    return [to_hex(colors(level)) for level in range(colors.N)]


def _scale(scale: Scale) -> dict[str, Any]:
    return {
        "label": scale.label,
        "low": scale.low,
        "high": scale.high,
        "bottom": scale.bottom,
        "zero": scale.zero,
        "ticks": scale.ticks,
    }


def _cells(cells: Cells, points: Points) -> dict[str, Any]:
    rows, columns = cells.values.shape
    return {
        "rows": rows,
        "columns": columns,
        "across": cells.across,
        "up": cells.up,
        "color": _scale(cells.color),
        "signed": cells.signed,
        "start": points.add(cells.shares.ravel()),
    }


def _note(note: Note | None) -> list[Any] | None:
    return None if note is None else [note.text, note.across, note.up, note.anchor]


def _line(one: Series, foot: float | None, points: Points) -> dict[str, Any]:
    return {
        "label": one.label,
        "light": one.hue.light,
        "dark": one.hue.dark,
        "marker": one.hue.marker.path,
        "marks": one.marks,
        "width": one.width,
        "dash": one.stroke.dash,
        "foot": foot,
        "halo": one.halo,
        "edge": one.edge,
        "n": len(one.x),
        "x": points.add(one.x),
        "y": points.add(one.y),
        "note": _note(one.note),
    }
