"""The labels inside the axes: where they cover the fewest lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from gradcourse.figures.layout.elements import Layout, Note, Series, Zone
from gradcourse.figures.layout.scale import Array, Scale


def annotate(layout: Layout) -> Layout:
    """Place the labels of bands and straight reference lines where fewest lines run."""
    taken: list[Note] = []
    zones = []
    for zone in layout.zones:
        note = _best(_zone_places(zone, layout.y), layout, taken)
        taken.append(note)
        zones.append(replace(zone, note=note))
    series = []
    for one in layout.series:
        if one.direct:
            note = _best(_line_places(one, layout), layout, taken)
            taken.append(note)
            one = replace(one, note=note)
        series.append(one)
    return replace(layout, zones=tuple(zones), series=tuple(series))


_LETTER = 0.0145
"""Width of a letter as a share of the axes' width, at the size at which figures are read."""

_ROW = 0.065
"""Height of a row of text as a share of the axes' height."""


def _zone_places(zone: Zone, y: Scale) -> list[Note]:
    low, high = _share(zone.low, y), _share(zone.high, y)
    inside = [high - _ROW / 2, low + _ROW / 2] if high - low >= 1.6 * _ROW else []
    return _three(zone.label, [*inside, high + _ROW / 2, low - _ROW / 2])


def _line_places(one: Series, layout: Layout) -> list[Note]:
    if np.ptp(one.x) == 0:
        at = _share(float(one.x[0]), layout.x)
        rows = [0.96, 0.5, 0.15]
        right = [Note(one.label, at + 0.012, up) for up in rows]
        left = [Note(one.label, at - 0.012, up, "right") for up in rows]
        return right + left if at < 0.6 else left + right
    at = _share(float(one.y[0]), layout.y)
    return _three(one.label, [at + _ROW / 2, at - _ROW / 2], ("right", "center", "left"))


def _three(
    text: str, heights: Iterable[float], anchors: Iterable[str] = ("left", "center", "right")
) -> list[Note]:
    across = {"left": 0.012, "center": 0.5, "right": 0.988}
    return [Note(text, across[anchor], up, anchor) for up in heights for anchor in anchors]


def _best(places: Sequence[Note], layout: Layout, taken: Sequence[Note]) -> Note:
    """Return the first place with the least in its way; the list is in order of preference."""
    return min(places, key=lambda note: _clashes(note, layout, taken))


def _clashes(note: Note, layout: Layout, taken: Sequence[Note]) -> int:
    left, right = _extent(note)
    low, high = note.up - _ROW / 2, note.up + _ROW / 2
    count = 1000 * (low < 0 or high > 1 or left < 0 or right > 1)
    for other in taken:
        its_left, its_right = _extent(other)
        count += 500 * (abs(other.up - note.up) < _ROW and its_left < right and left < its_right)
    for one in layout.series:
        across, up = _dense(_shares(one.x, layout.x), _shares(one.y, layout.y))
        inside = (across > left) & (across < right) & (up > low) & (up < high)
        count += int(inside.sum())
    return count


def _extent(note: Note) -> tuple[float, float]:
    width = _LETTER * len(note.text)
    left = {"left": note.across, "center": note.across - width / 2, "right": note.across - width}
    return left[note.anchor], left[note.anchor] + width


def _dense(across: Array, up: Array) -> tuple[Array, Array]:
    """Fill in points along straight pieces: two ends alone would hide what lies between."""
    if len(across) >= 200:
        return across, up
    at = np.linspace(0, len(across) - 1, 200)
    index = np.arange(len(across))
    return np.interp(at, index, across), np.interp(at, index, up)


def _share(position: float, scale: Scale) -> float:
    return (position - scale.bottom) / (scale.high - scale.bottom)


def _shares(positions: Array, scale: Scale) -> Array:
    with np.errstate(invalid="ignore"):
        return (np.where(np.isneginf(positions), np.nan, positions) - scale.bottom) / (
            scale.high - scale.bottom
        )
