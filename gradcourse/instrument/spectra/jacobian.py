"""The input–output Jacobian of a deep network, as a product that keeps its range."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from gradcourse.instrument.loop.follow import Hooks
from gradcourse.instrument.loop.tensors import tensors
from gradcourse.instrument.norms import reachable
from gradcourse.instrument.spectra.graded_product import log_singular_values
from gradcourse.support import GradcourseError

_LARGEST = 4096
"""Numbers that a layer may give: a float64 matrix of this size takes 128 MiB."""

Layers = Callable[[torch.Tensor], Any] | Iterable[Callable[[torch.Tensor], torch.Tensor]]


def jacobian_spectrum(model: Layers, x: torch.Tensor) -> np.ndarray:
    """Return the natural logs of all singular values of ∂(output)/∂x at one input.

    The whole Jacobian in one float64 matrix keeps 16 decades; here it is a product of the
    Jacobians from layer to layer, and every singular value is right relative to itself, over
    any number of decades (see `product_log_singular_values`).

    Parameters
    ----------
    model : nn.Module, callable, or iterable of these
        Any network or function, or its layers in order. It is cut at every tensor that all
        paths from ``x`` to the output pass through; a skip connection spans from one such tensor
        to the next. A float64 copy computes, in the mode that the model is in (``model.eval()``
        turns dropout off); the model is left alone.
    x : torch.Tensor
        Floating-point, shaped as the model takes it. All its numbers count as one input vector,
        and all of the output's as one output vector: give a batch of one for one example.

    Returns
    -------
    numpy.ndarray, shape (min(x.numel(), output.numel()),), float64
        From the largest to the smallest; -inf for a singular value that is 0, as a ReLU that is
        off makes it.

    Raises
    ------
    GradcourseError
        If x is no floating-point tensor, the output is not one tensor that depends on x, a layer
        gives more than 4096 numbers, or a Jacobian is not finite.

    Notes
    -----
    Where two long paths run side by side, there is no such tensor between their ends, and that
    stretch alone is limited to float64's 16 decades.

    References
    ----------
    Saxe, McClelland & Ganguli (2014); Pennington, Schoenholz & Ganguli (2017), Resurrecting the
    sigmoid: why these singular values decide how a network learns.

    Examples
    --------
    >>> layers = [nn.Linear(2, 2, bias=False) for _ in range(100)]
    >>> for layer in layers:
    ...     _ = layer.weight.data.copy_(torch.diag(torch.tensor([1.0, 0.125])))
    >>> jacobian_spectrum(nn.Sequential(*layers), torch.ones(1, 2)) / np.log(2)
    array([   0., -300.])
    """
    return log_singular_values(layer_jacobians(model, x))


def layer_jacobians(model: Layers, x: torch.Tensor) -> list[np.ndarray]:
    """Return the Jacobians from cut to cut whose product is ∂(output)/∂x.

    Parameters and errors as for `jacobian_spectrum`.

    Returns
    -------
    list of numpy.ndarray, each shape (numbers it gives, numbers it takes), float64
        In the order in which they act.
    """
    if not isinstance(x, torch.Tensor) or not x.is_floating_point() or not x.numel():
        what = str(x.dtype) if isinstance(x, torch.Tensor) else repr(type(x).__name__)
        raise GradcourseError(
            f"x is {what}; expected a floating-point tensor with at least one number. For a model "
            "that takes token numbers, give its embedding's output to the layers after it."
        )
    start = reachable(x.detach()).double().requires_grad_()
    devices = [x.device] if x.is_cuda else []
    with torch.random.fork_rng(devices=devices), torch.enable_grad():
        cuts = [start, *_bottlenecks(_stages(_double(model, start.device), start), start)]
        for cut in cuts:
            if cut.numel() > _LARGEST:
                raise GradcourseError(
                    f"A layer gives {cut.numel()} numbers for this x; jacobian_spectrum takes up "
                    f"to {_LARGEST}. Give one example, or smaller ones."
                )
        found = [_jacobian(after, before) for before, after in pairwise(cuts)]
    for position, matrix in enumerate(found):
        if not np.isfinite(matrix).all():
            raise GradcourseError(
                f"The Jacobian of stage {position + 1} of {len(found)} holds NaN or Inf at this x."
            )
    return found


def _double(model: Layers, device: torch.device) -> list[Callable[[torch.Tensor], Any]]:
    """The model as a list of functions on float64, on this device."""
    parts = [model] if callable(model) else list(model) if isinstance(model, Iterable) else []
    if not parts or not all(callable(part) for part in parts):
        raise GradcourseError(
            "jacobian_spectrum takes a torch.nn.Module, or the layers in a list, in order."
        )
    copies = [
        copy.deepcopy(p).to(device).double() if isinstance(p, nn.Module) else p for p in parts
    ]
    for part in copies:
        if isinstance(part, nn.Module):
            part.requires_grad_(False)
    return copies


@dataclass(frozen=True)
class _Stage:
    """A tensor on the way, and how many matrix products or layers came before it."""

    tensor: torch.Tensor
    products: int


class _Watch(TorchFunctionMode):
    """Keeps what every torch function and every module gives."""

    def __init__(self) -> None:
        super().__init__()
        self.stages: list[_Stage] = []
        self._products = 0

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if any(part in getattr(func, "__name__", "") for part in _PRODUCTS):
            self._products += 1
        self.keep(result)
        return result

    def hook(self, module: nn.Module, inputs: Any, output: Any) -> None:
        # A layer with weights counts, even if it computes by functions that torch does not show.
        childless = next(module.children(), None) is None
        if childless and next(module.parameters(), None) is not None:
            self._products += 1
        self.keep(output)

    def keep(self, output: Any) -> None:
        if isinstance(output, torch.Tensor | Mapping | Sequence):
            self.stages += [
                _Stage(tensor, self._products)
                for tensor in _real_tensors(output)
                if tensor.requires_grad
            ]


_PRODUCTS = ("linear", "matmul", "mm", "conv", "einsum", "attention", "lstm", "gru", "rnn", "dot")
"""Parts of the names of functions that mix features; a name too many costs time only."""


def _real_tensors(value: Any) -> list[torch.Tensor]:
    return [tensor for tensor in tensors(value) if not tensor.is_complex()]


def _stages(parts: Sequence[Callable[[torch.Tensor], Any]], x: torch.Tensor) -> list[_Stage]:
    """Everything computed in one pass, in order; the last is the model's output."""
    watch = _Watch()
    modules = [m for part in parts if isinstance(part, nn.Module) for m in part.modules()]
    hooks = Hooks(module.register_forward_hook(watch.hook) for module in dict.fromkeys(modules))
    try:
        with hooks, watch:
            value: Any = x.clone()  # a first layer that works in place must not write into a leaf
            for part in parts:
                value = part(value)
                watch.keep(value)
    except (RuntimeError, TypeError, ValueError, IndexError) as problem:
        message = str(problem).split("\n")[0]
        raise GradcourseError(
            f"The model did not run on x of shape {tuple(x.shape)} in float64: {message}"
        ) from problem
    last = _real_tensors(value)
    if len(last) != 1:
        raise GradcourseError(
            f"The model gives {len(last)} floating-point tensors; expected one. Wrap it in a "
            "function that returns the one you mean: [lambda x: model(x)[0]]."
        )
    products = watch.stages[-1].products if watch.stages else 0
    return [*watch.stages, _Stage(last[0], products)]


