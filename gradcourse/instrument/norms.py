"""Norms that keep their range: never 0 for a non-zero tensor, never inf for a finite one."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch

from gradcourse.support import GradcourseError

SAFE = (1e-16, 1e17)
"""A norm summed in float32 is right between ``SAFE[0] * sqrt(elements)`` and ``SAFE[1]``: squares
below float32's range then make up at most 1e-6 of the sum, and none is above it."""

LONG = 1 << 17
"""Elements up to which float32 sums squares to 1e-5; over 10⁷ it is 4e-4 off, over 10⁸ 1e-2."""

_NARROW = frozenset({torch.float32, torch.float16, torch.bfloat16})


def _has_foreach() -> bool:
    # It norms all tensors in one call, but it is private to torch.
    return hasattr(torch, "_foreach_norm")


def local(tensor: torch.Tensor) -> torch.Tensor:
    """Of a tensor that is spread over several machines (DTensor), the part that lies here."""
    if type(tensor) in _PLAIN or not hasattr(tensor, "to_local"):
        return tensor
    part: torch.Tensor = tensor.to_local()
    return part


_PLAIN = frozenset({torch.Tensor, torch.nn.Parameter})

NO_FLOAT64 = frozenset({"mps"})
"""Kinds of devices without float64. What needs its range is computed on the CPU."""


