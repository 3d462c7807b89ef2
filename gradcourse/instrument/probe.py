"""Watch a model in a plain torch loop, without editing it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from gradcourse.instrument.histogram import log2_histogram
from gradcourse.instrument.norms import gradient_norm
from gradcourse.instrument.record import Record, Step
from gradcourse.support import GradcourseError

LEVELS = ("gradients", "standard", "everything")


def probe(
    model: nn.Module,
    optimizer: Any = None,
    level: str = "standard",
    every: int | None = None,
    histogram_every: int | None = None,
) -> Probe:
    """Record what goes forward and backward through a model.

    Use it as a block: ``with gc.probe(model) as record:``. A step is one call of the model
    followed by a backward pass; more steps in one block are appended. A call without a backward
    pass, an evaluation, leaves no trace. Two calls that share one backward pass are two steps,
    with the same parameter gradients. When the block ends, also by an exception, the model is as
    it was.

    Parameters
    ----------
    model : nn.Module
        Any module with parameters. A module that is called several times in one step is listed
        once per call: ``cell``, ``cell #2``. Of an output that is no tensor, the first
        floating-point tensor in it is measured.
    level : str
        - "gradients": norms of the parameters' gradients only
        - "standard": also each layer's output and the gradient that comes back to it
        - "everything": also log₂ histograms of the weights' gradients

    Returns
    -------
    Probe
        Entering it gives the `Record`.

    Raises
    ------
    GradcourseError
        If it is no module, has no parameters, or the level is unknown.

    Notes
    -----
    All norms are summed in float64 (see `gradient_norm`), so no gradient is reported as 0 unless
    every element is 0.
    """
    return Probe(model, level)


class Probe:
    """The block that `probe` returns."""

    def __init__(self, model: nn.Module, level: str = "standard") -> None:
        if not isinstance(model, nn.Module):
            raise GradcourseError(
                f"probe got {type(model).__name__!r}; it takes a torch.nn.Module: probe(model)."
            )
        if next(model.parameters(), None) is None:
            raise GradcourseError(
                f"This {type(model).__name__} has no parameters, so there is no gradient to "
                "record; give the model that you train."
            )
        if level not in LEVELS:
            raise GradcourseError(f"level is {level!r}; expected one of: {', '.join(LEVELS)}.")
        self._model = model
        self._level = level
        self._handles: list[Any] = []
        self._record: Record | None = None
        self._step: _Pass | None = None
        self._calls: dict[str, int] = {}
        self._parameters = dict(model.named_parameters())

    def __repr__(self) -> str:
        return f"probe of a {type(self._model).__name__}: with gc.probe(model) as record: …"

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and hasattr(Record, name):
            raise GradcourseError(
                f"The probe itself has no {name!r}; its record has. Write "
                f"`with gc.probe(model) as record:` and read record.{name}."
            )
        raise AttributeError(f"Probe has no attribute {name!r}")

    def __enter__(self) -> Record:
        if self._handles:
            raise GradcourseError("This probe is already in use; make a new one: gc.probe(model).")
        self._record = Record({name: tuple(p.shape) for name, p in self._parameters.items()})
        self._attach()
        return self._record

    def __exit__(self, *exception: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._step = None
        # Graphs that outlive the block still carry tensor hooks: with no record they do nothing.
        self._record = None

    def _attach(self) -> None:
        self._handles.append(self._model.register_forward_pre_hook(self._begin))
        if self._level != "gradients":
            for name, module in _layers(self._model):
                self._handles.append(module.register_forward_hook(self._layer_hook(name)))
        self._handles.append(self._model.register_forward_hook(self._end))

    def _begin(self, module: nn.Module, inputs: Any) -> None:
        self._step = _Pass()
        self._calls = {}
        if self._record is not None and torch.is_grad_enabled():
            self._record.begin()

    def _layer_hook(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            # No step is open when a layer is called by itself or replayed by checkpointing.
            tensor = _first_tensor(output)
            if self._step is None or tensor is None or not torch.is_grad_enabled():
                return
            self._calls[name] = self._calls.get(name, 0) + 1
            label = name if self._calls[name] == 1 else f"{name} #{self._calls[name]}"
            self._step.readings[label] = _read(module, tensor)
            if tensor.requires_grad:
                tensor.register_hook(self._gradient_hook(label, self._step))

        return hook

    def _gradient_hook(self, label: str, step: _Pass) -> Callable[[torch.Tensor], None]:
        record = self._record

        def hook(gradient: torch.Tensor) -> None:
            if self._record is record:
                step.gradients[label] = float(gradient_norm(gradient)[0])

        return hook

    def _end(self, module: nn.Module, inputs: Any, output: Any) -> None:
        step, self._step = self._step, None
        record = self._record
        waiting: list[_Pass] = []

        def finish() -> None:
            if self._record is record and record is not None:
                record.append(self._complete(waiting.pop()))

        def hook(gradient: torch.Tensor) -> None:
            # Parameters have their gradients when the whole backward pass is over, and the loop
            # may clear them right after, so this is the one moment to read them.
            if not waiting and step is not None:
                waiting.append(step)
                torch.autograd.Variable._execution_engine.queue_callback(finish)

        for tensor in _tensors(output):
            if tensor.requires_grad:
                tensor.register_hook(hook)

    def _complete(self, step: _Pass) -> Step:
        """The step with the parameters' gradients, as a copy: a graph may go backward twice."""
        gradients = {name: p.grad for name, p in self._parameters.items() if p.grad is not None}
        columns = [k for k, p in enumerate(self._parameters.values()) if p.grad is not None]
        histograms = {}
        if self._level == "everything":
            histograms = {name: log2_histogram(g) for name, g in gradients.items() if g.dim() > 1}
        measures = [
            [*reading, step.gradients.get(name, math.nan)]
            for name, (_, *reading) in step.readings.items()
        ]
        return Step(
            number=len(self._record or ()),
            columns=np.array(columns, dtype=np.int64),
            parameter_gradients=gradient_norm(gradients.values()),
            names=tuple(step.readings),
            kinds=tuple(reading[0] for reading in step.readings.values()),
            measures=np.array(measures) if measures else None,
            histograms=histograms,
        )


