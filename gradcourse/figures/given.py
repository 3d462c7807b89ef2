"""What a figure is made of, and what to say when it is something else."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradcourse.support import GradcourseError


def check_record(figure: str, given: Any, *needed: str) -> None:
    """Refuse what is no record of a probe.

    By what it holds, so that anything that reads like a record is fine.

    Raises
    ------
    GradcourseError
        If it lacks one of the names.
    """
    for name in needed:
        # On the class where there is one: reading a property of an empty record raises.
        if not (hasattr(type(given), name) or name in getattr(given, "__dict__", {})):
            raise GradcourseError(
                f"{figure} got {type(given).__name__!r}; it takes the record of a probe: "
                "with gc.probe(model) as record: …"
            )


def numbers(figure: str, given: Any, expected: str) -> np.ndarray:
    """A float64 array.

    Raises
    ------
    GradcourseError
        If it is none; ``expected`` says what the figure takes.
    """
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError):
        raise GradcourseError(
            f"{figure} got {type(given).__name__!r}; it takes {expected}."
        ) from None


def frozen(values: ArrayLike, what: str) -> NDArray[np.float64]:
    """Copy into float64 and freeze: a figure must not change when its source does."""
    try:
        array = np.asarray(values, dtype=np.float64).copy()
    except (TypeError, ValueError, RuntimeError) as problem:
        raise GradcourseError(
            f"The {what} is no array of numbers ({problem}). Pass a list or an array; a tensor "
            "with gradient goes through .detach() first."
        ) from None
    array.setflags(write=False)
    return array
