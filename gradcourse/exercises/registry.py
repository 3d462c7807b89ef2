"""From an exercise's id to the exercise: one module per lesson, loaded when first asked for."""

from __future__ import annotations

import importlib
from functools import cache

from gradcourse.checking.question import Question
from gradcourse.lessons import LESSONS, lesson_about
from gradcourse.support import GradcourseError, nearest


def get(id: str) -> Question:
    """Return one exercise.

    Raises
    ------
    GradcourseError
        If there is none; the message offers the nearest ids.
    """
    found = _topic(str(id).partition("/")[0]).get(str(id))
    if found is not None:
        return found
    known = [exercise.id for exercise in all_exercises()]
    near = nearest(id, known, likeness=0.4)
    hint = (
        f"did you mean {' or '.join(near)}?" if near else f"the first of {len(known)}: {known[0]}"
    )
    raise GradcourseError(f"there is no exercise {id!r}: {hint}")


def all_exercises() -> tuple[Question, ...]:
    """Return every exercise of the course, in the order of the lessons."""
    return tuple(exercise for row in LESSONS for exercise in _topic(row.topic).values())


def assignment_names() -> tuple[str, ...]:
    """Return the numbers of the assignments that earn points: "01", "02", … Loads none of them."""
    return tuple(row.number for row in LESSONS if row.earns)


def modules_of(name: str) -> tuple[str, ...]:
    """Return the modules that hold an assignment's exercises, without loading them."""
    return tuple(f"gradcourse.exercises.{row.folder}" for row in LESSONS if row.number == name)


def assignment(name: str) -> tuple[Question, ...]:
    """Return the exercises of one assignment that earn points.

    Raises
    ------
    GradcourseError
        If there is no such assignment.
    """
    found = _questions(str(name))
    if not found:
        raise GradcourseError(
            f"there is no assignment {name!r}: the assignments are {', '.join(assignment_names())}"
        )
    return found


def _questions(name: str) -> tuple[Question, ...]:
    topics = [row.topic for row in LESSONS if row.number == name]
    return tuple(e for topic in topics for e in _topic(topic).values() if e.points)


def solution_notebook(exercise: Question) -> str:
    """Return the notebook that solves an exercise; empty where the exercise earns nothing."""
    row = lesson_about(exercise.id.partition("/")[0])
    return row.solutions if row is not None and exercise.points else ""


def names_beside(exercise: Question) -> frozenset[str]:
    """Return the names that the other questions of the same lesson ask for."""
    beside = _topic(exercise.id.partition("/")[0]).values()
    return frozenset(name for other in beside if other is not exercise for name in other.answers)


@cache
def _topic(topic: str) -> dict[str, Question]:
    row = lesson_about(topic)
    if row is None:
        return {}
    module = importlib.import_module(f"gradcourse.exercises.{row.folder}")
    exercises: dict[str, Question] = {}
    for exercise in module.EXERCISES:
        if exercise.id in exercises or exercise.id.partition("/")[0] != topic:
            raise GradcourseError(
                f"{module.__name__}: the exercise id {exercise.id!r} must be used once and "
                f"start with {topic}/"
            )
        exercises[exercise.id] = exercise
    return exercises
