"""Compare what was expected with what a learner's function gave, and say how they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcourse.checking import show
from gradcourse.checking.plain import Bfloat16, Foreign

RELATIVE = {"float64": 1e-7, "float32": 1e-5, "float16": 2e-3, "bfloat16": 1.6e-2}
"""Relative tolerance by dtype: room for another order of operations over about 100 steps
(rounding grows like steps x machine epsilon), and for nothing else."""

CANCELLATION = {"float64": 1e-12, "float32": 1e-6, "float16": 1e-3, "bfloat16": 8e-3}
"""Absolute tolerance, as a share of the largest expected entry: what subtraction may leave. It
is a share and not a number, because a gradient of 1e-25 is not 0."""

NUMERIC = "biufc"


@dataclass(frozen=True)
class Tolerance:
    """What a part sets itself; None follows the dtype."""

    rtol: float | None = None
    atol: float | None = None


@dataclass(frozen=True)
class _Numbers:
    """An array with the dtype whose precision it had."""

    values: np.ndarray
    dtype: str
    scalar: bool


def compare(expected: Any, got: Any, tolerance: Tolerance = Tolerance()) -> str:
    """Compare two values of plain data.

    Parameters
    ----------
    expected, got : plain data
        See `gradcourse.checking.plain.plain`.
    tolerance : Tolerance
        Overrides the tolerance that follows the dtype.

    Returns
    -------
    str
        Empty when they agree; else one or two sentences that say how they differ.
    """
    return _compare(expected, got, tolerance, "your function returned")


def precision(expected: Any, tolerance: Tolerance) -> str:
    """Return in words how closely answers like this one are compared."""
    numbers = [found for found in _leaves(expected) if found.dtype in RELATIVE]
    if not numbers:
        return "exactly"
    coarsest = max(RELATIVE[found.dtype] for found in numbers)
    relative = coarsest if tolerance.rtol is None else tolerance.rtol
    return f"to {relative:.0e} relative" if relative else "exactly"


def _leaves(value: Any) -> list[_Numbers]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    numbers = _numbers(value)
    return [] if numbers is None else [numbers]


def _compare(expected: Any, got: Any, tolerance: Tolerance, where: str) -> str:
    if got is None and expected is not None:
        return f"{where} None: is a `return` missing?"
    if isinstance(got, Foreign):
        return _foreign(expected, got, where)
    if expected is None or isinstance(expected, str | bool):
        return _exact(expected, got, where)
    if isinstance(expected, dict):
        return _dict(expected, got, tolerance, where)
    if isinstance(expected, list) and _numbers(expected) is None:
        return _list(expected, got, tolerance, where)
    wanted = _numbers(expected)
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
    why = f" ({got.why})" if got.why else ""
    return f"{where} an object of type {got.type_name}{why} where {_kind(expected)} was expected."


def _exact(expected: Any, got: Any, where: str) -> str:
    if isinstance(got, np.ndarray) and got.ndim == 0:
        got = got.item()
    if type(got) is not type(expected):
        return f"{where} {_kind(got)}, {show.value(got)}, where {_kind(expected)} was expected."
    return "" if got == expected else _differs(expected, got)


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


def _numbers(value: Any) -> _Numbers | None:
    """Read a value as an array of numbers, or return None where it is none."""
    if isinstance(value, Bfloat16):
        return _Numbers(value.values, "bfloat16", value.values.ndim == 0)
    if isinstance(value, str | dict | Foreign) or value is None:
        return None
    if isinstance(value, list):
        if not value or not all(
            isinstance(v, list | int | float | complex | np.ndarray) for v in value
        ):
            return None
        if any(isinstance(item, np.ndarray) and item.ndim for item in value):
            return None
        if any(isinstance(item, list) and _numbers(item) is None for item in value):
            return None
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError):  # rows of different lengths
        return None
    if array.dtype.kind not in NUMERIC:
        return None if array.dtype.kind != "O" else _huge(array)
    return _Numbers(array, str(array.dtype), array.ndim == 0)


def _huge(array: np.ndarray) -> _Numbers | None:
    """Ints beyond 64 bits become floats."""
    try:
        return _Numbers(array.astype(np.float64), "float64", array.ndim == 0)
    except (TypeError, ValueError, OverflowError):
        return None


def _against(wanted: _Numbers, got: Any, tolerance: Tolerance, where: str) -> str:
    given = _numbers(got)
    if given is None and isinstance(got, list) and got and wanted.values.ndim:
        given = _stacked(got)
    if given is None:
        text = f", {show.value(got)}," if isinstance(got, str) else ""
        return f"{where} {_kind(got)}{text} where {_describe(wanted)} was expected."
    return (
        _wrong_dtype(wanted, given, where)
        or _wrong_shape(wanted, given, where)
        or _not_finite(wanted, given, where)
        or _wrong_values(wanted, given, tolerance, where)
    )


def _stacked(rows: Sequence[Any]) -> _Numbers | None:
    """A list of equally long rows is as good as an array."""
    parts = [_numbers(row) for row in rows]
    if any(part is None for part in parts):
        return None
    arrays = [part.values for part in parts if part is not None]
    if len({array.shape for array in arrays}) != 1:
        return None
    dtypes = {part.dtype for part in parts if part is not None}
    stacked = np.stack(arrays)
    return _Numbers(stacked, "bfloat16" if "bfloat16" in dtypes else str(stacked.dtype), False)


def _wrong_dtype(wanted: _Numbers, given: _Numbers, where: str) -> str:
    kind, expected = given.values.dtype.kind, wanted.values.dtype.kind
    if kind == "c" and expected != "c":
        return (
            f"{where} complex numbers where {_describe(wanted)} was expected. Eigenvalues are "
            "complex in general: take np.abs(...) for their size, or .real where that is meant."
        )
    if (kind == "b") != (expected == "b"):
        seen = "True or False" if given.scalar else "an array of True and False"
        return f"{where} {seen} where {_describe(wanted)} was expected."
    if wanted.dtype in ("float64", "float32") and given.dtype in ("float16", "bfloat16"):
        return (
            f"{where} {given.dtype}, which keeps two or three digits, where {wanted.dtype} was "
            "expected: compute in float64 or float32."
        )
    return ""


def _wrong_shape(wanted: _Numbers, given: _Numbers, where: str) -> str:
    shape, expected = given.values.shape, wanted.values.shape
    if shape == expected:
        return ""
    if wanted.scalar:
        return f"{where} an array of shape {shape} where one number was expected" + (
            ": take it out with [0] or .item()." if given.values.size == 1 else "."
        )
    if given.scalar:
        return f"{where} one number where an array of shape {expected} was expected."
    hint = ""
    if shape == expected[::-1]:
        hint = " It has the right sizes in the wrong order: transpose it."
    elif tuple(n for n in shape if n != 1) == tuple(n for n in expected if n != 1):
        hint = " They differ by axes of length 1: reshape it, or index them away."
    return f"{where} an array of shape {shape} where shape {expected} was expected.{hint}"


def _not_finite(wanted: _Numbers, given: _Numbers, where: str) -> str:
    if given.values.dtype.kind not in "fc":
        return ""
    wanted_values = wanted.values
    for name, test in (("NaN", np.isnan), ("Inf", np.isinf)):
        bad = test(given.values) & ~test(wanted_values)
        if not bad.any():
            continue
        if given.scalar:
            return f"{where} {name} where {show.value(wanted_values)} was expected.{_why(name)}"
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        return (
            f"{where} {name} in {int(bad.sum())} of {bad.size} entries, first at index "
            f"{_index(first)}, where {show.value(wanted_values[first])} was expected.{_why(name)}"
        )
    return ""


def _why(name: str) -> str:
    if name == "NaN":
        return " 0/0, inf − inf, 0·inf and the log of a negative number give NaN."
    return " A division by 0, the log of 0 and an overflow give Inf."


def _wrong_values(wanted: _Numbers, given: _Numbers, tolerance: Tolerance, where: str) -> str:
    agree = _agree(wanted, given, tolerance)
    if agree.all():
        return ""
    if given.values.dtype.kind in "iu" and wanted.values.dtype.kind == "f":
        cut = np.array_equal(given.values, np.trunc(wanted.values))
        cut = cut or np.array_equal(given.values, np.floor(wanted.values))
        if cut and given.values.any():  # a 0 may as well be a placeholder
            return _truncated(wanted, given, where)
    return _show_difference(wanted, given, agree)


def _truncated(wanted: _Numbers, given: _Numbers, where: str) -> str:
    if given.scalar:
        return (
            f"{where} the integer {int(given.values)} where {show.value(wanted.values)} was "
            "expected: int() or // cut the fraction off."
        )
    return (
        f"{where} an array of dtype {given.dtype}, which cut the fractions off: make it a float "
        "array, for example with np.zeros(n, dtype=float)."
    )


def _agree(wanted: _Numbers, given: _Numbers, tolerance: Tolerance) -> np.ndarray:
    expected = wanted.values
    if expected.dtype.kind in "biu":
        return np.asarray(given.values == expected)
    dtype = _coarser(wanted.dtype, given.dtype)
    kind = np.complex128 if expected.dtype.kind == "c" else np.float64
    a, b = expected.astype(kind), given.values.astype(kind)
    rtol = RELATIVE[dtype] if tolerance.rtol is None else tolerance.rtol
    with np.errstate(all="ignore"):
        finite = np.abs(a[np.isfinite(a)])
        largest = float(finite.max()) if finite.size else 0.0
        atol = tolerance.atol
        if atol is None:
            atol = CANCELLATION[dtype] * (largest if largest > 0 else 1e-3)
        close = np.abs(a - b) <= atol + rtol * np.abs(a)
        return np.asarray((close & np.isfinite(a)) | (a == b) | (np.isnan(a) & np.isnan(b)))


def _coarser(first: str, second: str) -> str:
    known = [d for d in (first, second) if d in RELATIVE]
    return max(known, key=lambda dtype: RELATIVE[dtype], default="float64")


def _show_difference(wanted: _Numbers, given: _Numbers, agree: np.ndarray) -> str:
    if given.scalar or given.values.size <= 6:
        return _differs(wanted.values, given.values)
    first = tuple(int(i) for i in np.argwhere(~agree)[0])
    a, b = _distinct(wanted.values[first], given.values[first])
    return (
        f"{int((~agree).sum())} of {agree.size} entries differ; the first is at index "
        f"{_index(first)}: expected {a}, got {b}."
    )


def _differs(expected: Any, got: Any) -> str:
    a, b = _distinct(expected, got)
    return f"expected {a}, got {b}."


def _distinct(expected: Any, got: Any) -> tuple[str, str]:
    """Short text for both; with all digits where rounding would hide the difference."""
    a, b = show.value(expected), show.value(got)
    if a == b and np.ndim(expected) == 0:
        a, b = repr(np.asarray(expected).item()), repr(np.asarray(got).item())
    elif a == b:
        a, b = (f"{np.asarray(x).tolist()}" for x in (expected, got))
    return a, b


def _index(index: tuple[int, ...]) -> str:
    return str(index[0]) if len(index) == 1 else str(index)


def _kind(value: Any) -> str:
    if isinstance(value, list) and _numbers(value) is None:
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
    numbers = _numbers(value)
    return "something" if numbers is None else _describe(numbers)


def _describe(numbers: _Numbers) -> str:
    if numbers.values.dtype.kind == "b":
        return "True or False" if numbers.scalar else "an array of True and False"
    if numbers.scalar:
        return "a whole number" if numbers.values.dtype.kind in "iu" else "a number"
    return f"an array of shape {numbers.values.shape}"