def _bottlenecks(stages: Sequence[_Stage], x: torch.Tensor) -> list[torch.Tensor]:
    """Those stages that every path from x to the output crosses, in order, and the output."""
    output = stages[-1].tensor
    order = _topological(output.grad_fn) if output.grad_fn is not None else []
    goal = next((node for node in order if getattr(node, "variable", None) is x), None)
    if goal is None:
        raise GradcourseError("The model's output does not depend on x, so it has no Jacobian.")
    to_goal, from_output = _paths(order, goal), {order[0]: 1}
    uses: dict[Any, set[int]] = {order[0]: {output.output_nr}}
    for node in order:
        for parent, output_number in _parents(node):
            from_output[parent] = from_output.get(parent, 0) + from_output[node]
            uses.setdefault(parent, set()).add(output_number)
    cuts: dict[Any, _Stage] = {}
    for stage in stages:
        node = stage.tensor.grad_fn
        # A split or an LSTM gives several tensors by one node: one of them alone is no cut.
        if node in from_output and uses[node] == {stage.tensor.output_nr}:
            crossed = to_goal[node] * from_output[node]
            if crossed == to_goal[order[0]]:
                cuts[node] = stage
    place = {node: k for k, node in enumerate(order)}
    ordered = [cuts[node] for node in sorted(cuts, key=place.__getitem__, reverse=True)]
    # Without a product between two cuts, the one before it only scales or sorts: joined, there is
    # one matrix for both.
    kept = [a.tensor for a, b in pairwise(ordered) if 0 < a.products < b.products]
    return [*kept, output]


def _topological(root: Any) -> list[Any]:
    """Nodes of the backward graph, each before all that it leads to."""
    order: list[Any] = []
    seen: set[Any] = set()
    stack: list[tuple[Any, Iterator[Any]]] = [(root, _parents(root))]
    seen.add(root)
    while stack:
        node, edges = stack[-1]
        for parent, _ in edges:
            if parent not in seen:
                seen.add(parent)
                stack.append((parent, _parents(parent)))
                break
        else:
            order.append(node)
            stack.pop()
    return order[::-1]


def _paths(order: list[Any], goal: Any) -> dict[Any, int]:
    """How many paths lead from each node to the goal, as exact integers."""
    paths: dict[Any, int] = {}
    for node in reversed(order):
        paths[node] = int(node is goal) + sum(paths[parent] for parent, _ in _parents(node))
    return paths


def _parents(node: Any) -> Iterator[tuple[Any, int]]:
    return ((parent, number) for parent, number in node.next_functions if parent is not None)


def _jacobian(after: torch.Tensor, before: torch.Tensor) -> np.ndarray:
    rows = torch.eye(after.numel(), dtype=torch.float64, device=after.device).reshape(
        -1, *after.shape
    )
    try:
        (matrix,) = torch.autograd.grad(
            after, before, rows, is_grads_batched=True, retain_graph=True
        )
    except RuntimeError:
        # Some backward passes cannot be batched.
        single = [torch.autograd.grad(after, before, row, retain_graph=True)[0] for row in rows]
        matrix = torch.stack(single)
    return matrix.detach().reshape(len(rows), -1).cpu().numpy()
