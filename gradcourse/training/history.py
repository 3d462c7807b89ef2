"""What a training run leaves behind, and how it is collected."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import nn

from gradcourse.instrument import gradient_norm

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From outputs (batch, …) and labels or targets (batch, …) to a scalar."""


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
        Share of right answers, 0 to 1, on the whole training and test set. NaN where the targets
        are no labels.
    test_loss : numpy.ndarray, shape (n,)
        Loss on the whole test set, in evaluation mode.
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
    test_loss: np.ndarray
    weights: tuple[str, ...]
    relative_change: np.ndarray
    gradient_norm: np.ndarray
    stopped: str = ""

    def __repr__(self) -> str:
        lines = [
            f"History: {len(self.loss) - 1} updates"
            + (f", stopped: {self.stopped}" if self.stopped else ""),
            f"  loss           {self.loss[0]:.2g} → {self.loss[-1]:.2g}",
        ]
        if np.isnan(self.test_accuracy).all():
            lines.append(f"  test loss      {self.test_loss[0]:.2g} → {self.test_loss[-1]:.2g}")
        else:
            first, last = self.test_accuracy[[0, -1]]
            lines.append(f"  test accuracy  {first:.0%} → {last:.0%}")
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
    return _right(_evaluate(model, x), y)


def _evaluate(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The outputs in evaluation mode."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            return model(x)
    finally:
        model.train(was_training)


def _right(outputs: torch.Tensor, y: torch.Tensor) -> float:
    # argmax calls NaN the largest, which would count it as an answer.
    right = (outputs.argmax(dim=-1) == y) & ~outputs.isnan().any(dim=-1)
    return float(right.double().mean())


class Diary:
    """Collects what a History holds."""

    def __init__(self, model: nn.Module, data: Split, loss: Loss) -> None:
        self._model, self._data, self._loss = model, data, loss
        self._weights = {
            name: p for name, p in model.named_parameters() if p.dim() > 1 and p.requires_grad
        }
        self._start = [w.detach().clone() for w in self._weights.values()]
        self._start_norm = gradient_norm(self._start)
        self._steps: list[int] = []
        self._accuracies: list[tuple[float, float]] = []
        self._test_losses: list[float] = []
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
        outputs = _evaluate(self._model, data.x_test)
        self._test_losses.append(float(self._loss(outputs, data.y_test)))
        if data.y_test.is_floating_point():
            self._accuracies.append((math.nan, math.nan))
            return
        right = accuracy(self._model, data.x_train, data.y_train)
        self._accuracies.append((right, _right(outputs, data.y_test)))

    def history(self, losses: list[float], stopped: str) -> History:
        accuracies = np.array(self._accuracies)
        return History(
            loss=np.array(losses),
            steps=np.array(self._steps),
            train_accuracy=accuracies[:, 0],
            test_accuracy=accuracies[:, 1],
            test_loss=np.array(self._test_losses),
            weights=tuple(self._weights),
            relative_change=np.array(self._changes),
            gradient_norm=np.array(self._gradients),
            stopped=stopped,
        )
