"""Run a computation once more, watched, and say where NaN or Inf came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from gradcourse.instrument.loop.arguments import check_module
from gradcourse.instrument.loop.graph import next_number
from gradcourse.instrument.loop.tensors import tensors
from gradcourse.instrument.postmortem import advice
from gradcourse.instrument.postmortem.backward import Backward
from gradcourse.instrument.postmortem.finite import is_finite
from gradcourse.instrument.postmortem.first_nan import LOSS, PostMortem
from gradcourse.instrument.postmortem.forward import ARGUMENT, blame_forward
from gradcourse.instrument.postmortem.state import Buffers, Conditions, untouched
from gradcourse.instrument.postmortem.trace import Trace, named_tensors
from gradcourse.instrument.record.owners import owner
from gradcourse.support import GradcourseError


def post_mortem(model: nn.Module, loss: Callable[[], torch.Tensor]) -> PostMortem | None:
    """Find where the NaN or Inf of a loss, or of its gradients, comes from.

    The computation runs once, forward and backward, and every operation is looked at: the first
    one from which NaN or Inf reached the loss is named; if the loss is finite, the first
    operation of the backward pass from which NaN or Inf reached a parameter's gradient.

    Parameters
    ----------
    model : nn.Module
        Its modules name the place. It is left as it was: weights, buffers, gradients, mode; the
        random numbers go on as if nothing had run.
    loss : callable
        Takes nothing and returns the loss, a scalar:
        ``lambda: loss_function(model(x), y)``.

    Returns
    -------
    PostMortem or None
        None when the loss and all gradients are finite.

    Raises
    ------
    GradcourseError
        If it is no module, or ``loss`` does not return a scalar tensor.

    Notes
    -----
    It takes several times as long as a step, and the memory of about two. In a training run use
    `watch`, which replays the very step that went wrong, dropout masks included. An infinity
    that your code writes on purpose, such as -inf in an attention mask, is no fault.

    Examples
    --------
    >>> model = nn.Linear(2, 1)
    >>> found = post_mortem(model, lambda: model(torch.ones(1, 2)).mul(0.0).sum().sqrt())
    >>> found.direction, found.op, found.module
    ('backward', 'sqrt', 'loss function')
    """
    check_module("post_mortem", model)
    if not callable(loss):
        raise GradcourseError(
            f"post_mortem got {type(loss).__name__!r} as the loss; it takes a function: "
            "post_mortem(model, lambda: loss_function(model(x), y))."
        )
    with untouched(model), Conditions.now().again():
        with Trace(model) as trace:
            value = loss()
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            given = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
            raise GradcourseError(
                f"The loss function returned {given}; it must return a scalar tensor. "
                "Add .mean() or .sum()."
            )
        found = _study(model, trace, [value], None)
        return found and replace(found, loss=float(value.detach()))


class Call:
    """One call of the model or of the loss function, as far as a replay needs it.

    Parameters
    ----------
    args, kwargs
        References, not copies; their versions tell whether they were changed in place since.

    Attributes
    ----------
    conditions : Conditions
    output_gradients : list of torch.Tensor or None
        ∂ℒ/∂(each floating-point tensor of the output), filled by the backward pass; the last one,
        where several come.
    witnesses : list of torch.Tensor
        Of each of these tensors, itself or its sum: with NaN if it has NaN.
    begins, ends : int
        Numbers of the first node that autograd made for it, and of that behind its last one.
    counted : bool
        Whether the backward pass that came to it is counted.
    """

    __slots__ = (
        *("args", "kwargs", "conditions", "versions"),
        *("output_gradients", "witnesses", "begins", "ends", "counted"),
    )

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args, self.kwargs = args, kwargs
        self.conditions = Conditions.now()
        self.versions = _versions(args, kwargs)
        self.output_gradients: list[torch.Tensor | None] = []
        self.witnesses: list[torch.Tensor] = []
        self.begins, self.ends = next_number(), -1
        self.counted = False

    @property
    def was_used(self) -> bool:
        """Whether a backward pass has come to one of its outputs."""
        return any(gradient is not None for gradient in self.output_gradients)

    def let_go(self) -> None:
        """Of the gradients: hooks on the outputs lead here, and a gradient may have a graph."""
        for position in range(len(self.output_gradients)):
            self.output_gradients[position] = None

    @property
    def overwritten(self) -> bool:
        """Whether an argument has been changed in place since."""
        return self.versions != _versions(self.args, self.kwargs)


class KeptStep:
    """A whole training step, loss included, that can be run again as it was.

    For loops that can name the step as a function. Keep it before its forward pass; what the
    function refers to, such as the batch, is not copied.

    Parameters
    ----------
    model : nn.Module
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._buffers = Buffers(model)
        self._kept: tuple[Callable[[], torch.Tensor], Conditions] | None = None

    def keep(self, loss: Callable[[], torch.Tensor]) -> None:
        """Take down what the step that begins now depends on."""
        self._buffers.refresh()
        self._kept = loss, Conditions.now()

    def forget(self) -> None:
        """Let go of the batch."""
        self._kept = None

    def examine(self) -> PostMortem | None:
        """Run the kept step again; None if it is finite this time, or none is kept."""
        if self._kept is None:
            return None
        loss, conditions = self._kept
        with untouched(self._model):
            self._buffers.put_back()
            with conditions.again():
                return post_mortem(self._model, loss)


