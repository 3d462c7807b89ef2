"""Stochastic gradient descent, written out, with what it did to each weight matrix."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from types import MappingProxyType
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from gradcourse.lifesign import counted
from gradcourse.support import GradcourseError, check_integers
from gradcourse.training.history import Diary, History, Loss, Split


def _squared_error(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    target = functional.one_hot(labels, outputs.shape[-1]).to(outputs.dtype)
    return (outputs - target).square().sum(dim=-1).mean()


def _sigmoid_squared_error(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return _squared_error(torch.sigmoid(outputs), labels)


def _mean_squared_error(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    if outputs.shape != targets.shape:
        # torch would spread (n, 1) against (n,) to (n, n), and only warn.
        raise GradcourseError(
            f"The outputs have shape {tuple(outputs.shape)}, the targets {tuple(targets.shape)}; "
            "for 'mse' they must be alike."
        )
    return functional.mse_loss(outputs, targets)


_LOSSES: MappingProxyType[str, Loss] = MappingProxyType(
    {
        "cross_entropy": functional.cross_entropy,
        "squared_error": _squared_error,
        "sigmoid_squared_error": _sigmoid_squared_error,
        "mse": _mean_squared_error,
    }
)


def train(
    model: nn.Module,
    data: Split,
    *,
    steps: int,
    lr: float,
    batch: int = 64,
    seed: int = 0,
    loss: str | Loss = "cross_entropy",
    every: int = 50,
    optimizer: Callable[[Iterable[nn.Parameter]], Any] | None = None,
    before_update: Callable[[list[nn.Parameter]], Any] | None = None,
) -> History:
    """Train a model in place by stochastic gradient descent, W ← W − η ∂L/∂W.

    Parameters
    ----------
    model : nn.Module
        It is changed. Build it again from its seed to start over.
    data : Digits, Sequences, or anything with ``x_train``, ``y_train``, ``x_test`` and ``y_test``
        Labels are integers, shape (n,). Other targets are floats.
    steps : int
        Number of updates.
    lr : float
        Learning rate η. Ignored if ``optimizer`` is given.
    batch : int
        Rows per update; each epoch goes through the training set in a new order.
    seed : int
        Decides the order.
    loss : str or callable
        "cross_entropy" (on logits), "squared_error" (against one-hot targets: squares summed
        over classes, averaged over the batch), "sigmoid_squared_error" (the same after a
        sigmoid), "mse" (against float targets of the outputs' shape, averaged over everything),
        or a function of outputs and labels.
    every : int
        Everything but the loss is recorded each ``every`` updates, and at the first and the last.
    optimizer : callable, optional
        From the parameters to a torch optimizer, to use in place of the update above.
    before_update : callable, optional
        Called with the list of trainable parameters after each backward pass, before the update:
        the place for clipping. What `History` holds was recorded before it.

    Returns
    -------
    History

    Raises
    ------
    GradcourseError
        If a number is out of range, the loss is unknown or the targets do not fit it. A
        loss that turns NaN or Inf is no error: the run stops and ``History.stopped`` says when.
    """
    check_integers(1, steps=steps, batch=batch, every=every)
    if not (isinstance(lr, int | float) and math.isfinite(lr)):
        raise GradcourseError(f"lr is {lr!r}; the learning rate must be a finite number.")
    loss_function = _loss(loss)
    _check_targets(loss, data.y_train)
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise GradcourseError("The model has no trainable parameters, so nothing can be trained.")
    made = optimizer(parameters) if optimizer is not None else None
    diary = Diary(model, data, loss_function)
    losses: list[float] = []
    stopped = ""
    batches = _batches(len(data.x_train), batch, seed)
    for step, rows in enumerate(counted(batches, "step", steps, "training")):
        for parameter in parameters:
            parameter.grad = None
        value = loss_function(model(data.x_train[rows]), data.y_train[rows])
        value.backward()
        losses.append(float(value.detach()))
        if not math.isfinite(losses[-1]):
            stopped = f"the loss is {losses[-1]} after {step} updates"
        if step % every == 0 or step == steps or stopped:
            diary.write(step)
        if step == steps or stopped:
            break
        if before_update is not None:
            before_update(parameters)
        if made is not None:
            made.step()
        else:
            _descend(parameters, lr)
    return diary.history(losses, stopped)


def _descend(parameters: list[nn.Parameter], lr: float) -> None:
    with torch.no_grad():
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.sub_(parameter.grad, alpha=lr)


def _loss(loss: str | Loss) -> Loss:
    if callable(loss):
        return loss
    if loss not in _LOSSES:
        raise GradcourseError(
            f"loss is {loss!r}; expected one of {', '.join(_LOSSES)}, "
            "or a function of outputs and labels."
        )
    return _LOSSES[loss]


def _check_targets(loss: str | Loss, targets: torch.Tensor) -> None:
    wanted = {"mse": True}.get(loss, False) if isinstance(loss, str) else None
    if wanted is not None and targets.is_floating_point() != wanted:
        what = "float targets" if wanted else "integer labels"
        raise GradcourseError(f"loss={loss!r} needs {what}; y_train is {targets.dtype}.")


def _batches(rows: int, batch: int, seed: int) -> Iterator[torch.Tensor]:
    """Full batches, epoch after epoch, without end."""
    generator = torch.Generator().manual_seed(seed)
    size = min(batch, rows)
    while True:
        order = torch.randperm(rows, generator=generator)
        for start in range(0, rows - size + 1, size):
            yield order[start : start + size]
