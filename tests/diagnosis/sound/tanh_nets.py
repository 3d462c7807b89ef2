"""The sound tanh nets of AutoTrainer's description (Zhang et al. 2021): 5 to 17 layers of 5."""

from __future__ import annotations

import functools

import torch
from torch import nn
from torch.nn import functional

from sound.training import Training, adam, dense, usual

DEPTHS = tuple(range(5, 18))
"""Hidden layers."""


def _circles(rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    angle = 6.2832 * torch.rand(rows)
    inner = torch.randint(0, 2, (rows,))
    radius = 1 - 0.5 * inner
    x = torch.stack([radius * angle.cos(), radius * angle.sin()], 1)
    return x + 0.1 * torch.randn(rows, 2), inner.float()[:, None]


def tanh_net(depth: int) -> Training:
    """Xavier's start, which a tanh asks for; Adam; two circles."""
    model = dense(2, *[5] * depth, 1, between=nn.Tanh)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    loss = functional.binary_cross_entropy_with_logits
    return usual(model, adam(model, 1e-2), lambda: _circles(128), loss)


TANH = tuple((f"{depth} tanh layers of 5", functools.partial(tanh_net, depth)) for depth in DEPTHS)
