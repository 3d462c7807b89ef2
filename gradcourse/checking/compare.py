"""Compare what was expected with what a learner's function gave, and say how they differ."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcourse.checking import show
from gradcourse.checking.numeric import (
    BY_DTYPE,
    RELATIVE,
    Numbers,
    Tolerance,
    as_numbers,
    describe,
    difference,
    differs,
    stacked,
)
from gradcourse.checking.plain import Foreign


def compare(expected: Any, got: Any, tolerance: Tolerance = BY_DTYPE, report: bool = False) -> str:
    """Compare two values of plain data.

    Parameters
    ----------
    expected, got : plain data
        See `gradcourse.checking.plain.plain`.
    tolerance : Tolerance
        Overrides the tolerance that follows the dtype.
    report : bool
        Whether a dict is a driver's report of what it saw, in words, and not what was returned.

    Returns
    -------
    str
        Empty when they agree; else one or two sentences that say how they differ.
    """
    if report and isinstance(expected, dict) and isinstance(got, dict):
        return _report(expected, got, tolerance)
    return _compare(expected, got, tolerance, "your function returned")


def _report(expected: dict[str, Any], got: dict[str, Any], tolerance: Tolerance) -> str:
    """The first thing that is other than it should be, by the name that the driver gave it."""
    for name, value in expected.items():
        message = _compare(value, got.get(name), tolerance, f"{name} is")
        if message:
            return _inside(message, name)
    return ""


def precision(expected: Any, tolerance: Tolerance) -> str:
    """Return in words how closely answers like this one are compared."""
    numbers = [found for found in _leaves(expected) if found.dtype in RELATIVE]
    if not numbers:
        return "exactly"
    coarsest = max(RELATIVE[found.dtype] for found in numbers)
    relative = coarsest if tolerance.rtol is None else tolerance.rtol
    return f"to {relative:.0e} relative" if relative else "exactly"


def _leaves(value: Any) -> list[Numbers]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    numbers = as_numbers(value)
    return [] if numbers is None else [numbers]


def _compare(expected: Any, got: Any, tolerance: Tolerance, where: str) -> str:
    if got is None and expected is not None:
        hint = ": is a `return` missing?" if where.startswith("your function") else "."
        return f"{where} None{hint}"
    if isinstance(got, Foreign):
        return _foreign(expected, got, where)
    if expected is None or isinstance(expected, str | bool):
        return _exact(expected, got, where)
    if isinstance(expected, dict):
        return _dict(expected, got, tolerance, where)
    if isinstance(expected, list) and as_numbers(expected) is None:
        return _list(expected, got, tolerance, where)
    wanted = as_numbers(expected)
    if wanted is None:
        raise TypeError(f"a reference must return plain data, not {show.value(expected)}")
    return _against(wanted, got, tolerance, where)


def _foreign(expected: Any, got: Foreign, where: str) -> str:
    if got.type_name == "ndarray":
        return (
            f"{where} an array that holds objects, not numbers ({got.why}). Rows of different "
            "lengths or a None among the numbers do that."
        )
    if got.type_name in ("generator", "map", "filter", "zip", "range", "dict_values", "set"):
        return f"{where} a {got.type_name} where {_kind(expected)} was expected: wrap it in list()."
    if got.type_name in ("function", "method", "builtin_function_or_method"):
        return f"{where} a function where {_kind(expected)} was expected: is a call's () missing?"
    if got.type_name in ("Series", "DataFrame"):
        return f"{where} a pandas {got.type_name}: return its numbers, .to_numpy()."
    why = f" ({got.why})" if got.why else ""
    return f"{where} an object of type {got.type_name}{why} where {_kind(expected)} was expected."


def _exact(expected: Any, got: Any, where: str) -> str:
    if isinstance(got, np.ndarray) and got.ndim == 0:
        got = got.item()
    if type(got) is not type(expected):
        return f"{where} {_kind(got)}, {show.value(got)}, where {_kind(expected)} was expected."
    return "" if got == expected else differs(expected, got)


def _dict(expected: dict[str, Any], got: Any, tolerance: Tolerance, where: str) -> str:
    if not isinstance(got, dict):
        return f"{where} {_kind(got)} where a dict was expected."
    missing = [key for key in expected if key not in got]
    extra = [key for key in got if key not in expected]
    if missing or extra:
        return (
            f"{where} a dict with the keys {', '.join(map(repr, got)) or 'none'}; expected "
            f"were {', '.join(map(repr, expected))}."
        )
    for key, value in expected.items():
        message = _compare(value, got[key], tolerance, f"under the key {key!r} it gave")
        if message:
            return _inside(message, f"under the key {key!r}")
    return ""


def _list(expected: list[Any], got: Any, tolerance: Tolerance, where: str) -> str:
    if isinstance(got, np.ndarray) and got.ndim:
        got = list(got)
    if not isinstance(got, list):
        return f"{where} {_kind(got)} where {_kind(expected)} was expected."
    if len(got) != len(expected):
        return f"{where} {show.count(len(got), 'item')} where {len(expected)} were expected."
    for index, (wanted, given) in enumerate(zip(expected, got, strict=True)):
        place = f"item {index} of what it returned"
        message = _compare(wanted, given, tolerance, f"{place} is")
        if message:
            return _inside(message, place)
    return ""


def _inside(message: str, place: str) -> str:
    """Name the place, for a message that only has the values."""
    return f"{place}: {message}" if message.startswith("expected") else message


def _against(wanted: Numbers, got: Any, tolerance: Tolerance, where: str) -> str:
    given = as_numbers(got)
    if given is None and isinstance(got, list) and got and wanted.values.ndim:
        given = stacked(got)
    if given is None:
        if _holds_text(got):
            return (
                f"{where} text, {show.value(got)}, where {describe(wanted)} was "
                "expected. A list is as good as an array, if its entries are numbers."
            )
        text = f", {show.value(got)}," if isinstance(got, str) else ""
        return f"{where} {_kind(got)}{text} where {describe(wanted)} was expected."
    return difference(wanted, given, tolerance, where)


def _holds_text(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "U"
    return isinstance(value, list) and any(
        isinstance(item, str) or _holds_text(item) for item in value
    )


def _kind(value: Any) -> str:
    if isinstance(value, list) and as_numbers(value) is None:
        return f"a list of {show.count(len(value), 'item')}"
    if isinstance(value, dict):
        return "a dict"
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool | np.bool_):
        return "True or False"
    if isinstance(value, Foreign):
        return f"an object of type {value.type_name}"
    if value is None:
        return "None"
    numbers = as_numbers(value)
    return "something" if numbers is None else describe(numbers)
