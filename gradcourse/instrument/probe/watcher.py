"""Forward passes while they are watched: what each layer gave, and the gradient that came back."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn

from gradcourse.instrument.loop.tensors import first_tensor, layers, tensors
from gradcourse.instrument.norms import quick_norm, wide_norm
from gradcourse.instrument.probe import moments
from gradcourse.instrument.probe.passes import Layer, Pass, real


class Watcher:
    """Hooks on the layers of a model that fill the pass which is open.

    Parameters
    ----------
    model : nn.Module
    """

    def __init__(self, model: nn.Module) -> None:
        self._layers: list[tuple[nn.Module, Hook]] = [
            (module, _LayerHook(self, Layer(name, type(module).__name__, moments.family(module))))
            for name, module in layers(model)
        ]
        self._recurrent = [
            (module, Hook(partial(self._input, name)))
            for name, module in layers(model)
            if isinstance(module, nn.RNNBase)
        ]
        self._handles: list[Any] = []
        self._task = -1
        self.open: Pass | None = None
        self._alone = True
        self.reached: list[Pass] = []

    @property
    def attached(self) -> bool:
        """Whether the hooks are in place."""
        return bool(self._handles)

    def attach(self) -> None:
        """Put the hooks in place, before any other of the same module."""
        for module, hook in self._layers:
            self._handles.append(module.register_forward_hook(hook, prepend=True))
        for module, hook in self._recurrent:
            self._handles.append(module.register_forward_pre_hook(hook))

    def detach(self) -> None:
        """Take the hooks away."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self.forget()

    def forget(self) -> None:
        """Start anew: the step is over."""
        self._close()
        self.reached = []
        self._task = -1

    def begin(self) -> None:
        """The model was called: open a pass."""
        self._alone = False
        self._close()
        if self._handles:
            self.open = Pass()

    def end(self, output: Any) -> None:
        """The model has returned: layers that run now are called by themselves."""
        if self.open is not None:
            for tensor in tensors(output):
                self._functional(self.open, tensor)
        self._close()

    def _close(self) -> None:
        if self.open is not None:
            # A graph whose hooks hold the pass must not be held by it.
            self.open.nodes.clear()
        self.open = None

    def mark(self, one: Pass) -> None:
        """Note that a backward pass has come to this pass."""
        task = _graph_task()
        if task != self._task:
            self._task, self.reached = task, []
        if one.task != task or one not in self.reached:
            one.task = task
            self.reached.append(one)

    def _current(self) -> Pass | None:
        if self.open is not None:
            # Checkpointing runs layers again during the backward pass.
            return self.open if _graph_task() == -1 else None
        if self._alone and torch.is_grad_enabled() and _graph_task() == -1:
            # The parts of a model may be called without the model: then the step is the pass.
            self.open = Pass()
        return self.open

    def layer(self, layer: Layer, inputs: Any, output: Any) -> None:
        """A layer has run."""
        one = self._current()
        if one is None:
            return
        tensor = output if type(output) is torch.Tensor else first_tensor(output)
        if tensor is None or _transformed(tensor):
            return
        if inputs and isinstance(inputs[0], torch.Tensor):
            self._functional(one, inputs[0])
        row = one.add(layer, tensor)
        if tensor.requires_grad:
            tensor.register_hook(partial(self._gradient, one, row))

    def _gradient(self, one: Pass, row: list[Any], gradient: torch.Tensor) -> None:
        if self._handles:
            if one.task != self._task or one.task != _graph_task():
                self.mark(one)
            row[moments.GRADIENT] = quick_norm(real(gradient))

    def _functional(self, one: Pass, tensor: torch.Tensor) -> None:
        """An activation that is a function and no module shows in the graph of its result."""
        node = tensor.grad_fn
        if node is None or node in one.nodes or not one.layers:
            return
        found = _FUNCTIONS.get(node.name())
        if found is None or _transformed(tensor):
            return
        kind, family = found
        row = one.add(Layer(f"{one.layers[-1].name} {kind.lower()}", kind, family), tensor)
        tensor.register_hook(partial(self._gradient, one, row))

    def _input(self, name: str, module: nn.Module, inputs: Any) -> Any:
        """Give a recurrent layer an input of its own, whose gradient is that of each time step."""
        one = self._current()
        if one is None or not inputs or not torch.is_grad_enabled():
            return None
        given = inputs[0]
        packed = isinstance(given, nn.utils.rnn.PackedSequence)
        data = given.data if packed else given
        if not isinstance(data, torch.Tensor) or _transformed(data):
            return None
        if not data.requires_grad and not any(p.requires_grad for p in module.parameters()):
            return None
        own = data.view_as(data) if data.requires_grad else data.detach().requires_grad_()
        own.register_hook(partial(self._lag, one, name, _splitter(module, given)))
        return (given._replace(data=own) if packed else own, *inputs[1:])

    def _lag(self, one: Pass, name: str, split: Any, gradient: torch.Tensor) -> None:
        if self._handles:
            self.mark(one)
            one.lags[name] = split(gradient.detach())


def _splitter(module: Any, given: Any) -> Any:
    """From the gradient of a recurrent layer's input to its norm at each time step."""
    if isinstance(given, nn.utils.rnn.PackedSequence):
        lengths = given.batch_sizes.tolist()
        return lambda g: torch.stack([wide_norm(part) for part in g.split(lengths)])
    time = 1 if module.batch_first and given.dim() == 3 else 0
    return partial(_norm_along, time)


def _norm_along(time: int, gradient: torch.Tensor) -> torch.Tensor:
    if gradient.dtype == torch.float64:
        return torch.stack([wide_norm(part) for part in gradient.unbind(time)])
    others = [d for d in range(gradient.dim()) if d != time]
    return torch.linalg.vector_norm(gradient, dim=others, dtype=torch.float64)


_FUNCTIONS = {
    "ReluBackward0": ("ReLU", "relu"),
    "TanhBackward0": ("Tanh", "tanh"),
    "SigmoidBackward0": ("Sigmoid", "sigmoid"),
}


def _transformed(tensor: torch.Tensor) -> bool:
    """Whether torch.func is at work: such a tensor takes no hook and has no values yet."""
    return bool(torch._C._functorch.is_functorch_wrapped_tensor(tensor))


_graph_task = torch._C._current_graph_task_id
"""Number of the backward pass that is running, or -1."""


class Hook:
    """A hook that copies and pickles as one that does nothing.

    So a copy of a watched model, or one that is saved, is not watched and does not carry the
    probe or the watch along, nor the batches that they keep.
    """

    __slots__ = ("_call",)

    def __init__(self, call: Any) -> None:
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_inert, ())


class _LayerHook(Hook):
    """The forward hook of one layer."""

    __slots__ = ("_layer", "_watcher")

    def __init__(self, watcher: Watcher, layer: Layer) -> None:
        self._watcher, self._layer = watcher, layer

    def __call__(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self._watcher.layer(self._layer, inputs, output)


def _inert() -> Any:
    return _nothing


def _nothing(*arguments: Any) -> None:
    return None
