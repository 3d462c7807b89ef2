"""Gradients against time lag in recurrent networks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from gradcourse.instrument.unroll import (
    RECURRENT,
    Unrolled,
    forward,
    time_first,
    unroll,
    weights_of,
    why_not_plain,
)
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
        return np.array([float(_norms(step[None])[0]) for step in steps])
    if not isinstance(gradient, torch.Tensor) or gradient.dim() not in (2, 3):
        what = tuple(gradient.shape) if isinstance(gradient, torch.Tensor) else type(gradient)
        raise GradcourseError(f"lag_norms got {what}; expected (T, batch, features).")
    if gradient.dim() == 3 and batch_first:
        gradient = gradient.transpose(0, 1)
    return _norms(gradient.detach())


def _norms(rows: torch.Tensor) -> np.ndarray:
    """2-norm of each of the first dimension's entries, in float64 over its whole range."""
    dims = tuple(range(1, rows.dim()))
    norms = torch.linalg.vector_norm(rows, dim=dims, dtype=torch.float64)
    if rows.dtype == torch.float64 and not ((norms > 1e-150) & (norms < 1e150)).all():
        largest = rows.abs().amax(dim=dims, keepdim=True)
        scale = torch.where((largest > 0) & largest.isfinite(), largest, 1.0)
        norms = torch.linalg.vector_norm(rows / scale, dim=dims) * scale.reshape(-1)
    return np.asarray(norms.cpu().numpy())


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
    values = np.asarray(norms, dtype=np.float64)
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
    names = [name for name, module in model.named_modules() if isinstance(module, RECURRENT)]
    if not names:
        raise GradcourseError(
            f"This {type(model).__name__} holds no nn.RNN, nn.LSTM or nn.GRU; for cells see "
            "lag_log_norms."
        )
    calls: dict[str, tuple[torch.Tensor | PackedSequence, Any, Any]] = {}

    def hook(name: str) -> Callable[..., Any]:
        def keep(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            given = args[0] if args else kwargs.pop("input")
            state = args[1] if len(args) > 1 else kwargs.get("hx")
            given = _requiring(given)
            calls[name] = (given, state, None)
            return (given, *args[1:]), kwargs

        return keep

    def finish(name: str) -> Callable[..., None]:
        def keep(module: nn.Module, args: Any, output: Any) -> None:
            calls[name] = (*calls[name][:2], output)

        return keep

    modules = {name: model.get_submodule(name) for name in names}
    handles = [m.register_forward_pre_hook(hook(n), with_kwargs=True) for n, m in modules.items()]
    handles += [m.register_forward_hook(finish(n)) for n, m in modules.items()]
    try:
        with torch.enable_grad():
            output = model(x)
            value = loss(output) if loss is not None else _last_mean_square(model, output)
    finally:
        for handle in handles:
            handle.remove()
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


def states_are_known(module: nn.Module) -> bool:
    """Return whether `state_gradient_norms` can follow this module's states."""
    return not why_not_plain(module) and not (
        getattr(module, "num_layers", 1) > 1 and module.training and getattr(module, "dropout", 0)
    )


def state_gradient_norms(
    module: nn.Module,
    x: torch.Tensor,
    output: torch.Tensor,
    output_gradient: torch.Tensor,
    state: Any = None,
    end_gradients: Any = (),
) -> np.ndarray:
    """Return ‖∂ℒ/∂h_t‖ for all t from what goes in and out of a fused module.

    The hidden states are the output, so all gates follow from one matrix product, and the
    backward recursion needs one small product per step: no second forward pass.

    Parameters
    ----------
    module : nn.RNN, nn.LSTM or nn.GRU
        One for which `states_are_known`.
    x, output, output_gradient : torch.Tensor
        Input, output and ∂ℒ/∂output, as the module takes and gives them.
    state : tensor or tuple, optional
        The first state that was given, if one was.
    end_gradients : sequence of torch.Tensor, optional
        ∂ℒ/∂h_n (and ∂ℒ/∂c_n), where the loss uses the module's last state.

    Returns
    -------
    numpy.ndarray, shape (T,), float64
        In the order of time, over batch and units. The recursion runs in the module's dtype,
        rescaled, so neither end of its range is felt.
    """
    with torch.no_grad():
        hidden = time_first(module, output.detach())
        direct = time_first(module, output_gradient.detach())
        entering, first, cell = _entering(module, time_first(module, x.detach()), state)
        unrolled = unroll(weights_of(module, _top(module)), entering, hidden, first, cell)
        ends = [end.detach().reshape(-1, *hidden.shape[1:])[-1] for end in end_gradients]
        return _backward_norms(unrolled, direct, ends)


def _top(module: nn.Module) -> int:
    return int(getattr(module, "num_layers", 1)) - 1


def _entering(
    module: nn.Module, x: torch.Tensor, state: Any
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """The top layer's input, first state and first cell, in the module's dtype."""
    gated = isinstance(module, nn.LSTM)
    if _top(module):
        _, first, cell, entering = forward(module, x, state)
        return entering.to(x), first.to(x), None if cell is None else cell.to(x)
    zeros = x.new_zeros(x.shape[1], weights_of(module).size)
    if state is None:
        return x, zeros, zeros if gated else None
    parts = [s.detach().reshape(zeros.shape) for s in (state if gated else (state,))]
    return x, parts[0], parts[1] if gated else None


_CHECKED_EVERY = 4
"""Steps between two looks at the gradient's size: a step may change it by 2²⁰ meanwhile."""


def _backward_norms(
    unrolled: Unrolled, direct: torch.Tensor, ends: list[torch.Tensor]
) -> np.ndarray:
    """Norms of ∂ℒ/∂h_t, with the gradient kept near size 1 and its scale as a power of two."""
    steps = len(direct)
    if ends:
        direct = direct.clone()
        direct[-1] += ends[0]
    sizes = direct.abs().amax(dim=(1, 2)).tolist()
    dh, dc = torch.zeros_like(direct[0]), torch.zeros_like(direct[0])
    if len(ends) > 1:
        dc = ends[1]
    back = _Back(unrolled, direct.shape[1])
    arrived, scales, scale = torch.empty_like(direct), np.zeros(steps), 0
    for t in reversed(range(steps)):
        if sizes[t] or (steps - 1 - t) % _CHECKED_EVERY == 0:
            scale, dh, dc = _add(scale, dh, dc, direct[t], sizes[t])
        arrived[t], scales[t] = dh, scale
        dh, dc = back(t, dh, dc)
    return np.asarray(np.ldexp(_norms(arrived), scales.astype(np.int64)))


def _add(
    scale: int, dh: torch.Tensor, dc: torch.Tensor, arriving: torch.Tensor, size: float
) -> tuple[int, torch.Tensor, torch.Tensor]:
    """Rescale (dh, dc) · 2^scale so that dh plus what arrives has size near 1."""
    carried = max(float(dh.abs().max()), float(dc.abs().max()))
    exponents = [math.frexp(size)[1]] if size else []
    exponents += [math.frexp(carried)[1] + scale] if carried else []
    if not exponents or not math.isfinite(size + carried):
        return scale, dh + arriving, dc
    new = max(exponents)
    dh, dc = _shifted(dh, scale - new), _shifted(dc, scale - new)
    return new, dh + _shifted(arriving, -new) if size else dh, dc


def _shifted(tensor: torch.Tensor, power: int) -> torch.Tensor:
    if power == 0 or not tensor.any():
        return tensor
    # In two halves, since 2^140 is no float32 although 2^140 · 2^-149 is.
    half = power // 2
    return tensor * _power(half) * _power(power - half)


def _power(exponent: int) -> float:
    return math.ldexp(1.0, max(-1074, min(1023, exponent)))


class _Back:
    """One step back for a batch: from ∂ℒ/∂h_t to the recurrent part of ∂ℒ/∂h_{t-1}."""

    def __init__(self, unrolled: Unrolled, batch: int) -> None:
        self._hidden = unrolled.weights.hidden
        self._slopes = unrolled.slopes
        kind, n = unrolled.weights.kind, unrolled.weights.size
        self._step = {"lstm": self._lstm, "gru": self._gru}.get(kind, self._plain)
        self._gates = self._hidden.new_empty(batch, len(self._hidden) // n, n)

    def __call__(
        self, t: int, dh: torch.Tensor, dc: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self._step(t, dh, dc)

    def _lstm(
        self, t: int, dh: torch.Tensor, dc: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        s = self._slopes
        dc = torch.addcmul(dc, dh, s["ch"][t])
        for k, gate in enumerate("ifg"):
            torch.mul(dc, s[gate][t], out=self._gates[:, k])
        torch.mul(dh, s["o"][t], out=self._gates[:, 3])
        return self._gates.flatten(1) @ self._hidden, dc * s["cc"][t]

    def _gru(self, t: int, dh: torch.Tensor, dc: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        for k, gate in enumerate("rzn"):
            torch.mul(dh, self._slopes[gate][t], out=self._gates[:, k])
        return torch.addmm(dh * self._slopes["hh"][t], self._gates.flatten(1), self._hidden), dc

    def _plain(
        self, t: int, dh: torch.Tensor, dc: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return (dh * self._slopes["h"][t]) @ self._hidden, dc
