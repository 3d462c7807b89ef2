"""Check the answers that are values: a predicted number, a chosen option, a tuned knob.

What they are compared with is measured at that moment.
"""

from __future__ import annotations

import math
import re
import sys
import threading
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse.checking import show
from gradcourse.checking.call import run_trusted
from gradcourse.checking.plain import Foreign
from gradcourse.checking.question import Choice, NamedValue, Option, Prediction, Question, Tuning
from gradcourse.checking.verdict import PartResult
from gradcourse.support import GradcourseError

if TYPE_CHECKING:
    from gradcourse.figures import Demo, Knob

ROUNDED = 0.05
"""A number this close to a misconception's, relatively, is that number in fewer digits."""

SETTING = 0.005
"""What share of a prediction's scale a hand on the slider may be off."""

NEAR = 0.02
"""A knob value this close to a misconception's, relatively, counts as the same."""


def is_open(value: Any) -> bool:
    """Whether a variable still holds the untouched stub: None or ``...``."""
    return value is None or value is Ellipsis


def as_number(value: Any) -> float | None:
    """Return a finite real number, or None where the value is none."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy() if value.numel() == 1 else None
    if isinstance(value, np.ndarray):
        value = value.item() if value.size == 1 else None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction | Decimal):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


# ── Prediction ────────────────────────────────────────────────────────────────────────────────


def check_prediction(
    exercise: Prediction, answers: Mapping[str, Any], stop: threading.Event | None
) -> tuple[PartResult, ...]:
    """Compare a predicted number with the number measured now."""
    value = answers.get(exercise.answer)
    if is_open(value):
        return (_open(exercise),)
    number = as_number(value)
    if number is None or (exercise.log and number <= 0):
        kind = "a number above 0" if exercise.log else "a finite number"
        if number is not None and number < 0:
            kind += ", the number itself and not its logarithm"
        return (_wrong(exercise, _no_number(exercise.answer, value, kind)),)
    truth = float(run_trusted(exercise.measure, stop))
    said = f"You predicted {_with_unit(show.number(number), exercise)}; "
    found = f"measured {_with_unit(measured_text(exercise, truth), exercise)}"
    word = "" if exercise.points else _nearness(exercise, number, truth)
    if _distance(exercise, number, truth) <= _reach(exercise):
        tested = f"{said}{found}, {_how_close(exercise)}{_over(exercise)}: close."
        return (_right(exercise, tested, exercise.explain, word),)
    slip = _nearest(exercise, number) or _as_a_share(exercise, number, truth)
    far = f"{_how_far(exercise, number, truth)}. Close is {_how_close(exercise)}."
    message = said + found + far
    if slip is not None:
        message = f"{slip.message}\n{message}"
    return (_wrong(exercise, message, slip, note=exercise.explain, word=word),)


def _span(exercise: Prediction) -> float:
    """The length of the scale, in the units of `_distance`."""
    return _distance(exercise, exercise.low, exercise.high)


def _nearness(exercise: Prediction, number: float, truth: float) -> str:
    """How near a guess came, for a scale of this length: a lesson's guess is not wrong."""
    distance = _distance(exercise, number, truth)
    if distance <= _reach(exercise):
        return "close"
    share = distance / _span(exercise)
    return "not far off" if share <= 0.15 else "some way off" if share <= 0.35 else "far off"


def _distance(exercise: Prediction, a: float, b: float) -> float:
    """Distance on the exercise's own scale; a measurement of 0 is infinitely far on a log one."""
    if not exercise.log:
        return abs(a - b) if math.isfinite(b) else math.inf
    if a <= 0 or b <= 0 or not math.isfinite(b):
        return math.inf
    return abs(math.log(a) - math.log(b))


def _reach(exercise: Prediction) -> float:
    reach = math.log(exercise.within) if exercise.log else exercise.within
    return reach * (1 + 1e-12)


def measured_text(exercise: Prediction, truth: float) -> str:
    """Return the measured number, with as many decimals as the tolerance has on a linear scale."""
    text = show.measured(truth)
    if not math.isfinite(truth):
        return text
    decimals = len(show.number(exercise.within).partition(".")[2])
    short = not exercise.log and truth != round(truth) and len(text.partition(".")[2]) < decimals
    return f"{truth:.{decimals}f}" if short else text


def _how_close(exercise: Prediction) -> str:
    if exercise.log:
        return f"within a factor of {show.number(exercise.within)}"
    return f"within {_with_unit(show.number(exercise.within), exercise)}"


def _over(exercise: Prediction) -> str:
    """How long the scale is, against which a guess is close."""
    if not exercise.log:
        return f" of {_with_unit(show.number(exercise.high - exercise.low), exercise)}"
    return f" over {_decades(_span(exercise))}"


def _decades(distance: float) -> str:
    text = f"{distance / math.log(10):.2g}"
    return f"{text} decade" if text == "1" else f"{text} decades"


