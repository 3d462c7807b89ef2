"""What a tensor holds, in one pass."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch


class Numbers(NamedTuple):
    """What a tensor holds, as far as a fault is concerned."""

    nan: bool
    positive_infinity: bool
    negative_infinity: bool
    low: float
    high: float

    @property
    def finite(self) -> bool:
        return not (self.nan or self.positive_infinity or self.negative_infinity)


NOTHING = Numbers(False, False, False, math.nan, math.nan)


def numbers(tensor: torch.Tensor) -> Numbers:
    """One pass for a finite tensor; a second only if it holds NaN."""
    values = tensor.detach()
    if values.is_sparse:
        values = values.coalesce().values()
    if values.is_complex():
        values = torch.view_as_real(values.resolve_conj())
    if values.numel() == 0 or values.is_meta:
        return NOTHING
    if values.element_size() == 1:
        values = values.float()
    low, high = (float(v) for v in torch.aminmax(values))
    if not math.isnan(low):
        return Numbers(False, high == math.inf, low == -math.inf, low, high)
    infinite = values[values.isinf()]
    finite = values[values.isfinite()]
    low, high = (float(v) for v in torch.aminmax(finite)) if finite.numel() else (math.nan,) * 2
    return Numbers(True, bool((infinite > 0).any()), bool((infinite < 0).any()), low, high)
