"""What fused recurrent modules compute inside, step by step: gates, slopes, weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from gradcourse.support import GradcourseError

RECURRENT = (nn.RNN, nn.LSTM, nn.GRU)
CELLS = (nn.RNNCell, nn.LSTMCell, nn.GRUCell)


@dataclass(frozen=True)
class Weights:
    """One layer's weights, detached: shapes (gates·n, inputs) and (gates·n, n)."""

    kind: str
    inputs: torch.Tensor
    hidden: torch.Tensor
    input_bias: torch.Tensor
    hidden_bias: torch.Tensor

    def double(self) -> Weights:
        """The same in float64, on the CPU."""
        tensors = (self.inputs, self.hidden, self.input_bias, self.hidden_bias)
        return Weights(self.kind, *(tensor.cpu().double() for tensor in tensors))

    @property
    def size(self) -> int:
        """n, the number of hidden units."""
        return self.hidden.shape[1]


def weights_of(module: nn.Module, layer: int = 0) -> Weights:
    """The weights of one layer of a recurrent module or of a cell."""
    suffix = f"_l{layer}" if isinstance(module, RECURRENT) else ""
    inputs = getattr(module, f"weight_ih{suffix}").detach()
    hidden = getattr(module, f"weight_hh{suffix}").detach()
    zeros = hidden.new_zeros(hidden.shape[0])
    biased = bool(module.bias)
    return Weights(
        _kind(module),
        inputs,
        hidden,
        getattr(module, f"bias_ih{suffix}").detach() if biased else zeros,
        getattr(module, f"bias_hh{suffix}").detach() if biased else zeros,
    )


def _kind(module: nn.Module) -> str:
    if isinstance(module, nn.RNN | nn.RNNCell):
        return str(module.nonlinearity)
    return "lstm" if isinstance(module, nn.LSTM | nn.LSTMCell) else "gru"


def why_not_plain(module: nn.Module) -> str:
    """Empty if one layer of this module runs forward in time only; else the reason."""
    if not isinstance(module, RECURRENT + CELLS):
        return f"a {type(module).__name__} is no nn.RNN, nn.LSTM, nn.GRU or one of their cells"
    if getattr(module, "bidirectional", False):
        return "it is bidirectional, so no single direction of time leads to the last state"
    if getattr(module, "proj_size", 0):
        return "it projects its hidden state (proj_size)"
    return ""


@dataclass(frozen=True)
class Unrolled:
    """One layer, all time steps: what its backward pass needs.

    Attributes
    ----------
    slopes : dict of str to torch.Tensor, each shape (T, batch, n)
        - "tanh", "relu": ``h``, the slope at each step
        - "lstm": ``i``, ``f``, ``g``, what ∂c_t is multiplied by on its way to each gate's
          pre-activation; ``o``, the same for ∂h_t; ``ch``, ∂h_t/∂c_t; ``cc``, the forget gate
        - "gru": ``r``, ``z``, ``n``, what ∂h_t is multiplied by on its way to the three hidden
          pre-activations; ``hh``, the update gate
    """

    weights: Weights
    slopes: dict[str, torch.Tensor]


def unroll(
    weights: Weights,
    x: torch.Tensor,
    hidden: torch.Tensor,
    first: torch.Tensor,
    first_cell: torch.Tensor | None = None,
) -> Unrolled:
    """Recompute gates and slopes of all steps at once from the known hidden states.

    Parameters
    ----------
    x : torch.Tensor, shape (T, batch, inputs)
    hidden : torch.Tensor, shape (T, batch, n)
        h_1 … h_T.
    first, first_cell : torch.Tensor, shape (batch, n)
        The state before the first step.
    """
    before = torch.cat([first[None], hidden[:-1]])
    from_x = torch.nn.functional.linear(x, weights.inputs, weights.input_bias)
    from_h = torch.nn.functional.linear(before, weights.hidden, weights.hidden_bias)
    if weights.kind == "gru":
        return Unrolled(weights, _gru(from_x, from_h, before))
    z = from_x + from_h
    if weights.kind == "lstm":
        assert first_cell is not None
        return Unrolled(weights, _lstm(z, first_cell))
    if weights.kind == "relu":
        return Unrolled(weights, {"h": (z > 0).to(z.dtype)})
    return Unrolled(weights, {"h": _tanh_slope(z)})


