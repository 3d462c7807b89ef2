"""What a figure is made of, and what to say when it is something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradcourse.support import GradcourseError

if TYPE_CHECKING:
    from gradcourse.instrument import Log2Histogram, Record


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


def histograms_of(
    figure: str, given: Record | Mapping[str, Log2Histogram], step: int
) -> list[Log2Histogram]:
    """Return one histogram for each layer, of one step if they come from a record.

    Raises
    ------
    GradcourseError
        If it is neither, or the record has no such step.
    """
    if isinstance(given, Mapping):
        for name, one in given.items():
            if not (hasattr(one, "exponents") and hasattr(one, "counts")):
                raise GradcourseError(
                    f"{figure} got {type(one).__name__!r} as {name!r}; it takes one log2_histogram "
                    "for each layer, or the record of a probe."
                )
        return list(given.values())
    check_record(figure, given, "log2_histograms")
    every = list(given.log2_histograms.values())
    if not -len(every[0]) <= step < len(every[0]):
        raise GradcourseError(
            f"The record has histograms of {len(every[0])} steps; step {step} is none of them."
        )
    return [one[step] for one in every]


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
