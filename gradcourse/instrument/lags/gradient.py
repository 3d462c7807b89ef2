"""Gradients against time lag in recurrent networks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from gradcourse.instrument.lags.states import row_norms, state_gradient_norms, states_are_known
from gradcourse.instrument.lags.unroll import (
    RECURRENT,
    time_first,
)
from gradcourse.instrument.loop.follow import Hooks
from gradcourse.support import GradcourseError


def lag_norms(gradient: torch.Tensor | PackedSequence, batch_first: bool = False) -> np.ndarray:
    """Return the norm of a gradient at each time step, over batch and features together.

    Parameters
    ----------
    gradient : torch.Tensor or PackedSequence
        ∂ℒ/∂x of a sequence: (T, batch, features), (batch, T, features) with ``batch_first``, or
        (T, features).
    batch_first : bool
        As in nn.RNN.

    Returns
    -------
    numpy.ndarray, shape (T,), float64
        In the order of time: the last one is lag 0. 0 only if all is 0.

    Raises
    ------
    GradcourseError
        If the gradient is no floating-point tensor with two or three dimensions.
    """
    if isinstance(gradient, PackedSequence):
        steps = torch.split(gradient.data.detach(), gradient.batch_sizes.tolist())
        return np.array([float(row_norms(step[None])[0]) for step in steps])
    if not isinstance(gradient, torch.Tensor) or gradient.dim() not in (2, 3):
        what = tuple(gradient.shape) if isinstance(gradient, torch.Tensor) else type(gradient)
        raise GradcourseError(f"lag_norms got {what}; expected (T, batch, features).")
    if gradient.dim() == 3 and batch_first:
        gradient = gradient.transpose(0, 1)
    return row_norms(gradient.detach())


def lag_slope(norms: np.ndarray) -> float:
    """Return how many decades a norm gains per time step, by least squares on its log10.

    Positive where the gradient is larger for later steps: it vanishes on its way back.

    Parameters
    ----------
    norms : array, shape (T,)
        In the order of time, as `lag_norms` gives them. Zeros, NaN and Inf are left out.

    Raises
    ------
    GradcourseError
        If fewer than two are left.
    """
    try:
        values = np.asarray(norms, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError):
        values = np.zeros((0, 0))
    if values.ndim != 1:
        raise GradcourseError(f"lag_slope got {norms!r}; it takes norms in the order of time.")
    keep = np.flatnonzero(np.isfinite(values) & (values > 0))
    if len(keep) < 2:
        raise GradcourseError(
            f"Of {values.size} norms {len(keep)} are positive and finite; a slope needs two."
        )
    return float(np.polyfit(keep, np.log10(values[keep]), 1)[0])


def lag_gradient(
    model: nn.Module, x: Any, loss: Callable[[Any], torch.Tensor] | None = None
) -> dict[str, np.ndarray]:
    """Return ‖∂ℒ/∂h_t‖ for every time step, of each nn.RNN, nn.LSTM and nn.GRU in a model.

    One forward and one backward pass, then each module's own backward recursion from the states
    that it gave: exact, also where fused code hides them. Parameters keep their ``.grad``.

    Parameters
    ----------
    model : nn.Module
        A recurrent module, or a model that holds some; each is called once.
    x : Any
        What the model takes.
    loss : callable, optional
        From the model's output to a scalar. By default the mean square of the last step of the
        output; for a model whose output has no time steps, of all of it.

    Returns
    -------
    dict of str to numpy.ndarray, each shape (T,), float64
        By the module's name ("" becomes its class), norms over batch and units, in the order of
        time: the last one is lag 0. Of a stack of layers, h_t is the top one's. Where the states
        cannot be known (bidirectional, projections, packed input, dropout between layers) it is
        the norm of ∂ℒ/∂(input at t), whose slope in a long sequence is the same.

    Raises
    ------
    GradcourseError
        If there is no recurrent module, or the loss is no scalar that depends on one.
    """
    if not isinstance(model, nn.Module):
        raise GradcourseError(
            f"lag_gradient got {type(model).__name__!r}; it takes a torch.nn.Module and its input."
        )
    names = [name for name, module in model.named_modules() if isinstance(module, RECURRENT)]
    if not names:
        raise GradcourseError(
            f"This {type(model).__name__} holds no nn.RNN, nn.LSTM or nn.GRU; for cells see "
            "lag_log_norms."
        )
    calls: dict[str, tuple[torch.Tensor | PackedSequence, Any, Any]] = {}

    def enter(name: str, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
        given = _requiring(args[0] if args else kwargs.pop("input"))
        calls[name] = (given, args[1] if len(args) > 1 else kwargs.get("hx"), None)
        return (given, *args[1:]), kwargs

    def leave(name: str, module: nn.Module, args: Any, output: Any) -> None:
        calls[name] = (*calls[name][:2], output)

    modules = {name: model.get_submodule(name) for name in names}
    with Hooks() as hooks, torch.enable_grad():
        for name, module in modules.items():
            hooks.append(module.register_forward_pre_hook(partial(enter, name), with_kwargs=True))
            hooks.append(module.register_forward_hook(partial(leave, name)))
        output = model(x)
        value = loss(output) if loss is not None else _last_mean_square(model, output)
    if not isinstance(value, torch.Tensor) or value.numel() != 1 or not value.requires_grad:
        raise GradcourseError("loss must return one number, a tensor that depends on the model.")
    return {
        name or type(model).__name__: _measure(modules[name], *calls[name], value)
        for name in names
        if name in calls
    }


def _requiring(given: torch.Tensor | PackedSequence) -> torch.Tensor | PackedSequence:
    """The same values as a tensor whose gradient can be asked for."""
    data = given.data if isinstance(given, PackedSequence) else given
    if not isinstance(data, torch.Tensor) or not data.is_floating_point():
        raise GradcourseError(
            f"x is {type(given).__name__!r}; a recurrent module takes a sequence, a floating-point "
            "tensor."
        )
    data = data if data.requires_grad else data.detach().requires_grad_()
    return given._replace(data=data) if isinstance(given, PackedSequence) else data


def _last_mean_square(model: nn.Module, output: Any) -> torch.Tensor:
    first = output[0] if isinstance(output, tuple) else output
    if isinstance(first, PackedSequence):
        first = first.data
    elif isinstance(model, RECURRENT):
        first = time_first(model, first)[-1]
    return first.square().mean()


def _measure(
    module: nn.Module, given: Any, state: Any, output: Any, loss: torch.Tensor
) -> np.ndarray:
    sequence, last = output
    data = given.data if isinstance(given, PackedSequence) else given
    ends = list(last) if isinstance(last, tuple) else [last]
    whole = sequence.data if isinstance(sequence, PackedSequence) else sequence
    found = torch.autograd.grad(
        loss, [data, whole, *ends], retain_graph=True, allow_unused=True, materialize_grads=True
    )
    exact = states_are_known(module) and isinstance(given, torch.Tensor)
    if exact:
        return state_gradient_norms(module, given, sequence, found[1], state, found[2:])
    if isinstance(given, PackedSequence):
        return lag_norms(given._replace(data=found[0]))
    return lag_norms(found[0], getattr(module, "batch_first", False))
