"""Norms that keep their range: never 0 for a non-zero tensor, never inf for a finite one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from gradcourse.support import GradcourseError


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
    if not given:
        return np.zeros(0)
    with torch.no_grad():
        dense = [t.detach().coalesce().values() if t.is_sparse else t.detach() for t in given]
        # Stacked first: one transfer, not one per tensor.
        norms = torch.stack([n.cpu() for n in _float64_norms(dense)]).numpy().copy()
        for k in np.flatnonzero((norms == 0) | ~np.isfinite(norms)):
            norms[k] = _scaled_norm(dense[k])
    return norms


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
