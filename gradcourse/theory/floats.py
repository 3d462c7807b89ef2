"""Where floating-point numbers end, and after how many factors a product gets there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from gradcourse.support import GradcourseError


@dataclass(frozen=True)
class FloatLimits:
    """The limits of a binary floating-point format (IEEE 754, 2019).

    Attributes
    ----------
    dtype : str
    smallest_normal : float
        2^normal_exponent. Below it numbers lose digits.
    smallest_subnormal : float
        2^subnormal_exponent. At half of it and below, the result is 0.
    largest : float
        Above it, +Inf.
    eps : float
        Distance from 1 to the next number.
    normal_exponent, subnormal_exponent, eps_exponent : int
        The same as powers of two.
    """

    dtype: str
    normal_exponent: int
    eps_exponent: int

    @property
    def subnormal_exponent(self) -> int:
        return self.normal_exponent + self.eps_exponent

    @property
    def smallest_normal(self) -> float:
        return 2.0**self.normal_exponent

    @property
    def smallest_subnormal(self) -> float:
        return 2.0**self.subnormal_exponent

    @property
    def eps(self) -> float:
        return 2.0**self.eps_exponent

    @property
    def largest(self) -> float:
        return (2.0 - self.eps) * 2.0 ** (1 - self.normal_exponent)


_FORMATS = MappingProxyType(
    {
        "float16": FloatLimits("float16", -14, -10),
        "bfloat16": FloatLimits("bfloat16", -126, -7),
        "float32": FloatLimits("float32", -126, -23),
        "float64": FloatLimits("float64", -1022, -52),
    }
)


def float_limits(dtype: object) -> FloatLimits:
    """Return the limits of a floating-point format.

    Parameters
    ----------
    dtype : str, numpy or torch dtype
        float16, bfloat16, float32 or float64.

    Raises
    ------
    GradcourseError
        If it is none of these.

    Examples
    --------
    >>> float_limits("float32").smallest_normal == 2.0**-126
    True
    """
    name = getattr(dtype, "__name__", str(dtype)).removeprefix("torch.")
    if name not in _FORMATS:
        raise GradcourseError(f"dtype is {dtype!r}; expected one of: {', '.join(_FORMATS)}.")
    return _FORMATS[name]


def underflow_depth(r: float, dtype: object = "float32") -> int | None:
    """Return the first L at which r^L, computed exactly and then rounded, is 0.

    Decided exactly up to L = 10⁵, and to one unit beyond.

    A product that is rounded after *each* factor can behave differently: with |r| > ½ it sticks
    at a small subnormal number and never becomes 0. With 0.9 in float32 that is 4 × 2⁻¹⁴⁹, since
    3.6 steps round to 4.

    Parameters
    ----------
    r : float
        The factor; only its size matters.
    dtype : str, numpy or torch dtype
        See `float_limits`.

    Returns
    -------
    int or None
        None if it never underflows: \\|r\\| ≥ 1.

    Raises
    ------
    GradcourseError
        If ``r`` is not finite or the dtype is unknown.

    Examples
    --------
    >>> underflow_depth(0.25, "float32")  # 2⁻¹⁵⁰ lies halfway and rounds to even
    75
    """
    tie = Fraction(2) ** (float_limits(dtype).subnormal_exponent - 1)
    return _first_depth(r, tie, strict=False)


def subnormal_depth(r: float, dtype: object = "float32") -> int | None:
    """Return the first L at which r^L, computed exactly and then rounded, is not normal.

    Parameters and errors as for `underflow_depth`.

    Examples
    --------
    >>> subnormal_depth(0.25, "float32")  # 0.25⁶³ = 2⁻¹²⁶ is the smallest normal number
    64
    """
    limits = float_limits(dtype)
    # Numbers within half a step below the smallest normal one are rounded up to it.
    half_step = Fraction(2) ** (limits.subnormal_exponent - 1)
    return _first_depth(r, Fraction(2) ** limits.normal_exponent - half_step, strict=True)


def overflow_depth(r: float, dtype: object = "float32") -> int | None:
    """Return the first L at which r^L, computed exactly and then rounded, is infinite.

    None if it never overflows: \\|r\\| ≤ 1. Parameters and errors as for `underflow_depth`.

    Examples
    --------
    >>> overflow_depth(2.0, "float32")
    128
    """
    limits = float_limits(dtype)
    half_step = Fraction(2) ** (limits.eps_exponent - limits.normal_exponent)
    bound = Fraction(limits.largest) + half_step
    _check_finite(r)
    return _first_depth(1 / Fraction(float(r)), 1 / bound, strict=False) if abs(r) > 1 else None


def _check_finite(r: float | Fraction) -> None:
    try:
        finite = math.isfinite(r)
    except (TypeError, OverflowError):
        finite = False
    if not finite:
        raise GradcourseError(f"r is {r}; the factor must be a finite number.")


def _first_depth(r: float | Fraction, bound: Fraction, *, strict: bool) -> int | None:
    """First L ≥ 1 with |r|^L < bound (or ≤ bound); exact for L up to 10⁵."""
    _check_finite(r)
    factor = abs(r if isinstance(r, Fraction) else Fraction(float(r)))
    if factor >= 1:
        return None
    if factor == 0:
        return 1
    estimate = _log2(bound) / _log2(factor)
    nearest = round(estimate)
    # Exact powers are slow for factors near 1, so they are taken only where rounding in the
    # logarithm could decide. Beyond 10⁵ factors they would take minutes for one unit in L.
    if abs(estimate - nearest) > 1e-14 * estimate or nearest > 100_000:
        return max(1, math.ceil(estimate))
    power = factor**nearest
    reached = power < bound if strict else power <= bound
    return max(1, nearest if reached else nearest + 1)


def _log2(value: Fraction) -> float:
    """Log of a positive fraction of any size; of one just below 1 without loss of digits."""
    if value > Fraction(1, 2) and value < 2:
        return math.log1p(float(value - 1)) / math.log(2)
    return math.log2(value.numerator) - math.log2(value.denominator)
