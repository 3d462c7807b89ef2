"""One submission on its way: what is sent to wherever it is graded, and what comes back."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from gradcourse.grading.reasons import needs_look, reason
from gradcourse.support import GradcourseError

Result = dict[str, Any]
"""What `grade_one` returns."""

Grade = Callable[..., Result]
"""`grade_one`, or what a test puts in its place."""


@dataclass(frozen=True)
class Task:
    """One notebook to grade.

    Attributes
    ----------
    number : int
        Which submission it is, counted from 0.
    data : bytes
        The notebook.
    assignment : str or None
        What it must be graded as; None leaves that to the notebook.
    guess : str or None
        What it is graded as when the notebook does not tell.
    trusted : bool
        Whether it may run without any sandbox.
    seed : int
        Fixes the random inputs: the whole class meets the same.
    """

    number: int
    data: bytes
    assignment: str | None = None
    guess: str | None = None
    trusted: bool = False
    seed: int = 0


def grade_task(grade: Grade, task: Task) -> Result:
    """Grade one notebook; a fault of the grader is a reason in the result, and costs no other.

    Raises
    ------
    GradcourseError
        If this machine cannot grade at all.
    """
    try:
        prepare(grade, task)
        how = {"trusted": task.trusted, "seed": task.seed}
        result = grade(task.data, task.assignment, **how)
        unknown = any(one["code"] == "unknown-assignment" for one in result["reasons"])
        if unknown and task.assignment is None and task.guess is not None:
            result = grade(task.data, task.guess, **how)
        return result
    except GradcourseError:
        raise
    except Exception:
        return {**not_graded("internal-error", task.assignment), "fault": traceback.format_exc()}


def _named(data: bytes) -> str | None:
    from gradcourse.grading.intake import contents as submission

    found = submission.read(data, len(data))
    return submission.assignment_of(found) if found.cells else None


def prepare(grade: Grade, task: Task) -> None:
    """Do once per process and assignment what takes seconds.

    Raises
    ------
    GradcourseError
        If the sandbox does not start.
    """
    if grade.__module__ == "gradcourse.grading.one.grade":
        _prepare(task.assignment or _named(task.data))


@cache
def _prepare(assignment: str | None) -> None:
    """While the sandbox starts, measure what predictions are held against."""
    from gradcourse.checking.exercise import Choice, Prediction
    from gradcourse.grading.one.grade import measured_once
    from gradcourse.grading.sandbox.zygotes import borrowed, warm

    warm()
    for exercise in _exercises(assignment):
        if isinstance(exercise, Prediction | Choice):
            with suppress(Exception):  # the question itself will say so
                measured: Any = measured_once(exercise)
                measured.measure()
    with borrowed() as zygote:
        assert zygote.layers  # waits until it is there


def not_graded(code: str, assignment: str | None, text: str = "") -> Result:
    """Return the result of a submission of which nothing could be graded."""
    questions = [
        {
            "id": exercise.id,
            "title": exercise.title,
            "earned": 0.0,
            "possible": exercise.points,
            "status": "unanswered",
            "message": "",
            "headline": "not graded",
            "parts": [],
            "reasons": [code],
        }
        for exercise in _exercises(assignment)
    ]
    return {
        "schema": 1,
        "assignment": assignment,
        "earned": 0.0,
        "possible": sum(question["possible"] for question in questions),
        "questions": questions,
        "reasons": [reason(code, text=text)],
        "cells": {"run": 0, "failed": 0},
        "sandbox": {},
        "trusted": False,
        "seconds": 0.0,
        "look": needs_look([code]),
    }


def _exercises(assignment: str | None) -> tuple[Any, ...]:
    from gradcourse.exercises.registry import assignment as exercises_of

    return exercises_of(assignment) if assignment else ()
