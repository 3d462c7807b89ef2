"""How many numbers of each order of magnitude a tensor holds, counted by exponent bits."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

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
    return log2_histograms([tensor])[0]


def log2_histograms(tensors: Sequence[torch.Tensor]) -> list[Log2Histogram]:
    """Count the elements of several tensors; one transfer from their device for all.

    See `log2_histogram`, which this is for many.
    """
    flats = [_flat(tensor) for tensor in tensors]
    found: dict[int, Log2Histogram] = {}
    for dtype in {flat.dtype for flat in flats}:
        chosen = [k for k, flat in enumerate(flats) if flat.dtype == dtype]
        of_dtype = [flats[k] for k in chosen]
        plain = all(flat.is_cpu and type(flat) is torch.Tensor for flat in of_dtype)
        table = (_table_here if plain else _table)(of_dtype, _FORMATS[dtype])
        found.update(zip(chosen, _read(table, of_dtype), strict=True))
    return [found[k] for k in range(len(flats))]


def _table(flats: Sequence[torch.Tensor], form: _Format) -> np.ndarray:
    """Bins of each of several tensors, a row each."""
    longest = max(flats, key=torch.numel)
    # One piece of memory for all, so that it stays in the cache.
    scratch = torch.empty_like(longest, dtype=form.integer)
    bins = [_bins(flat, scratch).to(longest.device) for flat in flats]
    return np.asarray(torch.stack(bins).cpu())


def _table_here(flats: Sequence[torch.Tensor], form: _Format) -> np.ndarray:
    """The same of tensors on the CPU, where NumPy's shift takes a third of the time of torch's."""
    scratch = torch.empty(max(map(torch.numel, flats)), dtype=form.integer)
    shifted, shift, width = scratch.numpy(), form.unsigned(form.mantissa_bits), form.top + 1
    bins = []
    for flat in flats:
        size = flat.numel()
        bits, out = (array.view(form.unsigned) for array in (flat.numpy(), shifted[:size]))
        np.right_shift(bits, shift, out=out)
        # The sign lies above the exponent: bins of its own cost less than taking it away.
        bins.append(torch.bincount(scratch[:size], minlength=2 * width))
    return np.asarray(torch.stack(bins).view(-1, 2, width).sum(1))


def _read(table: np.ndarray, flats: Sequence[torch.Tensor]) -> list[Log2Histogram]:
    """A histogram of each row of bins; the tensor tells what its end bins are made of."""
    used = table[:, 1:-1] > 0
    ends = zip(used.argmax(1).tolist(), used[:, ::-1].argmax(1).tolist(), strict=True)
    plain = (used.any(1) & (table[:, 0] == 0) & (table[:, -1] == 0)).tolist()
    found = []
    for flat, row, (first, left), simple in zip(flats, table, ends, plain, strict=True):
        if simple:
            lowest, last = 1 - _FORMATS[flat.dtype].bias, len(row) - 2 - left
            exponents = np.arange(lowest + first, lowest + last)
            counts = row[first + 1 : last + 1].copy()
            found.append(Log2Histogram(exponents, counts, 0, 0, 0, 0))
        else:
            found.append(_histogram(flat, row))
    return found


class Taken:
    """Histograms of some tensors as they were at one moment.

    Parameters
    ----------
    later : Later
        Who counts them when they are asked for.
    """

    __slots__ = ("_found", "_later")

    def __init__(self, later: Later) -> None:
        self._later: Later | None = later
        self._found: list[Log2Histogram] = []

    def __call__(self) -> list[Log2Histogram]:
        """The histograms, in the order of the tensors."""
        later = self._later  # another thread may fill it now
        if later is not None:
            later.count()
        return self._found

    def fill(self, found: list[Log2Histogram]) -> None:
        """They have been counted."""
        self._found, self._later = found, None


class Later:
    """Counts the same short tensors at many moments, several moments at a time.

    Of a small network the calls are what costs, not the counting. So its numbers are copied, and
    counted when `_MOMENTS` of them wait or when one of them is read.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a record may be read from another thread
        self._kinds: list[tuple[torch.Size, torch.dtype, bool]] = []
        self._waiting: list[Taken] = []

    def take(self, tensors: Sequence[torch.Tensor]) -> Taken | None:
        """Copy the numbers of this moment, or None where they are better counted at once."""
        with self._lock:
            return self._take(tensors)

    def _take(self, tensors: Sequence[torch.Tensor]) -> Taken | None:
        if not tensors:
            return None
        if len(self._waiting) == _MOMENTS:
            self.count()  # it was interrupted the last time
        kinds = [(t.shape, t.dtype, t.is_cpu) for t in tensors]
        if kinds != self._kinds:
            self.count()
            self._kinds = []
            if not self._make_room(tensors):
                return None
            self._kinds = kinds
        try:
            torch._foreach_copy_(self._rows[len(self._waiting)], [t.detach() for t in tensors])
        except RuntimeError:
            return None  # sparse ones
        taken = Taken(self)
        self._waiting.append(taken)
        if len(self._waiting) == _MOMENTS:
            self.count()
        return taken

    def _make_room(self, tensors: Sequence[torch.Tensor]) -> bool:
        fits = all(t.is_cpu and t.dtype is torch.float32 and t.numel() for t in tensors)
        sizes = [t.numel() for t in tensors]
        if not fits or sum(sizes) > _SHORT:
            return False
        form = _FORMATS[torch.float32]
        bins, moments = form.top + 1, torch.arange(_MOMENTS, dtype=torch.int32)
        self._numbers = torch.empty(_MOMENTS, sum(sizes))
        self._rows = [
            [part.view(t.shape) for part, t in zip(row.split(sizes), tensors, strict=True)]
            for row in self._numbers
        ]
        # Each tensor at each moment has bins of its own.
        own = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes)).int()
        self._offsets = (own + len(sizes) * moments[:, None]) * bins
        self._places = torch.empty_like(self._offsets)
        return True

    def count(self) -> None:
        """Count all that wait."""
        with self._lock:
            if self._waiting:
                self._count(self._waiting)
                self._waiting = []

    def _count(self, waiting: Sequence[Taken]) -> None:
        form, many = _FORMATS[torch.float32], len(self._kinds)
        bits = self._numbers[: len(waiting)].view(torch.int32)
        places = self._places[: len(waiting)]
        torch.bitwise_right_shift(bits, form.mantissa_bits, out=places)
        places.bitwise_and_(form.top).add_(self._offsets[: len(waiting)])
        width = form.top + 1
        table = torch.bincount(places.view(-1), minlength=len(waiting) * many * width)
        flats = [part.view(-1) for row in self._rows[: len(waiting)] for part in row]
        found = _read(table.view(-1, width).numpy(), flats)
        for k, taken in enumerate(waiting):
            taken.fill(found[k * many : (k + 1) * many])


