"""The gradient of every state of a fused recurrent module, from its output alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import nn

from gradcourse.instrument.lags.unroll import (
    Unrolled,
    forward,
    time_first,
    unroll,
    weights_of,
    why_not_plain,
)
from gradcourse.instrument.norms import reachable


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
    return np.asarray(np.ldexp(row_norms(arrived), scales.astype(np.int64)))


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


def row_norms(rows: torch.Tensor) -> np.ndarray:
    """2-norm of each of the first dimension's entries, in float64 over its whole range."""
    rows, dims = reachable(rows), tuple(range(1, rows.dim()))
    norms = torch.linalg.vector_norm(rows, dim=dims, dtype=torch.float64)
    if rows.dtype == torch.float64 and not ((norms > 1e-150) & (norms < 1e150)).all():
        largest = rows.abs().amax(dim=dims, keepdim=True)
        scale = torch.where((largest > 0) & largest.isfinite(), largest, 1.0)
        norms = torch.linalg.vector_norm(rows / scale, dim=dims) * scale.reshape(-1)
    return np.asarray(norms.cpu().numpy())
