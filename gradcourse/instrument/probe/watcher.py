"""Forward passes while they are watched: what each layer gave, and the gradient that came back."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import nn

from gradcourse.instrument.loop.follow import Hook, Hooks, graph_task, guarded, is_traced
from gradcourse.instrument.loop.tensors import first_tensor, is_transformed, tensors
from gradcourse.instrument.norms import quick_norm, reachable, wide_norm
from gradcourse.instrument.probe import moments
from gradcourse.instrument.probe.outputs.attention_masks import is_of_numbers, mask_of
from gradcourse.instrument.probe.passes import Layer, Pass, real
from gradcourse.instrument.record.step import GRADIENT


class Watcher:
    """Hooks on the layers of a model that fill the pass which is open.

    Parameters
    ----------
    model : nn.Module
    backward_begins : callable
        Called with the number of each backward pass that comes to a layer, before it ends.
    failed : callable
        Called with an exception that a hook has met: no measurement is worth the loop.
    """

    def __init__(
        self,
        model: nn.Module,
        backward_begins: Callable[[int], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._backward_begins = backward_begins
        ran, given, asked = (
            guarded(hook, failed) for hook in (self._ran, self._input, self._query)
        )
        self._on_gradient = guarded(self._gradient, failed)
        self._on_lags = guarded(self._lag, failed)
        self._hooks = _LayerHooks(
            behind=[(module, Hook(ran, _layer(name, module))) for name, module in layers(model)],
            before=[
                *(
                    (module, Hook(partial(given, name)))
                    for name, module in layers(model)
                    if isinstance(module, nn.RNNBase)
                ),
                *(
                    (module, Hook(partial(asked, name)))
                    for name, module in layers(model)
                    if isinstance(module, nn.MultiheadAttention)
                ),
            ],
        )
        self._leaves = Hooks()
        self._task = -1
        self._last: tuple[int, list[Pass]] = (-1, [])
        self._replaced: list[tuple[Any, Any, Any]] = []
        self.open: Pass | None = None
        self._alone = True
        self.reached: list[Pass] = []
        self.ran: dict[str, bool] = {}
        self.entry: tuple[str, float] = ("", math.nan)
        self.padding: dict[str, int] = {}
        self.times_and_rows: dict[str, tuple[int, int]] = {}
        self.masks_of_numbers: dict[str, str] = {}
        self._asked: set[str] = set()

    @property
    def attached(self) -> bool:
        """Whether the hooks are in place."""
        return self._hooks.in_place

    def attach(self) -> None:
        """Put the hooks in place, before any other of the same module."""
        self._hooks.put()

    def detach(self) -> None:
        """Take the hooks away."""
        self._hooks.take_away()
        self.forget()

    def forget(self) -> None:
        """Start anew: the step is over."""
        self._close()
        self._leaves.take_away()
        self.reached = []
        self._task = -1
        self._last, self._replaced = (-1, []), []

    def begin(self) -> None:
        """The model was called: open a pass."""
        self._alone = False
        if self._hooks.in_place:
            self._close()
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

    def mark(self, opened: Pass) -> None:
        """Note that a backward pass has come to this pass."""
        task = graph_task()
        if task != self._task:
            self._last, self._replaced = (self._task, self.reached), []
            self._task, self.reached = task, []
            self._backward_begins(task)
        if opened.task != task or opened not in self.reached:
            opened.task = task
            self.reached.append(opened)

    def take_back(self, task: int) -> None:
        """Forget what this backward pass brought: it was no step's, but torch.autograd.grad's."""
        if task != self._task:
            return
        for where, key, value in reversed(self._replaced):
            where[key] = value
        (self._task, self.reached), self._replaced = self._last, []

    def _current(self) -> Pass | None:
        if is_traced():
            return None
        if self._alone:
            # The parts of a model may be called without the model: then the step is the pass, and
            # what runs without gradients on the way is an evaluation.
            if not torch.is_grad_enabled() or graph_task() != -1:
                return None
            if self.open is None:
                self.open = Pass()
            return self.open
        # Checkpointing runs layers again during the backward pass.
        return self.open if self.open is None or graph_task() == -1 else None

    def _ran(self, layer: Layer, module: nn.Module, inputs: Any, output: Any) -> None:
        """A layer has run: its forward hook."""
        opened = self._current()
        if opened is None:
            return
        tensor = output if type(output) is torch.Tensor else first_tensor(output)
        if tensor is None or is_transformed(tensor):
            return
        given = inputs[0] if inputs else None
        # An activation in place has made its own result of what it was given.
        if isinstance(given, torch.Tensor) and not (given is tensor and layer.family):
            self._functional(opened, given)
        if not self.entry[0]:
            self.entry = layer.name, _size(given)
        row = opened.add(layer, tensor)
        if tensor.requires_grad:
            self.ran[layer.name] = True
            self._leaves.on_gradient(tensor, partial(self._on_gradient, opened, row))
        else:
            self.ran.setdefault(layer.name, False)

    def _gradient(self, opened: Pass, row: list[Any], gradient: torch.Tensor | None) -> None:
        # None where an output of several is not used, as the sequence beside a last state.
        if self._hooks.in_place and gradient is not None:
            if opened.task != self._task or opened.task != graph_task():
                self.mark(opened)
            self._replaced.append((row, GRADIENT, row[GRADIENT]))
            row[GRADIENT] = quick_norm(real(gradient))

    def _functional(self, opened: Pass, tensor: torch.Tensor) -> None:
        """An activation that is a function and no module shows in the graph of its result."""
        node = tensor.grad_fn
        if node is None or node in opened.nodes or not opened.layers:
            return
        found = _FUNCTIONS.get(node.name())
        if found is None or is_transformed(tensor):
            return
        kind, family = found
        name = f"{opened.layers[-1].name} {kind.lower()}"
        row = opened.add(Layer(name, kind, family, None), tensor)
        self._leaves.on_gradient(tensor, partial(self._on_gradient, opened, row))

    def _input(self, name: str, module: nn.Module, inputs: Any, named: Any) -> Any:
        """Give a recurrent layer an input of its own, whose gradient is that of each time step."""
        opened = self._current()
        if opened is None or not inputs or not torch.is_grad_enabled():
            return None
        given = inputs[0]
        packed = isinstance(given, nn.utils.rnn.PackedSequence)
        data = given.data if packed else given
        if not isinstance(data, torch.Tensor) or is_transformed(data):
            return None
        if not data.requires_grad and not any(p.requires_grad for p in module.parameters()):
            return None
        own = data.view_as(data) if data.requires_grad else data.detach().requires_grad_()
        if not packed and name not in self.padding:
            self.padding[name] = _equal_steps(data.detach(), _time(module, data))
            if data.dim() == 3 and not module.batch_first:
                self.times_and_rows[name] = (data.shape[0], data.shape[1])
        self._leaves.on_gradient(
            own, partial(self._on_lags, opened, name, _splitter(module, given))
        )
        return (given._replace(data=own) if packed else own, *inputs[1:]), named

    def _query(self, name: str, module: Any, inputs: Any, named: Any) -> None:
        """Note, once, what an attention takes for time and rows, and for a mask."""
        if name in self._asked or self._current() is None:
            return
        self._asked.add(name)
        if is_of_numbers(mask_of(inputs, named)):
            self.masks_of_numbers[name] = "added"
        query = inputs[0] if inputs else named.get("query")
        if not module.batch_first and isinstance(query, torch.Tensor) and query.dim() == 3:
            self.times_and_rows.setdefault(name, (query.shape[0], query.shape[1]))

    def _lag(self, opened: Pass, name: str, split: Any, gradient: torch.Tensor | None) -> None:
        if self._hooks.in_place and gradient is not None:
            self.mark(opened)
            lags = split(gradient.detach())
            self._replaced.append((opened.lags, name, opened.lags.get(name, lags * math.nan)))
            opened.lags[name] = lags


class _LayerHooks:
    """Forward hooks that are put in place before each step that is measured, and taken away after.

    To register them anew each time costs as much as to measure a small layer: a hook that was in
    place before goes back to its place by its number.

    Parameters
    ----------
    behind : list of (nn.Module, Hook)
        Hooks that are called after the module, before any other.
    before : list of (nn.Module, Hook)
        Hooks that are called before the module, with its named arguments as well.
    """

    def __init__(
        self, behind: list[tuple[nn.Module, Hook]], before: list[tuple[nn.Module, Hook]]
    ) -> None:
        self._behind, self._before = behind, before
        self._numbered: list[tuple[nn.Module, Hook, int, bool]] = []
        self.in_place = False

    def put(self) -> None:
        """Put them in place."""
        self.in_place = True
        if not self._numbered:
            for module, hook in self._behind:
                handle = module.register_forward_hook(hook, prepend=True)
                self._numbered.append((module, hook, handle.id, True))
            for module, hook in self._before:
                handle = module.register_forward_pre_hook(hook, with_kwargs=True)
                self._numbered.append((module, hook, handle.id, False))
            return
        for module, hook, number, behind in self._numbered:
            hooks: Any = module._forward_hooks if behind else module._forward_pre_hooks
            hooks[number] = hook
            if behind:
                hooks.move_to_end(number, last=False)
            else:
                module._forward_pre_hooks_with_kwargs[number] = True

    def take_away(self) -> None:
        """Take them away."""
        self.in_place = False
        for module, _, number, behind in self._numbered:
            (module._forward_hooks if behind else module._forward_pre_hooks).pop(number, None)
            if not behind:
                module._forward_pre_hooks_with_kwargs.pop(number, None)


def _layer(name: str, module: nn.Module) -> Layer:
    return Layer(name, type(module).__name__, moments.family(module), moments.inner_axes(module))


def _size(given: Any) -> float:
    """Root mean square of a real tensor of some numbers; else NaN."""
    if (
        not isinstance(given, torch.Tensor)
        or not given.is_floating_point()
        or given.layout is not torch.strided
        or given.is_nested
    ):
        return math.nan
    return float(quick_norm(given)) / math.sqrt(given.numel()) if given.numel() else math.nan


def _splitter(module: Any, given: Any) -> Any:
    """From the gradient of a recurrent layer's input to its norm at each time step."""
    if isinstance(given, nn.utils.rnn.PackedSequence):
        lengths = given.batch_sizes.tolist()
        return lambda g: torch.stack([wide_norm(part) for part in g.split(lengths)])
    return partial(_norm_along, _time(module, given))


