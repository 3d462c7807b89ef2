"""`check`: an exercise against an answer, whatever the answer is."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from gradcourse.checking.call import Caller, TrustedCaller, call_here, call_trusted
from gradcourse.checking.code import Clock, check_code
from gradcourse.checking.played import check_played
from gradcourse.checking.question import (
    Choice,
    CodeExercise,
    Played,
    Prediction,
    Question,
    Tuning,
)
from gradcourse.checking.show import points
from gradcourse.checking.values import check_choice, check_prediction, check_tuning
from gradcourse.checking.verdict import PartResult, Verdict
from gradcourse.checking.why.written import Reader, source_here
from gradcourse.support import GradcourseError

_VALUES: dict[type[Question], Callable[..., tuple[PartResult, ...]]] = {
    Prediction: check_prediction,
    Choice: check_choice,
    Tuning: check_tuning,
    Played: check_played,
}
"""How a question is checked that is answered with values."""

LIMIT = 10.0
"""Seconds that a learner's code may run in one check."""


def check(
    exercise: Question,
    answer: Any,
    *,
    seed: int | None = None,
    limit: float = LIMIT,
    call: Caller = call_here,
    stop: threading.Event | None = None,
    reveal: bool = True,
    clock: Clock = time.monotonic,
    trusted: TrustedCaller = call_trusted,
    reader: Reader = source_here,
) -> Verdict:
    """Check an answer.

    Parameters
    ----------
    exercise : Question
        What was asked.
    answer : callable, value or dict
        The function, number, key or knob value itself; or, for any exercise, a dict from each
        of ``exercise.answers`` to its function or value. Knob values may come as a tuple.
    seed : int, optional
        Fixes the random inputs of a function; by default they are fresh each time. Numbers, keys
        and knobs are judged alike with any seed.
    limit : float
        Seconds that the learner's code may run, all calls together.
    call : Caller
        How a learner's function is called; see `gradcourse.checking.call`.
    stop : threading.Event, optional
        Set from another thread, it ends the check.
    reveal : bool
        Whether a message may show a random input. The fixed example is shown in any case.
    clock : callable
        Counts the seconds of the limit; by default those that pass.
    trusted : TrustedCaller
        How the course's own functions are called.
    reader : Reader
        Gives the source of an answer, in which slips of the pen are looked for.

    Returns
    -------
    Verdict
        Also for an answer that is missing, raises, hangs or is no answer at all.

    Raises
    ------
    GradcourseError
        If ``seed`` or ``limit`` cannot be used.
    """
    seed = _usable_seed(seed)
    if not isinstance(limit, int | float) or not limit > 0:
        raise GradcourseError(f"limit is {limit!r}: give a number of seconds above 0")
    answers = named_answers(exercise, answer)
    if isinstance(exercise, CodeExercise):
        parts, printed, interrupted = check_code(
            exercise, answers, seed, limit, call, stop, reveal, clock, trusted, reader
        )
        return Verdict(exercise.id, exercise.title, parts, seed, printed, interrupted)
    try:
        parts = _VALUES[type(exercise)](exercise, answers, stop)
    except KeyboardInterrupt:
        part = PartResult(exercise.title, "wrong", 0.0, exercise.points, "The check was stopped.")
        return Verdict(exercise.id, exercise.title, (part,), seed, interrupted=True)
    return Verdict(exercise.id, exercise.title, parts, seed)


def named_answers(exercise: Question, answer: Any) -> dict[str, Any]:
    """Return the answer as a dict from the exercise's names; a name may be missing."""
    names = exercise.answers
    if isinstance(answer, Mapping):
        return {name: answer[name] for name in names if name in answer}
    if isinstance(answer, tuple | list) and len(answer) == len(names) and len(names) > 1:
        return dict(zip(names, answer, strict=True))
    if len(names) == 1:
        return {names[0]: answer}
    if answer is None or answer is Ellipsis:
        return dict.fromkeys(names)
    if getattr(answer, "__name__", None) in names:
        return {answer.__name__: answer}
    raise GradcourseError(
        f"{exercise.id} asks for {', '.join(names)} ({points(exercise.points)} points together), "
        f"but one {type(answer).__name__} was given: pass them by name, "
        f"{', '.join(f'{name}={name}' for name in names)}"
    )


def _usable_seed(seed: int | None) -> int:
    if seed is None:
        return secrets.randbits(32)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise GradcourseError(f"seed is {seed!r}: give a whole number, 0 or larger, or None")
    return seed
