"""The labels inside the axes, where no line runs; what finds no such place goes to the legend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from gradcourse.figures.layout.elements import Layout, Note, Series, Zone
from gradcourse.figures.layout.scale import Array, Scale


def annotate(layout: Layout) -> Layout:
    """Place the labels of bands and straight reference lines.

    A band's stands where fewest lines run. A line's stands beside it where no line runs, or else
    in the legend.
    """
    taken: list[Note] = []
    zones = []
    for zone in layout.zones:
        note = _best(_zone_places(zone, layout.y), layout, taken)
        taken.append(note)
        zones.append(replace(zone, note=note))
    series = []
    for one in layout.series:
        if one.direct:
            for places in (_line_places(one, layout), _along(one, layout)):
                note = _best(places, layout, taken, one)
                if _clashes(note, layout, taken, one) < 1:
                    taken.append(note)
                    one = replace(one, note=note)
                    break
            else:
                one = _in_the_legend(one)
        series.append(one)
    return replace(layout, zones=tuple(zones), series=tuple(series))


def alike(layouts: Sequence[Layout]) -> list[Layout]:
    """Let a line that one of the frames names in its legend be named there in all of them."""
    named = {one.label for layout in layouts for one in layout.series if not one.direct}
    return [
        replace(
            layout,
            series=tuple(
                _in_the_legend(one) if one.label in named else one for one in layout.series
            ),
        )
        for layout in layouts
    ]


def _in_the_legend(one: Series) -> Series:
    return replace(one, direct=False, note=None)


_LETTER = 0.0145
"""Width of a letter as a share of the axes' width, at the size at which figures are read."""

_ROW = 0.065
"""Height of a row of text as a share of the axes' height."""


def _zone_places(zone: Zone, y: Scale) -> list[Note]:
    low, high = _share(zone.low, y), _share(zone.high, y)
    inside = [high - _ROW / 2, low + _ROW / 2] if high - low >= 1.6 * _ROW else []
    between = np.arange(high - 1.5 * _ROW, low + _ROW, -_ROW)
    return _three(zone.label, [*inside, high + _ROW / 2, low - _ROW / 2, *map(float, between)])


def _line_places(one: Series, layout: Layout) -> list[Note]:
    if np.ptp(one.x) == 0:
        at = _share(float(one.x[0]), layout.x)
        rows = [0.96, 0.5, 0.15]
        right = [Note(one.label, at + 0.012, up) for up in rows]
        left = [Note(one.label, at - 0.012, up, "right") for up in rows]
        return right + left if at < 0.6 else left + right
    at = _share(float(one.y[0]), layout.y)
    return _three(one.label, [at + _ROW / 2, at - _ROW / 2], ("right", "center", "left"))


def _along(one: Series, layout: Layout) -> list[Note]:
    """Return places along a line, to either side of it, from the middle out."""
    steps = sorted((part / 20 for part in range(1, 20)), key=lambda part: abs(part - 0.5))
    if np.ptp(one.x) == 0:
        at = _share(float(one.x[0]), layout.x)
        sides = ((at + 0.012, "left"), (at - 0.012, "right"))
        return [Note(one.label, across, up, side) for up in steps for across, side in sides]
    at = _share(float(one.y[0]), layout.y)
    rows = (at + _ROW / 2, at - _ROW / 2)
    return [Note(one.label, across, up, "center") for across in steps for up in rows]


def _three(
    text: str, heights: Iterable[float], anchors: Iterable[str] = ("left", "center", "right")
) -> list[Note]:
    across = {"left": 0.012, "center": 0.5, "right": 0.988}
    return [Note(text, across[anchor], up, anchor) for up in heights for anchor in anchors]


def _best(
    places: Sequence[Note], layout: Layout, taken: Sequence[Note], own: Series | None = None
) -> Note:
    """Return the first place with the least in its way; the list is in order of preference."""
    return min(places, key=lambda note: _clashes(note, layout, taken, own))


def _clashes(note: Note, layout: Layout, taken: Sequence[Note], own: Series | None) -> float:
    """Count what is in the way of a label, apart from the line that it names.

    A row of text has room above and below its letters: a fifth of it may stand out of the axes,
    and an eighth of it lie on a line, but neither is sought.
    """
    left, right = _extent(note)
    low, high = note.up - _ROW / 2, note.up + _ROW / 2
    outside = max(-low, high - 1, 0.0)
    count = 1000.0 * (outside > _ROW / 5 or left < 0 or right > 1) + 0.5 * (outside > 0)
    for other in taken:
        its_left, its_right = _extent(other)
        count += 500 * (abs(other.up - note.up) < _ROW and its_left < right and left < its_right)
    lines = [
        (_shares(one.x, layout.x), _shares(one.y, layout.y))
        for one in layout.series
        if one is not own
    ]
    through, touching = (
        sum(_pieces_inside((across, left, right), (up, *rows)) for across, up in lines)
        for rows in ((low + _ROW / 8, high - _ROW / 8), (low, high))
    )
    return count + through + 0.001 * touching


def _extent(note: Note) -> tuple[float, float]:
    width = _LETTER * len(note.text)
    left = {"left": note.across, "center": note.across - width / 2, "right": note.across - width}
    return left[note.anchor], left[note.anchor] + width


def _pieces_inside(*sides: tuple[Array, float, float]) -> int:
    """Count the straight pieces of a line that touch a rectangle.

    Each side is given by the line's places along it, (n_points,), and by its two ends.
    """
    near, far = np.zeros(len(sides[0][0]) - 1), np.ones(len(sides[0][0]) - 1)
    for places, low, high in sides:
        start, step = places[:-1], np.diff(places)
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.sort([(low - start) / step, (high - start) / step], axis=0)  # (2, n_pieces)
        always = (step == 0) & (start > low) & (start < high)
        near = np.maximum(near, np.where(always, 0.0, ends[0]))
        far = np.minimum(far, np.where(always, 1.0, ends[1]))
    return int((near < far).sum())


def _share(position: float, scale: Scale) -> float:
    return (position - scale.bottom) / (scale.high - scale.bottom)


def _shares(positions: Array, scale: Scale) -> Array:
    with np.errstate(invalid="ignore"):
        return (np.where(np.isneginf(positions), np.nan, positions) - scale.bottom) / (
            scale.high - scale.bottom
        )
