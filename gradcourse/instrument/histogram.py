"""How many numbers of each order of magnitude a tensor holds, counted by exponent bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from gradcourse.support import GradcourseError


@dataclass(frozen=True, repr=False, eq=False)
class Log2Histogram:
    """Counts per power of two. Everything adds up to ``total``.

    Attributes
    ----------
    exponents : numpy.ndarray of int, shape (n,)
        Consecutive, from the smallest to the largest that occurs.
    counts : numpy.ndarray of int, shape (n,)
        ``counts[k]`` elements have an absolute value in [2^exponents[k], 2^(exponents[k] + 1)).
    zeros, nan, positive_infinity, negative_infinity : int
        Elements that have no exponent.
    """

    exponents: np.ndarray
    counts: np.ndarray
    zeros: int
    nan: int
    positive_infinity: int
    negative_infinity: int

    @property
    def total(self) -> int:
        """Number of elements of the tensor."""
        special = self.zeros + self.nan + self.positive_infinity + self.negative_infinity
        return int(self.counts.sum()) + special

    def __repr__(self) -> str:
        parts = [f"{self.total} elements"]
        if len(self.exponents):
            parts.append(f"2^{self.exponents[0]} to 2^{self.exponents[-1] + 1}")
            parts.append(f"most in 2^{self.exponents[int(self.counts.argmax())]}")
        names = {
            "zero": self.zeros,
            "NaN": self.nan,
            "+Inf": self.positive_infinity,
            "-Inf": self.negative_infinity,
        }
        parts += [f"{count} {name}" for name, count in names.items() if count]
        return "Log2Histogram: " + ", ".join(parts)


def log2_histogram(tensor: torch.Tensor) -> Log2Histogram:
    """Count the elements of a tensor by the exponent of their absolute value.

    Exact: it reads the exponent bits and takes no logarithm. Subnormal numbers are counted at
    their true exponent, so in float32 the lowest bin is 2⁻¹⁴⁹.

    Parameters
    ----------
    tensor : torch.Tensor
        float16, bfloat16, float32 or float64, any shape.

    Returns
    -------
    Log2Histogram

    Raises
    ------
    GradcourseError
        If it is no tensor of one of these dtypes.

    Examples
    --------
    >>> log2_histogram(torch.tensor([1.0, -1.5, 0.25, 0.0]))
    Log2Histogram: 4 elements, 2^-2 to 2^1, most in 2^0, 1 zero
    """
    if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
        what = str(tensor.dtype) if isinstance(tensor, torch.Tensor) else repr(type(tensor))
        raise GradcourseError(f"log2_histogram got {what}; it takes a floating-point tensor.")
    flat = tensor.detach().reshape(-1)
    if flat.dtype == torch.float64:
        counts, specials, subnormal = _by_bits(flat, torch.int64, 52, 1023)
        tiny = _subnormal_counts_float64(subnormal)
    else:
        # float16 and bfloat16 are subsets of float32: the conversion is exact.
        counts, specials, subnormal = _by_bits(flat.float(), torch.int32, 23, 127)
        tiny = _by_bits(subnormal.double(), torch.int64, 52, 1023)[0]
    for exponent, count in tiny.items():
        counts[exponent] = counts.get(exponent, 0) + count
    if not counts:
        exponents = np.zeros(0, dtype=np.int64)
    else:
        exponents = np.arange(min(counts), max(counts) + 1)
    filled = np.array([counts.get(int(e), 0) for e in exponents], dtype=np.int64)
    return Log2Histogram(exponents, filled, *specials)


Specials = tuple[int, int, int, int]


def _by_bits(
    flat: torch.Tensor, integer: torch.dtype, mantissa_bits: int, bias: int
) -> tuple[dict[int, int], Specials, torch.Tensor]:
    """Counts by exponent of the normal numbers, the specials, and the subnormal numbers."""
    top = 2 * bias + 1
    biased = (flat.view(integer) >> mantissa_bits) & top
    bins = torch.bincount(biased, minlength=top + 1).tolist()
    counts = {e - bias: n for e, n in enumerate(bins[1:top], start=1) if n}
    nan = positive = negative = zeros = 0
    subnormal = flat[:0]
    if bins[top]:
        extreme = flat[biased == top]
        nan = int(extreme.isnan().sum())
        positive = int((extreme == float("inf")).sum())
        negative = int((extreme == float("-inf")).sum())
    if bins[0]:
        small = flat[biased == 0]
        # Compared as bits: with denormals flushed, a subnormal number would equal 0.
        is_zero = (small.view(integer) << 1) == 0
        zeros = int(is_zero.sum())
        subnormal = small[~is_zero]
    return counts, (zeros, nan, positive, negative), subnormal


def _subnormal_counts_float64(subnormal: torch.Tensor) -> dict[int, int]:
    """A subnormal float64 is mantissa × 2⁻¹⁰⁷⁴, and a 52-bit mantissa is exact as a float."""
    mantissa = subnormal.view(torch.int64) & ((1 << 52) - 1)
    counts, _, _ = _by_bits(mantissa.double(), torch.int64, 52, 1023)
    return {exponent - 1074: count for exponent, count in counts.items()}