_MOMENTS = 8
"""Moments that are counted together: more of them would leave the cache."""

_SHORT = 1 << 15
"""Elements of all tensors together up to which they wait."""


@dataclass(frozen=True)
class _Format:
    """Where the exponent sits in a number's bits."""

    integer: torch.dtype
    unsigned: type[np.unsignedinteger[Any]]
    mantissa_bits: int
    bias: int

    @property
    def top(self) -> int:
        return 2 * self.bias + 1


_FORMATS = MappingProxyType(
    {
        torch.float32: _Format(torch.int32, np.uint32, 23, 127),
        torch.float64: _Format(torch.int64, np.uint64, 52, 1023),
    }
)


def _flat(tensor: torch.Tensor) -> torch.Tensor:
    flat = tensor.detach().reshape(-1)
    # float16 and bfloat16 are subsets of float32: the conversion is exact.
    return flat if flat.dtype == torch.float64 else flat.float()


def _exponents(flat: torch.Tensor, scratch: torch.Tensor | None = None) -> torch.Tensor:
    """The biased exponent of each element: 0 for zero and subnormal, top for NaN and Inf."""
    form = _FORMATS[flat.dtype]
    bits = flat.view(form.integer)
    if scratch is None or scratch.device != flat.device:
        return (bits >> form.mantissa_bits).bitwise_and_(form.top)
    out = scratch[: flat.numel()]
    return torch.bitwise_right_shift(bits, form.mantissa_bits, out=out).bitwise_and_(form.top)


def _bins(flat: torch.Tensor, scratch: torch.Tensor | None = None) -> torch.Tensor:
    return torch.bincount(_exponents(flat, scratch), minlength=_FORMATS[flat.dtype].top + 1)


def _histogram(flat: torch.Tensor, bins: np.ndarray) -> Log2Histogram:
    form = _FORMATS[flat.dtype]
    zeros = nan = positive = negative = 0
    lowest, counts = 1 - form.bias, bins[1:-1]
    if bins[-1] > 0:
        nan = int(flat.isnan().sum())
        positive = int((flat == float("inf")).sum())
        negative = int(bins[-1]) - nan - positive
    if bins[0] > 0:
        # Compared as bits: with denormals flushed, a subnormal number would equal 0.
        zeros = flat.numel() - int(torch.count_nonzero(flat.view(form.integer) << 1))
        if zeros < bins[0]:
            lowest, counts = _with_subnormal(flat, bins)
    used = np.flatnonzero(counts)
    if not len(used):
        nothing = np.zeros(0, dtype=np.int64)
        return Log2Histogram(nothing, nothing, zeros, nan, positive, negative)
    first, last = int(used[0]), int(used[-1])
    exponents = np.arange(lowest + first, lowest + last + 1)
    used_counts = counts[first : last + 1].copy()
    return Log2Histogram(exponents, used_counts, zeros, nan, positive, negative)


def _with_subnormal(flat: torch.Tensor, bins: np.ndarray) -> tuple[int, np.ndarray]:
    """Exponent of the lowest bin, and all bins from it: those of the subnormal numbers in front.

    A subnormal number is mantissa × 2^lowest, and its mantissa is exact as a float64.
    """
    form = _FORMATS[flat.dtype]
    lowest = 1 - form.bias - form.mantissa_bits
    mantissa = (flat.view(form.integer) & ((1 << form.mantissa_bits) - 1))[_exponents(flat) == 0]
    wide = _FORMATS[torch.float64]
    # On the CPU: not every device has float64.
    subnormal = _bins(mantissa[mantissa != 0].cpu().double()).numpy()
    front = subnormal[wide.bias : wide.bias + form.mantissa_bits]
    return lowest, np.concatenate([front, bins[1:-1]])
