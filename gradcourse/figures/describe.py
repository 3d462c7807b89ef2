"""The sentence that says what a figure shows, made from its data.

Screen readers speak it, and nbval compares it, so numbers carry one or two digits only.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gradcourse.figures.line import Line
    from gradcourse.figures.plot import Picture, Plot

Array = NDArray[np.float64]

_LEVEL = 0.05
"""Change, as a share of the level (in decades on a log axis: 0.1), below which a line is flat."""


def number(value: float, log: bool = False) -> str:
    """Return a short number: "3e-12", or "0.25" where that is shorter; on a log axis one digit."""
    if value == 0:
        return "0"
    if 0.0099 < abs(value) < 1000:
        return f"{float(f'{value:.{1 if log else 2}g}'):g}"
    if not log and float(value).is_integer() and abs(value) < 1e5:
        return f"{int(value)}"
    mantissa, power = f"{value:.{0 if log else 1}e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(power)}"


def describe_plot(plot: Plot) -> str:
    """Return the alternative text of a Plot: one clause for each line, then the bands."""
    clauses = [_clause(line, plot) for line in plot.lines]
    clauses += [_band(band, plot) for band in plot.bands]
    return f"{plot.title}: " + "; ".join(clauses) + "."


def describe_picture(picture: Picture) -> str:
    """Return the alternative text of a Picture: the range, and where its extremes lie."""
    values = np.asarray(picture.values, dtype=np.float64)
    shown = np.where(np.isfinite(values), values, np.nan)
    clauses = [
        f"{word} {number(float(shown[at]))} at {_where(picture, at)}"
        for word, at in (
            ("largest", np.unravel_index(np.nanargmax(shown), shown.shape)),
            ("smallest", np.unravel_index(np.nanargmin(shown), shown.shape)),
        )
    ]
    across = _span(np.asarray(picture.columns))
    down = _span(np.asarray(picture.rows))
    lines = "".join(f"; a line shows {line.label}" for line in picture.lines)
    return (
        f"{picture.title}: {picture.color_label} over {_noun(picture.x.label)} {across} and "
        f"{_noun(picture.y.label)} {down}; {clauses[0]}, {clauses[1]}{lines}."
    )


def _where(picture: Picture, at: tuple[np.intp, ...]) -> str:
    column, row = np.asarray(picture.columns)[at[1]], np.asarray(picture.rows)[at[0]]
    return f"{_at(picture.x.label, float(column))}, {_at(picture.y.label, float(row))}"


def _span(values: Array) -> str:
    return f"{number(float(values[0]))} to {number(float(values[-1]))}"


def _noun(label: str) -> str:
    """Return an axis label without its unit or explanation: "layer (1 = input)" → "layer"."""
    return label.split(" (")[0].split(",")[0].strip()


def _at(label: str, value: float) -> str:
    """Return "layer 3", or "L = 3" where the label ends in a symbol: "number of factors L".

    A label that ends in a formula, "lag T − t", is no value of the formula's last letter: "lag 3".
    One of several words is no name that a number can follow: "images in the batch = 3".
    """
    noun = _noun(label)
    words = noun.split(" ")
    if "−" in words[1:]:
        noun = " ".join(words[: max(words.index("−") - 1, 1)])
    symbol = noun.split(" ")[-1]
    place = f"{int(value)}" if float(value).is_integer() and abs(value) < 1e5 else number(value)
    if len(symbol) <= 2:
        return f"{symbol} = {place}"
    return f"{noun} = {place}" if noun.count(" ") > 1 else f"{noun} {place}"


def _band(band: object, plot: Plot) -> str:
    log = plot.y.scale == "log"
    low, high, label = band.low, band.high, band.label  # type: ignore[attr-defined]
    limits = f"{number(low, log)} to {number(high, log)}"
    return f"shaded band: {label}" if limits in label else f"shaded from {limits}: {label}"


def _clause(line: Line, plot: Plot) -> str:
    x, y = np.asarray(line.x), np.asarray(line.y)
    finite = np.isfinite(y)
    if not finite.any():
        return f"{line.label} is nowhere finite"
    if line.role == "reference" and (np.ptp(x) == 0 or np.ptp(y[finite]) == 0):
        upright = np.ptp(x) == 0
        at = _at(plot.x.label, float(x[0])) if upright else _y(y[finite][0], plot)
        return f"{line.label}, a reference line at {at}"
    if line.role == "theory":
        agreement = _agreement(line, plot)
        if agreement:
            return f"{line.label or 'theory'}, dashed, {agreement}"
    name = line.label or ("theory" if line.role == "theory" else "")
    return f"{name} {_course(x, y, plot)}"


def _y(value: float, plot: Plot) -> str:
    return number(float(value), plot.y.scale == "log")


def _course(x: Array, y: Array, plot: Plot) -> str:
    """Say how one line runs, from its first point to its last."""
    if plot.y.scale == "linear":
        return _runs(x, y, plot)
    zeros = np.flatnonzero(y == 0)
    positive = y > 0
    if not positive.any():
        return "is exactly 0 throughout"
    text = _runs(x, np.where(positive, y, np.nan) if len(zeros) else y, plot)
    if not len(zeros):
        return text
    tail = zeros[-1] == len(y) - 1 and len(zeros) == len(y) - zeros[0]
    if tail:
        return f"{text}, exactly 0 from {_at(plot.x.label, float(x[zeros[0]]))} on"
    return f"{text}, exactly 0 at {len(zeros)} of {len(y)} points"


def _runs(x: Array, y: Array, plot: Plot) -> str:
    """ "falls from 1e0 at layer 20 to 3e-12 at layer 1", with the turn in between, if any."""
    keep = np.flatnonzero(np.isfinite(y))
    height = np.log10(y[keep]) if plot.y.scale == "log" else y[keep]
    overflow = _overflow(x, y, plot)
    if len(keep) == 1:
        return f"is {_places(x[keep], y[keep], plot)[0]}{overflow}"
    span = float(np.ptp(height))
    flat = 0.1 if plot.y.scale == "log" else _LEVEL * float(np.abs(height).max())
    if span <= flat:
        return f"stays near {_y(float(np.median(y[keep])), plot)}{overflow}"
    turn = _turn(height)
    stops = keep[[0, -1]] if turn is None else keep[[0, turn, -1]]
    place = _places(x[stops], y[stops], plot)
    if turn is None:
        return f"{_verb(height[-1] - height[0])} from {place[0]} to {place[-1]}{overflow}"
    first, second = _verb(height[turn] - height[0]), _verb(height[-1] - height[turn])
    return f"{first} from {place[0]} to {place[1]}, then {second} to {place[2]}{overflow}"


def _places(x: Array, y: Array, plot: Plot) -> list[str]:
    """ "3e-12 at layer 1"; two digits where one would have a line fall from 0.1 to 0.1."""
    heights = [_y(value, plot) for value in y]
    if any(here == there for here, there in itertools.pairwise(heights)):
        heights = [number(float(value)) for value in y]
    return [
        f"{height} at {_at(plot.x.label, float(at))}" for height, at in zip(heights, x, strict=True)
    ]


def _turn(height: Array) -> int | None:
    """Return the index of the peak or valley that lies well outside both ends, if there is one."""
    low, high = sorted((float(height[0]), float(height[-1])))
    peak, valley = int(height.argmax()), int(height.argmin())
    over, under = float(height[peak]) - high, low - float(height[valley])
    if max(over, under) < 0.25 * float(np.ptp(height)):
        return None
    return peak if over >= under else valley


def _verb(change: float) -> str:
    return "rises" if change > 0 else "falls"


def _overflow(x: Array, y: Array, plot: Plot) -> str:
    infinite = np.flatnonzero(np.isinf(y))
    if not len(infinite):
        return ""
    return f", infinite from {_at(plot.x.label, float(x[infinite[0]]))} on"


def _agreement(theory: Line, plot: Plot) -> str:
    """Say how far a theory line is from the measured line that it predicts."""
    for line in plot.lines:
        if (
            line.role == "measured"
            and line.color == theory.color
            and np.array_equal(np.asarray(line.x), np.asarray(theory.x))
        ):
            return _distance(np.asarray(theory.y), line, plot.y.scale == "log")
    return ""


def _distance(predicted: Array, line: Line, log: bool) -> str:
    measured = np.asarray(line.y)
    both = np.isfinite(predicted) & np.isfinite(measured)
    if log:
        both &= (predicted > 0) & (measured > 0)
    if not both.any():
        return ""
    if log:
        factor = 10 ** float(np.abs(np.log10(predicted[both] / measured[both])).max())
        share = factor - 1
    else:
        scale = float(np.abs(measured[both]).max()) or 1.0
        share = float(np.abs(predicted - measured)[both].max()) / scale
    if share < 0.5:
        return f"within {_percent(share)} of {line.label}"
    if log:
        return f"within a factor of {number(_up(factor), log=factor >= 1000)} of {line.label}"
    return f"up to {_percent(share)} away from {line.label}"


def _percent(share: float) -> str:
    return f"{max(1, _up(100 * share)):g} %"


def _up(value: float) -> float:
    """Round up to one significant digit: an agreement must not look better than it is."""
    if value <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(value))
    return float(f"{math.ceil(value / power - 1e-6) * power:.6g}")
