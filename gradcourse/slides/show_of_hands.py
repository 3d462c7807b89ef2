"""A prediction as a lecture asks it: options to raise a hand for, the answer on a key.

A number is asked for as well: its scale is divided into a few ranges with round ends.
"""

from __future__ import annotations

import bisect
import html
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from gradcourse.checking.question import Choice, Prediction, Question
from gradcourse.markup import inline
from gradcourse.site import pages, quiz

RIGHT = ' class="right"'
MOST = 6
"""Ranges of one scale: for each a hand must be counted."""


def hands(question: Question, found: Mapping[str, Any]) -> str:
    """Return HTML that asks a question and holds its answer, which appears at a key.

    Parameters
    ----------
    question : Question
    found : mapping
        From ids of questions to what was measured.
    """
    asked = f'<p class="asked">{inline(question.question or question.title)}</p>'
    if not isinstance(question, Prediction | Choice) or question.id not in found:
        return f'<div class="hands">{asked}<p>It is answered in the notebook.</p></div>'
    truth = found[question.id]
    options, right = _options(question, truth)
    listed = "".join(
        f"<li{RIGHT if index == right else ''}><span>{text}</span></li>"
        for index, text in enumerate(options)
    )
    return (
        f'<div class="hands">{asked}<ol>{listed}</ol>'
        f'<div class="answer fragment">{_told(question, truth)}</div></div>'
    )


def for_the_speaker(question: Question, found: Mapping[str, Any]) -> str:
    """Return HTML for the notes: the answer beforehand, and the wrong ones to expect."""
    if not isinstance(question, Prediction | Choice) or question.id not in found:
        return ""
    said = [f"<p><strong>Answer:</strong> {pages.answer(question, found[question.id])}</p>"]
    if isinstance(question, Prediction):
        said += [
            f"<p>{number(slip.value)}: {inline(slip.name)}. {inline(slip.message)}</p>"
            for slip in question.misconceptions
        ]
    else:
        said += [
            f"<p>“{inline(option.text)}” {inline(option.message)}</p>"
            for option in question.options
            if option.message
        ]
    return "".join(said)


def _told(question: Prediction | Choice, truth: Any) -> str:
    explained = "".join(f"<p>{line}</p>" for line in quiz.lines(question.explain))
    if isinstance(question, Choice):
        return explained
    return f"<p><strong>Measured: {pages.answer(question, truth)}</strong></p>{explained}"


def _options(question: Prediction | Choice, truth: Any) -> tuple[list[str], int | None]:
    """What can be raised a hand for, and which of it is right."""
    if isinstance(question, Choice):
        keys = [option.key for option in question.options]
        return [inline(option.text) for option in question.options], keys.index(truth)
    ends = borders(question)
    right = None if math.isnan(truth) else bisect.bisect_right(ends, truth)
    return ranges(ends, question.unit), right


def ranges(ends: Sequence[float], unit: str = "") -> list[str]:
    """Return in words, as HTML, what lies below, between and above some numbers."""
    after = f" {html.escape(unit)}" if unit else ""
    between = [f"{number(low)} to {number(high)}{after}" for low, high in itertools.pairwise(ends)]
    return [f"below {number(ends[0])}{after}", *between, f"{number(ends[-1])}{after} or more"]


def borders(question: Prediction) -> list[float]:
    """Return the round numbers that divide a question's scale into two to six ranges."""
    low, high = question.low, question.high
    inside = _powers(low, high) if question.log else _multiples(low, high)
    if inside:
        return inside
    return [math.sqrt(low * high) if question.log else (low + high) / 2]


def _powers(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = range(first, last + 1)
    for mantissas in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        values = [float(f"{mantissa}e{decade}") for decade in every for mantissa in mantissas]
        found = _within(values, low, high)
        if len(found) < MOST:
            return found
    for stride in itertools.count(2):
        found = _within([float(f"1e{d}") for d in every if d % stride == 0], low, high)
        if len(found) < MOST:
            return found
    raise AssertionError("a larger stride leaves fewer")


def _multiples(low: float, high: float) -> list[float]:
    unit = 10.0 ** math.floor(math.log10(high - low))
    steps = (unit * share for share in (0.1, 0.2, 0.25, 0.5, 1.0, 2.0))
    for step in steps:
        whole = range(math.floor(low / step), math.ceil(high / step) + 1)
        found = _within([round(step * count, 10) for count in whole], low, high)
        if len(found) < MOST:
            return found
    return []


def _within(values: Sequence[float], low: float, high: float) -> list[float]:
    ends = (low, high)
    return [v for v in values if low < v < high and not any(math.isclose(v, end) for end in ends)]


def number(value: float) -> str:
    """Return a number as HTML: 0.3, 200, 10⁻⁵, 3·10⁻⁵."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.10g}".replace("-", "−")
    digits, _, power = f"{value:.2e}".partition("e")
    mantissa = digits.rstrip("0").rstrip(".").replace("-", "−")
    before = "" if mantissa == "1" else f"{mantissa}·"
    return f"{before}10<sup>{int(power)}</sup>".replace("-", "−")
