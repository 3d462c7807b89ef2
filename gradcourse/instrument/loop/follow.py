"""Follow a training loop: passes of a model begin and end, updates are due and made.

Counting begins and ends goes wrong where a call raises or is interrupted: torch calls no hook after
a KeyboardInterrupt, and an optimizer's post-hook not after an exception. So the stack is looked at,
but only where a call seems to begin inside another one, which is rare.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import CodeType, FrameType
from typing import Any

import torch
from torch import nn

from gradcourse.instrument.loop.arguments import skips_update, with_closure


def _nothing(*arguments: Any) -> None:
    return None


@dataclass(frozen=True)
class Listener:
    """What to do at each moment of a loop; nothing, unless told.

    Attributes
    ----------
    pass_begins : callable
        The model is called, with positional and named arguments. A call inside another one, and
        one without gradients, is no pass.
    pass_ends : callable
        It returned this output; the output is None where it raised.
    backward_is_over : callable
        The pass backward is, for which `Follower.await_backward` was called.
    update_begins : callable
        ``optimizer.step`` was called, and will change the weights.
    update_due : callable
        The gradients are those that the update uses. With a closure, when its first call is over.
    update_made : callable
        The weights have changed.
    update_lost : callable
        An update that was due raised, so it never came to its end. Told when the loop goes on.
    update_skipped : callable
        A GradScaler lets its fused optimizer do nothing.
    failed : callable, optional
        One of the others raised this exception. Without it, the exception goes to the loop.
    """

    pass_begins: Callable[[tuple[Any, ...], dict[str, Any]], None] = _nothing
    pass_ends: Callable[[Any], None] = _nothing
    backward_is_over: Callable[[], None] = _nothing
    update_begins: Callable[[], None] = _nothing
    update_due: Callable[[], None] = _nothing
    update_made: Callable[[], None] = _nothing
    update_lost: Callable[[], None] = _nothing
    update_skipped: Callable[[], None] = _nothing
    failed: Callable[[Exception], None] | None = None


class Follower:
    """Hooks on a model and its optimizer that tell a listener what the loop does, until `leave`.

    Parameters
    ----------
    model : nn.Module
    optimizers : sequence of torch.optim.Optimizer
        Of several, the step of each is an update.
    listener : Listener

    Attributes
    ----------
    has_closure : bool
        Whether the last update was given a closure.
    in_closure : bool
        Whether that closure runs.
    evaluations : int
        How often the last update has called it.
    """

    def __init__(self, model: nn.Module, optimizers: Sequence[Any], listener: Listener) -> None:
        self._optimizers, self._listener = optimizers, listener
        self._depth = 0
        self._updates = 0
        self._was_due = self._skips = self._awaits = False
        self.has_closure = self.in_closure = False
        self.evaluations = 0
        self._hooks = Hooks()
        called = model
        if model._compiled_call_impl is not None:
            called = _Compiled(model)
            self._hooks.append(called)
        self._hooks += [
            called.register_forward_pre_hook(Hook(self._begin), with_kwargs=True),
            called.register_forward_hook(Hook(self._end), always_call=True),
        ]
        for optimizer in optimizers:
            self._hooks += [
                optimizer.register_step_pre_hook(Hook(self._before_update)),
                optimizer.register_step_post_hook(Hook(self._after_update)),
            ]

    @property
    def follows(self) -> bool:
        """Whether it still does."""
        return bool(self._hooks)

    def fall_silent(self) -> None:
        """Tell nothing more; the hooks stay until `leave`, as torch may be walking them now."""
        self._listener = Listener()

    def leave(self) -> None:
        """Take all hooks away."""
        self._hooks.take_away()

    def await_backward(self) -> None:
        """Have the listener told, once, when the backward pass that is running is over.

        Only then parameters have their gradients.
        """
        if not self._awaits:
            self._awaits = True
            after_backward(self._backward_is_over)

    def _backward_is_over(self) -> None:
        self._awaits = False
        if self.follows:
            try:
                self._listener.backward_is_over()
            except Exception as error:
                self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self._listener.failed is None:
            raise error
        self._listener.failed(error)

    def _begin(self, module: nn.Module, positional: Any, named: Any) -> None:
        if is_traced():
            return
        self._depth += 1
        if self._depth > 1 and running_calls(module) == 1:
            self._depth = 1  # a call that was interrupted never came to its end
        if self._depth > 1 or not torch.is_grad_enabled():
            return
        if graph_task() == -1:
            self._awaits = False  # a backward pass that raised never came to its end
            if self._updates and not any(map(running_steps, self._optimizers)):
                self._lose_update()
        try:
            self._listener.pass_begins(positional, named)
        except Exception as error:
            self._fail(error)

    def _end(self, module: nn.Module, inputs: Any, output: Any) -> None:
        if is_traced():
            return
        self._depth = max(0, self._depth - 1)
        if not self._depth and torch.is_grad_enabled():
            try:
                self._listener.pass_ends(output)
            except Exception as error:
                self._fail(error)

    def _before_update(self, optimizer: Any, positional: Any, named: Any) -> Any:
        if self._updates and running_steps(optimizer) == 1:
            self._lose_update()
        self._updates += 1
        if self._updates > 1:
            return None  # the step of a class that calls super().step()
        self._was_due = self.has_closure = False
        self.evaluations = 0
        self._skips = skips_update(optimizer)
        if self._skips:
            self._listener.update_skipped()
            return None
        try:
            self._listener.update_begins()
        except Exception as error:
            self._fail(error)
        # The first argument that a hook sees is the optimizer itself.
        if named or len(positional) > 1:
            changed = with_closure(optimizer, positional, named, self._evaluated)
            self.has_closure = changed is not None
            if self.has_closure:
                return changed
        self._tell_due()
        return None

    def _evaluated(self, closure: Callable[..., Any]) -> Callable[..., Any]:
        """The closure; what its first call has made is due, before it is used."""

        def evaluate(*positional: Any, **named: Any) -> Any:
            self.evaluations += 1
            self.in_closure = True
            try:
                loss = closure(*positional, **named)
            finally:
                self.in_closure = False
            self._tell_due()
            return loss

        return evaluate

    def _tell_due(self) -> None:
        if not self._was_due and self._hooks:
            self._was_due = True
            try:
                self._listener.update_due()
            except Exception as error:
                self._fail(error)

    def _after_update(self, optimizer: Any, positional: Any, named: Any) -> None:
        self._updates = max(0, self._updates - 1)
        if self._updates:
            return
        self._depth = 0  # an interrupted call of the model never came to its end
        if not self._skips:
            if self.has_closure:
                self._tell_due()  # an optimizer may not call it at all
            try:
                self._listener.update_made()
            except Exception as error:
                self._fail(error)

    def _lose_update(self) -> None:
        self._updates = 0
        if self._was_due:
            self._listener.update_lost()


class _Compiled(nn.Module):
    """What ``model.compile()`` has made, as a module of its own that is called in its place.

    Hooks of the model itself would be compiled with it. It is taken away as a hook is.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self._whose = (model,)  # bare, it would be a part of this one
        self.forward = model._compiled_call_impl
        model._compiled_call_impl = self.__call__

    def remove(self) -> None:
        (model,) = self._whose
        if model._compiled_call_impl == self.__call__:
            model._compiled_call_impl = self.forward


