"""A recurrent network whose gates read the input only, so that its gradient is a product again."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from gradcourse.support import check_integers


class MinGRULayer(nn.Module):
    """h_t = (1 − u_t) h_{t−1} + u_t v_t with u_t = σ(W x_t + b) and v_t = V x_t + c, unit by unit.

    Neither gate nor candidate looks at h, so all steps can be computed at once, and
    ∂h_T/∂h_t is the product of 1 − u between them, a number for each unit (Feng et al. 2024, who
    write z for u; in lesson 08's GRU z is what is kept).

    Attributes
    ----------
    gate, candidate : nn.Linear
    """

    def __init__(self, gate: nn.Linear, candidate: nn.Linear) -> None:
        super().__init__()
        self.gate, self.candidate = gate, candidate

    def kept(self, x: torch.Tensor) -> torch.Tensor:
        """Return 1 − u, the share of its state that each unit keeps; (batch, steps, units)."""
        return torch.sigmoid(-self.gate(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, steps, inputs) to the states (batch, steps, units), all steps at once."""
        pre_activation, value = self.gate(x), self.candidate(x)
        log_kept = -functional.softplus(pre_activation)
        log_taken = -functional.softplus(-pre_activation)
        road = log_kept.cumsum(1)  # log of the product of 1 − u from the first step on
        return _summed(log_taken, value, road) - _summed(log_taken, -value, road)


def _summed(log_taken: torch.Tensor, value: torch.Tensor, road: torch.Tensor) -> torch.Tensor:
    """Sum over s ≤ t of exp(road_t − road_s) u_s max(v_s, 0), by logarithms: no step divides."""
    log_value = functional.relu(value).clamp_min(1e-20).log()
    return (torch.logcumsumexp(log_taken + log_value - road, 1) + road).exp()


class MinGRU(nn.Module):
    """Layers of `MinGRULayer` and a matrix that reads the last state.

    Attributes
    ----------
    layers : nn.Sequential
    readout : nn.Linear
    """

    def __init__(self, layers: nn.Sequential, readout: nn.Linear) -> None:
        super().__init__()
        self.layers, self.readout = layers, readout

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map sequences (batch, steps, inputs) to outputs (batch, outputs)."""
        outputs: torch.Tensor = self.readout(self.layers(x)[:, -1])
        return outputs


def min_gru(inputs: int, width: int, outputs: int, *, layers: int = 2, seed: int = 0) -> MinGRU:
    """Build a minGRU (Feng et al. 2024, Were RNNs all we needed?).

    Weights and biases are uniform on ±1/√fan_in, as torch has them for a matrix.

    Parameters
    ----------
    inputs, width, outputs : int
        Channels per step, units in each layer, outputs.
    layers : int
        With one alone, no unit's gate could know what any unit remembers.
    seed : int
        The same seed gives the same weights; torch's global generator is left alone.

    Returns
    -------
    MinGRU
        float32, on the CPU.

    Raises
    ------
    GradcourseError
        If a number is no positive integer.

    Examples
    --------
    >>> min_gru(2, 16, 1)(torch.zeros(5, 30, 2)).shape
    torch.Size([5, 1])
    """
    check_integers(1, inputs=inputs, width=width, outputs=outputs, layers=layers)
    generator = torch.Generator().manual_seed(seed)

    def linear(fan_in: int, fan_out: int) -> nn.Linear:
        made = nn.utils.skip_init(nn.Linear, fan_in, fan_out)
        with torch.no_grad():
            for parameter in made.parameters():
                bound = 1.0 / math.sqrt(fan_in)
                parameter.uniform_(-bound, bound, generator=generator)
        return made

    fans = [inputs] + [width] * (layers - 1)
    stack = [MinGRULayer(linear(fan_in, width), linear(fan_in, width)) for fan_in in fans]
    return MinGRU(nn.Sequential(*stack), linear(width, outputs))