def replay_model(model: nn.Module, call: Call) -> PostMortem | None:
    """Run one kept call again, forward, and backward from the kept ∂ℒ/∂output."""
    with call.conditions.again():
        with Trace(model) as trace:
            output = model(*call.args, **call.kwargs)
        outputs = list(tensors(output))
        found = blame_forward(trace, outputs)
        # A gradient that came back bad may be the loss's fault; or the model's own, where it goes
        # on with what it gives. What the others bring back tells.
        pairs = [
            (o, g)
            for o, g in zip(outputs, call.output_gradients, strict=False)
            if g is not None and o.requires_grad and is_finite(g)
        ]
        if found is None and pairs:
            roots, gradients = zip(*pairs, strict=True)
            found = _study(model, trace, roots, gradients)
    if found is not None and call.overwritten:
        note = "An input was changed in place after the forward pass; the replay saw the new one."
        found = replace(found, note=note)
    return found


def replay_loss(
    model: nn.Module, loss_function: Callable[..., torch.Tensor], call: Call
) -> PostMortem | None:
    """Run one kept call of the loss function again, cut off from the model."""
    args, kwargs = _cut((call.args, call.kwargs))
    with call.conditions.again():
        with Trace(model) as trace:
            for name, tensor in named_tensors(args, kwargs):
                trace.label(tensor, "input", f"{name} {ARGUMENT}")
            value = loss_function(*args, **kwargs)
        leaves = [t for t in tensors((args, kwargs)) if t.requires_grad]
        # With reduction="none" it gives one value a row.
        ones = None if value.numel() == 1 else [torch.ones_like(value)]
        found = _study(model, trace, [value], ones, leaves)
    return found and replace(found, loss=float(value.detach().sum()))


def _study(
    model: nn.Module,
    trace: Trace,
    roots: Sequence[torch.Tensor],
    gradients: Sequence[torch.Tensor] | None,
    leaves: Sequence[torch.Tensor] = (),
) -> PostMortem | None:
    found = blame_forward(trace, roots)
    if found is not None or not any(root.requires_grad for root in roots):
        return found
    names = {name: p for name, p in model.named_parameters() if p.requires_grad}
    wanted = [*names.values(), *leaves]
    with Backward(trace, roots) as backward:
        results = torch.autograd.grad(roots, wanted, gradients, allow_unused=True)
    bad = [
        leaf
        for leaf, gradient in zip(wanted, results, strict=True)
        if gradient is not None and not is_finite(gradient)
    ]
    if not bad:
        return None
    affected = tuple(name for name, p in names.items() if any(p is b for b in bad))
    found = backward.blame(bad) or _on_leaf(trace, affected)
    return replace(found, affected=affected)


def _on_leaf(trace: Trace, affected: tuple[str, ...]) -> PostMortem:
    """Every node gave finite numbers, so it happened after the last one."""
    name = affected[0] if affected else ""
    layer = owner(name)
    module = layer if layer in trace.kinds else LOSS
    return PostMortem(
        "backward",
        module,
        trace.kinds.get(module, ""),
        op=f"the gradient that arrives at {name}" if name else "the gradient that arrives",
        parameter=name,
        advice=advice.ARRIVED,
    )


def _cut(value: Any) -> Any:
    """The same arguments, with tensors that no longer lead back into the model."""
    if isinstance(value, torch.Tensor):
        return value.detach().requires_grad_(value.requires_grad)
    if isinstance(value, dict):
        return {key: _cut(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_cut(item) for item in value)
    return value


def _versions(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[int, ...]:
    if len(args) == 1 and not kwargs and type(args[0]) is torch.Tensor:
        return (args[0]._version,)  # as in most loops, which go on at once
    return tuple(t._version for part in (*args, *kwargs.values()) for t in tensors(part))
