"""One notebook in, one mark out: a function of bytes that holds all of class grading together."""

from __future__ import annotations

import functools
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gradcourse.checking.exercise import Choice, Exercise, Prediction
from gradcourse.exercises.registry import assignment as questions_of
from gradcourse.grading.intake import contents as submission
from gradcourse.grading.one.answers import discreet
from gradcourse.grading.one.plan import Plan, plan
from gradcourse.grading.one.run import Running
from gradcourse.grading.reasons import needs_look, reason
from gradcourse.grading.sandbox.budget import Limits
from gradcourse.grading.sandbox.zygotes import Lost, Zygote, borrowed
from gradcourse.support import GradcourseError

SCHEMA = 1
MOST_REASONS = 40


def grade_one(
    notebook: bytes,
    assignment: str | None = None,
    *,
    limits: Limits | None = None,
    trusted: bool = False,
    seed: int | None = None,
    questions: Sequence[Exercise] | None = None,
    without: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """Grade one notebook, whatever it does.

    Parameters
    ----------
    notebook : bytes
        As it was handed in.
    assignment : str, optional
        "02"; by default found out from the notebook.
    limits : Limits, optional
        What it may use.
    trusted : bool
        Grade it even where nothing keeps it from the rest of this machine.
    seed : int, optional
        Fixes the random inputs of all questions; by default secret ones of this process.
    questions : sequence of Exercise, optional
        Ask these instead of the assignment's.
    without : frozenset of str
        Layers of the sandbox to leave out, for tests.

    Returns
    -------
    dict
        Plain data; see "Grading a class" in the documentation. The same for every way in which
        a submission can be broken: then its ``reasons`` say how.

    Raises
    ------
    GradcourseError
        If there is no such assignment, or this machine cannot grade.
    """
    started = time.monotonic()
    limits = limits or Limits()
    if not sys.platform.startswith(("linux", "darwin")):
        raise GradcourseError("class grading needs Linux; on Windows, run it inside WSL")
    asked = tuple(questions) if questions is not None else None
    if asked is None and assignment is not None:
        asked = questions_of(assignment)
    found = submission.read(notebook, limits.notebook)
    if asked is None:
        assignment = submission.assignment_of(found) if found.cells else None
        asked = questions_of(assignment) if assignment is not None else ()
        if assignment is None and not found.reasons:
            found.note("unknown-assignment")
    if questions is None and assignment is not None:
        other = submission.other_assignment(found, assignment)
        if other is not None:
            text = f"It is a notebook of assignment {other}, and was graded as {assignment}."
            found.note("other-assignment", text=text)
    result = _empty(assignment, asked, trusted)
    result["reasons"] = found.reasons
    if asked and found.cells:
        _grade(result, found, asked, limits, trusted, seed, without)
    elif asked and not found.reasons:
        found.note("no-answers", text="It has no code cell.")
    result["reasons"] = _once(result["reasons"])
    codes = [one["code"] for one in result["reasons"]]
    codes += [code for question in result["questions"] for code in question["reasons"]]
    result["look"] = needs_look(codes)
    result["seconds"] = round(time.monotonic() - started, 4)
    return result


def _grade(
    result: dict[str, Any],
    found: submission.Submission,
    asked: tuple[Exercise, ...],
    limits: Limits,
    trusted: bool,
    seed: int | None,
    without: frozenset[str],
) -> None:
    """Run the submission and fill the result."""
    todo = plan(found, asked)
    exercises = [measured_once(exercise) for exercise in asked]
    for attempt in (1, 2):
        try:
            with borrowed(without) as zygote:
                _refuse_if_open(zygote, trusted)
                run = Running(zygote, todo, limits, _seed() if seed is None else seed)
                questions = run.all(exercises)
                result["sandbox"] = run.layers or zygote.layers
            break
        except Lost:
            if attempt == 2:
                text = "It ended the sandbox itself, twice."
                result["reasons"] = [*found.reasons, reason("killed", text=text)]
                return
    _fill(result, found, asked, todo, run, questions)


def _fill(
    result: dict[str, Any],
    found: submission.Submission,
    asked: Sequence[Exercise],
    todo: Plan,
    run: Running,
    questions: list[dict[str, Any]],
) -> None:
    result["questions"] = discreet(questions)
    result["earned"] = sum(question["earned"] for question in questions)
    result["reasons"] = [*found.reasons, *todo.reasons, *discreet(run.reasons)]
    result["cells"] = {"run": len(todo.cells), "failed": run.failed}
    why = None
    if found.lesson:
        why = "It is the notebook of a lesson, not of its exercises."
    elif not result["earned"] and not submission.has_cells_of(found, asked):
        why = "It has no cell of the assignment's notebook, and nothing in it earned points."
    elif not run.defined_anything and not any(question["reasons"] for question in questions):
        why = ""
    if why is not None:
        result["reasons"].append(reason("no-answers", text=why))


def _refuse_if_open(zygote: Zygote, trusted: bool) -> None:
    if trusted or zygote.isolates:
        return
    why = "; ".join(f"{name} {text}" for name, text in zygote.layers.items() if text != "on")
    raise GradcourseError(
        "nothing on this machine keeps a submission from your files and the network "
        f"({why}): grade on Linux 5.13 or newer, or pass --trusted if you trust every learner"
    )


def _empty(assignment: str | None, asked: tuple[Exercise, ...], trusted: bool) -> dict[str, Any]:
    """The result of a submission in which nothing could be found."""
    return {
        "schema": SCHEMA,
        "assignment": assignment,
        "earned": 0.0,
        "possible": sum(exercise.points for exercise in asked),
        "questions": [_unanswered(exercise) for exercise in asked],
        "reasons": [],
        "cells": {"run": 0, "failed": 0},
        "sandbox": {},
        "trusted": trusted,
        "seconds": 0.0,
        "look": False,
    }


def _unanswered(exercise: Exercise) -> dict[str, Any]:
    return {
        "id": exercise.id,
        "title": exercise.title,
        "earned": 0.0,
        "possible": exercise.points,
        "status": "unanswered",
        "message": "not answered yet",
        "headline": "not answered yet",
        "printed": "",
        "parts": [],
        "reasons": [],
    }


def _once(reasons: list[dict[str, str]]) -> list[dict[str, str]]:
    """Each reason once, and not more than anyone would read."""
    return list({tuple(one.items()): one for one in reasons}.values())[:MOST_REASONS]


@functools.cache
def _seed() -> int:
    """The secret seed of this process: all its submissions meet the same random inputs."""
    return secrets.randbits(64)


_measurements: dict[str, Any] = {}


def measurements() -> dict[str, Any]:
    """Return what was measured so far, by question; for other processes of the same class."""
    plain = {id: v.item() if hasattr(v, "item") else v for id, v in _measurements.items()}
    return {id: v for id, v in plain.items() if isinstance(v, float | int | str)}


def remember(measured: dict[str, Any]) -> None:
    """Take over what another process has measured."""
    _measurements.update(measured)


def measured_once(exercise: Exercise) -> Exercise:
    """Return a prediction or a choice whose measurement is done once per process."""
    if not isinstance(exercise, Prediction | Choice):
        return exercise
    measure, id = exercise.measure, exercise.id

    def remembered() -> Any:
        if id not in _measurements:
            _measurements[id] = measure()
        return _measurements[id]

    return replace(exercise, measure=remembered)  # type: ignore[arg-type]
