"""Keep what a post-mortem needs, at next to no cost, until it is needed."""

from __future__ import annotations

import itertools
import warnings
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn

from gradcourse.instrument.loop.arguments import (
    check_has_values,
    check_module,
    check_takes_hooks,
    checked_optimizers,
    is_number,
)
from gradcourse.instrument.loop.follow import (
    Follower,
    Hook,
    Hooks,
    Listener,
    after_backward,
    graph_task,
    is_traced,
)
from gradcourse.instrument.loop.graph import next_number
from gradcourse.instrument.loop.tensors import (
    infinite,
    is_transformed,
    not_finite,
    tensors,
    with_gradients,
)
from gradcourse.instrument.postmortem import advice, loss_graph
from gradcourse.instrument.postmortem.finite import all_finite, bad_parameters, is_finite
from gradcourse.instrument.postmortem.first_nan import LOSS, NonFiniteError, PostMortem
from gradcourse.instrument.postmortem.replay import Call, replay_loss, replay_model
from gradcourse.instrument.postmortem.state import Buffers, untouched
from gradcourse.support import GradcourseError

_KEPT_CALLS = 16

_PATIENCE = 10
"""Backward passes without an update, and then as many with NaN or Inf in their gradients: a
gradient scaler halves its factor of 65536 up to 16 times before it finds one that fits."""


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
    optimizer : torch.optim.Optimizer or list of them, optional
        Gradients are looked at when one is about to step. Without one, when each backward pass
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
        Number of updates so far, of several optimizers each one's; without one, of backward
        passes.
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
        check_module("watch", model)
        check_takes_hooks("watch", model)
        check_has_values("watch", model)
        self._optimizers = checked_optimizers("watch", optimizer, model)
        if loss_function is not None and not callable(loss_function):
            raise GradcourseError(
                f"watch got {type(loss_function).__name__!r} as the loss function; it takes a "
                "function of outputs and targets."
            )
        self.step = 0
        self.post_mortem: PostMortem | None = None
        self._model = model
        self._loss_function: Any = loss_function
        scripted = isinstance(loss_function, torch.jit.RecursiveScriptModule)
        self._hooks_the_loss = isinstance(loss_function, nn.Module) and not scripted
        self._stop = stop
        self._calls: deque[Call] = deque(maxlen=_KEPT_CALLS)
        self._loss_calls: deque[Call] = deque(maxlen=_KEPT_CALLS)
        self._loop: Follower | None = None
        self._loss_hooks, self._leaves = Hooks(), Hooks()
        self._buffers: Buffers | None = None
        self._parameters: list[nn.Parameter] = []
        self._looks_at_outputs = self._outputs_are_finite = True
        self._looked_at_a_loss = self._replays = False
        self._quiet, self._looked = True, False
        self._passes = self._backward_passes = self._unused = self._unused_bad = 0
        self._task = -1
        self._meant: set[str] = set()
        self._left: list[str] = []

    def __repr__(self) -> str:
        if self.post_mortem is not None:
            return repr(self.post_mortem)
        name = f"Watch of a {type(self._model).__name__}"
        if self._passes and not self.step:
            return (
                f"{name}: no update in {self._passes} calls of the model and "
                f"{self._backward_passes} backward passes, so no gradient was looked at"
            )
        skipped = self._backward_passes - self.step if self._optimizers else 0
        more = f"; {self._unused} backward passes since the last" if self._unused > 1 else ""
        seen = "all finite"
        if not self._looked_at_a_loss:
            seen = "all gradients finite; the losses were not looked at (watch.loss, watch.check)"
        left = f"; not finite now: {', '.join(self._left[:3])}" if self._left else ""
        return f"{name}: {self.step} steps, {seen}{more if skipped > 0 else ''}{left}"

    def __enter__(self) -> Watch:
        if self._loop is not None:
            raise GradcourseError("This watch is already in use; make a new one: gc.watch(model).")
        self._buffers = (
            Buffers(self._model) if next(self._model.buffers(), None) is not None else None
        )
        self._parameters = list(self._model.parameters())
        listener = Listener(
            pass_begins=self._pass_begins,
            pass_ends=self._pass_ends,
            backward_is_over=self._pass_is_over,
            update_begins=self._update_begins,
            update_due=self._update_due,
            update_made=self._update_made,
            update_skipped=self._forget,
            failed=self._give_up,
        )
        self._loop = Follower(self._model, self._optimizers, listener)
        self._quiet = self.post_mortem is not None
        self._meant, self._left = infinite(self._masks()), []
        if self._hooks_the_loss:
            hook = Hook(self._before_loss)
            self._loss_hooks.append(
                self._loss_function.register_forward_pre_hook(hook, with_kwargs=True)
            )
        return self

    def _give_up(self, error: Exception) -> None:
        """An error of the watch's own: leave the model, and let the loop go on."""
        if isinstance(error, NonFiniteError):
            raise error
        warnings.warn(
            f"The watch has met an error of its own at step {self.step} "
            f"({type(error).__name__}: {error}) and has left the model. Your loop goes on, "
            "unwatched. Please report this.",
            stacklevel=2,
        )
        self._quiet = True
        if self._loop is not None:
            self._loop.fall_silent()
        self._forget()

    def __exit__(self, *exception: object) -> None:
        looks = self._loop is not None and not self._quiet and not any(exception)
        if self._loop is not None:
            self._loop.leave()
            self._loop, self._quiet = None, True
        self._loss_hooks.take_away()
        self._forget()
        if looks:
            self._look_at_what_is_left()

    def _masks(self) -> Iterator[tuple[str, torch.Tensor]]:
        """What may be infinite on purpose: buffers, and parameters that do not train."""
        yield from self._model.named_buffers()
        yield from ((n, p) for n, p in self._model.named_parameters() if not p.requires_grad)

    def _look_at_what_is_left(self) -> None:
        """Warn of NaN and Inf that no gradient has shown: in buffers, or where all else is 0."""
        state = itertools.chain(self._model.named_parameters(), self._model.named_buffers())
        self._left = not_finite(state, self._meant)
        if self._left:
            more = f" and {len(self._left) - 3} more" if len(self._left) > 3 else ""
            warnings.warn(
                f"At the end of the block {', '.join(self._left[:3])}{more} held NaN or Inf, "
                "though every gradient was finite: a running average that took a bad batch or a "
                "count of 0, or a parameter whose gradient is 0 there. What reads it later, as in "
                "evaluation, will go wrong.",
                stacklevel=3,
            )

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
        self._looked_at_a_loss = True
        value = float(loss.detach().sum())
        if value - value != 0:
            self._fail((), value, loss)
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

    def _pass_begins(self, positional: tuple[Any, ...], named: dict[str, Any]) -> None:
        if self._quiet:
            return
        if not self._calls and self._buffers is not None:
            self._buffers.refresh()
        self._passes += 1
        if self._calls:
            self._count_backward()
        self._calls.append(Call(positional, named))

    def _pass_ends(self, output: Any) -> None:
        if self._quiet or not self._calls:
            return
        call = self._calls[-1]
        outputs = tuple(tensors(output))
        if any(map(is_transformed, outputs)):
            self._calls.pop()  # torch.func is at work: there is nothing that could be replayed
            return
        call.ends = next_number()
        loop = self._loop
        # A closure makes the gradients inside the step, several times over with LBFGS.
        at_once = loop is not None and (not self._optimizers or loop.in_closure)
        at_once = at_once or self._unused >= _PATIENCE
        call.output_gradients = [None] * len(outputs)
        for position, tensor in enumerate(outputs):
            if self._looks_at_outputs:
                call.witnesses.append(_witness(tensor))
            if tensor.requires_grad:
                # No Python of ours runs in the backward pass, unless something is to be done then.
                keep = partial(call.output_gradients.__setitem__, position)
                hook = partial(self._came_back, keep) if at_once else keep
                self._leaves.on_gradient(tensor, hook)

    def _came_back(self, keep: Callable[[torch.Tensor], None], gradient: torch.Tensor) -> None:
        keep(gradient)
        loop = self._loop
        if loop is None or self._quiet:
            return
        if not self._optimizers or loop.in_closure:
            loop.await_backward()
        elif graph_task() != self._task:
            self._task = graph_task()
            after_backward(self._look_at_unused)

    def _count_backward(self) -> None:
        """Count a backward pass, if one has come to a call since."""
        came = False
        for call in self._calls:
            if not call.counted and call.was_used:
                came = call.counted = True
        self._backward_passes += came
        self._unused += came

    def _look_at_unused(self) -> None:
        """Gradients of which no update has come for long: skipped for an overflow that is none."""
        if self._quiet:
            return
        finite = all_finite([p.grad for p in self._parameters if p.grad is not None])
        self._unused_bad = 0 if finite else self._unused_bad + 1
        if self._unused_bad >= _PATIENCE:
            self.check_gradients()

    def _before_loss(self, module: Any, args: Any, kwargs: Any) -> None:
        if is_traced():
            return
        if not self._quiet and not self._replays and torch.is_grad_enabled():
            self._loss_calls.append(Call(args, kwargs))

    def _pass_is_over(self) -> None:
        self._looked = bool(self._optimizers)
        self._look_and_count()

    def _update_begins(self) -> None:
        self._looked = False

    def _update_due(self) -> None:
        # Passes inside a closure were looked at when each of them was over.
        if not self._looked:
            self._look_and_count()
        self._unused = self._unused_bad = 0

    def _update_made(self) -> None:
        if self._loop is not None and self._loop.has_closure and not self._quiet:
            self.step += 1

    def _look_and_count(self) -> None:
        if self._quiet:
            return
        gradients = [g for p in self._parameters if (g := p.grad) is not None]
        every = gradients.copy()
        for call in self._calls:
            every += call.witnesses
        # All in one look where outputs are finite, as they nearly always are.
        if not (self._outputs_are_finite and all_finite(every)):
            # A call that the loop has skipped, as behind `if isfinite(loss)`, has done no harm.
            used = [w for call in self._calls if call.was_used for w in call.witnesses]
            if not all_finite(gradients):
                self._fail(bad_parameters(self._model), None)
            elif any(bool(w.isnan().any()) for w in used):
                self._nan_output()
            elif used:
                self._outputs_are_finite = all_finite(used)
        if not self._quiet:
            # With a closure the update is counted when it is made.
            self.step += self._loop is None or not self._loop.has_closure
            self._forget()

    def _nan_output(self) -> None:
        """NaN in an output whose gradients are finite: log of a negative number, say."""
        with untouched(self._model):
            cause = self._search()
        if cause is None:
            # Meant to be there, as an infinity in both directions may be: not asked again.
            self._looks_at_outputs = False
        else:
            self._report(cause, (), None)

    def _eps_is_zero(self) -> bool:
        """Whether weights in float16 are updated by an optimizer whose eps is 0 there."""
        return any(
            group.get("eps", 1.0) < 6e-8 and p.dtype is torch.float16
            for optimizer in self._optimizers
            for group in optimizer.param_groups
            for p in group["params"]
        )

    def _settings(self) -> tuple[str, ...]:
        """What is wrong with the optimizers' own numbers, whatever the operation."""
        groups = [group for o in self._optimizers for group in o.param_groups]
        wrong = (
            (advice.MOMENTUM, any(_number(g, "momentum") >= 1 for g in groups)),
            (advice.NEGATIVE_DECAY, any(_number(g, "weight_decay") < 0 for g in groups)),
            (advice.NEGATIVE_RATE, any(_number(g, "lr") < 0 for g in groups)),
        )
        return tuple(text for text, is_so in wrong if is_so)

    def _jumps(self) -> tuple[str, ...]:
        """Whether an optimizer takes steps of any length, as LBFGS without a line search."""
        groups = [group for o in self._optimizers for group in o.param_groups]
        return (advice.LINE_SEARCH,) * any(g.get("line_search_fn", "") is None for g in groups)

    def _of_its_own(self) -> tuple[str, ...]:
        """What a step may divide by: an eps of 0, or something in an optimizer of the loop's."""
        if any(g.get("eps", 1.0) == 0 for o in self._optimizers for g in o.param_groups):
            return advice.EPS_IS_ZERO
        own = [type(o) for o in self._optimizers if not type(o).__module__.startswith("torch.")]
        return tuple(text.format(name=own[0].__name__) for text in advice.OWN_OPTIMIZER if own)

    def _huge_start(self) -> tuple[str, ...]:
        """A parameter that held numbers no initialization draws, before the first update."""
        parameters = with_gradients(self._model).items()
        sizes = {n: float(p.detach().abs().max()) for n, p in parameters if p.numel()}
        name = max(sizes, key=lambda n: sizes[n], default="")
        if not name or not _HUGE < sizes[name] < float("inf"):
            return ()
        return (advice.HUGE_START.format(name=repr(name), size=sizes[name]),)

    def _rate_is_lost(self) -> bool:
        """Whether a learning rate is NaN or Inf."""
        rates = [group.get("lr", 0.0) for o in self._optimizers for group in o.param_groups]
        return not all(bool(torch.isfinite(torch.as_tensor(r))) for r in rates)

    def _forget(self) -> None:
        self._count_backward()
        for call in self._calls:
            call.let_go()
        self._calls.clear()
        self._loss_calls.clear()
        if self._leaves:
            self._leaves.take_away()

    def _fail(self, affected: tuple[str, ...], loss: float | None, made: Any = None) -> None:
        self._report(self._replay(affected, made), affected, loss)

    def _report(self, cause: PostMortem, affected: tuple[str, ...], loss: float | None) -> None:
        if cause.direction == "parameter" and not self.step:
            cause = replace(cause, advice=advice.BAD_FROM_THE_START)
        elif cause.is_buffer:
            pass  # no optimizer has written it
        elif cause.direction == "parameter" and self._eps_is_zero():
            cause = replace(cause, advice=(*advice.EPS_IN_FLOAT16, *cause.advice))
        elif cause.direction == "parameter" and self._rate_is_lost():
            cause = replace(cause, advice=advice.RATE_IS_LOST)
        elif cause.direction in ("forward", "backward", "parameter"):
            first = (*self._settings(), *(() if self.step else self._huge_start()))
            if cause.direction == "parameter" or advice.is_overflow(cause.advice):
                first += self._jumps()
            first += self._of_its_own() if cause.direction == "parameter" else ()
            cause = replace(cause, advice=(*first, *cause.advice))
        self.post_mortem = replace(
            cause,
            step=self.step,
            affected=affected or cause.affected,
            loss=cause.loss if loss is None else loss,
        )
        self._quiet = True
        self._forget()
        if self._stop:
            raise NonFiniteError(self.post_mortem) from None

    def _replay(self, affected: tuple[str, ...], loss: Any) -> PostMortem:
        calls = [(call.begins, call.ends) for call in self._calls]
        try:
            with untouched(self._model):
                found = self._search() or _unknown(self._calls, affected)
            if found.advice == advice.LOSS_UNKNOWN and self._loss_calls:
                return replace(found, advice=advice.AFTER_THE_LOSS)
            if found.advice not in (advice.LOSS_UNKNOWN, advice.UNKNOWN):
                return found
            lost = next((n for n, p in self._model.named_parameters() if not is_finite(p)), "")
            if lost:
                # Used outside the model's own pass, as the transitions of a CRF are by its loss.
                return PostMortem("parameter", LOSS, parameter=lost, advice=advice.PARAMETER)
            found = loss_graph.named(found, self._model, loss, calls)
            if found.advice == advice.LOSS_UNKNOWN:
                found = replace(found, advice=(*advice.OUTSIDE, *found.advice))
            if any(bool(w.isinf().any()) for call in self._calls for w in call.witnesses):
                cures = tuple(a for a in found.advice if a not in advice.LOSS_UNKNOWN)
                evidence = {**found.evidence, "the model's output": "holds Inf or -inf"}
                more = (advice.OUTPUT_IS_INFINITE, *cures, advice.GIVE_THE_LOSS)
                found = replace(found, evidence=evidence, advice=more)
            return found
        except Exception as error:
            # A second run may fail for reasons of its own; the first fact must not be lost.
            note = f"The replay failed: {type(error).__name__}: {error}"
            return replace(_unknown(self._calls, affected), note=note)

    def _search(self) -> PostMortem | None:
        """Replay each kept call as it was, until one shows the fault."""
        self._replays = True  # the loss function's hook would keep the replay as one more call
        try:
            for call in self._calls:
                if self._buffers is not None:
                    self._buffers.put_back()
                cause = replay_model(self._model, call)
                if cause is not None:
                    return cause
            for call in self._loss_calls if self._loss_function is not None else ():
                cause = replay_loss(self._model, self._loss_function, call)
                if cause is not None:
                    return cause
        finally:
            self._replays = False
        return None


