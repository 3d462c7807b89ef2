"""Optimizers of one loop that work by losses of their own: it may be a game."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from threading import get_ident
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from gradcourse.instrument.loop.arguments import held
from gradcourse.instrument.loop.follow import Hook, Hooks, guarded
from gradcourse.instrument.norms import local

_MOST = 4
"""Optimizers of one loop that are held against each other."""


class Others:
    """Counts updates between which another optimizer of the loop got no gradient, until `leave`.

    A discriminator beside a generator, or a critic beside an actor, has a backward pass of its own
    between two updates of the other one, which brings that one nothing; and the other one's passes
    through it. Parts that learn together share theirs, and nets that have nothing to do with each
    other share none. Loops of other threads than that which makes it are left alone: their
    gradients may go while one looks at them.

    Parameters
    ----------
    model : nn.Module
    optimizers : sequence of torch.optim.Optimizer
        The model's own; without any nothing is counted.
    failed : callable
        Called with an exception that the hook has met.

    Attributes
    ----------
    updates : int
        Of those by a loss of their own; 0 as long as none was by a loss that reaches the other one.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizers: Sequence[Any],
        failed: Callable[[Exception], None],
    ) -> None:
        self._own = {id(parameter) for parameter in model.parameters()}
        # Of each, what the gradients of all of them were at its last update.
        self._seen: weakref.WeakKeyDictionary[Any, _Gradients] = weakref.WeakKeyDictionary()
        self._hooks = Hooks()
        self._alone = self._through = 0
        self._thread = get_ident()
        self._only: Any = None
        if optimizers:
            hook = Hook(guarded(self._stepped, failed))
            self._hooks.append(register_optimizer_step_post_hook(hook))

    @property
    def updates(self) -> int:
        return self._alone if self._through else 0

    def leave(self) -> None:
        """Take the hook away."""
        self._hooks.take_away()
        self._only = None

    def _stepped(self, optimizer: Any, *arguments: Any) -> None:
        if optimizer is self._only:
            return  # as in nearly every loop
        # The hook is told of every optimizer of the process.
        if get_ident() != self._thread:
            return
        self._only = None
        if optimizer not in self._seen:
            if len(self._seen) > _MOST:
                return
            self._seen[optimizer] = _Gradients(not self._own.isdisjoint(held(optimizer)))
        if len(self._seen) == 1:
            self._only = optimizer
        if len(self._seen) < 2 or len(self._seen) > _MOST:
            return
        now = {other: _Gradient(_first_of(other)) for other in self._seen}
        own = self._seen[optimizer].are_own
        for other, before in self._seen.items():
            pair = other is not optimizer and (own or before.are_own)
            known = pair and optimizer in before.of and other in before.of
            if not known or before.left_alone(optimizer):
                continue
            # A discriminator may be frozen while its generator learns through it.
            alone = before.left_alone(other) and not _is_frozen(other)
            self._alone += alone
            self._through += not alone
        self._seen[optimizer].of = weakref.WeakKeyDictionary(now)


class _Gradients:
    """The gradients of several optimizers at one moment."""

    def __init__(self, are_own: bool) -> None:
        self.are_own = are_own
        self.of: weakref.WeakKeyDictionary[Any, _Gradient] = weakref.WeakKeyDictionary()

    def left_alone(self, optimizer: Any) -> bool:
        """Whether none has come to it since."""
        parameter = _first_of(optimizer)
        return parameter is None or self.of[optimizer].is_that_of(parameter)


class _Gradient:
    """What a parameter's gradient is now, to see whether a backward pass changes it."""

    def __init__(self, parameter: Any) -> None:
        gradient = None if parameter is None else parameter.grad
        # Not its id: a gradient that is freed may give it to the next one.
        self._it = None if gradient is None else weakref.ref(gradient)
        self._version = 0 if gradient is None else local(gradient)._version

    def is_that_of(self, parameter: Any) -> bool:
        """Whether it is still the same, and as it was."""
        it: torch.Tensor | None = None if self._it is None else self._it()
        return it is not None and it is parameter.grad and local(it)._version == self._version


def _is_frozen(optimizer: Any) -> bool:
    return not any(p.requires_grad for g in optimizer.param_groups for p in g["params"][:1])


def _first_of(optimizer: Any) -> Any:
    groups = optimizer.param_groups
    return next((p for group in groups for p in group["params"] if p.grad is not None), None)