def reachable(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor itself, or its copy on the CPU if its device has no float64."""
    if tensor.is_cpu:  # asked first: its device's name costs as much as a small norm
        return tensor
    return tensor.cpu() if tensor.device.type in NO_FLOAT64 else tensor


def gradient_norm(tensors: Iterable[torch.Tensor] | torch.Tensor) -> np.ndarray:
    """Return the 2-norm of each tensor, exact over the whole range of its dtype.

    float32 arithmetic squares a gradient before it takes the root, so a gradient of 1e-25 has
    norm 0 and one of 1e20 has norm inf in every tool that norms in float32. Here the squares are
    summed in float64; float64 tensors whose squares leave float64 are scaled first.

    Parameters
    ----------
    tensors : iterable of torch.Tensor, or one torch.Tensor
        Any shapes, any floating or complex dtype.

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
    several = isinstance(tensors, Iterable) and not isinstance(tensors, torch.Tensor)
    given: list[Any] = list(tensors) if several else [tensors]
    for position, tensor in enumerate(given):
        if not isinstance(tensor, torch.Tensor) or not (
            tensor.is_floating_point() or tensor.is_complex()
        ):
            what = str(tensor.dtype) if isinstance(tensor, torch.Tensor) else repr(type(tensor))
            raise GradcourseError(
                f"gradient_norm got {what} at position {position}; it takes floating-point "
                "tensors. Leave out parameters whose .grad is None."
            )
    return _exact(given)


class Norms:
    """Norms of the same tensors again and again, as fast as their device allows.

    On the CPU, norms that float32 can represent are summed in float32 (relative error below
    1e-5), and the others in float64, which costs twice as much; those that needed it are expected
    to need it again. On an accelerator all are summed in float64 and stay there, so that nothing
    waits for them; one without float64 (mps) sends its tensors to the CPU.

    Parameters
    ----------
    largest : int
        Elements of the largest tensor.
    """

    def __init__(self, largest: int) -> None:
        self._low = SAFE[0] * math.sqrt(largest)
        self._narrow_norms = _narrow_norms if largest <= LONG else _long_norms
        self._wide: set[int] = set()
        self._all_narrow = True
        self._may_be_quick = self._quick = largest <= LONG and _has_foreach()

    def __call__(self, tensors: list[torch.Tensor]) -> torch.Tensor | np.ndarray | array[float]:
        """Return the 2-norms, as `gradient_norm` does.

        Parameters
        ----------
        tensors : list of torch.Tensor
            As they come from ``parameter.grad``: dense or sparse, real or complex, of any devices.

        Returns
        -------
        torch.Tensor, numpy.ndarray or array.array, shape (number of tensors,)
            float64; an array, which NumPy reads without a copy, where float32 holds them to 1e-5.
        """
        if self._quick and tensors and tensors[0].is_cpu:
            values = self._of_narrow(tensors)
            if values is not None:
                return values
        if not tensors:
            return np.zeros(0)
        here = tensors[0].is_cpu
        if not here and tensors[0].device.type in NO_FLOAT64:
            return _exact(tensors)
        # On the CPU float64 and complex are refused with an error, which costs nothing until then.
        known = here and self._all_narrow
        if not (known or {t.dtype for t in tensors} <= _NARROW) or not _has_foreach():
            return _exact(tensors)
        try:
            if here:
                return self._on_cpu(tensors)
            with torch.no_grad():
                return torch.stack(list(_float64_norms(tensors)))
        except (RuntimeError, NotImplementedError):
            self._all_narrow = False
            return _exact(tensors)  # sparse ones among them, or some on another device

    def _of_narrow(self, tensors: list[torch.Tensor]) -> array[float] | None:
        """Norms that float32 holds, as nearly always, without a detour; else None."""
        # Plain Python on a short list: right after a training step, which has emptied the
        # caches, each call into NumPy costs more than all of it, and so does torch.stack.
        try:
            values = _narrow_norms(tensors)
        except (RuntimeError, NotImplementedError):
            self._may_be_quick = self._quick = False
            return None
        # None is above their sum, and NaN makes it NaN.
        if min(values) > self._low and sum(values) < SAFE[1]:
            return array("d", values)
        self._quick = False
        return None

    def _on_cpu(self, tensors: list[torch.Tensor]) -> np.ndarray | array[float]:
        norms = self._split(tensors) if self._wide else np.array(self._narrow_norms(tensors))
        low = SAFE[0] * np.sqrt([t.numel() for t in tensors])
        doubtful = np.flatnonzero(~((norms > low) & (norms < SAFE[1]))).tolist()
        again = [k for k in doubtful if k not in self._wide]
        if again:
            norms[again] = _exact([tensors[k] for k in again])
        self._wide = set(doubtful)
        self._quick = self._may_be_quick and not doubtful
        return norms

    def _split(self, tensors: list[torch.Tensor]) -> np.ndarray:
        norms = np.empty(len(tensors))
        wide = [k for k in sorted(self._wide) if k < len(tensors)]
        narrow = [k for k in range(len(tensors)) if k not in self._wide]
        norms[wide] = _exact([tensors[k] for k in wide])
        if narrow:
            norms[narrow] = self._narrow_norms([tensors[k] for k in narrow])
        return norms


def _narrow_norms(tensors: list[torch.Tensor]) -> list[float]:
    return [norm.item() for norm in torch._foreach_norm(tensors, 2, torch.float32)]


def _long_norms(tensors: list[torch.Tensor]) -> list[float]:
    return [_narrow_norm(tensor.detach()) for tensor in tensors]


def _narrow_norm(tensor: torch.Tensor) -> float:
    """Summed in float32, a long tensor in pieces."""
    if tensor.numel() <= LONG:
        return torch.linalg.vector_norm(tensor, dtype=torch.float32).item()
    values = tensor.reshape(-1)
    whole = len(values) // LONG * LONG
    norms = torch.linalg.vector_norm(values[:whole].view(-1, LONG), dim=1, dtype=torch.float32)
    rest = torch.linalg.vector_norm(values[whole:], dtype=torch.float32).item()
    return math.hypot(rest, *norms.tolist())


def quick_norm(tensor: torch.Tensor) -> torch.Tensor | float:
    """2-norm of a real, dense tensor: a float on the CPU, else a scalar on its device."""
    if tensor.requires_grad:
        tensor = tensor.detach()
    if not tensor.is_cpu:
        return wide_norm(tensor)
    if tensor.dtype in _NARROW:
        norm = _narrow_norm(tensor)
        if SAFE[0] * math.sqrt(tensor.numel()) < norm < SAFE[1]:
            return norm
    return wide_norm(tensor).item()


def wide_norm(tensor: torch.Tensor) -> torch.Tensor:
    """2-norm of a real, dense tensor as a float64 scalar on its device, without a transfer.

    On a device without float64 there is no other way than one.
    """
    tensor = reachable(tensor.detach())
    if tensor.dtype != torch.float64 or not tensor.numel():
        return torch.linalg.vector_norm(tensor, dtype=torch.float64)
    largest = tensor.abs().amax()
    # An all-zero tensor must not be divided by 0, nor one with NaN or Inf turn into all NaN.
    scale = torch.where((largest > 0) & torch.isfinite(largest), largest, 1.0)
    return torch.linalg.vector_norm(tensor / scale) * scale


def _exact(tensors: Sequence[torch.Tensor]) -> np.ndarray:
    if not tensors:
        return np.zeros(0)
    with torch.no_grad():
        dense = [reachable(_real_values(t.detach())) for t in tensors]
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
    # One call for all tensors, several times faster than one each; an empty one it does not take.
    if _has_foreach() and all(t.numel() for t in tensors):
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