class _Pass:
    """One forward pass, while it waits for its gradients."""

    def __init__(self) -> None:
        self.readings: dict[str, tuple[Any, ...]] = {}
        self.gradients: dict[str, float] = {}


def _layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Modules that compute something themselves: without children, or with own parameters."""
    for name, module in model.named_modules():
        has_children = next(module.children(), None) is not None
        owns = next(module.parameters(recurse=False), None) is not None
        if not has_children or (owns and name):
            yield name or type(module).__name__, module


def _tensors(output: Any) -> Iterator[torch.Tensor]:
    """The floating-point tensors inside an output, in order."""
    if isinstance(output, torch.Tensor):
        if output.is_floating_point():
            yield output
    elif isinstance(output, Mapping):
        for value in output.values():
            yield from _tensors(value)
    elif isinstance(output, Sequence) and not isinstance(output, str | bytes):
        for value in output:
            yield from _tensors(value)


def _first_tensor(output: Any) -> torch.Tensor | None:
    return next(_tensors(output), None)


def _read(module: nn.Module, output: torch.Tensor) -> tuple[Any, ...]:
    """Moments summed in float64, so that a large activation does not overflow on the way."""
    with torch.no_grad():
        values = output.detach()
        if values.dtype in (torch.float16, torch.bfloat16):
            values = values.float()
        size = max(values.numel(), 1)
        mean = float(values.sum(dtype=torch.float64)) / size
        # The mean is taken off before squaring: E[a²] − E[a]² loses a small spread.
        norm, spread = gradient_norm([values, values - mean]).tolist()
        mean_square = norm**2 / size
        if isinstance(module, nn.Sigmoid):
            slope = mean - mean_square
        elif isinstance(module, nn.Tanh):
            slope = 1 - mean_square
        else:
            slope = math.nan
        std = spread / math.sqrt(size)
        kind = type(module).__name__
        return kind, size, norm, mean, std, slope, math.nan, math.nan, math.nan
