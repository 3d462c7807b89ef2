"""How far one step moves the distribution that each activation sees."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from gradcourse.support import GradcourseError

Moments = list[tuple[torch.Tensor, torch.Tensor]]
"""Mean and standard deviation of each unit over the images, for each layer."""


class ShiftMeter:
    """Plain gradient descent that measures the internal covariate shift of its own steps.

    Ioffe & Szegedy (2015) call so the change of the distribution of a layer's inputs that is due
    to the update of the layers below. Here it is a number: the change, by one step, of mean and
    standard deviation of each unit's pre-activation over the same images, as a root mean square
    over units, relative to the layer's own standard deviation; then the mean over layers.
    ``moves`` has it layer by layer and not relative to anything.

    Give it to ``gc.train(…, optimizer=meter)``.

    Parameters
    ----------
    model : nn.Module
        What its activations receive is watched.
    x : torch.Tensor
        The images.
    lr : float
        Learning rate.
    every : int
        Measure at each ``every``-th step.
    activations : tuple of classes
        Which modules' inputs are watched.

    Raises
    ------
    GradcourseError
        If the model holds none of these activations as a module.
    """

    def __init__(
        self,
        model: nn.Module,
        x: torch.Tensor,
        lr: float,
        every: int = 10,
        activations: tuple[type[nn.Module], ...] = (nn.Sigmoid, nn.Tanh, nn.ReLU),
    ) -> None:
        self._model, self._x, self._lr, self._every = model, x, lr, every
        self._watched = [m for m in model.modules() if isinstance(m, activations)]
        if not self._watched:
            names = ", ".join(kind.__name__ for kind in activations)
            raise GradcourseError(f"The model has no module of class {names} to watch.")
        self._parameters: list[nn.Parameter] = []
        self._steps = 0
        self.shifts: list[float] = []
        self.moves: list[list[float]] = []

    def __call__(self, parameters: Iterable[nn.Parameter]) -> ShiftMeter:
        """Take the parameters to update, as an optimizer's class does."""
        self._parameters = list(parameters)
        return self

    @property
    def shift(self) -> float:
        """Mean over the measured steps."""
        return float(np.mean(self.shifts)) if self.shifts else float("nan")

    def step(self) -> None:
        """W ← W − η ∂L/∂W, and perhaps look at the layers before and after."""
        due = self._steps % self._every == 0
        before = self._moments() if due else []
        with torch.no_grad():
            for parameter in self._parameters:
                if parameter.grad is not None:
                    parameter.sub_(parameter.grad, alpha=self._lr)
        if due:
            moves, spreads = _distances(before, self._moments())
            self.moves.append(moves)
            self.shifts.append(float(np.mean(np.divide(moves, spreads))))
        self._steps += 1

    def _moments(self) -> Moments:
        """The mode stays as it is: in training, batch norm sees these images as its batch."""
        found: Moments = []
        handles = [m.register_forward_pre_hook(partial(_note, found)) for m in self._watched]
        buffers = [(b, b.clone()) for b in self._model.buffers()]
        try:
            with torch.no_grad():
                self._model(self._x)
                for buffer, kept in buffers:
                    buffer.copy_(kept)
        finally:
            for handle in handles:
                handle.remove()
        return found


def _note(found: Moments, _module: nn.Module, inputs: tuple[Any, ...]) -> None:
    z = inputs[0].double()
    found.append((z.mean(0), z.std(0)))


def _distances(before: Moments, after: Moments) -> tuple[list[float], list[float]]:
    """How far each layer moved, and its own spread; both as root mean squares over units."""
    moves, spreads = [], []
    for (mean, std), (new_mean, new_std) in zip(before, after, strict=True):
        moved = (new_mean - mean).square() + (new_std - std).square()
        moves.append(float(moved.mean().sqrt()))
        spreads.append(float(std.square().mean().sqrt()))
    return moves, spreads
