"""Stochastic gradient descent, written out, with what it did to each weight matrix."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from gradcourse.instrument import gradient_norm
from gradcourse.support import GradcourseError

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From outputs (batch, classes) and labels (batch,) to a scalar."""


class Split(Protocol):
    """A training and a test set, such as `gradcourse.data.Digits`."""

    @property
    def x_train(self) -> torch.Tensor: ...
    @property
    def y_train(self) -> torch.Tensor: ...
    @property
    def x_test(self) -> torch.Tensor: ...
    @property
    def y_test(self) -> torch.Tensor: ...


def _squared_error(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    target = functional.one_hot(labels, outputs.shape[-1]).to(outputs.dtype)
    return (outputs - target).square().sum(dim=-1).mean()


def _sigmoid_squared_error(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return _squared_error(torch.sigmoid(outputs), labels)


_LOSSES: MappingProxyType[str, Loss] = MappingProxyType(
    {
        "cross_entropy": functional.cross_entropy,
        "squared_error": _squared_error,
        "sigmoid_squared_error": _sigmoid_squared_error,
    }
)


@dataclass(frozen=True, repr=False, eq=False)
class History:
    """What happened in a training run. Time is counted in updates: 0 is the untrained network.

    Attributes
    ----------
    loss : numpy.ndarray, shape (updates + 1,)
        Loss on batch t after t updates, before update t + 1.
    steps : numpy.ndarray of int, shape (n,)
        Numbers of updates at which everything below was recorded; the first is 0.
    train_accuracy, test_accuracy : numpy.ndarray, shape (n,)
        Share of right answers, 0 to 1, on the whole training and test set.
    weights : tuple of str
        Names of the weight matrices, without biases, in the order of the model.
    relative_change : numpy.ndarray, shape (n, weights)
        ‖W_t − W_0‖ / ‖W_0‖.
    gradient_norm : numpy.ndarray, shape (n, weights)
        ‖∂L/∂W‖ on batch t, exact in range.
    stopped : str
        Why the run ended early, or "".
    """

    loss: np.ndarray
    steps: np.ndarray
    train_accuracy: np.ndarray
    test_accuracy: np.ndarray
    weights: tuple[str, ...]
    relative_change: np.ndarray
    gradient_norm: np.ndarray
    stopped: str = ""

    def __repr__(self) -> str:
        lines = [
            f"History: {len(self.loss) - 1} updates"
            + (f", stopped: {self.stopped}" if self.stopped else ""),
            f"  loss           {self.loss[0]:.2g} → {self.loss[-1]:.2g}",
            f"  test accuracy  {self.test_accuracy[0]:.0%} → {self.test_accuracy[-1]:.0%}",
        ]
        return "\n".join(lines)


def accuracy(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Return the share of rows whose largest output is at the label.

    Parameters
    ----------
    model : nn.Module
        Gives outputs of shape (n, classes). It is evaluated in evaluation mode and put back.
    x : torch.Tensor, shape (n, …)
    y : torch.Tensor, shape (n,), int64

    Returns
    -------
    float
        0 to 1. Rows with NaN among the outputs count as wrong.
    """
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            outputs = model(x)
    finally:
        model.train(was_training)
    # argmax calls NaN the largest, which would count it as an answer.
    right = (outputs.argmax(dim=-1) == y) & ~outputs.isnan().any(dim=-1)
    return float(right.double().mean())


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
) -> History:
    """Train a model in place by stochastic gradient descent, W ← W − η ∂L/∂W.

    Parameters
    ----------
    model : nn.Module
        It is changed. Build it again from its seed to start over.
    data : Digits, or anything with ``x_train``, ``y_train``, ``x_test`` and ``y_test``
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
        sigmoid), or a function of outputs and labels.
    every : int
        Everything but the loss is recorded each ``every`` updates, and at the first and the last.
    optimizer : callable, optional
        From the parameters to a torch optimizer, to use in place of the update above.

    Returns
    -------
    History

    Raises
    ------
    GradcourseError
        If a number is out of range or the loss is unknown. A loss that turns NaN or Inf is no
        error: the run stops and ``History.stopped`` says when.
    """
    _check(steps=steps, batch=batch, every=every)
    if not (isinstance(lr, int | float) and math.isfinite(lr)):
        raise GradcourseError(f"lr is {lr!r}; the learning rate must be a finite number.")
    loss_function = _loss(loss)
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise GradcourseError("The model has no trainable parameters, so nothing can be trained.")
    made = optimizer(parameters) if optimizer is not None else None
    diary = _Diary(model, data)
    losses: list[float] = []
    stopped = ""
    for step, rows in enumerate(_batches(len(data.x_train), batch, seed)):
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


def _check(**numbers: int) -> None:
    for name, value in numbers.items():
        if not isinstance(value, int) or value < 1:
            raise GradcourseError(f"{name} is {value!r}; it must be an integer, 1 or more.")


def _loss(loss: str | Loss) -> Loss:
    if callable(loss):
        return loss
    if loss not in _LOSSES:
        raise GradcourseError(
            f"loss is {loss!r}; expected one of {', '.join(_LOSSES)}, "
            "or a function of outputs and labels."
        )
    return _LOSSES[loss]


def _batches(rows: int, batch: int, seed: int) -> Iterator[torch.Tensor]:
    """Full batches, epoch after epoch, without end."""
    generator = torch.Generator().manual_seed(seed)
    size = min(batch, rows)
    while True:
        order = torch.randperm(rows, generator=generator)
        for start in range(0, rows - size + 1, size):
            yield order[start : start + size]


class _Diary:
    """Collects what a History holds."""

    def __init__(self, model: nn.Module, data: Split) -> None:
        self._model, self._data = model, data
        self._weights = {
            name: p for name, p in model.named_parameters() if p.dim() > 1 and p.requires_grad
        }
        self._start = [w.detach().clone() for w in self._weights.values()]
        self._start_norm = gradient_norm(self._start)
        self._steps: list[int] = []
        self._accuracies: list[tuple[float, float]] = []
        self._changes: list[np.ndarray] = []
        self._gradients: list[np.ndarray] = []

    def write(self, step: int) -> None:
        data, weights = self._data, self._weights.values()
        change = gradient_norm(
            [w.detach() - w0 for w, w0 in zip(weights, self._start, strict=True)]
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            self._changes.append(change / self._start_norm)
        self._gradients.append(
            gradient_norm([torch.zeros_like(w) if w.grad is None else w.grad for w in weights])
        )
        self._steps.append(step)
        self._accuracies.append(
            (
                accuracy(self._model, data.x_train, data.y_train),
                accuracy(self._model, data.x_test, data.y_test),
            )
        )

    def history(self, losses: list[float], stopped: str) -> History:
        accuracies = np.array(self._accuracies)
        return History(
            loss=np.array(losses),
            steps=np.array(self._steps),
            train_accuracy=accuracies[:, 0],
            test_accuracy=accuracies[:, 1],
            weights=tuple(self._weights),
            relative_change=np.array(self._changes),
            gradient_norm=np.array(self._gradients),
            stopped=stopped,
        )
