"""Is everything finite, asked cheaply at every step; and what a tensor holds, in one pass."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import nn


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


def bad_parameters(model: nn.Module) -> tuple[str, ...]:
    """Names of the parameters whose gradient holds NaN or Inf."""
    return tuple(
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is not None and not is_finite(parameter.grad)
    )


def all_finite(gradients: list[torch.Tensor]) -> bool:
    """Whether none holds NaN or Inf, in one cheap pass; a sum that overflows is looked at again.

    A sum is NaN or Inf if one element is, and on the CPU it is the fastest kernel that looks at
    all elements; an accelerator has one kernel for the norms of all tensors.
    """
    if not gradients:
        return True
    if gradients[0].is_cpu and sum(map(torch.Tensor.numel, gradients)) <= _SHORT:
        # For short tensors the calls are what costs: one that joins them, and one sum.
        try:
            total = torch._C._nn.flatten_dense_tensors(gradients).sum().item()
        except (RuntimeError, TypeError):
            return all(is_finite(g) for g in gradients)
        return total - total == 0 or all(is_finite(g) for g in gradients)
    with torch.no_grad():
        try:
            total = float(torch.stack(_signs_of_life(gradients)).sum())
        except (RuntimeError, TypeError):
            # Sparse, complex, or of several dtypes or devices.
            return all(is_finite(g) for g in gradients)
        return total - total == 0 or all(is_finite(g) for g in gradients)


def _signs_of_life(gradients: list[torch.Tensor]) -> list[torch.Tensor]:
    """A few numbers that are finite if all elements are, or nearly so."""
    if not gradients[0].is_cpu:
        return list(torch._foreach_norm([g for g in gradients if g.numel()]))
    # One call for all biases together.
    short = [g for g in gradients if g.dim() == 1 and g.numel() <= _BIAS]
    sums = [g.sum() for g in gradients if g.dim() != 1 or g.numel() > _BIAS]
    return [*sums, torch.cat(short).sum()] if short else sums


_BIAS, _SHORT = 4096, 1 << 15
"""Elements of a vector, and of all gradients together, up to which they are joined."""


def is_finite(gradient: torch.Tensor) -> bool:
    """Whether a tensor, dense or sparse, holds neither NaN nor Inf."""
    values = gradient.coalesce().values() if gradient.is_sparse else gradient
    return bool(values.isfinite().all())
