"""Where everything in a Plot goes, worked out once for both renderers.

Positions are in axis units: the value itself on a linear axis, its log10 on a log axis. There an
exact 0 is ``-inf`` and belongs on the zero strip; NaN is a gap.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gradcourse.figures.style import BROAD, STROKES, Hue, Stroke, hue

if TYPE_CHECKING:
    from gradcourse.figures.plot import Axis, Line, Plot

Array = NDArray[np.float64]

STRIP = 0.11
"""Height of the zero strip, as a share of the range above it."""

_FINEST = 300.0
"""Largest |log10| of a position that can be drawn as a value: float64 ends at 308."""

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Scale:
    """One axis, ready to draw.

    Attributes
    ----------
    low, high : float
        The ends of the data range. On a reversed axis ``low > high``.
    ticks : tuple of (float, str)
        Position and label; an empty label marks a minor tick.
    zero : float or None
        The middle of the zero strip, if there is one.
    """

    label: str
    log: bool
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    zero: float | None = None

    @property
    def bottom(self) -> float:
        """The lower end of what is drawn, with the zero strip."""
        return self.low if self.zero is None else self.low - STRIP * (self.high - self.low)

    @property
    def native(self) -> bool:
        """Whether float64 holds 10**position for everything that is drawn on this log axis."""
        return self.log and self.bottom > -_FINEST and self.high < _FINEST


@dataclass(frozen=True)
class Series:
    """One line, ready to draw.

    Attributes
    ----------
    marks : tuple of int
        Indices of the points that carry the hue's marker.
    width : float
        In points. A measured line under a theory line is broad, so that the dashes of the theory
        stay visible where the two coincide.
    direct : bool
        Whether the label stands beside the line; otherwise it is in the legend.
    """

    x: Array
    y: Array
    label: str
    role: str
    hue: Hue
    stroke: Stroke
    width: float
    marks: tuple[int, ...]
    direct: bool
    note: Note | None = None


@dataclass(frozen=True)
class Note:
    """A label inside the axes: where its middle or end lies, as shares of width and height."""

    text: str
    across: float
    up: float
    anchor: str = "left"


@dataclass(frozen=True)
class Zone:
    """A band in axis units."""

    low: float
    high: float
    label: str
    note: Note = Note("", 0.0, 0.0)


@dataclass(frozen=True)
class Layout:
    """A Plot, ready to draw. ``series`` are in the order in which they are painted."""

    x: Scale
    y: Scale
    series: tuple[Series, ...]
    zones: tuple[Zone, ...]
    order: tuple[str, ...] = ()

    def foot(self, one: Series) -> float | None:
        """Where on the y axis a line's exact zeros lie, or None if it has none.

        Lines with zeros share the strip, each in a lane of its own: one must not hide another.
        """
        if self.y.zero is None or not np.isneginf(one.y).any():
            return None
        sharing = [other for other in self.series if np.isneginf(other.y).any()]
        lane = next(index for index, other in enumerate(sharing) if other is one)
        step = STRIP * abs(self.y.high - self.y.low) * min(0.3, 0.8 / len(sharing))
        return self.y.zero + step * ((len(sharing) - 1) / 2 - lane)


def arrange(plot: Plot) -> Layout:
    """Work out scales, ticks, markers and the order of painting for one Plot."""
    return arrange_all([plot])[0]


def arrange_all(plots: Sequence[Plot]) -> list[Layout]:
    """Arrange frames of one demo on the same axes, so that nothing jumps between them."""
    return [annotate(layout) for layout in _arranged(plots)]


def _arranged(plots: Sequence[Plot]) -> list[Layout]:
    series = [_series(plot) for plot in plots]
    zones = [_zones(plot) for plot in plots]
    everything = [one for frame in series for one in frame]
    first = plots[0]
    x = _x_scale(first.x, everything)
    y = _y_scale(first.y, everything, [zone for frame in zones for zone in frame])
    return [
        Layout(
            x=replace(x, label=plot.x.label),
            y=replace(y, label=plot.y.label),
            series=lines,
            zones=_inside(bands, y),
            order=tuple(line.label for line in plot.lines),
        )
        for plot, lines, bands in zip(plots, series, zones, strict=True)
    ]


def _inside(zones: Iterable[Zone], y: Scale) -> tuple[Zone, ...]:
    """Cut the bands at the ends of the axis; drop those that lie outside."""
    return tuple(
        replace(zone, low=max(zone.low, y.low), high=min(zone.high, y.high))
        for zone in zones
        if zone.high > y.low and zone.low < y.high
    )


def steady(layout: Layout, previous: Layout | None) -> Layout:
    """Keep the axes of the previous frame while the new one fits and fills half of them.

    An axis that follows every move of a knob hides the very change that the knob makes.
    """
    if previous is None:
        return layout
    kept = replace(layout, x=_settle(layout.x, previous.x), y=_settle(layout.y, previous.y))
    return annotate(kept)


def _settle(new: Scale, old: Scale) -> Scale:
    if new.log != old.log or (new.high > new.low) != (old.high > old.low):
        return new
    fits = min(old.low, old.high) <= min(new.low, new.high) and max(new.low, new.high) <= max(
        old.low, old.high
    )
    fills = abs(new.high - new.low) > 0.5 * abs(old.high - old.low)
    if not (fits and fills):
        return new
    zero = old.zero if old.zero is not None else None
    if new.zero is not None and zero is None:
        zero = old.low - STRIP / 2 * (old.high - old.low)
    return replace(old, label=new.label, zero=zero)


def _series(plot: Plot) -> tuple[Series, ...]:
    lines = [_one(line, plot) for line in plot.lines]
    return tuple(sorted(lines, key=lambda one: one.stroke.order))


def _one(line: Line, plot: Plot) -> Series:
    x = _position(np.asarray(line.x), plot.x.scale == "log")
    y = _position(np.asarray(line.y), plot.y.scale == "log")
    straight = bool(np.ptp(line.y) == 0 or np.ptp(line.x) == 0)
    return Series(
        x=x,
        y=y,
        label=line.label,
        role=line.role,
        hue=hue("grey") if line.role == "reference" else hue(line.color),
        stroke=STROKES[line.role],
        width=BROAD if _predicted(line, plot) else STROKES[line.role].width,
        marks=_marks(x, y, sum(other.role == "measured" for other in plot.lines))
        if line.role == "measured"
        else (),
        direct=line.role == "reference" and straight,
    )


def _predicted(line: Line, plot: Plot) -> bool:
    return line.role == "measured" and any(
        other.role == "theory" and other.color == line.color for other in plot.lines
    )


def _position(values: Array, log: bool) -> Array:
    values = np.where(np.isfinite(values), values, np.nan)
    if not log:
        return values
    with np.errstate(divide="ignore"):
        return np.asarray(np.log10(values))


def _marks(x: Array, y: Array, measured: int) -> tuple[int, ...]:
    """Mark all of a few points, a handful of many; always a point without neighbours."""
    shown = np.flatnonzero(~np.isnan(x) & ~np.isnan(y))
    if len(shown) <= 12:
        return tuple(int(i) for i in shown)
    chosen = set()
    if measured > 1:
        chosen = {int(i) for i in shown[np.linspace(0, len(shown) - 1, 8).round().astype(int)]}
    present = {int(i) for i in shown}
    chosen |= {i for i in present if i - 1 not in present and i + 1 not in present}
    return tuple(sorted(chosen))


def _zones(plot: Plot) -> tuple[Zone, ...]:
    if plot.y.scale == "linear":
        return tuple(Zone(band.low, band.high, band.label) for band in plot.bands)
    return tuple(
        Zone(math.log10(band.low) if band.low > 0 else -math.inf, math.log10(band.high), band.label)
        for band in plot.bands
    )


def _x_scale(axis: Axis, series: Sequence[Series]) -> Scale:
    values = np.concatenate([one.x for one in series])
    values = values[np.isfinite(values)]
    low, high = _limits(axis, values, margin=0.02)
    whole = axis.scale == "linear" and bool(np.all(values == np.round(values)))
    return Scale(axis.label, axis.scale == "log", low, high, _ticks(low, high, axis.scale, whole))


def _y_scale(axis: Axis, series: Sequence[Series], zones: Iterable[Zone]) -> Scale:
    values = np.concatenate([one.y for one in series])
    has_zero = bool(np.isneginf(values).any())
    edges = [edge for zone in zones for edge in (zone.low, zone.high)]
    values = np.concatenate([values, edges])
    values = values[np.isfinite(values)]
    if not len(values):  # every point is an exact zero
        values = np.array([-1.0, 0.0])
    low, high = _limits(axis, values, margin=0.05)
    zero = low - STRIP / 2 * (high - low) if has_zero else None
    return Scale(axis.label, axis.scale == "log", low, high, _ticks(low, high, axis.scale), zero)


def _limits(axis: Axis, values: Array, margin: float) -> tuple[float, float]:
    log = axis.scale == "log"
    if axis.limits is not None:
        low, high = axis.limits
        return (math.log10(low), math.log10(high)) if log else (float(low), float(high))
    low, high = float(values.min()), float(values.max())
    least = 1.0 if log else 1e-12 * max(abs(low), abs(high))
    if high - low < least or high == low:
        middle, half = (low + high) / 2, (0.5 if log else 0.5 * (abs(low) or 1.0))
        low, high = middle - half, middle + half
    pad = margin * (high - low)
    return low - pad, high + pad


def _ticks(
    low: float, high: float, scale: str, whole: bool = False
) -> tuple[tuple[float, str], ...]:
    low, high = min(low, high), max(low, high)
    return _log_ticks(low, high) if scale == "log" else _linear_ticks(low, high, whole)


def _log_ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    decades = high - low
    step = next(s for s in (1, 2, 3, 5, 10, 20, 50, 100, 200) if decades / s <= 7)
    first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    powers = range(first, last + 1)
    if decades < 2:
        fine = [
            (math.log10(digit) + power, digit, power)
            for power in range(first - 1, last + 1)
            for digit in (1, 2, 5)
        ]
        return tuple((at, _mantissa(d, p)) for at, d, p in fine if low - 1e-9 <= at <= high + 1e-9)
    minor = len(powers) <= 40
    return tuple(
        (float(power), power_of_ten(power) if power % step == 0 else "")
        for power in powers
        if minor or power % step == 0
    )


def power_of_ten(power: int) -> str:
    """Return "10⁻⁵" for -5."""
    return "10" + str(power).translate(_SUPERSCRIPT)


def _mantissa(digit: int, power: int) -> str:
    if -3 < power < 3:
        return f"{digit * 10.0**power:g}"
    return power_of_ten(power) if digit == 1 else f"{digit}·{power_of_ten(power)}"


def _linear_ticks(low: float, high: float, whole: bool) -> tuple[tuple[float, str], ...]:
    raw = (high - low) / 6
    power = math.floor(math.log10(raw))
    step = next(m for m in (1, 2, 2.5, 5, 10) if m * 10.0**power >= raw * 0.999) * 10.0**power
    if whole:
        step = max(1.0, float(round(step)))
    positions = np.arange(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1) * step
    return tuple((float(at), _number(float(at), step)) for at in positions)


def _number(value: float, step: float) -> str:
    """Label a tick with as many decimals as its step needs, and a true minus sign."""
    if abs(value) < step / 1000:
        return "0"
    if step < 1e-4 or abs(value) >= 1e6:
        power = math.floor(math.log10(abs(value)) + 1e-9)
        return f"{value / 10.0**power:.3g}·{power_of_ten(power)}".replace("-", "−")
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if round(step * 10**decimals, 6) % 1:  # a step of 0.25 needs one more
        decimals += 1
    return f"{value:.{decimals}f}".replace("-", "−")


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
