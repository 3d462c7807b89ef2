"""Watch a model in a plain torch loop, without editing it."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from gradcourse.instrument.loop.arguments import (
    check_model,
    check_no_level,
    checked_number,
    checked_optimizers,
    default_rhythm,
    held,
    is_compiled,
)
from gradcourse.instrument.loop.follow import (
    Follower,
    Hook,
    Hooks,
    Listener,
    after_backward,
    graph_task,
    guarded,
)
from gradcourse.instrument.loop.others import Others
from gradcourse.instrument.loop.tensors import is_transformed, tensors, with_gradients
from gradcourse.instrument.probe.last_update import LastUpdate
from gradcourse.instrument.probe.outputs.network_output import OutputReader
from gradcourse.instrument.probe.outputs.output_graph import GraphReader
from gradcourse.instrument.probe.parameters import ParameterReader
from gradcourse.instrument.probe.passes import Pass, measured
from gradcourse.instrument.probe.roll_call import RollCall
from gradcourse.instrument.probe.watcher import Watcher
from gradcourse.instrument.record import Record
from gradcourse.instrument.record.recorder import Recorder
from gradcourse.instrument.record.step import fetched
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
    optimizer : torch.optim.Optimizer or list of them, optional
        The one that updates the model. Of several, a step is one of the first, and the size of
        an update is measured for its weights alone.
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
        self._optimizers = checked_optimizers("probe", optimizer, model)
        self._optimizer = self._optimizers[0] if self._optimizers else None
        self._model = model
        self._every = checked_number("every", every, usual[0])
        usual_histograms = self._every if level == "everything" else usual[1]
        self._histogram_every = checked_number("histogram_every", histogram_every, usual_histograms)
        self._level = level
        self._reader = ParameterReader(with_gradients(model))
        self._recorder = Recorder(self._reader.shapes)
        self._loop: Follower | None = None
        self._follower: Follower | None = None
        self._watcher: Watcher | None = None
        self._parameter_hooks, self._leaves = Hooks(), Hooks()
        self._number = 0
        self._called = self._with_graph = False
        self._on_gradient = guarded(self._came_back, self._give_up)
        self._at_the_end = guarded(self._backward_is_over, self._give_up)

    def _begin_notes(self) -> None:
        """Start anew with what is noted about the run as a whole."""
        facts = self._recorder.record.facts
        self._facts = facts
        self._roll = RollCall(self._model, self._optimizers, facts)
        self._graph = GraphReader(self._model, self._roll.members, facts)
        self._last_update = LastUpdate(facts)
        self._outputs = OutputReader(facts.heads)
        self._reads = self._looks = self._graph_read = False
        self._read_number = -1
        self._logged_before = 0
        self._task = self._arrived = self._counted = -1
        self._unused = self._passes = 0
        self._one_to_one = self._several = self._uncounted = False
        self._raw: tuple[float, tuple[bool, bool]] | None = None
        self._left: list[tuple[int, int]] = []
        self._given: Any = ()

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
        if self._loop is not None:
            raise GradcourseError("This probe is already in use; make a new one: gc.probe(model).")
        self._recorder = Recorder(self._reader.shapes)
        self._number, self._called = 0, False
        self._begin_notes()
        self._watcher = self._new_watcher()
        listener = Listener(
            pass_begins=self._pass_begins,
            pass_ends=self._pass_ends,
            backward_is_over=self._write_and_advance,
            update_begins=self._keep_weights,
            update_due=self._write,
            update_made=self._update_made,
            update_lost=self._advance,
            failed=self._give_up,
        )
        # Graphs that outlive the block still carry tensor hooks: without a loop they do nothing.
        self._loop = self._follower = Follower(self._model, self._optimizers[:1], listener)
        self._parameter_hooks += self._roll.count_steps()
        self._others = Others(self._model, self._optimizers, self._give_up)
        if self._watcher is not None:
            self._watcher.ran = self._roll.ran
        if self._optimizer is None:
            self._watch_parameters(self._accumulated)
        self._prepare()
        return self._recorder.record

    def __exit__(self, *exception: object) -> None:
        ends, self._loop = self._loop is not None, None
        if self._follower is None:
            return
        self._follower.leave()
        self._others.leave()
        self._parameter_hooks.take_away()
        if ends:
            try:
                self._finish()
            except Exception as error:
                self._apologize(error)

    def _give_up(self, error: Exception) -> None:
        """An error of the probe's own: leave the model, and let the loop go on."""
        if self._loop is None:
            return
        self._loop.fall_silent()
        self._loop = None
        with contextlib.suppress(Exception):
            self._finish()
        self._apologize(error)

    def _finish(self) -> None:
        """Let go of the layers, and complete the record."""
        self._leaves.take_away()
        if self._watcher is not None:
            self._watcher.detach()
        self._reader.close()
        self._end_notes()

    def _apologize(self, error: Exception) -> None:
        warnings.warn(
            f"The probe has met an error of its own at step {self._number} "
            f"({type(error).__name__}: {error}) and has left the model. Your loop goes on, and the "
            "record ends here. Please report this.",
            stacklevel=3,
        )

    def _new_watcher(self) -> Watcher | None:
        if self._level == "gradients":
            return None
        if is_compiled(self._model):
            warnings.warn(
                "The layers of a compiled model cannot be watched; the probe records gradients "
                "and updates only. To see the layers, leave torch.compile out.",
                stacklevel=4,
            )
            return None
        return Watcher(self._model, self._backward_begins, self._give_up)

    def _watch_parameters(self, call: Callable[..., None]) -> None:
        """Notice backward passes of models whose parts are called without the model itself."""
        hook = Hook(guarded(call, self._give_up))
        self._parameter_hooks += [
            parameter.register_post_accumulate_grad_hook(hook)
            for parameter in self._reader.parameters
            if parameter.requires_grad and parameter.is_leaf
        ]

    def _prepare(self) -> None:
        """Put the layers' hooks in place for the step to come, or take them away."""
        self._due = self._number % self._every == 0
        if self._reader.keeps and not self._due:
            self._reader.drop()
        watcher = self._watcher
        if watcher is None:
            return
        if self._due:
            watcher.forget()
            if not watcher.attached:
                watcher.attach()
        elif watcher.attached:
            watcher.detach()

    def _end_notes(self) -> None:
        record = self._recorder.record
        if self._passes:
            self._give_back()
        if self._watcher is not None:
            self._facts.padding = dict(self._watcher.padding)
            self._facts.masks_of_numbers |= self._watcher.masks_of_numbers
            self._facts.first_layer, self._facts.first_layer_size = self._watcher.entry
        self._settle()
        self._roll.note_axes(self._watcher.times_and_rows if self._watcher is not None else {})
        self._roll.note_buffers()
        self._roll.note_norms()
        self._tell_of_others()
        self._facts.other_updates = self._others.updates
        if self._watcher is not None and self._number and not self._roll.ran:
            warnings.warn(
                f"No layer of this {type(self._model).__name__} was seen to run in "
                f"{self._number} steps, so layers are not judged. Give the probe the model that "
                "the loop calls, and leave torch.compile out to see its layers. Under torch.func "
                "nothing can be seen.",
                stacklevel=4,
            )
        self._roll.finish(record._steps)

    def _tell_of_others(self) -> None:
        """Warn where the model has other parameters now: those at the start were measured."""
        if self._graph.sharded:
            return
        names = self._roll.replaced()
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            warnings.warn(
                f"Parameters of this {type(self._model).__name__} were replaced, added or removed "
                f"inside of the block: {', '.join(names[:3])}{more}. The record follows those that "
                "were there at its start, so of these it tells nothing after the change. Leave the "
                "block before you change the model, and enter a new probe after it.",
                stacklevel=5,
            )

    def _settle(self) -> None:
        """Tell the output that was kept which loss was logged for it, if one was."""
        losses = self._recorder.record._all_losses
        known = len(losses) > self._logged_before
        self._outputs.settle(float(losses[-1]) if known else float("nan"))
        self._reads = False

    def _pass_begins(self, positional: Any, named: Any) -> None:
        # Checkpointing runs a model again during the backward pass.
        if graph_task() == -1:
            self._facts.forward_passes += 1
            losses = self._recorder.record._all_losses
            if self._reads and len(losses) > self._logged_before:
                self._settle()
            if self._passes:
                self._give_back()
            self._recorder.begin()
            self._passes += 1
            if self._due and self._watcher is not None:
                self._watcher.begin()
                if self._watcher.attached:
                    self._given = (positional, named)
                    self._graph.note_source(self._given)

    def _give_back(self) -> None:
        """A call since the last update had no backward pass: what was logged since is not its."""
        came = self._unused or (self._uncounted and self._reader.holds_gradients())
        if not came:
            self._recorder.give_back()

    def _pass_ends(self, output: Any) -> None:
        watcher = self._watcher
        opened = watcher.open if watcher is not None else None
        if watcher is not None and opened is not None:
            watcher.end(output)
            self._read_output(output)
        self._given = ()  # a batch, and the graph that made it, must not outlive the pass
        # One pass to an update, as in most loops: its backward pass is counted with the update.
        if opened is None and self._one_to_one and self._passes == 1 and not self._left:
            self._uncounted = True
            return
        if self._uncounted:
            # There are several passes to this update: one by itself, or all of them at once?
            self._count_unseen(self._reader.holds_gradients())
            self._one_to_one, self._several = False, True
        hook = partial(self._on_gradient, self._loop, opened)
        for tensor in tensors(output):
            if tensor.requires_grad and not is_transformed(tensor):
                self._leaves.on_gradient(tensor, hook)
                if opened is None and self._optimizer is not None:
                    break  # only to count the backward pass

    def _read_output(self, output: Any) -> None:
        if any(is_transformed(tensor) for tensor in tensors(output)):
            return
        if not self._graph_read:
            self._graph_read = True
            self._graph.read(output, self._given)
        if self._number != self._read_number:
            self._read_number = self._number
            self._reads = self._looks = self._outputs.wants()
            if self._reads:
                self._graph.read_input(self._given)
        elif self._loop is not None and self._loop.in_closure:
            return  # the loss that step(closure) returns is that of the first call
        if self._reads:
            self._logged_before = len(self._recorder.record._all_losses)
            self._outputs.read(output, self._number)

    def _came_back(
        self, loop: Follower | None, opened: Pass | None, gradient: torch.Tensor
    ) -> None:
        if loop is None or loop is not self._loop:
            return
        self._called = True
        self._with_graph = torch.is_grad_enabled()  # as create_graph says
        self._counted = task = graph_task()
        self._backward_begins(task)
        if opened is not None and self._watcher is not None:
            self._watcher.mark(opened)
        self._await_backward()

    def _backward_begins(self, task: int) -> None:
        """The first news of a backward pass, from the output or from a layer."""
        if task != self._task:
            if self._looks and self._unused and self._number == self._read_number:
                self._facts.erasing_looked += 1
                self._facts.erased += not self._reader.total_norm() > 0
            self._await_the_end(task, self._reader.states())

    def _await_the_end(self, task: int, before: list[tuple[int, int]]) -> None:
        self._task = task
        after_backward(partial(self._at_the_end, before, task))

    def _part_came_back(self, *_: Any) -> None:
        task = graph_task()
        if self._loop is not None and task != self._arrived:
            self._arrived = self._counted = task
            if task != self._task:
                self._await_the_end(task, [])

    def _backward_is_over(self, before: list[tuple[int, int]], task: int) -> None:
        """Count a pass that has ended in gradients: torch.autograd.grad leaves them as they are.

        A hook of the loop's own may have cleared them by now.
        """
        if self._loop is None:
            return
        unchanged = self._reader.states() == before and not self._graph.sharded
        if unchanged and self._arrived != task:
            counts = self._counted == task
            self._facts.derivatives += counts
            self._several = self._several or counts  # every pass is looked at from now on
            self._facts.without_graph += counts and not self._with_graph
            if self._watcher is not None:
                self._watcher.take_back(task)
            return
        if self._counted != task:
            return
        self._facts.backward_passes += 1
        if self._left and before:
            self._facts.clearing_looked += 1
            self._facts.uncleared += self._roll.of_the_updated(before) == self._left
            self._left = []
        if self._optimizer is None:
            return
        self._unused += 1
        if self._unused > _ACCUMULATED and self._facts.unused_looked < _LOOKS:
            self._look_at_unused()
        if self._reads:
            self._read_raw()

    def _count_unseen(self, arrived: bool) -> None:
        """A backward pass that no hook has seen."""
        if self._uncounted and arrived:
            self._facts.backward_passes += 1
            self._unused += 1
        self._uncounted = False

    def _look_at_unused(self) -> None:
        """Look at gradients that no update has used, nor those of the passes before."""
        facts = self._facts
        bad = self._reader.bad_names()
        known = facts.unused_bad if facts.unused_looked else bad
        facts.unused_bad = [name for name in known if name in bad]
        facts.unused_looked += 1

    def _read_raw(self) -> None:
        self._raw = self._reader.total_norm(), self._reader.signs()

    def _accumulated(self, *_: Any) -> None:
        self._arrived = graph_task()
        self._await_backward()

    def _await_backward(self) -> None:
        # The loop may clear the gradients right after the backward pass, so without an optimizer
        # its end is the one moment to read them.
        if self._loop is not None and self._optimizer is None:
            self._loop.await_backward()

    def _write_and_advance(self) -> None:
        if self._called:
            self._parameter_hooks.take_away()
        self._write()
        self._advance()

    def _keep_weights(self) -> None:
        if self._last_update.watched is not None:
            self._last_update.look_again()
        if self._due and self._level != "gradients":
            self._reader.keep_weights()

    def _update_made(self) -> None:
        if self._loop is not None and self._loop.has_closure:
            self._recorder.end(self._loop.evaluations)
        self._facts.updates += 1
        if self._uncounted:
            self._count_unseen(True)  # as at the steps at which one looked
        elif self._passes:
            self._one_to_one = self._passes == self._unused == 1 and not self._several
            self._several = self._several or self._passes > 1
        elif not self._several:
            # Parts of the model are called, and not the model itself: the parameters tell.
            self._one_to_one, self._several, self._uncounted = False, True, True
            self._count_unseen(self._reader.holds_gradients() and not self._unused)
            self._watch_parameters(self._part_came_back)
        self._passes = 0
        if self._unused:
            self._unused = self._facts.unused_looked = 0
            self._facts.unused_bad = []
        read = self._reads and self._number == self._read_number
        closes = self._loop is not None and self._loop.has_closure
        if read and not closes:
            left = self._roll.of_the_updated(self._reader.states())
            self._left = left if any(map(any, left)) else []
        newest = self._recorder.newest if self._reader.keeps else None
        if newest is not None:
            own = held(self._optimizer) if len(self._optimizers) > 1 else None
            changes = self._reader.write_updates(newest, count=self._reads, held=own)
            if changes is not None:
                self._roll.note_changes(changes.shares)
                self._last_update.remember(changes.sample)
        self._advance()

    def _advance(self) -> None:
        self._number += 1
        if self._leaves:
            self._leaves.take_away()
        if self._due or self._number % self._every == 0:
            self._prepare()

    def _write(self) -> None:
        if not self._due and self._level == "gradients":
            return
        watcher = self._watcher
        layers = None
        if self._due and watcher is not None and watcher.reached:
            layers = measured(watcher.reached)
        every = self._histogram_every
        histograms = every > 0 and self._number % every == 0 and self._level != "gradients"
        # A fused optimizer divides by the factor of a GradScaler itself, while it updates.
        scale = getattr(self._optimizer, "grad_scale", None)
        step = self._reader.step(self._number, layers, histograms, scale)
        if self._raw is not None:
            norm, signs = self._raw
            used = float(np.linalg.norm(fetched(step.parameter_gradients)))
            self._facts.clipped.append([norm, used, self._reader.share_at_the_largest()])
            self._facts.one_sided += all(signs) and sum(self._reader.signs()) == 1
            self._raw = None
        self._recorder.append(step)


_ACCUMULATED = 3
"""Backward passes without an update after which their gradients are looked at."""

_LOOKS = 32
"""How often they are looked at between two updates."""