def _time(module: Any, given: torch.Tensor) -> int:
    return 1 if module.batch_first and given.dim() == 3 else 0


def _equal_steps(data: torch.Tensor, time: int) -> int:
    """Steps at the end that are the same for all rows and as the last one: padding."""
    steps = data.movedim(time, 0).reshape(data.shape[time], -1, data.shape[-1])  # (T, n, k)
    same = (steps == steps[-1:, :1]).all(-1).all(-1)  # (T,)
    return int(same.flip(0).long().cumprod(0).sum())


def _norm_along(time: int, gradient: torch.Tensor) -> torch.Tensor:
    gradient = reachable(gradient)
    if gradient.dtype == torch.float64:
        return torch.stack([wide_norm(part) for part in gradient.unbind(time)])
    others = [d for d in range(gradient.dim()) if d != time]
    return torch.linalg.vector_norm(gradient, dim=others, dtype=torch.float64)


_FUNCTIONS = {
    "ReluBackward0": ("ReLU", "relu"),
    "TanhBackward0": ("Tanh", "tanh"),
    "SigmoidBackward0": ("Sigmoid", "sigmoid"),
}


_MAKERS = "parametrizations"
"""The child in which torch.nn.utils.parametrize keeps them."""


def layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Modules that compute something themselves: without children, or with own parameters.

    What torch.jit.script has made takes no hooks and is left out, and so are the modules that make
    a layer's weight of others (weight_norm, spectral_norm, orthogonal): they are a part of it.
    """
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.RecursiveScriptModule) or _MAKERS in name.split("."):
            continue
        children = {child for child, _ in module.named_children()}
        owns = next(module.parameters(recurse=False), None) is not None or _MAKERS in children
        if not children - {_MAKERS} or (owns and name):
            yield name or type(module).__name__, module
