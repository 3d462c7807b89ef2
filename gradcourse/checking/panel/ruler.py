"""The scale on which a prediction is made, and on which the measurement is then shown."""

from __future__ import annotations

import math
from typing import Any

from gradcourse.checking.question import Prediction
from gradcourse.checking.show import number

MOST_TICKS = 7
DIGITS = 3
"""Significant digits that a slider gives; who wants more types them."""


def position(exercise: Prediction, value: float) -> float:
    """Return where a value lies: 0 at the low end of the scale, 1 at the high one."""
    low, high, at = exercise.low, exercise.high, value
    if exercise.log:
        low, high, at = math.log10(low), math.log10(high), math.log10(at)
    return (at - low) / (high - low)


def label(value: float) -> str:
    """Return a mark's number, 1e-5 and not 1e-05."""
    mantissa, e, power = number(value).partition("e")
    return f"{mantissa}e{int(power)}" if e else mantissa


def ticks(exercise: Prediction) -> list[tuple[float, str]]:
    """Return the places and words of the marks below the scale, its two ends among them."""
    values = _decades(exercise) if exercise.log else _steps(exercise)
    places = [(position(exercise, value), label(value)) for value in values]
    within = [mark for mark in places if 0.06 < mark[0] < 0.94]
    return [(0.0, label(exercise.low)), *within, (1.0, label(exercise.high))]


def _decades(exercise: Prediction) -> list[float]:
    first, last = math.ceil(math.log10(exercise.low)), math.floor(math.log10(exercise.high))
    step = next(s for s in (1, 2, 3, 5, 10, 20, 50, 100) if (last - first) / s <= MOST_TICKS - 1)
    first += -first % step
    return [float(f"1e{power}") for power in range(first, last + 1, step)]


def _steps(exercise: Prediction) -> list[float]:
    span = exercise.high - exercise.low
    unit = 10.0 ** math.floor(math.log10(span))
    step = next(s for s in (unit / 10, unit / 5, unit / 2, unit, 2 * unit) if span / s < MOST_TICKS)
    first = math.ceil(exercise.low / step)
    return [round(step * k, 10) for k in range(first, math.floor(exercise.high / step) + 1)]


def described(exercise: Prediction) -> str:
    """Return the scale in words: what a screen reader says, and what stands beside it."""
    unit = f" {exercise.unit}" if exercise.unit else ""
    ends = f"from {label(exercise.low)} to {label(exercise.high)}{unit}"
    return f"{'logarithmic' if exercise.log else 'linear'} scale {ends}"


def control(exercise: Prediction) -> dict[str, Any]:
    """Return what the browser needs to draw the scale."""
    low, high = exercise.low, exercise.high
    return {
        "kind": "number",
        "log": exercise.log,
        "low": math.log10(low) if exercise.log else low,
        "high": math.log10(high) if exercise.log else high,
        # An arrow goes a tenth of a decade at most, a page ten times as far.
        "step": _key_step(exercise),
        "digits": DIGITS,
        "ticks": ticks(exercise),
        "unit": exercise.unit,
        "words": described(exercise),
    }


def _key_step(exercise: Prediction) -> float:
    if not exercise.log:
        return (exercise.high - exercise.low) / 100
    return min(max(math.log10(exercise.high / exercise.low) / 100, 0.01), 0.1)


def outcome(exercise: Prediction, measured: float) -> dict[str, Any]:
    """Return where the measurement lies, and between which ends a guess counts as close."""
    if not math.isfinite(measured) or (exercise.log and measured <= 0):
        return {}
    if exercise.log:
        ends = measured / exercise.within, measured * exercise.within
    else:
        ends = measured - exercise.within, measured + exercise.within
    if exercise.log:
        ends = (max(ends[0], exercise.low), max(ends[1], exercise.low))
    places = [min(max(position(exercise, value), 0.0), 1.0) for value in (*ends, measured)]
    return {"low": places[0], "high": places[1], "at": places[2]}
