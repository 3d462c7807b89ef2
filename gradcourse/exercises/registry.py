"""From an exercise's id to the exercise: one module per lesson, loaded when first asked for."""

from __future__ import annotations

import difflib
import importlib
from functools import cache
from typing import NamedTuple

from gradcourse.checking.exercise import Exercise
from gradcourse.support import GradcourseError


class _Home(NamedTuple):
    """Where the exercises of one topic live, the notebook that asks them, whether they earn."""

    module: str
    assignment: str
    earns: bool = True


_HOMES = {
    "start": _Home("start", "00", earns=False),
    "chain": _Home("chain_rule", "01"),
    "saturation": _Home("saturation", "02"),
    "recurrent": _Home("recurrent", "03"),
    "relu": _Home("relu", "04"),
    "init": _Home("initialization", "05"),
    "batch-norm": _Home("batch_norm", "06"),
    "residual": _Home("residual", "07"),
    "lstm": _Home("lstm", "08"),
    "clipping": _Home("clipping", "09"),
}
"""By the first word of an exercise's id."""


def get(id: str) -> Exercise:
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
    near = difflib.get_close_matches(str(id), known, n=3, cutoff=0.4)
    hint = (
        f"did you mean {' or '.join(near)}?" if near else f"the first of {len(known)}: {known[0]}"
    )
    raise GradcourseError(f"there is no exercise {id!r}: {hint}")


def all_exercises() -> tuple[Exercise, ...]:
    """Return every exercise of the course, in the order of the lessons."""
    return tuple(exercise for topic in _HOMES for exercise in _topic(topic).values())


def assignment_names() -> tuple[str, ...]:
    """Return the numbers of the assignments that earn points: "01", "02", … Loads none of them."""
    return tuple(dict.fromkeys(home.assignment for home in _HOMES.values() if home.earns))


def modules_of(name: str) -> tuple[str, ...]:
    """Return the modules that hold an assignment's exercises, without loading them."""
    homes = [home for home in _HOMES.values() if home.assignment == name]
    return tuple(f"gradcourse.exercises.{home.module}" for home in homes)


def assignment(name: str) -> tuple[Exercise, ...]:
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


def _questions(name: str) -> tuple[Exercise, ...]:
    topics = [topic for topic, home in _HOMES.items() if home.assignment == name]
    return tuple(e for topic in topics for e in _topic(topic).values() if e.points)


def solution_notebook(exercise: Exercise) -> str:
    """Return the notebook that solves an exercise; empty where the exercise earns nothing."""
    home = _HOMES[exercise.id.partition("/")[0]]
    return f"solutions/{home.assignment}_{home.module}.ipynb" if exercise.points else ""


@cache
def _topic(topic: str) -> dict[str, Exercise]:
    if topic not in _HOMES:
        return {}
    module = importlib.import_module(f"gradcourse.exercises.{_HOMES[topic].module}")
    exercises: dict[str, Exercise] = {}
    for exercise in module.EXERCISES:
        if exercise.id in exercises or exercise.id.partition("/")[0] != topic:
            raise GradcourseError(
                f"{module.__name__}: the exercise id {exercise.id!r} must be used once and "
                f"start with {topic}/"
            )
        exercises[exercise.id] = exercise
    return exercises