def _how_far(exercise: Prediction, number: float, truth: float) -> str:
    """The distance in words, and what part of the scale it is."""
    if not math.isfinite(truth) or (exercise.log and truth <= 0):
        return ""
    side = "too large" if number > truth else "too small"
    distance = _distance(exercise, number, truth)
    if not exercise.log:
        return f": {_with_unit(show.measured(distance), exercise)} {side}"
    try:
        ratio = f"a factor of {show.measured(_clean(math.exp(distance)))} {side}"
    except OverflowError:
        return f": far {side}"
    part = show.measured(_clean(distance / math.log(10)))
    return f": {ratio}, {part} of the scale's {_decades(_span(exercise))}"


def _clean(value: float) -> float:
    """Return a number without its last digits, in which one logarithm differs from another."""
    return float(f"{value:.9g}")


def _nearest(exercise: Prediction, number: float) -> NamedValue | None:
    """The misconception whose value is nearest, if the number is that value, give or take a digit.

    The exercise's own tolerance is no measure: within a factor of 5 of a wrong number lie the
    numbers of quite other thoughts.
    """
    ranked = sorted(
        exercise.misconceptions, key=lambda slip: _distance(exercise, number, float(slip.value))
    )
    if not ranked:
        return None
    value = float(ranked[0].value)
    rounding = math.log1p(ROUNDED) if exercise.log else ROUNDED * abs(value)
    near = min(_reach(exercise), max(rounding, SETTING * _span(exercise)))
    return ranked[0] if _distance(exercise, number, value) <= near else None


def _as_a_share(exercise: Prediction, number: float, truth: float) -> NamedValue | None:
    """The right number as a share, where per cent are asked."""
    if exercise.unit != "%" or _distance(exercise, 100.0 * number, truth) > _reach(exercise):
        return None
    said = f"{show.number(number)} is a share, and per cent are asked"
    return NamedValue("a share for per cent", number, f"{said}: multiply it by 100.")


def _with_unit(text: str, exercise: Prediction) -> str:
    return f"{text} {exercise.unit}" if exercise.unit else text


# ── Choice ────────────────────────────────────────────────────────────────────────────────────


def check_choice(
    exercise: Choice, answers: Mapping[str, Any], stop: threading.Event | None
) -> tuple[PartResult, ...]:
    """Compare a chosen option with the one that the measurement decides for."""
    value = answers.get(exercise.answer)
    if is_open(value):
        return (_open(exercise),)
    keys = [option.key for option in exercise.options]
    key = _key(value)
    if key not in keys:
        text = f"`{exercise.answer}` is {_shown(value)}: choose one of {_or(keys)}."
        return (_wrong(exercise, text),)
    chosen = exercise.options[keys.index(key)]
    truth = run_trusted(exercise.measure, stop)
    if key == truth:
        tested = f"You chose “{_bare(chosen)}”, and so does the measurement. {chosen.message}"
        return (_right(exercise, tested.strip(), exercise.explain),)
    right = next(_bare(option) for option in exercise.options if option.key == truth)
    message = f"You chose “{_bare(chosen)}”. The measurement decides for “{right}”."
    if chosen.message:
        message = f"{chosen.message}\n{message}"
    return (_wrong(exercise, message, note=exercise.explain),)


def _key(value: Any) -> str:
    """Read a key as typed by hand: "May grow" means "may-grow", and 3 means "3"."""
    number = as_number(value)
    if number is not None:
        return f"{number:.6g}"  # a float32's 0.3 has other digits after these
    if not isinstance(value, str):
        return ""
    return "-".join(value.lower().replace("_", " ").replace("-", " ").split())


def _bare(option: Option) -> str:
    return option.text.rstrip(".")


def _or(keys: Sequence[str]) -> str:
    quoted = [repr(key) for key in keys]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


# ── Tuning ────────────────────────────────────────────────────────────────────────────────────


def check_tuning(
    exercise: Tuning, values: Mapping[str, Any], stop: threading.Event | None
) -> tuple[PartResult, ...]:
    """Measure at the learner's knob values, with several seeds, and look where it falls.

    The seeds are the same in every check: near the edge of a band, fresh ones would tell a
    learner "right" in the notebook and "wrong" in the class grade.
    """
    missing = [name for name in exercise.answers if is_open(values.get(name))]
    if len(missing) == len(exercise.answers):
        return (_open(exercise),)
    if missing:
        return (_wrong(exercise, f"`{missing[0]}` has no value yet: give it one."),)
    demo = exercise.demo()
    knobs, problem = _knob_values(exercise, demo, values)
    if problem:
        return (_wrong(exercise, problem),)
    seeds = [int(s) for s in np.random.SeedSequence(0).generate_state(exercise.repeats)]
    measured = run_trusted(lambda: [float(exercise.measure(s, **knobs)) for s in seeds], stop)
    inside = [exercise.low <= value <= exercise.high for value in measured]
    band = f"{show.number(exercise.low)} to {show.number(exercise.high)}"
    if all(inside):
        tested = (
            f"{exercise.quantity} lies inside {band} for "
            f"{show.count(exercise.repeats, 'random network')}"
        )
        return (_right(exercise, tested),)
    slip = _tuning_slip(exercise, demo, knobs)
    numbers = ", ".join(show.measured(value) for value in measured)
    lines = [
        slip.message if slip else "",
        f"{exercise.quantity} should lie inside {band}. Measured: {numbers}.",
        "" if slip else _side(exercise, measured),
    ]
    return (_wrong(exercise, "\n".join(line for line in lines if line), slip),)


