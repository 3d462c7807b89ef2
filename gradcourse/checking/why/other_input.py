"""Whether a wrong result is the right one for another input: reversed, transposed, one entry short.

Only the course's own reference is called, so this holds wherever the learner's code lives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from gradcourse.checking.compare import compare
from gradcourse.checking.naming import Trial
from gradcourse.checking.numeric import as_numbers
from gradcourse.checking.why.written import Explanation

Turn = Callable[[Any], Any]


def right_for_another_input(trial: Trial) -> Explanation | None:
    """Return for which other input the results of all cases are right; None where for none."""
    function = trial.function
    if function.driver is not None or not trial.complete:
        return None
    if any(outcome.kind != "value" for outcome in (*trial.got, *trial.expected)):
        return None
    if all(_word_or_truth(outcome.value) for outcome in trial.expected):
        return None
    if 2 * sum(map(bool, trial.differences)) <= len(trial.cases):
        return None  # where most are right, that the others fit is chance
    for words, name, turned in _turns(trial):
        cases = [turned(case) for case in trial.cases]
        if all(case is not None for case in cases) and _gives(trial, cases):
            return Explanation(name, f"Your results are the right ones for {words}.")
    return None


def _word_or_truth(value: Any) -> bool:
    """Whether many inputs have this result, so that one fits by chance."""
    numbers = as_numbers(value)
    truth = numbers is not None and numbers.scalar and numbers.values.dtype.kind == "b"
    return truth or isinstance(value, str)


def _gives(trial: Trial, cases: Sequence[Any]) -> bool:
    """Whether the reference gives the learner's results for these cases, the example first."""
    for part in (slice(0, 1), slice(1, None)):
        got = trial.got[part]
        other = trial.trusted(trial.function, trial.function.reference, cases[part])
        for theirs, ours in zip(got, other, strict=True):
            if ours.kind != "value" or compare(ours.value, theirs.value, trial.tolerance):
                return False
    return True


def _turns(trial: Trial) -> Iterator[tuple[str, str, Turn]]:
    """What is said, the slip's name, and how a case is turned; None where it cannot be."""
    names = trial.function.parameters
    for at, name in enumerate(names):
        for words, slip, turn in _OF_ONE:
            yield words.format(f"`{name}`"), slip, _at(at, turn)
    for at in range(len(names) - 1):
        words = f"`{names[at]}` and `{names[at + 1]}` exchanged"
        yield words, "two inputs exchanged", _exchanged(at)


def _at(position: int, turn: Turn) -> Turn:
    def turned(case: tuple[Any, ...]) -> Any:
        new = turn(case[position]) if position < len(case) else None
        return None if new is None else (*case[:position], new, *case[position + 1 :])

    return turned


def _exchanged(position: int) -> Turn:
    def turned(case: tuple[Any, ...]) -> Any:
        first, second = case[position : position + 2]
        plain = float | int | np.ndarray
        if not isinstance(first, plain) or np.shape(first) != np.shape(second):
            return None  # a list of matrices may have no shape
        return (*case[:position], second, first, *case[position + 2 :])

    return turned


def _long(value: Any, least: int = 2) -> bool:
    several = isinstance(value, list) or (isinstance(value, np.ndarray) and value.ndim > 0)
    return several and len(value) >= least


def _number(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _transpose(value: Any) -> Any:
    square = isinstance(value, np.ndarray) and value.ndim == 2 and len(set(value.shape)) == 1
    return value.T if square else None


def _reversed(value: Any) -> Any:
    return value[::-1] if _long(value) else None


_OF_ONE: tuple[tuple[str, str, Turn], ...] = (
    ("{} in the reverse order: go through it from the other end", "from the wrong end", _reversed),
    ("the transpose of {}", "a transpose", _transpose),
    (
        "{} without its first entry",
        "the first entry is left out",
        lambda value: value[1:] if _long(value) else None,
    ),
    (
        "{} without its last entry",
        "the last entry is left out",
        lambda value: value[:-1] if _long(value) else None,
    ),
    (
        "{} with the other sign",
        "the sign of an input",
        lambda value: -value if _number(value) or isinstance(value, np.ndarray) else None,
    ),
    ("the root of {}", "a root too many", lambda v: math.sqrt(v) if _number(v) and v > 0 else None),
    ("the square of {}", "a square too many", lambda v: v**2 if _number(v) else None),
    ("a hundredth of {}", "a share for per cent", lambda v: v / 100 if _number(v) else None),
    ("a hundred times {}", "per cent for a share", lambda v: v * 100 if _number(v) else None),
)
