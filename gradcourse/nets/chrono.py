"""Gate biases that give a recurrent network a memory of chosen length."""

from __future__ import annotations

import torch
from torch import nn

from gradcourse.support import GradcourseError


def chrono_(model: nn.Module, longest: float, seed: int = 0) -> nn.Module:
    """Set the gate biases of every nn.LSTM and nn.GRU in a model by chrono initialization.

    Each unit draws a time u, uniform on [1, ``longest`` − 1], and gets the forget bias ln u, so
    that it keeps u/(1 + u) of its cell per step. Its input bias is −ln u: what it lets in is the
    1/(1 + u) that it lets go. In a GRU the update gate does both. All other biases become 0.

    Parameters
    ----------
    model : nn.Module
        Changed in place.
    longest : float
        Steps that the longest dependency spans, above 2.
    seed : int
        The same seed gives the same biases; torch's global generator is left alone.

    Returns
    -------
    nn.Module
        The same model.

    Raises
    ------
    GradcourseError
        If there is no nn.LSTM and no nn.GRU with biases, or ``longest`` is too short.

    References
    ----------
    Tallec & Ollivier (2018), Can recurrent neural networks warp time?

    Examples
    --------
    >>> lstm = chrono_(nn.LSTM(2, 3), 100.0)
    >>> bool((lstm.bias_ih_l0[3:6] == -lstm.bias_ih_l0[:3]).all())
    True
    """
    if not longest > 2:
        raise GradcourseError(f"longest is {longest}; it must be more than 2 steps.")
    found = [m for m in model.modules() if isinstance(m, nn.LSTM | nn.GRU) and m.bias]
    if not found:
        raise GradcourseError(
            f"This {type(model).__name__} holds no nn.LSTM and no nn.GRU with biases; only their "
            "gates can be set."
        )
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in found:
            for name, bias in module.named_parameters():
                if name.startswith("bias_hh"):
                    bias.zero_()
                elif name.startswith("bias_ih"):
                    _set(bias, isinstance(module, nn.LSTM), longest, generator)
    return model


def _set(bias: torch.Tensor, is_lstm: bool, longest: float, generator: torch.Generator) -> None:
    # torch's order of the gates: input, forget, cell, output; and reset, update, new.
    blocks = bias.chunk(4 if is_lstm else 3)
    uniform = torch.rand(blocks[0].shape, generator=generator)
    keep = (1.0 + (longest - 2.0) * uniform).log().to(bias)
    bias.zero_()
    blocks[1].copy_(keep)
    if is_lstm:
        blocks[0].copy_(-keep)
