"""Numbers as they are given: one, or an array of them, or something else."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np

from gradcourse.support import GradcourseError

_P = ParamSpec("_P")
_R = TypeVar("_R")


def as_numbers(name: str, given: Any) -> np.ndarray:
    """A float64 array of any shape.

    Raises
    ------
    GradcourseError
        If it holds something else than real numbers.
    """
    try:
        values = np.asarray(given)
        if values.dtype.kind in "biuf":
            return values.astype(np.float64)
    except (TypeError, ValueError, RuntimeError):
        pass
    raise GradcourseError(f"{name} is {given!r}; expected a real number or an array of them.")


def one_number(name: str, given: Any) -> float:
    """One finite number.

    Raises
    ------
    GradcourseError
        If it is none.
    """
    values = as_numbers(name, given)
    if values.shape or not np.isfinite(values):
        raise GradcourseError(f"{name} is {given!r}; expected one finite number.")
    return float(values)


def elementwise(**least: float) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Let a function of numbers take arrays of them as well, and give one result for each.

    Parameters
    ----------
    **least : float
        For each such parameter, the smallest value that it may have.
    """

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        signature = inspect.signature(function)
        order, plain = tuple(signature.parameters), tuple(least.items())

        @functools.wraps(function)
        def of_each(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            given: dict[str, Any] = dict(zip(order, args, strict=False)) | kwargs
            if all(
                type(given.get(n, low)) is float and given.get(n, low) >= low for n, low in plain
            ):
                # The usual case, and the inner loop of every fixed point.
                with contextlib.suppress(OverflowError, ZeroDivisionError):
                    return function(*args, **kwargs)
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            names = list(least)
            arrays = [_at_least(low, name, bound.arguments[name]) for name, low in plain]
            grid = _broadcast(names, arrays)
            found = []
            for numbers in zip(*(values.ravel().tolist() for values in grid), strict=True):
                bound.arguments.update(zip(names, numbers, strict=True))
                try:
                    found.append(function(*bound.args, **bound.kwargs))
                except (OverflowError, ZeroDivisionError):
                    where = ", ".join(f"{n} = {v:g}" for n, v in zip(names, numbers, strict=True))
                    raise GradcourseError(
                        f"{function.__name__} leaves the range of float64 at {where}."
                    ) from None
            shape = grid[0].shape
            if not shape:
                return found[0]
            results = np.array(found, dtype=np.float64)
            return cast(_R, results.reshape(shape + results.shape[1:]))

        return of_each

    return decorate


def _at_least(smallest: float, name: str, given: Any) -> np.ndarray:
    values = as_numbers(name, given)
    if not (values >= smallest).all():
        raise GradcourseError(f"{name} is {given!r}; it must be a number, {smallest:g} or more.")
    return values


def _broadcast(names: list[str], arrays: list[np.ndarray]) -> tuple[np.ndarray, ...]:
    try:
        return np.broadcast_arrays(*arrays)
    except ValueError:
        shapes = ", ".join(f"{n} {v.shape}" for n, v in zip(names, arrays, strict=True))
        raise GradcourseError(f"These shapes do not fit together: {shapes}.") from None
