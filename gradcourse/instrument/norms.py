"""Norms that keep their range: never 0 for a non-zero tensor, never inf for a finite one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from gradcourse.support import GradcourseError

SAFE_NORMS = (1e-12, 1e17)
"""Between these a float32 norm is right: squares below float32's range add up to less than 1e-6
of the sum even for 1e8 elements, and none is above it."""

_NARROW = frozenset({torch.float32, torch.float16, torch.bfloat16})


def gradient_norm(tensors: Iterable[torch.Tensor] | torch.Tensor) -> np.ndarray:
    """Return the 2-norm of each tensor, exact over the whole range of its dtype.

    float32 arithmetic squares a gradient before it takes the root, so a gradient of 1e-25 has
    norm 0 and one of 1e20 has norm inf in every tool that norms in float32. Here the squares are
    summed in float64; float64 tensors whose squares leave float64 are scaled first.

    Parameters
    ----------
    tensors : iterable of torch.Tensor, or one torch.Tensor
        Any shapes, any floating dtype.

    Returns
    -------
    numpy.ndarray, shape (number of tensors,), float64
        0 means exactly "all zero"; a value that is not finite means "NaN or Inf in the tensor".

    Raises
    ------
    GradcourseError
        If one of them is no floating-point tensor.

    Examples
    --------
    >>> tiny = torch.full((100,), 1e-30)
    >>> float(tiny.norm()), float(gradient_norm(tiny)[0])
    (0.0, 1.0000000031710769e-29)
    """
    given = [tensors] if isinstance(tensors, torch.Tensor) else list(tensors)
    for position, tensor in enumerate(given):
        if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
            what = str(tensor.dtype) if isinstance(tensor, torch.Tensor) else repr(type(tensor))
            raise GradcourseError(
                f"gradient_norm got {what} at position {position}; it takes floating-point "
                "tensors. Leave out parameters whose .grad is None."
            )
    return _exact(given)


def stacked_norms(tensors: Sequence[torch.Tensor]) -> torch.Tensor | np.ndarray:
    """The norms of `gradient_norm`, as fast as they can be had on the tensors' device.

    On the CPU, norms that float32 can represent are summed in float32 (relative error below
    1e-5) and only the others in float64. On an accelerator all are summed in float64 and stay
    there, so that nothing waits for them.

    Parameters
    ----------
    tensors : sequence of torch.Tensor
        As they come from ``parameter.grad``: dense or sparse, real or complex, of any devices.

    Returns
    -------
    torch.Tensor or numpy.ndarray, shape (number of tensors,), float64
    """
    if not tensors:
        return np.zeros(0)
    first = tensors[0]
    if any(t.dtype not in _NARROW or t.is_sparse or t.device != first.device for t in tensors):
        return _exact(tensors)
    with torch.no_grad():
        if first.device.type != "cpu":
            return torch.stack(list(_float64_norms(tensors)))
        return _narrow_norms(tensors)


def wide_norm(tensor: torch.Tensor) -> torch.Tensor:
    """2-norm of a real, dense tensor as a float64 scalar on its device, without a transfer."""
    tensor = tensor.detach()
    if tensor.dtype != torch.float64 or not tensor.numel():
        return torch.linalg.vector_norm(tensor, dtype=torch.float64)
    largest = tensor.abs().amax()
    # An all-zero tensor must not be divided by 0, nor one with NaN or Inf turn into all NaN.
    scale = torch.where((largest > 0) & torch.isfinite(largest), largest, 1.0)
    return torch.linalg.vector_norm(tensor / scale) * scale


def _narrow_norms(tensors: Sequence[torch.Tensor]) -> np.ndarray:
    if not hasattr(torch, "_foreach_norm"):
        return _exact(tensors)
    narrow = torch._foreach_norm(list(tensors), 2, torch.float32)
    norms = torch.stack(narrow).numpy().astype(np.float64)
    low, high = SAFE_NORMS
    # NaN fails both comparisons.
    if not (norms.min() > low and norms.max() < high):
        doubtful = np.flatnonzero(~((norms > low) & (norms < high)))
        norms[doubtful] = _exact([tensors[k] for k in doubtful])
    return norms


def _exact(tensors: Sequence[torch.Tensor]) -> np.ndarray:
    if not tensors:
        return np.zeros(0)
    with torch.no_grad():
        dense = [_real_values(t.detach()) for t in tensors]
        norms = _on_cpu(list(_float64_norms(dense))).numpy().copy()
        for k in np.flatnonzero((norms == 0) | ~np.isfinite(norms)):
            if dense[k].dtype == torch.float64 or norms[k] == 0:
                norms[k] = _scaled_norm(dense[k])
    return norms


def _on_cpu(norms: list[torch.Tensor]) -> torch.Tensor:
    if len({norm.device for norm in norms}) == 1:
        # Stacked first: one transfer, not one per tensor.
        return torch.stack(norms).cpu()
    return torch.stack([norm.cpu() for norm in norms])


def _real_values(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.is_sparse:
        tensor = tensor.coalesce().values()
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


def _float64_norms(tensors: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    # One call for all tensors, several times faster than one each. The function is private to
    # torch, hence the public spelling as a net; an empty tensor it does not take.
    if hasattr(torch, "_foreach_norm") and all(t.numel() for t in tensors):
        return torch._foreach_norm(list(tensors), 2, torch.float64)
    return [torch.linalg.vector_norm(t, dtype=torch.float64) for t in tensors]


def _scaled_norm(tensor: torch.Tensor) -> float:
    if tensor.numel() == 0:
        return 0.0
    largest = float(tensor.abs().max())
    if largest == 0 or not np.isfinite(largest):
        return largest
    scaled = tensor.double() / largest
    return largest * float(torch.linalg.vector_norm(scaled))
