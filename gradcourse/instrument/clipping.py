"""Clipping a gradient's norm without losing gradients that float32 cannot square."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from gradcourse.instrument.norms import gradient_norm, local, reachable
from gradcourse.support import GradcourseError

# Down to here a factor is a normal float32 with its full 24 bits.
_SMALLEST_FACTOR = 2.0**-126


def clip_grad_norm_(
    parameters: Iterable[torch.Tensor] | torch.Tensor,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> torch.Tensor:
    """Scale gradients in place so that their joint norm is at most ``max_norm``.

    The call of ``torch.nn.utils.clip_grad_norm_``, with the range kept: there the norm of a
    finite float32 gradient of 1e20 is inf, and clipping turns it into zeros. Here it ends with
    norm ``max_norm``, because the squares are summed in float64 and the factor never underflows.

    Parameters
    ----------
    parameters : iterable of torch.Tensor, or one torch.Tensor
        Those whose ``.grad`` is clipped; without a gradient they are left out. A generator, such
        as ``model.parameters()``, is fine.
    max_norm : float
        0 or more; ``inf`` only measures.
    norm_type : float
        p of the p-norm, positive; ``inf`` for the largest element.
    error_if_nonfinite : bool
        Raise when a gradient holds NaN or Inf. Otherwise such gradients are left as they are,
        all of them: no factor makes them right, and 0 × inf would spread NaN to the others. The
        returned norm says so; skip the update then, or look for the cause with `post_mortem`.

    foreach : bool, optional
        Taken for the sake of calls written for torch; it changes nothing.

    Returns
    -------
    torch.Tensor, shape (), float64
        The joint norm before clipping. NaN or inf says that a gradient is not finite (or that
        the norm of finite float64 gradients is beyond float64; they are clipped all the same).

    Raises
    ------
    GradcourseError
        If ``max_norm`` is negative or NaN, ``norm_type`` not positive, something in
        ``parameters`` no tensor, or, on request, a gradient not finite.

    Notes
    -----
    A norm within ``max_norm`` leaves every bit as it is. After clipping the norm is ``max_norm``
    to the precision of the gradients' dtype; torch divides by the norm + 1e-6 and ends below.
    Clipping by the joint norm is due to Pascanu, Mikolov and Bengio (2013).

    Examples
    --------
    >>> weight = torch.zeros(4, requires_grad=True)
    >>> weight.grad = torch.full((4,), 1e20)
    >>> float(clip_grad_norm_(weight, 1.0)), float(weight.grad.norm())
    (2.0000000400817547e+20, 1.0)
    """
    gradients = _gradients(parameters)
    limit, p = _number(max_norm), _number(norm_type)
    if not limit >= 0:
        raise GradcourseError(f"max_norm is {max_norm!r}; it must be a number, 0 or more.")
    if not p > 0:
        raise GradcourseError(f"norm_type is {norm_type!r}; it must be positive, or inf.")
    if any(local(gradient) is not gradient for gradient in gradients):
        return _clip_spread(gradients, limit, p)
    total = _joint_norm(gradients, p)
    if math.isfinite(total):
        _clip(gradients, total, limit)
        return torch.tensor(total, dtype=torch.float64)
    bad = [k for k, gradient in enumerate(gradients) if not _is_finite(gradient)]
    if bad and error_if_nonfinite:
        raise GradcourseError(
            f"{len(bad)} of {len(gradients)} gradients hold NaN or Inf, the first at position "
            f"{bad[0]}, shape {tuple(gradients[bad[0]].shape)}; nothing was clipped. "
            "gc.post_mortem finds where it came from."
        )
    if not bad and limit < math.inf:
        # Only float64 gets here. A power of two off, and the norm is back in range.
        _scale(gradients, 2.0**-600)
        _clip(gradients, _joint_norm(gradients, p), limit)
    return torch.tensor(total, dtype=torch.float64)


def _clip_spread(gradients: list[torch.Tensor], limit: float, p: float) -> torch.Tensor:
    """The same where gradients are spread over machines: torch's own norm, over all of them."""
    total: Any = torch.nn.utils.get_total_norm(gradients, p)
    total = total.full_tensor() if hasattr(total, "full_tensor") else total
    value = float(total)
    if math.isfinite(value):
        _clip([local(gradient) for gradient in gradients], value, limit)
    return torch.tensor(value, dtype=torch.float64)


def _number(given: Any) -> float:
    """A float, or NaN for what is none."""
    try:
        return float("nan" if isinstance(given, str) else given)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return math.nan


def _clip(gradients: list[torch.Tensor], total: float, max_norm: float) -> None:
    if total > max_norm:
        _scale(gradients, max_norm / total)


def _gradients(parameters: Iterable[torch.Tensor] | torch.Tensor) -> list[torch.Tensor]:
    given = [parameters] if isinstance(parameters, torch.Tensor) else parameters
    try:
        tensors = list(given)
    except TypeError:
        tensors = [given]
    for position, tensor in enumerate(tensors):
        if not isinstance(tensor, torch.Tensor):
            raise GradcourseError(
                f"clip_grad_norm_ got {type(tensor).__name__!r} at position {position}; it takes "
                "parameters: clip_grad_norm_(model.parameters(), 1.0)."
            )
    # A tied parameter may be listed twice; scaling it twice would clip it twice.
    return list({id(t): t.grad for t in tensors if t.grad is not None}.values())


def _joint_norm(gradients: list[torch.Tensor], p: float) -> float:
    norms = gradient_norm(gradients) if p == 2 else np.array([_norm(g, p) for g in gradients])
    largest = float(norms.max(initial=0.0))
    if largest == 0 or not math.isfinite(largest):
        return float(norms.sum())
    return largest * float(np.linalg.norm(norms / largest, p))


def _norm(gradient: torch.Tensor, p: float) -> float:
    """A p-norm in float64, of numbers of size 1: no power of them leaves its range."""
    sizes = reachable(_values(gradient)).abs().double()
    largest = float(sizes.max()) if sizes.numel() else 0.0
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * float(torch.linalg.vector_norm(sizes / largest, p))


def _values(gradient: torch.Tensor) -> torch.Tensor:
    gradient = gradient.detach()
    return gradient.coalesce().values() if gradient.is_sparse else gradient


def _is_finite(gradient: torch.Tensor) -> bool:
    return bool(torch.isfinite(_values(gradient)).all())


@torch.no_grad()
def _scale(gradients: list[torch.Tensor], factor: float) -> None:
    for gradient in gradients:
        if gradient.is_complex() and not gradient.is_sparse:
            gradient = torch.view_as_real(gradient)
        if factor >= _SMALLEST_FACTOR or gradient.dtype == torch.float64 or factor == 0:
            gradient.mul_(factor)
        else:
            # A float32 kernel would round the factor to a subnormal number, or to 0.
            gradient.copy_((reachable(gradient).double() * factor).to(gradient.dtype))
