"""What every figure of a record needs: a row of it, the colour of a line, its theory, its band."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gradcourse.figures.line import Band, Line
from gradcourse.figures.style import HUES
from gradcourse.support import GradcourseError

_IN_ORDER = ("blue", "vermillion", "green", "orange", "purple", "sky", "brown", "navy")


def check_record(figure: str, given: object, *needed: str) -> None:
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


def still(record: Any) -> Any:
    """The record as it is now: a figure reads several arrays, and a probe may be adding to them."""
    return record.so_far() if callable(getattr(type(record), "so_far", None)) else record


def by_name(figure: str, given: Any, name: str, expected: str) -> dict[str, Any]:
    """What the figure was given, by the names of its lines: a mapping, or one alone.

    Raises
    ------
    GradcourseError
        If the mapping is empty; ``expected`` says what the figure takes.
    """
    if not isinstance(given, Mapping):
        return {name: given}
    if not given:
        raise GradcourseError(f"{figure} got an empty {type(given).__name__}; it takes {expected}.")
    return dict(given)


def short_names(names: Iterable[str]) -> list[str]:
    """Names as they stand in a label: of a very long one the middle is left out.

    Where that makes two of them alike, the beginning is: it is the end that tells names apart.
    """
    names = list(names)
    for cut in (_without_middle, _without_beginning):
        short = [name if len(name) <= _LONGEST else cut(name) for name in names]
        if len(set(short)) == len(set(names)):
            return short
    return names


def _without_middle(name: str) -> str:
    half = _LONGEST // 2
    return f"{name[:half]}…{name[-half + 1 :]}"


def _without_beginning(name: str) -> str:
    return f"…{name[1 - _LONGEST :]}"


_LONGEST = 36
"""Characters of a name that still fits above the axes."""


def chosen_row(table: np.ndarray, step: int) -> np.ndarray:
    """Return one step's row; by default (-1) the last in which something was measured."""
    if not -len(table) <= step < len(table):
        raise GradcourseError(f"The record has {len(table)} steps; step {step} is not one of them.")
    measured = np.flatnonzero(~np.isnan(table).all(axis=1))
    if step == -1 and len(measured):
        return np.asarray(table[measured[-1]])
    return np.asarray(table[step])


def color_of(name: str, index: int) -> str:
    """Return a name's own colour if the style table has one, else the next in order."""
    return name if name in HUES else _IN_ORDER[index % len(_IN_ORDER)]


def theory_lines(
    measured: list[Line],
    theory: ArrayLike | Mapping[str, ArrayLike] | None,
    shown: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> list[Line]:
    """Return a dashed line for each prediction, in the colour of the line that it predicts.

    ``shown`` makes of a prediction what stands in the figure.
    """
    if theory is None:
        return []
    by_name = theory if isinstance(theory, Mapping) else {measured[0].label: theory}
    lines = {line.label: line for line in measured}
    predictions = []
    for name, values in by_name.items():
        if name not in lines:
            raise GradcourseError(
                f"theory has an entry {name!r}, but the lines are: {', '.join(lines)}."
            )
        line, predicted = lines[name], shown(np.asarray(values, dtype=np.float64))
        if predicted.shape != np.shape(line.x):
            raise GradcourseError(
                f"theory of {name!r} has shape {predicted.shape}; the line has "
                f"{np.size(line.x)} points."
            )
        label = "theory" if len(measured) == 1 else f"{name}, theory"
        predictions.append(Line(line.x, predicted, label, "theory", line.color))
    return predictions


def healthy_band(line: Line, factor: float, end_name: str) -> Band:
    """Return the band within a factor of a line's last finite, positive point."""
    if not factor > 1:
        raise GradcourseError(f"healthy is {factor}; expected a factor above 1, such as 10.")
    y = np.asarray(line.y)
    usable = y[np.isfinite(y) & (y > 0)]
    if not len(usable):
        raise GradcourseError(f"No point of {line.label!r} is positive, so there is no band.")
    end = float(usable[-1])
    return Band(end / factor, end * factor, f"healthy: within {factor:g} times {end_name}")


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
