"""What the makers of patients draw: weights, rates, options."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

Rng = np.random.Generator
Optimizer = Callable[[Any], torch.optim.Optimizer]

MATCHED_GAINS = {
    "relu": math.sqrt(2),
    "leaky_relu": math.sqrt(2),
    "gelu": 1.5,
    "elu": 1.25,
    "silu": 1.7,
    "tanh": 1.1,
    "selu": 1.0,
}
"""σ_w at which each activation roughly keeps the size of a gradient from layer to layer."""

SCALES = (1.0, 1e-6, 1e6)


def gaussian_(model: nn.Module, gain: float, orthogonal: bool = False) -> nn.Module:
    """Draw every weight matrix anew, with σ_w = gain; biases become 0."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            if orthogonal:
                nn.init.orthogonal_(module.weight, gain)
            else:
                nn.init.normal_(module.weight, std=gain / math.sqrt(module.in_features))
            nn.init.zeros_(module.bias)
    return model


def pick(rng: Rng, *options: Any) -> Any:
    """One of the options, with its own type."""
    return options[int(rng.integers(len(options)))]


def between(rng: Rng, low: float, high: float) -> float:
    """Uniform on a log axis."""
    return float(np.exp(rng.uniform(math.log(low), math.log(high))))


def sensible_optimizer(rng: Rng, scale: float = 1.0) -> Optimizer:
    """A usual optimizer with a usual rate; with a scaled loss, the rate that undoes the scale."""
    name = pick(rng, "sgd", "momentum", "adam", "adamw")
    if name == "sgd":
        return functools.partial(torch.optim.SGD, lr=between(rng, 0.01, 0.05) / scale)
    if name == "momentum":
        return functools.partial(
            torch.optim.SGD, lr=between(rng, 0.002, 0.008) / scale, momentum=0.9
        )
    adam = torch.optim.Adam if name == "adam" else torch.optim.AdamW
    return functools.partial(adam, lr=between(rng, 3e-4, 3e-3), eps=1e-8 * scale)


def adam(lr: float) -> Optimizer:
    """Adam with this rate."""
    return functools.partial(torch.optim.Adam, lr=lr)


def parameter(module: nn.Module, name: str) -> torch.Tensor:
    """One of a module's parameters, by name."""
    return dict(module.named_parameters())[name]