def _side(exercise: Tuning, measured: Sequence[float]) -> str:
    if any(math.isnan(value) for value in measured):
        return "A measurement is NaN: somewhere on the way a number overflowed."
    if all(value < exercise.low for value in measured):
        return exercise.below or "All of them fall below it."
    if all(value > exercise.high for value in measured):
        return exercise.above or "All of them fall above it."
    return "Some lie inside and some do not: aim for the middle of the band."


def _knob_values(
    exercise: Tuning, demo: Demo, values: Mapping[str, Any]
) -> tuple[dict[str, float], str]:
    """Return the values by knob name, and what is wrong with them."""
    knobs: dict[str, float] = {}
    for name, knob in zip(exercise.answers, demo.knobs, strict=False):
        number = as_number(values[name])
        if number is None:
            return {}, _no_number(name, values[name], "a finite number")
        try:
            knobs[knob.name] = knob.accept(round(number) if knob.integer else number)
        except GradcourseError:
            low, high = (show.number(knob.value(end)) for end in (knob.low, knob.high))
            return {}, f"`{name}` is {show.number(number)}: the knob goes from {low} to {high}."
    return knobs, ""


def _tuning_slip(exercise: Tuning, demo: Demo, knobs: Mapping[str, float]) -> NamedValue | None:
    by_answer = dict(zip(exercise.answers, demo.knobs, strict=False))
    for slip in exercise.misconceptions:
        settings = {
            by_answer[name].name if name in by_answer else name: value
            for name, value in slip.value.items()
        }
        if all(_near(knob, knobs[knob.name], settings.get(knob.name)) for knob in demo.knobs):
            return slip
    return None


def _near(knob: Knob, value: float, wrong: float | None) -> bool:
    """Within 2 % or one step of the knob; a knob that the misconception leaves open matches."""
    if wrong is None:
        return True
    if knob.log and value > 0 and wrong > 0:
        apart = abs(math.log10(value) - math.log10(wrong))
        return apart <= max(math.log10(1 + NEAR), knob.step * (1 + 1e-9))
    return abs(value - wrong) <= max(NEAR * abs(wrong), knob.step * (1 + 1e-9))


# ── Shared ────────────────────────────────────────────────────────────────────────────────────


def _open(exercise: Question) -> PartResult:
    return PartResult(exercise.title, "unanswered", 0.0, exercise.points)


def _right(exercise: Question, tested: str, note: str = "", word: str = "") -> PartResult:
    points = exercise.points
    return PartResult(exercise.title, "right", points, points, tested=tested, note=note, word=word)


def _wrong(
    exercise: Question,
    message: str,
    slip: NamedValue | None = None,
    note: str = "",
    word: str = "",
) -> PartResult:
    name = slip.name if slip else None
    points = exercise.points
    return PartResult(exercise.title, "wrong", 0.0, points, message, name, note=note, word=word)


_QUOTED = re.compile(r"([+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?)(\s*\D*)")
"""A number in a text, with what may follow it: a unit, a sign of per cent."""


_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},(?:\d{3}|0)")
"""A comma that may stand before three decimals, or in a number above a thousand."""


def _no_number(name: str, value: Any, kind: str) -> str:
    """Say what a variable holds in place of a number, and how the number is written."""
    quoted = _QUOTED.fullmatch(value.strip()) if isinstance(value, str) else None
    if quoted is not None:
        number, unit = quoted[1], quoted[2].strip()
        without = f"quotes and without {unit!r}" if unit else "quotes"
        text = f"`{name}` is {_shown(value)}, which is text: write the number without {without}."
        return f"{text} {_with_a_point(number)}" if "," in number else text
    parts = value if isinstance(value, list | tuple) and len(value) == 2 else ()
    if parts and all(type(part) is int for part in parts) and parts[1] >= 0:
        whole, rest = parts
        text = f"`{name}` is the two numbers {whole} and {rest}, because of the comma."
        return f"{text} {_with_a_point(f'{whole},{rest}')}"
    return f"`{name}` is {_shown(value)}: give {kind}."


def _with_a_point(typed: str) -> str:
    thousands = (
        ", or without the comma if thousands are meant" if _THOUSANDS.fullmatch(typed) else ""
    )
    return f"Python's decimal sign is a point: {typed.replace(',', '.')}{thousands}."


def _shown(value: Any) -> str:
    if isinstance(value, bool | np.bool_ | str | float | int):
        return show.value(value)
    if isinstance(value, list | tuple) and all(isinstance(item, int | float) for item in value):
        return show.value(list(value))  # 10,5 is two numbers
    if isinstance(value, Foreign):  # from another process
        return f"an object of type {value.type_name}"
    return f"an object of type {type(value).__name__}"
