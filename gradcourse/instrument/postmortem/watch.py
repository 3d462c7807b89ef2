"""Keep what a post-mortem needs, at next to no cost, until it is needed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from gradcourse.instrument.loop.arguments import (
    check_takes_hooks,
    checked_optimizer,
    skips_update,
    with_closure,
)
from gradcourse.instrument.loop.follow import running_calls, running_steps
from gradcourse.instrument.postmortem.checks import all_finite, bad_parameters
from gradcourse.instrument.postmortem.first_nan import NonFiniteError, PostMortem
from gradcourse.instrument.postmortem.replay import Call, _check_module
from gradcourse.instrument.postmortem.search import (
    check_loss_function,
    search_loss,
    search_model,
    unknown,
)
from gradcourse.instrument.postmortem.state import Buffers, untouched
from gradcourse.instrument.postmortem.trace import floating_tensors
from gradcourse.instrument.probe.watcher import Hook
from gradcourse.support import GradcourseError

_KEPT_CALLS = 16


def watch(
    model: nn.Module,
    optimizer: Any = None,
    loss_function: Callable[..., torch.Tensor] | None = None,
    *,
    stop: bool = True,
) -> Watch:
    """Watch a training loop for the first NaN or Inf, and say where it came from.

    Use it as a block around a plain loop::

        with gc.watch(model, optimizer):
            for x, y in batches:
                optimizer.zero_grad()
                loss = loss_function(model(x), y)
                loss.backward()
                optimizer.step()

    At the first gradient that is not finite, before ``optimizer.step`` changes a weight, the
    batch is replayed once with the same dropout masks and buffers, and `NonFiniteError` is
    raised with the `PostMortem`.

    Parameters
    ----------
    model : nn.Module
        The module that the loop calls.
    optimizer : torch.optim.Optimizer, optional
        Gradients are looked at when it is about to step. Without one, when each backward pass
        ends.
    loss_function : callable, optional
        Call it as ``loss = watch.loss(model(x), y)`` and its operations can be named too, and a
        loss that is not finite is noticed before the backward pass. An ``nn.Module`` you may go
        on calling directly, unless torch.jit.script has made it.
    stop : bool
        Whether to raise. Otherwise the loop goes on and ``watch.post_mortem`` is set, once.

    Returns
    -------
    Watch

    Raises
    ------
    GradcourseError
        If one of the arguments is of another kind, or the optimizer updates none of the model's
        parameters.

    Notes
    -----
    Until then it keeps references to the batch and to ∂ℒ/∂output, the state of the random
    numbers, and copies of the buffers that the forward pass changes (batch-norm's), and takes
    one sum of the outputs and of all gradients per step. An infinite loss whose gradients are
    finite only `Watch.loss` and `Watch.check` can see. Under ``torch.amp.GradScaler`` gradients
    may overflow by design; the scaler skips those updates, and a watch with an ``optimizer`` does
    not see them.
    """
    return Watch(model, optimizer, loss_function, stop=stop)


class Watch:
    """The block that `watch` returns.

    Attributes
    ----------
    step : int
        Number of updates so far; without an optimizer, of backward passes.
    post_mortem : PostMortem or None
        Of the first NaN or Inf, None until then.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Any = None,
        loss_function: Callable[..., torch.Tensor] | None = None,
        *,
        stop: bool = True,
    ) -> None:
        _check_module("watch", model)
        check_takes_hooks("watch", model)
        optimizer = checked_optimizer("watch", optimizer, model)
        check_loss_function(loss_function)
        self.step = 0
        self.post_mortem: PostMortem | None = None
        self._model = model
        self._optimizer = optimizer
        self._loss_function: Any = loss_function
        scripted = isinstance(loss_function, torch.jit.RecursiveScriptModule)
        self._hooks_the_loss = isinstance(loss_function, nn.Module) and not scripted
        self._stop = stop
        self._calls: deque[Call] = deque(maxlen=_KEPT_CALLS)
        self._loss_calls: deque[Call] = deque(maxlen=_KEPT_CALLS)
        self._depth = 0
        self._handles: list[Any] = []
        self._buffers: Buffers | None = None
        self._parameters: list[nn.Parameter] = []
        self._round = 0
        self._looks_at_outputs = True
        self._has_closure = False
        self._in_closure = False
        self._updating = False

    def __repr__(self) -> str:
        if self.post_mortem is not None:
            return repr(self.post_mortem)
        return f"Watch of a {type(self._model).__name__}: {self.step} steps, all finite"

    def __enter__(self) -> Watch:
        if self._handles:
            raise GradcourseError("This watch is already in use; make a new one: gc.watch(model).")
        self._buffers = Buffers(self._model)
        self._parameters = list(self._model.parameters())
        self._handles = [
            self._model.register_forward_pre_hook(Hook(self._before), with_kwargs=True),
            self._model.register_forward_hook(Hook(self._after), always_call=True),
        ]
        optimizer = self._optimizer
        if optimizer is not None:
            self._handles.append(optimizer.register_step_pre_hook(Hook(self._before_update)))
            if hasattr(optimizer, "register_step_post_hook"):
                self._handles.append(optimizer.register_step_post_hook(Hook(self._after_update)))
        if self._hooks_the_loss:
            hook = Hook(self._before_loss)
            self._handles.append(
                self._loss_function.register_forward_pre_hook(hook, with_kwargs=True)
            )
        return self

    def __exit__(self, *exception: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._forget()

    def loss(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Call the loss function, and check what it gives.

        Raises
        ------
        NonFiniteError
            If the loss is not finite.
        GradcourseError
            If the watch was given no loss function.
        """
        if self._loss_function is None:
            raise GradcourseError(
                "This watch knows no loss function; give it one: "
                "gc.watch(model, optimizer, loss_function)."
            )
        if not self._hooks_the_loss:
            self._before_loss(None, args, kwargs)
        return self.check(self._loss_function(*args, **kwargs))

    def check(self, loss: torch.Tensor) -> torch.Tensor:
        """Return the loss as it is, if it is finite; else do the post-mortem now.

        Raises
        ------
        NonFiniteError
            If the loss is not finite.
        """
        if self._quiet:
            return loss
        value = float(loss.detach().sum())
        if value - value != 0:
            self._fail((), value)
        return loss

    def check_gradients(self) -> None:
        """Do the post-mortem now, if a parameter's gradient holds NaN or Inf.

        For loops that clip or change gradients before the optimizer sees them; otherwise the
        watch does it itself.

        Raises
        ------
        NonFiniteError
            If one is not finite.
        """
        if self._quiet:
            return
        if not all_finite([p.grad for p in self._parameters if p.grad is not None]):
            self._fail(bad_parameters(self._model), None)

    @property
    def _quiet(self) -> bool:
        return not self._handles or self.post_mortem is not None

    def _before(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        self._depth += 1
        if self._depth > 1 and running_calls(module) == 1:
            self._depth = 1  # a call that was interrupted never came to its end
        if self._depth > 1 or self._quiet or not torch.is_grad_enabled():
            return
        if not self._calls and self._buffers is not None:
            self._buffers.refresh()
        self._calls.append(Call.of(args, kwargs))

    def _after(self, module: nn.Module, args: Any, output: Any) -> None:
        self._depth = max(self._depth - 1, 0)
        if self._depth or self._quiet or not self._calls or not torch.is_grad_enabled():
            return
        call = self._calls[-1]
        outputs = floating_tensors(output)
        call.output_gradients = [None] * len(outputs)
        if self._looks_at_outputs:
            call.sums = [tensor.detach().sum() for tensor in outputs]
        for position, tensor in enumerate(outputs):
            if tensor.requires_grad:
                tensor.register_hook(self._keeper(call, position))

    def _keeper(self, call: Call, position: int) -> Callable[[torch.Tensor], None]:
        def keep(gradient: torch.Tensor) -> None:
            call.output_gradients[position] = gradient
            if (self._optimizer is None or self._in_closure) and not self._quiet:
                self._after_backward()

        return keep

    def _after_backward(self) -> None:
        """Have the gradients looked at once, when the whole backward pass is over."""
        self._round += 1
        this = self._round

        def look() -> None:
            if this == self._round:
                self._look()

        torch.autograd.Variable._execution_engine.queue_callback(look)

    def _before_loss(self, module: Any, args: Any, kwargs: Any) -> None:
        if not self._quiet and torch.is_grad_enabled():
            self._loss_calls.append(Call.of(args, kwargs))

    def _before_update(self, optimizer: Any, args: Any, kwargs: Any) -> Any:
        if self._updating and running_steps(optimizer) > 1:
            return None  # the step of a class that calls super().step()
        self._updating = hasattr(optimizer, "register_step_post_hook")
        # A closure makes the gradients inside the step, several times over with LBFGS.
        changed = with_closure(optimizer, args, kwargs, self._look_during)
        self._has_closure = changed is not None
        if self._quiet or self._has_closure:
            return changed
        if skips_update(optimizer):
            self._forget()
        else:
            self._look()
        return None

    def _look_during(self, closure: Callable[[], Any]) -> Callable[[], Any]:
        """The closure; what its backward pass makes is looked at when that is over."""

        def evaluate() -> Any:
            self._in_closure = True
            try:
                return closure()
            finally:
                self._in_closure = False

        return evaluate

    def _after_update(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if self._has_closure and not self._quiet:
            self.step += 1
        self._has_closure, self._updating = False, False
        self._depth = 0  # a call may be cut short

    def _look(self) -> None:
        self.check_gradients()
        if not self._quiet and any(bool(s != s) for call in self._calls for s in call.sums):
            self._nan_output()
        if not self._quiet:
            self.step += not self._in_closure
            self._forget()

    def _nan_output(self) -> None:
        """NaN in an output whose gradients are finite: log of a negative number, say."""
        with untouched(self._model):
            found = self._search()
        if found is None:
            # Meant to be there, as an infinity in both directions may be: not asked again.
            self._looks_at_outputs = False
        else:
            self._report(found, (), None)

    def _forget(self) -> None:
        self._calls.clear()
        self._loss_calls.clear()

    def _fail(self, affected: tuple[str, ...], loss: float | None) -> None:
        self._report(self._replay(affected), affected, loss)

    def _report(self, found: PostMortem, affected: tuple[str, ...], loss: float | None) -> None:
        self.post_mortem = replace(
            found,
            step=self.step,
            affected=affected or found.affected,
            loss=found.loss if loss is None else loss,
        )
        self._forget()
        if self._stop:
            raise NonFiniteError(self.post_mortem) from None

    def _replay(self, affected: tuple[str, ...]) -> PostMortem:
        try:
            with untouched(self._model):
                return self._search() or unknown(self._calls, affected)
        except Exception as error:
            # A second run may fail for reasons of its own; the first fact must not be lost.
            note = f"The replay failed: {type(error).__name__}: {error}"
            return replace(unknown(self._calls, affected), note=note)

    def _search(self) -> PostMortem | None:
        found = search_model(self._model, self._calls, self._buffers)
        if found is None and self._loss_function is not None:
            found = search_loss(self._model, self._loss_function, self._loss_calls)
        return found
