"""Optimizers of the same loop that train other nets: it may be a game."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from gradcourse.instrument.loop.follow import Hook, Hooks
from gradcourse.instrument.norms import local


class Others:
    """Counts the updates of other nets by a loss of their own, until `leave`.

    A discriminator beside a generator, or a critic beside an actor, has a backward pass of its own
    between two updates of the model, which brings the model nothing. Parts that learn together
    share theirs.

    Parameters
    ----------
    model : nn.Module
    optimizers : sequence of torch.optim.Optimizer
        The model's own; without any nothing is counted.

    Attributes
    ----------
    updates : int
    """

    def __init__(self, model: nn.Module, optimizers: Sequence[Any]) -> None:
        self._own = {id(parameter) for parameter in model.parameters()}
        self._first = next(iter(model.parameters()))
        self._optimizers = list(optimizers)
        self._before: weakref.WeakKeyDictionary[Any, _Gradient] = weakref.WeakKeyDictionary()
        self._last = _Gradient(None)
        self._hooks = Hooks()
        self.updates = 0
        if optimizers:
            self._hooks.append(register_optimizer_step_post_hook(Hook(self._stepped)))

    def leave(self) -> None:
        """Take the hook away."""
        self._hooks.take_away()

    def _stepped(self, optimizer: Any, *arguments: Any) -> None:
        if any(optimizer is each for each in self._optimizers):
            for other in self._before:
                self._before[other] = _Gradient(_first_of(other))
            self._last = _Gradient(self._first)
        elif optimizer in self._before:
            moved = not self._before[optimizer].is_that_of(_first_of(optimizer))
            self.updates += moved and (
                self._first.grad is None or self._last.is_that_of(self._first)
            )
        elif not any(id(p) in self._own for g in optimizer.param_groups for p in g["params"]):
            self._before[optimizer] = _Gradient(_first_of(optimizer))


class _Gradient:
    """What a parameter's gradient is now, to see whether a backward pass changes it."""

    def __init__(self, parameter: Any) -> None:
        gradient: Any = None if parameter is None else parameter.grad
        # Not its id: a gradient that is freed may give it to the next one.
        self._it = None if gradient is None else weakref.ref(gradient)
        self._version = 0 if gradient is None else local(gradient)._version

    def is_that_of(self, parameter: Any) -> bool:
        """Whether it is still the same, and as it was."""
        gradient: Any = None if parameter is None else parameter.grad
        if self._it is None or gradient is None:
            return self._it is gradient
        it: torch.Tensor | None = self._it()
        return it is not None and it is gradient and local(it)._version == self._version


def _first_of(optimizer: Any) -> Any:
    groups = optimizer.param_groups
    return next((p for group in groups for p in group["params"] if p.grad is not None), None)
