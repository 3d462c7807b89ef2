"""Compare two arrays of numbers: dtype, shape, NaN and Inf, values, in this order."""

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
    same_dtype: bool = False


BY_DTYPE = Tolerance()


@dataclass(frozen=True)
class Numbers:
    """An array with the dtype whose precision it had."""

    values: np.ndarray
    dtype: str
    scalar: bool


def as_numbers(value: Any) -> Numbers | None:
    """Read a value as an array of numbers, or return None where it is none."""
    if isinstance(value, Bfloat16):
        return Numbers(value.values, "bfloat16", value.values.ndim == 0)
    if isinstance(value, str | dict | Foreign) or value is None:
        return None
    if isinstance(value, list):
        if not value or not all(
            isinstance(v, list | int | float | complex | np.ndarray) for v in value
        ):
            return None
        if any(isinstance(item, np.ndarray) and item.ndim for item in value):
            return None
        if any(isinstance(item, list) and as_numbers(item) is None for item in value):
            return None
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError):  # rows of different lengths
        return None
    if array.dtype.kind not in NUMERIC:
        return None if array.dtype.kind != "O" else _huge(array)
    return Numbers(array, str(array.dtype), array.ndim == 0)


def _huge(array: np.ndarray) -> Numbers | None:
    """Ints beyond 64 bits become floats."""
    try:
        return Numbers(array.astype(np.float64), "float64", array.ndim == 0)
    except (TypeError, ValueError, OverflowError):
        return None


def stacked(rows: Sequence[Any]) -> Numbers | None:
    """A list of equally long rows is as good as an array."""
    parts = [as_numbers(row) for row in rows]
    if any(part is None for part in parts):
        return None
    arrays = [part.values for part in parts if part is not None]
    if len({array.shape for array in arrays}) != 1:
        return None
    dtypes = {part.dtype for part in parts if part is not None}
    values = np.stack(arrays)
    return Numbers(values, "bfloat16" if "bfloat16" in dtypes else str(values.dtype), False)


def _wrong_dtype(wanted: Numbers, given: Numbers, where: str) -> str:
    kind, expected = given.values.dtype.kind, wanted.values.dtype.kind
    if kind == "c" and expected != "c":
        return (
            f"{where} complex numbers where {describe(wanted)} was expected. Eigenvalues are "
            "complex in general: take np.abs(...) for their size, or .real where that is meant."
        )
    if (kind == "b") != (expected == "b"):
        seen = describe(given) if kind == "b" else "numbers" if not given.scalar else "a number"
        hint = " A comparison, such as x == 0, gives True and False." if expected == "b" else ""
        return f"{where} {seen} where {describe(wanted)} was expected.{hint}"
    if wanted.dtype in ("float64", "float32") and given.dtype in ("float16", "bfloat16"):
        return (
            f"{where} {given.dtype}, which keeps two or three digits, where {wanted.dtype} was "
            "expected: compute in float64 or float32."
        )
    return ""


def _another_dtype(wanted: Numbers, given: Numbers, where: str) -> str:
    """Right numbers in another dtype, where the dtype is asked for, too."""
    if given.dtype == wanted.dtype:
        return ""
    return (
        f"{where} {given.dtype} where {wanted.dtype} was asked for: cast it before you return it."
    )


def _wrong_shape(wanted: Numbers, given: Numbers, where: str) -> str:
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
    if len(shape) == 2 and shape == expected[::-1]:
        hint = " It has the right sizes in the wrong order: transpose it."
    elif len(shape) == len(expected) and sorted(shape) == sorted(expected):
        hint = " It has the right sizes in the wrong order: which axis belongs where?"
    elif tuple(n for n in shape if n != 1) == tuple(n for n in expected if n != 1):
        hint = " They differ by axes of length 1: reshape it, or index them away."
    return f"{where} an array of shape {shape} where shape {expected} was expected.{hint}"


def _not_finite(wanted: Numbers, given: Numbers, where: str) -> str:
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


