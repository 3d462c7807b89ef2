"""Where floating-point numbers end, what falls off there, and what is too small to be added."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple

from scipy.special import ndtr

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


# ---------------------------------------------------------------- scaled, and added to


class Shares(NamedTuple):
    """Shares of some numbers, 0 to 1.

    Attributes
    ----------
    zero : float
        Became 0.
    subnormal : float
        Lost digits: below the smallest normal number.
    infinite : float
    """

    zero: float
    subnormal: float
    infinite: float


def lognormal_shares(mean: float, spread: float, dtype: object, scale: float = 0.0) -> Shares:
    """Return what a format makes of lognormal numbers that were multiplied by 2^scale.

    Parameters
    ----------
    mean, spread : float
        Mean and standard deviation of log₂ of the numbers.
    dtype : str, numpy or torch dtype
        See `float_limits`.
    scale : float
        The power of two of a loss scale.

    Raises
    ------
    GradcourseError
        If ``spread`` is not positive or the dtype is unknown.

    References
    ----------
    Micikevicius et al. (2018), Mixed precision training; Chmiel et al. (2021), Neural gradients
    are near-lognormal.

    Examples
    --------
    >>> round(lognormal_shares(-25, 3, "float16").zero, 2)  # half lie below 2⁻²⁵
    0.5
    """
    if not spread > 0:
        raise GradcourseError(f"spread is {spread}; a standard deviation must be positive.")
    limits = float_limits(dtype)

    def place(exponent: float) -> float:
        return (exponent - scale - mean) / spread

    zero = float(ndtr(place(limits.subnormal_exponent - 1)))
    below = float(ndtr(place(limits.normal_exponent)))
    infinite = float(ndtr(-place(math.log2(limits.largest))))
    return Shares(zero, below - zero, infinite)


def layers_in_range(factor: float, dtype: object = "float16", *, subnormal: bool = True) -> float:
    """Return over how many layers one loss scale can carry a gradient that each multiplies.

    The powers of two from the smallest number of a format to its largest, over those that one
    layer takes: the best scale puts one end of the gradient at one end of the format.

    Parameters
    ----------
    factor : float
        What a layer multiplies the gradient by; not 0 or ±1.
    dtype : str, numpy or torch dtype
        See `float_limits`.
    subnormal : bool
        Whether numbers that have lost digits count.

    Raises
    ------
    GradcourseError
        If the factor is 0, ±1 or not finite, or the dtype is unknown.

    Examples
    --------
    >>> round(layers_in_range(0.25))
    20
    """
    limits = float_limits(dtype)
    if not (math.isfinite(factor) and abs(factor) not in (0.0, 1.0)):
        raise GradcourseError(f"factor is {factor}; expected a number other than 0 and ±1.")
    lowest = limits.subnormal_exponent if subnormal else limits.normal_exponent
    return (math.log2(limits.largest) - lowest) / abs(math.log2(abs(factor)))


def smallest_stuck_weight(update: float, dtype: object = "bfloat16") -> float:
    """Return the smallest power of two from which on a weight stays as it is.

    Numbers from 2^e on lie eps · 2^e apart, and what is less than half of that away rounds back.
    (The powers of two themselves give way to updates that make them smaller, since numbers below
    them lie twice as close.)

    Parameters
    ----------
    update : float
        Its size; positive.
    dtype : str, numpy or torch dtype
        See `float_limits`.

    Raises
    ------
    GradcourseError
        If ``update`` is not positive and finite, or the dtype is unknown.

    Examples
    --------
    >>> smallest_stuck_weight(0.001, "bfloat16")
    0.5
    """
    if not (math.isfinite(update) and update > 0):
        raise GradcourseError(f"update is {update}; expected a positive number.")
    half_step = float_limits(dtype).eps / 2
    return 2.0 ** (math.floor(math.log2(update / half_step)) + 1)


def stuck_share(update: float, std: float, dtype: object = "bfloat16") -> float:
    """Return the share of Gaussian weights that an update of this size leaves as they are.

    Parameters and errors as for `smallest_stuck_weight`; ``std`` is the weights' standard
    deviation.

    Examples
    --------
    >>> round(stuck_share(0.001, 0.5), 2)  # those above one standard deviation
    0.32
    """
    if not (math.isfinite(std) and std > 0):
        raise GradcourseError(f"std is {std}; a standard deviation must be positive.")
    return 2.0 * float(ndtr(-smallest_stuck_weight(update, dtype) / std))


def updates_to_forget(spike: float, beta: float, *, squared: bool = False) -> float:
    """Return after how many updates a running mean has forgotten one spike among ones.

    The spike enters with the share 1 − β, and β of it is left after each update: it equals what
    ordinary gradients of size 1 leave when (1 − β) β^k S = 1, or with S² where squares are kept.

    Parameters
    ----------
    spike : float
        S, relative to an ordinary gradient.
    beta : float
        Of the running mean, between 0 and 1.
    squared : bool
        Whether the mean is of squares, as Adam's v.

    Returns
    -------
    float
        0 where the spike never outweighs the rest.

    Raises
    ------
    GradcourseError
        If ``spike`` is not positive, or ``beta`` not between 0 and 1.

    Examples
    --------
    >>> round(updates_to_forget(1e4, 0.95))
    121
    >>> round(updates_to_forget(1e4, 0.999, squared=True), -2)
    11500.0
    """
    if not (math.isfinite(spike) and spike > 0):
        raise GradcourseError(f"spike is {spike}; expected a positive number.")
    if not 0 < beta < 1:
        raise GradcourseError(f"beta is {beta}; expected a number between 0 and 1.")
    weight = (1 - beta) * spike ** (2 if squared else 1)
    return max(0.0, math.log(weight) / -math.log(beta))
