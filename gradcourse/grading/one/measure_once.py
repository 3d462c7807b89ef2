"""What predictions and choices are held against: measured once per process, by its first question.

The processes that grade a class hand it to each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gradcourse.checking.question import Commitment, Question

_measurements: dict[str, Any] = {}


def measurements() -> dict[str, Any]:
    """Return what was measured so far, by question; for other processes of the same class."""
    plain = {id: v.item() if hasattr(v, "item") else v for id, v in _measurements.items()}
    return {id: v for id, v in plain.items() if isinstance(v, float | int | str)}


def remember(measured: Mapping[str, Any]) -> None:
    """Take over what another process has measured."""
    _measurements.update(measured)


def measured_once(exercise: Question) -> Question:
    """Return a prediction or a choice whose measurement is done once per process."""
    if not isinstance(exercise, Commitment):
        return exercise
    measure, id = exercise.measure, exercise.id

    def remembered() -> Any:
        if id not in _measurements:
            _measurements[id] = measure()
        return _measurements[id]

    return replace(exercise, measure=remembered)
