"""One axis of a Layout: its ends, its ticks and its zero strip."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gradcourse.figures.line import Axis

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


def x_scale(axis: Axis, values: Array) -> Scale:
    """Span all positions; where they are whole numbers, so are the ticks."""
    values = values[np.isfinite(values)]
    low, high = _limits(axis, values, margin=0.02)
    whole = axis.scale == "linear" and bool(np.all(values == np.round(values)))
    ticks = _named(_ticks(low, high, axis.scale, whole), axis.names)
    return Scale(axis.label, axis.scale == "log", low, high, ticks)


def y_scale(axis: Axis, values: Array, edges: Iterable[float]) -> Scale:
    """Span all positions and the edges of the bands; make room for exact zeros."""
    has_zero = bool(np.isneginf(values).any())
    values = np.concatenate([values, list(edges)])
    values = values[np.isfinite(values)]
    if not len(values):  # every point is an exact zero
        values = np.array([-1.0, 0.0])
    low, high = _limits(axis, values, margin=0.05)
    zero = low - STRIP / 2 * (high - low) if has_zero else None
    return Scale(axis.label, axis.scale == "log", low, high, _ticks(low, high, axis.scale), zero)


def edges(centres: Array) -> tuple[float, float]:
    """Return the outer edges of the first and of the last of some cells."""
    half = (centres[1] - centres[0]) / 2 if len(centres) > 1 else 0.5
    return float(centres[0] - half), float(centres[-1] + half)


def cell_scale(axis: Axis, frames: Sequence[Array]) -> Scale:
    """Span the cells around these centres, edge to edge; whole centres have whole ticks."""
    ends = [end for centres in frames for end in edges(centres)]
    low, high = map(float, axis.limits or (min(ends), max(ends)))
    whole = all(bool(np.all(centres == np.round(centres))) for centres in frames)
    return Scale(axis.label, False, low, high, _linear_ticks(low, high, whole))


def color_scale(axis: Axis, values: Array) -> Scale:
    """Span all finite values of the cells, exactly."""
    low, high = _limits(axis, values[np.isfinite(values)], margin=0.0)
    return Scale(axis.label, False, low, high, _linear_ticks(low, high))


def settle(new: Scale, old: Scale) -> Scale:
    """Return the old scale if the new one fits into it and fills half of it, else the new one."""
    if new.log != old.log or (new.high > new.low) != (old.high > old.low):
        return new
    fits = min(old.low, old.high) <= min(new.low, new.high) and max(new.low, new.high) <= max(
        old.low, old.high
    )
    fills = abs(new.high - new.low) > 0.5 * abs(old.high - old.low)
    if not (fits and fills):
        return new
    zero = old.zero
    if new.zero is not None and zero is None:
        zero = old.low - STRIP / 2 * (old.high - old.low)
    return replace(old, label=new.label, zero=zero)


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


def _named(
    ticks: tuple[tuple[float, str], ...], names: tuple[str, ...]
) -> tuple[tuple[float, str], ...]:
    """Names in place of whole numbers from 1; of a long name its end, which tells it apart."""
    if not names:
        return ticks
    whole = [at for at, label in ticks if label and at == round(at) and 1 <= at <= len(names)]
    room = max(3, _ROOM // max(len(whole), 1))
    short = [name if len(name) <= room else f"…{name[1 - room :]}" for name in names]
    return tuple((at, short[round(at) - 1]) for at in whole)


_ROOM = 56
"""Characters that fit below an axis, with a gap between names."""


def _ticks(
    low: float, high: float, scale: str, whole: bool = False
) -> tuple[tuple[float, str], ...]:
    if scale == "linear":
        return _linear_ticks(low, high, whole)
    return _log_ticks(min(low, high), max(low, high))


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
        (float(power), _power_of_ten(power) if power % step == 0 else "")
        for power in powers
        if minor or power % step == 0
    )


def _power_of_ten(power: int) -> str:
    """Return "10⁻⁵" for -5."""
    return "10" + str(power).translate(_SUPERSCRIPT)


def _mantissa(digit: int, power: int) -> str:
    if -3 < power < 3:
        return f"{digit * 10.0**power:g}"
    return _power_of_ten(power) if digit == 1 else f"{digit}·{_power_of_ten(power)}"


def _linear_ticks(low: float, high: float, whole: bool = False) -> tuple[tuple[float, str], ...]:
    low, high = min(low, high), max(low, high)
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
        return f"{value / 10.0**power:.3g}·{_power_of_ten(power)}".replace("-", "−")
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if round(step * 10**decimals, 6) % 1:  # a step of 0.25 needs one more
        decimals += 1
    return f"{value:.{decimals}f}".replace("-", "−")
