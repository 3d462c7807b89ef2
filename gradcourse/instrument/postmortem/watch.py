"""Keep what a post-mortem needs, at next to no cost, until it is needed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from gradcourse.instrument.norms import gradient_norm
from gradcourse.instrument.postmortem import advice
from gradcourse.instrument.postmortem.finding import LOSS, NonFiniteError, PostMortem
from gradcourse.instrument.postmortem.replay import (
    Call,
    _check_module,
    replay_loss,
    replay_model,
)
from gradcourse.instrument.postmortem.state import Buffers, untouched
from gradcourse.instrument.postmortem.trace import floating_tensors
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
        on calling directly.
    stop : bool
        Whether to raise. Otherwise the loop goes on and ``watch.post_mortem`` is set, once.

    Returns
    -------
    Watch

    Raises
    ------
    GradcourseError
        If one of the arguments is of another kind.

    Notes
    -----
    Until then it keeps references to the batch and to ∂L/∂output, the state of the random
    numbers, and copies of the buffers that the forward pass changes (batch-norm's), and takes
    one norm of all gradients per step. A watched loss under ``torch.amp.GradScaler`` may
    overflow by design; the scaler skips those updates, and the watch with an ``optimizer`` does
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
        # Accelerate and Lightning wrap the optimizer, and its hooks are the ones that are called.
        while hasattr(getattr(optimizer, "optimizer", None), "register_step_pre_hook"):
            optimizer = optimizer.optimizer
        if optimizer is not None and not hasattr(optimizer, "register_step_pre_hook"):
            raise GradcourseError(
                f"watch got {type(optimizer).__name__!r} as the optimizer; it takes one of "
                "torch.optim, or nothing."
            )
        if loss_function is not None and not callable(loss_function):
            raise GradcourseError(
                f"watch got {type(loss_function).__name__!r} as the loss function; it takes a "
                "function of outputs and targets."
            )
        self.step = 0
        self.post_mortem: PostMortem | None = None
        self._model = model
        self._optimizer = optimizer
        self._loss_function = loss_function
        self._stop = stop
        self._calls: deque[Call] = deque(maxlen=_KEPT_CALLS)
        self._loss_calls: deque[Call] = deque(maxlen=_KEPT_CALLS)
        self._depth = 0
        self._handles: list[Any] = []
        self._buffers: Buffers | None = None
        self._round = 0

    def __repr__(self) -> str:
        if self.post_mortem is not None:
            return repr(self.post_mortem)
        return f"Watch of a {type(self._model).__name__}: {self.step} steps, all finite"

    def __enter__(self) -> Watch:
        if self._handles:
            raise GradcourseError("This watch is already in use; make a new one: gc.watch(model).")
        self._buffers = Buffers(self._model)
        self._handles = [
            self._model.register_forward_pre_hook(self._before, with_kwargs=True),
            self._model.register_forward_hook(self._after, always_call=True),
        ]
        if self._optimizer is not None:
            self._handles.append(self._optimizer.register_step_pre_hook(self._before_update))
        if isinstance(self._loss_function, nn.Module):
            self._handles.append(
                self._loss_function.register_forward_pre_hook(self._before_loss, with_kwargs=True)
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
        if not isinstance(self._loss_function, nn.Module):
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
        bad = bad_parameters(self._model)
        if bad:
            self._fail(bad, None)

    @property
    def _quiet(self) -> bool:
        return not self._handles or self.post_mortem is not None

    def _before(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        self._depth += 1
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
        for position, tensor in enumerate(outputs):
            if tensor.requires_grad:
                tensor.register_hook(self._keeper(call, position))

    def _keeper(self, call: Call, position: int) -> Callable[[torch.Tensor], None]:
        def keep(gradient: torch.Tensor) -> None:
            call.output_gradients[position] = gradient
            if self._optimizer is None and not self._quiet:
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

    def _before_update(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if not self._quiet:
            self._look()

    def _look(self) -> None:
        self.check_gradients()
        if not self._quiet:
            self.step += 1
            self._forget()

    def _forget(self) -> None:
        self._calls.clear()
        self._loss_calls.clear()

    def _fail(self, affected: tuple[str, ...], loss: float | None) -> None:
        found = self._replay(affected)
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
                return self._search() or self._unknown(affected)
        except Exception as error:
            # A second run may fail for reasons of its own; the first fact must not be lost.
            note = f"The replay failed: {type(error).__name__}: {error}"
            return replace(self._unknown(affected), note=note)

    def _search(self) -> PostMortem | None:
        for call in self._calls:
            if self._buffers is not None:
                self._buffers.put_back()
            found = replay_model(self._model, call)
            if found is not None:
                return found
        if self._loss_function is not None:
            for call in self._loss_calls:
                found = replay_loss(self._model, self._loss_function, call)
                if found is not None:
                    return found
        return None

    def _unknown(self, affected: tuple[str, ...]) -> PostMortem:
        sent = [g for call in self._calls for g in call.output_gradients if g is not None]
        if self._calls and (not affected or not _all_finite(sent)):
            return PostMortem(
                "forward" if not affected else "backward",
                LOSS,
                op="something",
                evidence={"the model's output": "finite", "∂L/∂output": "NaN or Inf"},
                advice=advice.LOSS_UNKNOWN,
            )
        note = (
            "The model's own forward and backward pass are finite: look at what else is in the "
            "loss, such as a penalty on the weights, and at changes of .grad."
            if self._calls
            else "The model itself was not called since the last update, so there is nothing to "
            "replay: watch the module that your loop calls."
        )
        return PostMortem("unknown", "", note=note, affected=affected, advice=advice.UNKNOWN)


def bad_parameters(model: nn.Module) -> tuple[str, ...]:
    """Names of the parameters whose gradient holds NaN or Inf."""
    gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    if _all_finite(list(gradients.values())):
        return ()
    norms = gradient_norm(gradients.values()).tolist()
    return tuple(n for n, norm in zip(gradients, norms, strict=True) if norm - norm != 0)


def _all_finite(gradients: list[torch.Tensor]) -> bool:
    """Whether none holds NaN or Inf, in one pass; float32 overflow is looked at again."""
    if not gradients:
        return True
    dense = [g.coalesce().values() if g.is_sparse else g for g in gradients]
    with torch.no_grad():
        norms = torch._foreach_norm(dense) if all(g.numel() for g in dense) else None
        if norms is not None:
            total = float(torch.stack([n.float() for n in norms]).sum())
            if total - total == 0:
                return True
    return all(bool(g.isfinite().all()) for g in dense)
