"""What is read off a layer's output: few, cheap sums that stay on its device.

A raw row has the columns of `MEASURES`. Until `measures` works them out, "mean" holds Σa, "std"
‖a − mean‖ (float64 only), "saturated" √(count of flat outputs), "dead" the count of units that
are *not* dead and "zero" that of outputs that are not 0; "norm" and "gradient" are what they say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from gradcourse.instrument.norms import LONG, SAFE, reachable, wide_norm
from gradcourse.instrument.record.step import (
    DEAD,
    MEAN,
    MEASURES,
    NORM,
    SATURATED,
    SIZE,
    SLOPE,
    STD,
    ZERO,
)

_SLOPED = ("tanh", "sigmoid")

FLAT = math.sqrt(0.95)
"""|tanh| above which its slope 1 − a² is below 5 % of the largest, 1. For the sigmoid the same
holds of 2a − 1, since its slope is (1 − (2a − 1)²) / 4."""

_SPREAD = 0.99
"""mean² / mean of squares up to which float32 sums give the spread to 1e-5: their rounding, 1e-7
of the mean of squares, is then at most 1e-5 of the variance."""

_CONSTANT = 1e-14
"""Relative difference of root mean square and |mean| that rounding alone explains: a spread of
1.4e-7 of the mean, which is float32's own resolution."""


def family(module: nn.Module) -> str:
    """Which further numbers make sense: those of "tanh", "sigmoid", "relu", or none with "".

    "gated" is exactly 0 where its slope is, like a ReLU, but also negative.
    """
    if isinstance(module, nn.Tanh):
        return "tanh"
    if isinstance(module, nn.Sigmoid):
        return "sigmoid"
    if isinstance(module, nn.ReLU | nn.ReLU6):
        return "relu"
    return "gated" if isinstance(module, nn.Threshold | nn.Hardswish) else ""


def inner_axes(module: nn.Module) -> int | None:
    """How many axes follow that of the units in its output; None if it keeps what was there.

    `BATCHED` stands for as many as there are after the batch and the channels.
    """
    # By class and not by its name: a parametrization makes a class of its own, as others do.
    if isinstance(module, _ConvNd):
        return len(module.kernel_size)
    if isinstance(module, _BatchNorm | nn.GroupNorm):
        return BATCHED
    for count, kind in enumerate((nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d), 1):
        if isinstance(module, kind):
            return count
    return 0 if isinstance(module, _UNITS_LAST) else None


BATCHED = -1

_UNITS_LAST = (nn.Linear, nn.LayerNorm, nn.RMSNorm, nn.Embedding, nn.RNNBase)


def channels(inner: int, axes: int) -> int | None:
    """The axis of the channels in an output, 1, or 0 without a batch; None if units lie last.

    ``inner`` is from `inner_axes`, and the output has ``axes`` in all.
    """
    if inner == BATCHED:
        return 1 if axes > 2 else None
    axis = axes - 1 - inner
    return axis if inner and axis in (0, 1) else None


def read(values: torch.Tensor, kind: str, channels_first: bool, row: list[Any]) -> None:
    """Read a layer's output.

    Parameters
    ----------
    values : torch.Tensor
        Detached, real and not empty.
    kind : str
        From `family`.
    channels_first : bool
        Whether units lie along dimension 1 (images) or along the last.
    row : list, length len(MEASURES)
        Where the numbers go: scalars on the device of ``values``, or floats if that is the CPU,
        where fetching them costs nothing.
    """
    values = reachable(values)
    if values.is_cpu:
        _read_here(values, kind, channels_first, row)
        return
    for column, value in _wide_sums(values):
        row[column] = value
    if kind in _SLOPED:
        row[SATURATED] = _flatness(values, kind)
    elif kind:
        alive = _per_unit(values, kind, channels_first)
        row[ZERO] = alive.sum(dtype=torch.float64)
        row[DEAD] = torch.count_nonzero(alive).to(torch.float64)


def _read_here(values: torch.Tensor, kind: str, channels_first: bool, row: list[Any]) -> None:
    """The same on the CPU: in pieces that stay in its cache from one sum to the next."""
    size = values.numel()
    if size <= _PIECE:
        total, norm, more = _sums(values, kind, channels_first)
    else:
        total, norm, more = _sums_of_pieces(values, kind, channels_first)
    if kind in _SLOPED:
        row[SATURATED] = more
    elif kind:
        row[ZERO], row[DEAD] = _counted(more)
    in_range = SAFE[0] * math.sqrt(size) < norm < SAFE[1]
    if in_range and total * total < _SPREAD * size * norm * norm and values.dtype != torch.float64:
        row[MEAN], row[NORM] = total, norm
    else:
        for column, value in _wide_sums(values):
            row[column] = value.item()


def _sums(values: torch.Tensor, kind: str, channels_first: bool) -> tuple[float, float, Any]:
    """Sum, norm, and by its kind the root of the count of flat outputs, or `_per_unit`."""
    wide = _wide(values)
    norm = torch.linalg.vector_norm(values, dtype=wide).item()
    total = values.sum(dtype=wide).item()
    if not kind:
        return total, norm, None
    if kind in _SLOPED:
        return total, norm, _flatness(values, kind).item()
    return total, norm, _per_unit(values, kind, channels_first)


def _sums_of_pieces(
    values: torch.Tensor, kind: str, channels_first: bool
) -> tuple[float, float, Any]:
    parts = [_sums(part, kind, channels_first) for part in _pieces(values, channels_first)]
    totals, norms, more = zip(*parts, strict=True)
    # Squares that are summed as they come: a norm out of float32's range is read again anyway.
    norm = math.sqrt(sum(norm * norm for norm in norms))
    if kind in _SLOPED:
        return sum(totals), norm, math.sqrt(sum(root * root for root in more))
    return sum(totals), norm, sum(more[1:], more[0]) if kind else None


