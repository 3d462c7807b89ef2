"""Short text for numbers, arrays and calls, as verdicts print them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcourse.checking.plain import Bfloat16, Foreign
from gradcourse.checking.question import Function

LONGEST = 160
"""A value whose text is longer than this is described instead."""


def number(value: float, digits: int = 4) -> str:
    """Return a number rounded to significant digits; whole numbers are shown whole."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == int(value) and abs(value) < 10**digits:
        return str(int(value))
    return f"{value:.{digits}g}"


def measured(value: float) -> str:
    """Return a measurement rounded to two significant digits, 0.031 or 3.1e-12; a count whole."""
    if not math.isfinite(value) or (value == int(value) and abs(value) < 10_000):
        return number(value)
    exponent = math.floor(math.log10(abs(float(f"{value:.1e}"))))
    if not -3 <= exponent <= 4:
        return f"{value:.1e}"
    rounded = round(value, 1 - exponent)
    return f"{rounded:.{max(0, 1 - exponent)}f}"


def points(value: float) -> str:
    """Return a number of points: 1, 0.5, 2."""
    return f"{value:.3g}"


def count(number_of: int, noun: str) -> str:
    """Return "1 case", "8 cases"."""
    return f"{number_of} {noun}" if number_of == 1 else f"{number_of} {noun}s"


def value(thing: Any) -> str:
    """Return plain data as short text on one line."""
    text = _value(thing)
    if len(text) <= LONGEST:
        return text
    if isinstance(thing, list):
        return f"a list of {count(len(thing), 'item')}"
    return text[: LONGEST - 1] + "…"


def _value(thing: Any) -> str:
    if isinstance(thing, bool | np.bool_) or thing is None:
        return str(thing)
    if isinstance(thing, int | np.integer):
        return str(int(thing))
    if isinstance(thing, float | np.floating):
        text = number(float(thing))
        return text + ".0" if text.lstrip("-").isdigit() else text
    if isinstance(thing, str):
        return repr(thing)
    if isinstance(thing, Bfloat16):
        return f"{_value(thing.values)} (bfloat16)"
    if isinstance(thing, np.ndarray):
        return _array(thing)
    if isinstance(thing, list | tuple):
        return "[" + ", ".join(_value(item) for item in thing) + "]"
    if isinstance(thing, dict):
        return "{" + ", ".join(f"{key}: {_value(item)}" for key, item in thing.items()) + "}"
    if isinstance(thing, Foreign):
        return f"an object of type {thing.type_name}"
    return f"<{type(thing).__name__}>"


def _array(array: np.ndarray) -> str:
    if array.ndim == 0:
        return _value(array.item())
    if array.size > 12:
        return f"an array of shape {array.shape}"
    if array.ndim == 1:
        return "[" + ", ".join(_value(item) for item in array.tolist()) + "]"
    return "[" + ", ".join(_array(row) for row in array) + "]"


def call(name: str, arguments: Sequence[Any]) -> str:
    """Return a call as text: ``lyapunov([0.5, 2.0])``."""
    return f"{name}({', '.join(value(argument) for argument in arguments)})"


def situation(function: Function, arguments: Sequence[Any]) -> str:
    """Return a call as the learner's function meets it.

    Where a driver builds what the function is given, its parameters are named, and then the
    numbers from which they were built.
    """
    if function.driver is None:
        return f"`{call(function.name, arguments)}`"
    head = f"`{function.name}({', '.join(function.parameters)})`"
    pairs = zip(function.inputs, arguments, strict=False)
    said = "; ".join(f"{name} = {value(argument)}" for name, argument in pairs if name)
    return f"{head} with {said}" if said else head


def size(thing: Any) -> int:
    """Return how many numbers a value holds, to find the smallest of several cases."""
    if isinstance(thing, np.ndarray):
        return thing.size
    if isinstance(thing, list | tuple):
        return sum(size(item) for item in thing)
    if isinstance(thing, dict):
        return sum(size(item) for item in thing.values())
    return 1
