"""Check what was done in a game: every line is replayed, and what it is worth is measured again."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from gradcourse.checking import show
from gradcourse.checking.call import run_trusted
from gradcourse.checking.question import Played, Replayed
from gradcourse.checking.values import is_open
from gradcourse.checking.verdict import PartResult
from gradcourse.support import GradcourseError


def check_played(
    exercise: Played, answers: Mapping[str, Any], stop: threading.Event | None
) -> tuple[PartResult, ...]:
    """Replay the lines, each for its own part of the points."""
    lines = answers.get(exercise.answer)
    if is_open(lines):
        return _each(exercise, "unanswered", "")
    count = len(exercise.lines)
    if isinstance(lines, tuple):
        lines = list(lines)
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        return _each(exercise, "wrong", f"`{exercise.answer}` is no list of lines of text.")
    if len(lines) != count:
        said = f"`{exercise.answer}` holds {show.count(len(lines), 'line')}, and {count} are asked."
        return _each(exercise, "wrong", said)
    try:
        replayed = run_trusted(lambda: list(exercise.replay(lines)), stop)
    except GradcourseError as error:
        return _each(exercise, "wrong", str(error))
    return tuple(
        _part(exercise, title, result)
        for title, result in zip(exercise.lines, replayed, strict=True)
    )


def _part(exercise: Played, title: str, result: Replayed) -> PartResult:
    possible = exercise.points / len(exercise.lines)
    if result.share >= 1.0:
        return PartResult(title, "right", possible, possible, tested=result.said)
    earned = round(possible * result.share, 2)
    return PartResult(title, "wrong", earned, possible, result.said, result.slip or None)


def _each(exercise: Played, status: Any, message: str) -> tuple[PartResult, ...]:
    possible = exercise.points / len(exercise.lines)
    return tuple(PartResult(title, status, 0.0, possible, message) for title in exercise.lines)