def _tanh_slope(z: torch.Tensor) -> torch.Tensor:
    # 1 − tanh² loses all digits where tanh is near 1; 4 σ(2z) σ(−2z) keeps them.
    return torch.sigmoid(2 * z).mul_(torch.sigmoid(-2 * z)).mul_(4)


def _sigmoid_slope(z: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(-z).mul_(value)


def _lstm(z: torch.Tensor, first_cell: torch.Tensor) -> dict[str, torch.Tensor]:
    zi, zf, zg, zo = z.chunk(4, dim=-1)
    i, f, g, o = zi.sigmoid(), zf.sigmoid(), zg.tanh(), zo.sigmoid()
    cells, cell = [first_cell], first_cell
    for forget, added in zip(f, i * g, strict=True):
        cell = forget * cell + added
        cells.append(cell)
    c = torch.stack(cells)
    return {
        "i": g * _sigmoid_slope(zi, i),
        "f": c[:-1] * _sigmoid_slope(zf, f),
        "g": i * _tanh_slope(zg),
        "o": c[1:].tanh() * _sigmoid_slope(zo, o),
        "ch": o * _tanh_slope(c[1:]),
        "cc": f,
    }


def _gru(
    from_x: torch.Tensor, from_h: torch.Tensor, before: torch.Tensor
) -> dict[str, torch.Tensor]:
    (xr, xz, xn), (hr, hz, hn) = from_x.chunk(3, dim=-1), from_h.chunk(3, dim=-1)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    zn = xn + r * hn
    to_n = (1 - z) * _tanh_slope(zn)
    return {
        "r": to_n * hn * _sigmoid_slope(xr + hr, r),
        "z": (before - zn.tanh()) * _sigmoid_slope(xz + hz, z),
        "n": to_n * r,
        "hh": z,
    }


def forward(
    module: nn.Module, x: torch.Tensor, state: Any
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None, torch.Tensor]:
    """Run the top layer in float64 on the CPU: its hidden states, first state, cell and input.

    ``x`` is (T, batch, inputs); ``state`` as the module takes it, or None.
    """
    layers = getattr(module, "num_layers", 1)
    parts = state if isinstance(state, tuple) else (state,) if state is not None else ()
    starts = [part.detach().cpu().double().reshape(layers, x.shape[1], -1) for part in parts]
    value = x.detach().cpu().double()
    for layer in range(layers):
        weights = weights_of(module, layer).double()
        zeros = value.new_zeros(value.shape[1], weights.size)
        first = starts[0][layer] if starts else zeros
        cell = (starts[1][layer] if len(starts) > 1 else zeros) if _gated(weights) else None
        entering, value = value, _run(weights, value, first, cell)
    return value, first, cell, entering


def _gated(weights: Weights) -> bool:
    return weights.kind == "lstm"


def _run(
    weights: Weights, x: torch.Tensor, first: torch.Tensor, cell: torch.Tensor | None
) -> torch.Tensor:
    """Hidden states of one layer, by torch's own fused module with these weights."""
    n, inputs = weights.size, weights.inputs.shape[1]
    fused: nn.Module
    if weights.kind == "lstm":
        fused = nn.LSTM(inputs, n, dtype=x.dtype, device=x.device)
    elif weights.kind == "gru":
        fused = nn.GRU(inputs, n, dtype=x.dtype, device=x.device)
    else:
        fused = nn.RNN(inputs, n, nonlinearity=weights.kind, dtype=x.dtype, device=x.device)
    with torch.no_grad():
        given = (weights.inputs, weights.hidden, weights.input_bias, weights.hidden_bias)
        for name, value in zip(
            ("weight_ih", "weight_hh", "bias_ih", "bias_hh"), given, strict=True
        ):
            getattr(fused, f"{name}_l0").copy_(value)
        start = (first[None], cell[None]) if cell is not None else first[None]
        return fused(x, start)[0]


def time_first(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """A sequence as (T, batch, features), whatever order the module takes."""
    if not isinstance(x, torch.Tensor) or not x.is_floating_point() or x.dim() not in (2, 3):
        what = f"shape {tuple(x.shape)}" if isinstance(x, torch.Tensor) else type(x).__name__
        raise GradcourseError(
            f"x is {what}; expected a floating-point tensor, (steps, features) or with a batch "
            "dimension as the module takes it."
        )
    if x.dim() == 2:
        return x[:, None]
    return x.transpose(0, 1) if getattr(module, "batch_first", False) else x