def _counted(alive: torch.Tensor) -> tuple[float, float]:
    """Outputs that are not 0, and units of which one is not."""
    if alive.numel() <= _FEW and alive.dim() == 1:
        counts = alive.tolist()
        return sum(counts), float(len(counts) - counts.count(0.0))
    return alive.sum(dtype=torch.float64).item(), float(torch.count_nonzero(alive))


_FEW = 1 << 10
"""Numbers up to which Python adds them faster than torch is called."""


def _pieces(values: torch.Tensor, channels_first: bool) -> Sequence[torch.Tensor]:
    if values.dim() == 3 and not channels_first and values.stride(0) < values.stride(1):
        values = values.transpose(0, 1)  # a recurrent layer's output lies in the order of time
    if not channels_first and values.dim() > 2 and values.is_contiguous():
        values = values.flatten(0, -2)  # a single long sequence has pieces, too
    if values.dim() < 2 or len(values) == 1:
        return (values,)
    return values.split(max(1, len(values) * _PIECE // values.numel()))


_PIECE = 1 << 16
"""Elements that fit into the second-level cache with a copy."""


def _wide(values: torch.Tensor) -> torch.dtype:
    # A piece is a whole image or sequence at least, and that may be long.
    long = values.dtype == torch.float64 or values.numel() > LONG
    return torch.float64 if long else torch.float32


def _wide_sums(values: torch.Tensor) -> Iterator[tuple[int, torch.Tensor]]:
    if values.dtype == torch.float64:
        # Wide enough to hold a spread that the difference of two squares would lose.
        mean = values.mean()
        yield MEAN, mean * values.numel()
        yield NORM, wide_norm(values)
        yield STD, wide_norm(values - mean)
    else:
        yield MEAN, values.sum(dtype=torch.float64)
        yield NORM, torch.linalg.vector_norm(values, dtype=torch.float64)


def _flatness(values: torch.Tensor, kind: str) -> torch.Tensor:
    """Root of the count of flat outputs.

    Counting by comparison is several times slower: rounding makes numbers of size 1, and their
    norm is the root of how many there are.
    """
    if values.dtype.itemsize < 4:
        values = values.float()  # 8 bits, or 11, round what is flat to what is not
    centred = values.sub(0.5).mul_(1 / FLAT) if kind == "sigmoid" else values * (0.5 / FLAT)
    return torch.linalg.vector_norm(centred.round_(), dtype=_wide(values))


def _per_unit(values: torch.Tensor, kind: str, channels_first: bool) -> torch.Tensor:
    """How many outputs of each unit are not 0; exact in float32 up to 2^24 of each."""
    ones = values.sign() if kind == "relu" else values.sign().abs_()
    axes = ones.dim()
    if axes < 2:
        return ones.float()
    wide = torch.float64 if ones.numel() > 1 << 24 else torch.float32
    if axes == 2:
        return ones.sum(0, dtype=wide)
    unit = 1 if channels_first else axes - 1
    return ones.sum([d for d in range(axes) if d != unit], dtype=wide)


def units(shape: tuple[int, ...], channels_first: bool) -> int:
    """Number of units (features or channels) of an output of this shape."""
    if not shape:
        return 1
    return shape[1] if channels_first and len(shape) > 1 else shape[-1]


def measures(raw: np.ndarray, unit_counts: np.ndarray, kinds: tuple[str, ...]) -> np.ndarray:
    """Turn raw rows into those of a `LayerTable`.

    Parameters
    ----------
    raw : numpy.ndarray, shape (n, len(MEASURES)), float64
        NaN where not read.
    unit_counts : numpy.ndarray, shape (n,)
        Units of each output.
    kinds : tuple of str, n
        From `family`.

    Returns
    -------
    numpy.ndarray, shape (n, len(MEASURES))
    """
    table = raw.copy()
    size = np.maximum(raw[:, SIZE], 1.0)  # (n,)
    with np.errstate(invalid="ignore", over="ignore"):
        mean, rms = raw[:, MEAN] / size, raw[:, NORM] / np.sqrt(size)
        spread = raw[:, STD] / np.sqrt(size)
        table[:, MEAN] = mean
        table[:, STD] = np.where(np.isnan(spread), _spread(mean, rms), spread)
        is_tanh, is_sigmoid = (np.array([k == name for k in kinds], bool) for name in _SLOPED)
        table[is_tanh, SLOPE] = 1 - rms[is_tanh] ** 2
        table[is_sigmoid, SLOPE] = (mean - rms**2)[is_sigmoid]
        # A float32 norm squared is a count only up to rounding.
        table[:, SATURATED] = np.round(raw[:, SATURATED] ** 2) / size
        table[:, DEAD] = 1 - raw[:, DEAD] / np.maximum(unit_counts, 1)
        table[:, ZERO] = np.round(size - raw[:, ZERO]) / size
    table[np.isnan(rms)[:, None] & _COUNTED] = np.nan  # NaN is no unit's state
    return table


_COUNTED = np.isin(np.arange(len(MEASURES)), (SATURATED, DEAD, ZERO))


def _spread(mean: np.ndarray, rms: np.ndarray) -> np.ndarray:
    """√(rms² − mean²), by factors so that no square leaves float64."""
    size = np.abs(mean)
    gap = np.where(rms - size <= _CONSTANT * rms, 0.0, rms - size)
    spread = np.sqrt(gap) * np.sqrt(rms + size)
    return np.where(np.isfinite(rms), spread, rms + mean * 0)
