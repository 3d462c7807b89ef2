"""The networks of the patients that are no plain stack of layers, and their data."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from gradcourse.nets.feedforward import activation_function
from patients.case import Batch

Batches = Callable[[int], Batch]


@functools.cache
def _digits() -> Batch:
    from gradcourse.data import digits

    data = digits()
    return data.x_train, data.y_train


def digit_batches(batch: int = 64, *, rows: int = 1437, shape: tuple[int, ...] = (64,)) -> Batches:
    """Digits in the shape given; with ``rows`` at most ``batch``, the same batch every time."""
    x, y = (t[:rows] for t in _digits())
    x = x.reshape(len(x), *shape)

    def batches(step: int) -> Batch:
        if rows <= batch:
            return x, y
        start = step * batch % (len(x) - batch + 1)
        return x[start : start + batch], y[start : start + batch]

    return batches


def regression_batches(rng: np.random.Generator, inputs: int = 16, batch: int = 64) -> Batches:
    """A smooth function of Gaussian inputs, drawn anew for each step."""
    direction = torch.from_numpy(rng.normal(size=(inputs, 1)) / math.sqrt(inputs)).float()

    def batches(step: int) -> Batch:
        generator = torch.Generator().manual_seed(step)
        x = torch.randn(batch, inputs, generator=generator)
        return x, torch.sin(x @ direction)

    return batches


def adding_batches(length: int, batch: int = 32) -> Batches:
    """The adding problem (Hochreiter & Schmidhuber 1997): the sum of two marked numbers."""

    def batches(step: int) -> Batch:
        generator = torch.Generator().manual_seed(step)
        numbers = torch.rand(batch, length, generator=generator)
        half = length // 2
        first = torch.randint(0, half, (batch, 1), generator=generator)
        second = torch.randint(half, length, (batch, 1), generator=generator)
        marks = torch.zeros(batch, length).scatter_(1, first, 1.0).scatter_(1, second, 1.0)
        return torch.stack([numbers, marks], dim=-1), (numbers * marks).sum(1, keepdim=True)

    return batches


def recall_batches(length: int, batch: int = 32, symbols: int = 4) -> Batches:
    """Delayed recall: name at the end the symbol that stood at the start."""

    def batches(step: int) -> Batch:
        generator = torch.Generator().manual_seed(step)
        symbol = torch.randint(0, symbols, (batch,), generator=generator)
        x = 0.1 * torch.randn(batch, length, symbols, generator=generator)
        x[:, 0] += functional.one_hot(symbol, symbols)
        return x, symbol

    return batches


class Recurrent(nn.Module):
    """A fused recurrent layer, and an output from its last state or from every one."""

    def __init__(self, core: nn.RNNBase, outputs: int, every_step: bool = False) -> None:
        super().__init__()
        self.core = core
        self.readout = nn.Linear(core.hidden_size, outputs)
        self.every_step = every_step

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states, _ = self.core(x)
        return self.readout(states if self.every_step else states[:, -1])


class Unrolled(nn.Module):
    """A recurrent cell, called once per step of the sequence."""

    def __init__(self, cell: nn.RNNCellBase, outputs: int) -> None:
        super().__init__()
        self.cell = cell
        self.readout = nn.Linear(cell.hidden_size, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state = x.new_zeros(len(x), self.cell.hidden_size)
        for step in range(x.shape[1]):
            state = self.cell(x[:, step], state)
        return self.readout(state)


class Residual(nn.Module):
    """x + scale · branch(x)."""

    def __init__(self, branch: nn.Module, scale: float = 1.0) -> None:
        super().__init__()
        self.branch = branch
        self.scale = scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.scale * self.branch(x)


class Functional(nn.Module):
    """An MLP whose activations are function calls; a probe finds them in the graph."""

    def __init__(self, depth: int, width: int, activation: str) -> None:
        super().__init__()
        sizes = [64] + [width] * depth
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.readout = nn.Linear(width, 10)
        self.activation = activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        function = getattr(torch, self.activation)
        for layer in self.hidden:
            x = function(layer(x))
        return self.readout(x)


class Attention(nn.Module):
    """A small Transformer encoder over the 8 rows of a digit."""

    def __init__(self, blocks: int, width: int, pre_norm: bool) -> None:
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.position = nn.Parameter(0.02 * torch.randn(8, width))
        self.blocks = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    width, 4, 2 * width, dropout=0.0, batch_first=True, norm_first=pre_norm
                )
                for _ in range(blocks)
            )
        )
        self.norm = nn.LayerNorm(width)
        self.readout = nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(self.embed(x) + self.position)
        return self.readout(self.norm(x).mean(1))


def stack(
    depth: int,
    width: int,
    activation: str,
    *,
    norm: str = "",
    inputs: int = 64,
    outputs: int = 10,
) -> nn.Sequential:
    """Linear, normalization (batch, layer or none), activation, ``depth`` times; and an output."""
    norms = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}
    modules: list[nn.Module] = []
    for layer in range(depth):
        modules.append(nn.Linear(inputs if layer == 0 else width, width))
        if norm:
            modules.append(norms[norm](width))
        modules.append(activation_function(activation))
    modules.append(nn.Linear(width if depth else inputs, outputs))
    return nn.Sequential(*modules)


def convolutional(depth: int, channels: int, norm: bool, residual: bool) -> nn.Sequential:
    """3×3 convolutions on 8×8 images, one pooling step, He initialization."""

    def unit() -> list[nn.Module]:
        convolution = nn.Conv2d(channels, channels, 3, padding=1, bias=not norm)
        return [convolution, *([nn.BatchNorm2d(channels)] if norm else []), nn.ReLU()]

    modules: list[nn.Module] = [nn.Conv2d(1, channels, 3, padding=1), nn.ReLU()]
    for layer in range(depth):
        modules += [Residual(nn.Sequential(*unit()), 0.5)] if residual else unit()
        if layer == depth // 2:
            modules.append(nn.MaxPool2d(2))
    modules += [nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * channels, 10)]
    model = nn.Sequential(*modules)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    return model
