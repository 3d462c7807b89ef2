"""Lesson 02: a loss that is differentiated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def drive_loss(loss_from_logits: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Call a loss on float32 tensors, differentiate it and return plain numbers.

    Returns
    -------
    dict or None
        The loss, and its gradient with respect to z; None when the function returned None.
    """
    import torch

    z_values, y_values = arguments
    z = torch.tensor(np.asarray(z_values), dtype=torch.float32, requires_grad=True)
    y = torch.tensor(np.asarray(y_values), dtype=torch.float32)
    loss = loss_from_logits(z, y)
    if loss is None:
        return None
    if not isinstance(loss, torch.Tensor):
        raise TypeError(f"the loss is a {type(loss).__name__}, not a tensor: it has no gradient")
    if loss.ndim != 0:
        raise ValueError(f"the loss has shape {tuple(loss.shape)}; expected one number, shape ()")
    if not loss.requires_grad:
        raise ValueError("the loss does not depend on z for autograd: was z detached or rebuilt?")
    (gradient,) = torch.autograd.grad(loss, z)
    return {"the loss": loss.item(), "its gradient for each z": gradient.double().numpy()}