def _witness(output: torch.Tensor) -> torch.Tensor:
    """What tells at the end of the step whether an output held NaN: itself, or a long one's sum."""
    output = output.detach()
    return output if output.numel() <= _LONG else output.sum()


def _number(group: dict[str, Any], name: str) -> float:
    """A setting of an optimizer; 0 where it has none."""
    value = group.get(name, 0.0)
    return float(value) if is_number(value) else 0.0


_HUGE = 1e6
"""What no parameter begins at."""

_LONG = 4096
"""Elements of an output up to which it is kept until the update."""


def _unknown(calls: Collection[Call], affected: tuple[str, ...]) -> PostMortem:
    """What can be said when no replay shows the fault again."""
    sent = [g for call in calls for g in call.output_gradients if g is not None]
    nan = any(bool(w.isnan().any()) for call in calls for w in call.witnesses)
    if calls and not nan and (not affected or not all_finite(sent)):
        return PostMortem(
            "forward" if not affected else "backward",
            LOSS,
            op="something",
            evidence={"the model's output": "finite"}
            | ({} if all_finite(sent) else {"∂ℒ/∂output": "NaN or Inf"}),
            advice=advice.LOSS_UNKNOWN,
        )
    note = (
        "The model's own forward and backward pass are finite: look at what else is in the "
        "loss, such as a penalty on the weights, and at changes of .grad."
        if calls
        else "The model itself was not called since the last update, so there is nothing to "
        "replay: watch the module that your loop calls."
    )
    if nan:
        note = "The model's output held NaN, and its replay does not."
    return PostMortem(
        "unknown",
        "",
        note=note,
        affected=affected,
        evidence={"the model's output": "NaN"} if nan else {},
        advice=advice.UNKNOWN,
    )
