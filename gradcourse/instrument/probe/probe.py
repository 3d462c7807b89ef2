"""Watch a model in a plain torch loop, without editing it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from gradcourse.instrument.loop.arguments import (
    check_model,
    check_no_level,
    checked_number,
    checked_optimizer,
    default_rhythm,
    is_compiled,
    skips_update,
    with_closure,
)
from gradcourse.instrument.loop.follow import running_calls, running_steps
from gradcourse.instrument.loop.tensors import tensors
from gradcourse.instrument.probe.parameters import ParameterReader
from gradcourse.instrument.probe.passes import Measured
from gradcourse.instrument.probe.watcher import Hook, Watcher
from gradcourse.instrument.record import Record
from gradcourse.support import GradcourseError


def probe(
    model: nn.Module,
    optimizer: Any = None,
    level: str = "standard",
    every: int | None = None,
    histogram_every: int | None = None,
) -> Probe:
    """Record what goes forward and backward through a model.

    Use it as a block around a loop that stays as it is:
    ``with gc.probe(model, optimizer) as record:``. When the block ends, also by an exception, the
    model is as it was.

    With the optimizer, a step is one ``optimizer.step()``: the parameters' gradients are those
    that the update uses (accumulated, clipped), and layers are those of the last backward pass
    before it. With a closure (LBFGS) they are those of its first call, at the weights from which
    the step starts. Without the optimizer, a step is one backward pass through the model. A call
    without a backward pass, an evaluation, leaves no trace.

    Parameters
    ----------
    model : nn.Module
        Any module with parameters. A module that is called several times in one step is listed
        once per call: ``cell``, ``cell #2``. Of an output that is no tensor, the first
        floating-point tensor in it is measured. A relu, tanh or sigmoid that is called as a
        function is listed after the layer that it follows, ``fc1 relu``, where a layer takes its
        result or the model returns it. Other functions, such as gelu and clamp, are not seen.
    optimizer : torch.optim.Optimizer, optional
        The one that updates the model.
    level : str
        - "gradients": norms of all parameters' gradients, each step
        - "standard": also, every 10 steps, each layer's output and the gradient that comes back
          to it, and the size of the update; every 100 steps log₂ histograms
        - "everything": all of it, every step
    every : int, optional
        Layers are measured at step 0, ``every``, 2 ``every``, …; 10 at level "standard", else 1.
        At level "gradients" only these steps are recorded at all.
    histogram_every : int, optional
        The same for log₂ histograms of the weights' gradients: 100 at "standard"; at
        "everything" as often as ``every``.

    Returns
    -------
    Probe
        Entering it gives the `Record`.

    Raises
    ------
    GradcourseError
        If it is no module, has no parameters, the optimizer is none or updates none of the
        model's parameters, the level is unknown, or a number is not a positive integer.

    Notes
    -----
    All norms keep their range (see `gradient_norm`): no gradient is reported as 0 unless every
    element is 0, and none as infinite that is finite.

    An update that a ``torch.amp.GradScaler`` skips is no step.

    Inside a model that ``torch.compile`` has made one piece of, layers cannot be seen; its
    gradients and updates are recorded, with a warning.
    """
    return Probe(model, optimizer, level, every, histogram_every)


class Probe:
    """The block that `probe` returns."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: Any = None,
        level: str = "standard",
        every: int | None = None,
        histogram_every: int | None = None,
    ) -> None:
        check_model(model)
        usual = default_rhythm(level)
        check_no_level(optimizer)
        self._optimizer = checked_optimizer("probe", optimizer, model)
        self._model = model
        self._every = checked_number("every", every, usual[0])
        usual_histograms = self._every if level == "everything" else usual[1]
        self._histogram_every = checked_number("histogram_every", histogram_every, usual_histograms)
        self._level = level
        self._handles: list[Any] = []
        self._parameter_handles: list[Any] = []
        self._record: Record | None = None
        self._watcher: Watcher | None = None
        self._reader = ParameterReader(dict(model.named_parameters()))
        self._number = 0
        self._depth = 0
        self._queued = False
        self._called = False
        self._updates = 0
        self._has_closure = False
        self._waits = False
        self._skips = False
        self._evaluations = 0

    def __repr__(self) -> str:
        return f"probe of a {type(self._model).__name__}: with gc.probe(model) as record: …"

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and (hasattr(Record, name) or name == "record"):
            raise GradcourseError(
                f"The probe itself has no {name!r}; its record has. Write "
                f"`with gc.probe(model) as record:` and read record.{name}."
            )
        raise AttributeError(f"Probe has no attribute {name!r}")

    def __enter__(self) -> Record:
        if self._handles:
            raise GradcourseError("This probe is already in use; make a new one: gc.probe(model).")
        self._record = Record(self._reader.shapes)
        self._number = self._depth = self._updates = 0
        self._queued = self._called = self._skips = False
        self._has_closure = self._waits = False
        self._watcher = self._new_watcher()
        model = self._model
        self._handles = [
            model.register_forward_pre_hook(Hook(self._begin)),
            model.register_forward_hook(Hook(self._end), always_call=True),
        ]
        if self._optimizer is not None:
            self._handles += [
                self._optimizer.register_step_pre_hook(Hook(self._before_update)),
                self._optimizer.register_step_post_hook(Hook(self._after_update)),
            ]
        else:
            self._watch_parameters()
        self._prepare()
        return self._record

    def __exit__(self, *exception: object) -> None:
        for handle in self._handles + self._parameter_handles:
            handle.remove()
        self._handles = []
        self._parameter_handles = []
        if self._watcher is not None:
            self._watcher.detach()
        # Graphs that outlive the block still carry tensor hooks: with no record they do nothing.
        self._record = None
        self._reader.drop()

    def _new_watcher(self) -> Watcher | None:
        if self._level == "gradients":
            return None
        if is_compiled(self._model):
            warnings.warn(
                "The layers of a compiled model cannot be watched; the probe records gradients "
                "and updates only. To see the layers, probe the model before torch.compile.",
                stacklevel=4,
            )
            return None
        return Watcher(self._model)

    def _watch_parameters(self) -> None:
        """Notice backward passes of models whose parts are called without the model itself."""
        hook = Hook(self._parameter_came_back)
        for parameter in self._reader.parameters:
            if parameter.requires_grad and parameter.is_leaf:
                handle = parameter.register_post_accumulate_grad_hook(hook)
                self._parameter_handles.append(handle)

    def _prepare(self) -> None:
        """Put the layers' hooks in place for the step to come, or take them away."""
        if self._level != "gradients" and not self._is_due(self._every):
            self._reader.drop()
        watcher = self._watcher
        if watcher is None:
            return
        if self._is_due(self._every):
            watcher.forget()
            if not watcher.attached:
                watcher.attach()
        elif watcher.attached:
            watcher.detach()

    def _is_due(self, every: int) -> bool:
        return every > 0 and self._number % every == 0

    def _begin(self, module: nn.Module, inputs: Any) -> None:
        self._depth += 1
        if self._depth > 1 and running_calls(module) == 1:
            self._depth = 1  # a call that was interrupted never came to its end
        if self._depth > 1 or not torch.is_grad_enabled() or self._record is None:
            return
        if torch._C._current_graph_task_id() == -1:
            self._queued = False  # a backward pass that raised never came to its end
            if self._updates and not running_steps(self._optimizer):
                self._give_up()
            self._record.begin()
            if self._watcher is not None:
                self._watcher.begin()

    def _end(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self._depth = max(0, self._depth - 1)
        if self._depth or not torch.is_grad_enabled():
            return
        watcher = self._watcher
        one = watcher.open if watcher is not None else None
        if watcher is not None and one is not None:
            watcher.end(output)
        elif self._optimizer is not None:
            return
        hook = partial(self._came_back, self._record, one)
        for tensor in tensors(output):
            if tensor.requires_grad:
                tensor.register_hook(hook)

    def _came_back(self, record: Record | None, one: Any, gradient: torch.Tensor) -> None:
        if record is not self._record or record is None:
            return
        self._called = True
        if one is not None and self._watcher is not None:
            self._watcher.mark(one)
        self._queue()

    def _parameter_came_back(self, parameter: torch.Tensor) -> None:
        self._queue()

    def _queue(self) -> None:
        # Parameters have their gradients when the whole backward pass is over, and the loop may
        # clear them right after, so without an optimizer that is the one moment to read them.
        if self._optimizer is None and not self._queued:
            self._queued = True
            finish = partial(self._backward_is_over, self._record)
            torch.autograd.Variable._execution_engine.queue_callback(finish)

    def _backward_is_over(self, record: Record | None) -> None:
        self._queued = False
        if record is not self._record or record is None:
            return
        if self._called and self._parameter_handles:
            for handle in self._parameter_handles:
                handle.remove()
            self._parameter_handles = []
        self._write()
        self._advance()

    def _before_update(self, optimizer: Any, positional: Any, named: Any) -> Any:
        if self._record is None:
            return None
        if self._updates and running_steps(optimizer) == 1:
            self._give_up()
        self._updates += 1
        if self._updates > 1:
            return None  # the step of a class that calls super().step()
        self._skips = skips_update(optimizer)
        if self._skips:
            return None
        if self._level != "gradients" and self._is_due(self._every):
            self._reader.keep_weights()
        changed = with_closure(optimizer, positional, named, self._read_after)
        self._has_closure = self._waits = changed is not None
        self._evaluations = 0
        if not self._waits:
            self._write()
        return changed

    def _give_up(self) -> None:
        """An update that raised never came to its end; if it was written, its number is used."""
        written = not self._waits and not self._skips
        self._updates, self._waits = 0, False
        if written:
            self._advance()

    def _read_after(self, closure: Callable[[], Any]) -> Callable[[], Any]:
        """The closure, and after its first call a look at what it made, before it is used."""

        def read() -> Any:
            self._evaluations += 1
            loss = closure()
            self._write_once()
            return loss

        return read

    def _write_once(self) -> None:
        if self._waits:
            self._waits = False
            self._write()

    def _after_update(self, optimizer: Any, positional: Any, named: Any) -> None:
        self._updates = max(0, self._updates - 1)
        if self._record is None or self._updates:
            return
        self._depth = 0  # an interrupted call of the model never came to its end
        if self._skips:
            return
        if self._has_closure:
            self._write_once()  # an optimizer may not call it at all
            self._record.end(self._evaluations)
        if len(self._record):
            self._reader.write_updates(self._record.newest())
        self._advance()

    def _advance(self) -> None:
        self._number += 1
        self._prepare()

    def _write(self) -> None:
        record = self._record
        if record is None or (self._level == "gradients" and not self._is_due(self._every)):
            return
        watcher = self._watcher
        measured = None
        if watcher is not None and watcher.reached and self._is_due(self._every):
            measured = Measured(watcher.reached)
        histograms = self._level != "gradients" and self._is_due(self._histogram_every)
        # A fused optimizer divides by the factor of a GradScaler itself, while it updates.
        scale = getattr(self._optimizer, "grad_scale", None)
        record.append(self._reader.step(self._number, measured, histograms, scale))