def guarded(call: Callable[..., Any], failed: Callable[[Exception], None]) -> Callable[..., Any]:
    """The same function, which tells of an exception and returns None in place of raising it."""

    def run(*arguments: Any) -> Any:
        try:
            return call(*arguments)
        except Exception as error:
            failed(error)
            return None

    return run


class Hooks(list[Any]):
    """Handles of hooks, which are taken away at the end of a block."""

    def __enter__(self) -> Hooks:
        return self

    def __exit__(self, *exception: object) -> None:
        self.take_away()

    def on_gradient(self, tensor: torch.Tensor, hook: Callable[[torch.Tensor], None]) -> None:
        """Hook a tensor's gradient; the handle is kept where the tensor outlives its graph.

        Of a small network the handle costs more than the hook. So a hook of a tensor that goes
        with its graph is put where ``Tensor.register_hook`` puts it, without one.
        """
        node = tensor.grad_fn
        if node is not None and type(tensor) is torch.Tensor:
            hooks = tensor._backward_hooks
            if hooks is not None:
                hooks[min(0, *hooks) - 1] = hook
                return
            hooks = OrderedDict({_OURS: hook})
            try:
                tensor._backward_hooks = hooks
                node._register_hook_dict(tensor)
                return
            except AttributeError:  # another torch than ours
                tensor._backward_hooks = None
        handle = tensor.register_hook(hook)
        if tensor.is_leaf:
            self.append(handle)

    def take_away(self) -> None:
        """Take all of them from where they are."""
        for handle in self:
            handle.remove()
        self.clear()


_OURS = -1
"""The first of the numbers that torch gives to none of its hooks: they are negative."""


class Hook(partial[Any]):
    """A hook that copies and pickles as one that does nothing.

    So a copy of a watched model, or one that is saved, is not watched and does not carry the
    probe or the watch along, nor the batches that they keep. A partial is called without a detour
    through Python.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return (_inert, ())


def _inert() -> Any:
    return _nothing


def running_calls(model: nn.Module) -> int:
    """How many calls of this very module run, that whose hook asks included."""
    return _count(nn.Module._call_impl.__code__, model)


def running_steps(optimizer: Any) -> int:
    """How many calls of ``optimizer.step`` run: two where a class calls super().step()."""
    return _count(_STEP, optimizer)


def _count(code: CodeType, owner: Any) -> int:
    count = 0
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code is code and frame.f_locals.get("self") is owner:
            count += 1
        frame = frame.f_back
    return count


# What torch wraps around the step of every class of optimizers, and what calls its hooks.
_STEP = torch.optim.Optimizer.profile_hook_step(lambda *_: None).__code__


def after_backward(call: Callable[[], None]) -> None:
    """Call it when the backward pass that is running is over."""
    torch.autograd.Variable._execution_engine.queue_callback(call)


graph_task: Callable[[], int] = torch._C._current_graph_task_id
"""Number of the backward pass that is running, or -1."""


def is_traced() -> bool:
    """Whether torch.compile, torch.export or torch.jit.trace reads the code that is called.

    A hook that would do anything there stops it, or becomes a part of what it makes.
    """
    return _is_compiling() or _tracing_state() is not None


_is_compiling: Callable[[], bool] = torch.compiler.is_compiling
_tracing_state: Callable[[], Any] = torch._C._get_tracing_state