def _wrong_values(wanted: Numbers, given: Numbers, tolerance: Tolerance, where: str) -> str:
    agree = _agree(wanted, given, tolerance)
    if agree.all():
        return ""
    if given.values.dtype.kind in "iu" and wanted.values.dtype.kind == "f":
        cut = np.array_equal(given.values, np.trunc(wanted.values))
        cut = cut or np.array_equal(given.values, np.floor(wanted.values))
        if cut and given.values.any():  # a 0 may as well be a placeholder
            return _truncated(wanted, given, where)
    text = _show_difference(wanted, given, agree)
    if tolerance.rtol is None and _as_float32(wanted, given):
        return f"{text} Their first digits agree: float32, or a small number added?"
    return text + _rounded(wanted, given)


def _as_float32(wanted: Numbers, given: Numbers) -> bool:
    """Whether float64 was given that has only the digits of float32."""
    if (wanted.dtype, given.dtype) != ("float64", "float64"):
        return False
    near = Tolerance(RELATIVE["float32"], None)
    return bool(_agree(wanted, Numbers(given.values, "float32", given.scalar), near).all())


def _rounded(wanted: Numbers, given: Numbers) -> str:
    """Say so when rounding to a few decimals is all that is wrong."""
    floats = given.values.dtype.kind == wanted.values.dtype.kind == "f"
    if not floats or not given.values.any():  # a 0 may as well be a placeholder
        return ""
    # In the wanted dtype a float16 would overflow on its way through np.round.
    wide = wanted.values.astype(np.float64)
    for decimals in range(1, 7):
        if np.array_equal(given.values, np.round(wide, decimals).astype(wanted.values.dtype)):
            return f" It is rounded to {show.count(decimals, 'decimal')}: return all digits."
    return ""


def _truncated(wanted: Numbers, given: Numbers, where: str) -> str:
    if given.scalar:
        return (
            f"{where} the integer {int(given.values)} where {show.value(wanted.values)} was "
            "expected: int() or // cut the fraction off."
        )
    return (
        f"{where} an array of dtype {given.dtype}, which cut the fractions off: make it a float "
        "array, for example with np.zeros(n, dtype=float)."
    )


def _agree(wanted: Numbers, given: Numbers, tolerance: Tolerance) -> np.ndarray:
    expected = wanted.values
    if expected.dtype.kind in "biu":
        return np.asarray(given.values == expected)
    dtype = _coarser(wanted.dtype, _computed_in(given))
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


def _computed_in(given: Numbers) -> str:
    """The dtype behind the numbers: float32's `.item()` is a float64 that float32 holds exactly."""
    if given.dtype != "float64":
        return given.dtype
    with np.errstate(all="ignore"):
        short = given.values.astype(np.float32).astype(np.float64)
    return "float32" if np.array_equal(short, given.values) else "float64"


def _coarser(first: str, second: str) -> str:
    known = [d for d in (first, second) if d in RELATIVE]
    return max(known, key=lambda dtype: RELATIVE[dtype], default="float64")


def _show_difference(wanted: Numbers, given: Numbers, agree: np.ndarray) -> str:
    if given.scalar or given.values.size <= 6:
        return differs(wanted.values, given.values)
    first = tuple(int(i) for i in np.argwhere(~agree)[0])
    a, b = _distinct(wanted.values[first], given.values[first])
    return (
        f"{int((~agree).sum())} of {agree.size} entries differ; the first is at index "
        f"{_index(first)}: expected {a}, got {b}."
    )


def differs(expected: Any, got: Any) -> str:
    """Return both values as text, what was expected first."""
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


def describe(numbers: Numbers) -> str:
    """Return in words what kind of answer this is."""
    if numbers.values.dtype.kind == "b":
        return "True or False" if numbers.scalar else "an array of True and False"
    if numbers.scalar:
        return "a whole number" if numbers.values.dtype.kind in "iu" else "a number"
    return f"an array of shape {numbers.values.shape}"


def difference(wanted: Numbers, given: Numbers, tolerance: Tolerance, where: str) -> str:
    """Say how two arrays differ; empty when they agree."""
    return (
        _wrong_dtype(wanted, given, where)
        or _wrong_shape(wanted, given, where)
        or _not_finite(wanted, given, where)
        or _wrong_values(wanted, given, tolerance, where)
        or (_another_dtype(wanted, given, where) if tolerance.same_dtype else "")
    )
