"""What a figure draws: axes, lines with a role, and bands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradcourse.figures.style import hue
from gradcourse.support import GradcourseError

Role = Literal["measured", "theory", "reference"]
Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Axis:
    """One axis: its label with the unit, its scale, and its limits (None: from the data).

    ``names``, if any, stand at the ticks 1, 2, 3, … in place of the numbers.
    """

    label: str
    scale: Scale = "linear"
    limits: tuple[float, float] | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.scale not in get_args(Scale):
            raise GradcourseError(
                f"Axis {self.label!r}: scale is {self.scale!r}; expected 'linear' or 'log'."
            )
        if self.limits is None:
            return
        if len(self.limits) != 2 or not all(np.isfinite(self.limits)):
            raise GradcourseError(
                f"Axis {self.label!r}: limits are {self.limits}; expected two finite numbers."
            )
        if self.limits[0] == self.limits[1]:
            raise GradcourseError(f"Axis {self.label!r}: both limits are {self.limits[0]:g}.")
        if self.scale == "log" and min(self.limits) <= 0:
            raise GradcourseError(
                f"Axis {self.label!r}: limits {self.limits} on a log axis must be positive; "
                "an exact 0 in the data gets a strip of its own."
            )


@dataclass(frozen=True, eq=False)
class Line:
    """One line.

    Attributes
    ----------
    x, y : array of float, shape (n,)
        The points; NaN or inf in y leaves a gap. On a log axis an exact 0 is drawn on a strip of
        its own at the foot of the picture, labelled 0: a gradient that is 0 is not a small
        gradient.
    label : str
        For the legend and the alt text.
    role : {"measured", "theory", "reference"}
        Measured is solid, theory dashed, reference thin and grey.
    color : str
        A key of the style table ("sigmoid", "tanh", "relu", "linear", "plain", "blue", …);
        a theory line takes the colour of the line it predicts.

    Raises
    ------
    GradcourseError
        If x and y are not two vectors of the same length, x is not finite, or the role or the
        colour is unknown.
    """

    x: ArrayLike
    y: ArrayLike
    label: str
    role: Role = "measured"
    color: str = "blue"

    def __post_init__(self) -> None:
        x, y = (
            frozen(self.x, f"x of line {self.label!r}"),
            frozen(self.y, f"y of line {self.label!r}"),
        )
        if x.ndim != 1 or x.shape != y.shape or not len(x):
            raise GradcourseError(
                f"Line {self.label!r}: x has shape {x.shape} and y has shape {y.shape}; "
                "expected two vectors of the same length, at least 1."
            )
        if not np.isfinite(x).all():
            raise GradcourseError(
                f"Line {self.label!r}: x holds NaN or inf; put the gap into y instead."
            )
        if self.role not in get_args(Role):
            raise GradcourseError(
                f"Line {self.label!r}: role is {self.role!r}; expected one of {get_args(Role)}."
            )
        hue(self.color)
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", y)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Line) and same(self, other)


@dataclass(frozen=True)
class Band:
    """A shaded range of y, with its label: "healthy: 0.1 to 10"."""

    low: float
    high: float
    label: str

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise GradcourseError(
                f"Band {self.label!r}: from {self.low} to {self.high}; expected low < high, "
                "both finite."
            )


def with_theory(
    x: ArrayLike, measured: ArrayLike, expected: ArrayLike, name: str, color: str = "blue"
) -> tuple[Line, Line]:
    """Return a measured line and the theory that lies dashed over it.

    Parameters
    ----------
    x, measured, expected : array of float, shape (n,)
        The points, what was measured there, and what theory says.
    name : str
        The lines are called ``name`` and "theory, ``name``".
    color : str
        See `Line`; both lines have it.

    Returns
    -------
    tuple of Line
        To be unpacked into a plot's lines: ``lines=(*gc.with_theory(…), *gc.with_theory(…))``.

    Examples
    --------
    >>> [line.label for line in with_theory([1, 2], [1.0, 0.2], [1.0, 0.25], "δ", "sigmoid")]
    ['δ', 'theory, δ']
    """
    return (
        Line(x, measured, name, "measured", color),
        Line(x, expected, f"theory, {name}", "theory", color),
    )


def same(first: Any, second: Any) -> bool:
    """Compare field by field; NaN equals NaN, so that a frame equals its recomputation."""
    for name in first.__dataclass_fields__:
        left, right = getattr(first, name), getattr(second, name)
        if isinstance(left, np.ndarray):
            if not np.array_equal(left, right, equal_nan=True):
                return False
        elif left != right:
            return False
    return True


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
