"""Recurrent networks, healthy ones first."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from patients.case import Case
from patients.dice import SCALES, Rng, adam, between, parameter, pick
from patients.networks import (
    Recurrent,
    Unrolled,
    adding_batches,
    digit_batches,
    recall_batches,
)


def rows_of_digits(rng: Rng) -> Case:
    """An RNN, LSTM or GRU that reads a digit row by row."""
    core = pick(rng, nn.RNN, nn.LSTM, nn.GRU)(8, pick(rng, 32, 64), batch_first=True)
    return Case(
        Recurrent(core, 10),
        digit_batches(32, shape=(8, 8)),
        functional.cross_entropy,
        adam(between(rng, 1e-3, 5e-3)),
        scale=pick(rng, *SCALES),
    )


def long_memory(rng: Rng) -> Case:
    """A recurrent net made to remember 40 to 80 steps: open gates, or an orthogonal matrix."""
    length, size = int(rng.integers(40, 81)), 32
    style = pick(rng, "lstm", "gru", "orthogonal", "identity")
    core: nn.RNNBase
    if style == "lstm":
        core = nn.LSTM(4, size, batch_first=True)
        with torch.no_grad():
            parameter(core, "bias_hh_l0").zero_()
            parameter(core, "bias_ih_l0").zero_()
            parameter(core, "bias_ih_l0")[size : 2 * size] = math.log(length)
    elif style == "gru":
        core = nn.GRU(4, size, batch_first=True)
        with torch.no_grad():
            parameter(core, "bias_ih_l0")[size : 2 * size] = math.log(length)
    else:
        core = nn.RNN(4, size, batch_first=True, nonlinearity="tanh")
        if style == "identity":
            core = nn.RNN(4, size, batch_first=True, nonlinearity="relu")
            nn.init.eye_(parameter(core, "weight_hh_l0"))
            nn.init.normal_(parameter(core, "weight_ih_l0"), std=0.05)
        else:
            nn.init.orthogonal_(parameter(core, "weight_hh_l0"))
            nn.init.normal_(parameter(core, "weight_ih_l0"), std=0.1)
        nn.init.zeros_(parameter(core, "bias_ih_l0"))
        nn.init.zeros_(parameter(core, "bias_hh_l0"))
    return Case(
        Recurrent(core, 4), recall_batches(length), functional.cross_entropy, adam(1e-3), steps=12
    )


def trained_memory(rng: Rng) -> Case:
    """A recurrent net that has learned to recall a symbol over 10 to 20 steps."""
    length = int(rng.integers(10, 21))
    core = pick(rng, nn.LSTM, nn.GRU)(4, 32, batch_first=True)
    with torch.no_grad():
        parameter(core, "bias_ih_l0")[32:64] = 3.0
    return Case(
        Recurrent(core, 4),
        recall_batches(length),
        functional.cross_entropy,
        adam(3e-3),
        before=200,
        steps=12,
    )


def adding(rng: Rng) -> Case:
    """The adding problem over 10 to 20 steps, in training."""
    core = pick(rng, nn.LSTM, nn.GRU)(2, 32, batch_first=True)
    if isinstance(core, nn.LSTM):
        with torch.no_grad():
            parameter(core, "bias_ih_l0")[32:64] = 2.0
    return Case(
        Recurrent(core, 1),
        adding_batches(int(rng.integers(10, 21))),
        functional.mse_loss,
        adam(2e-3),
        before=20,
        steps=12,
    )


def every_step(rng: Rng) -> Case:
    """A loss at every step of the sequence: tell whether the running sum is positive."""
    core = pick(rng, nn.RNN, nn.LSTM, nn.GRU)(4, 32, batch_first=True)
    length = int(rng.integers(20, 61))

    def batches(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(32, length, 4, generator=torch.Generator().manual_seed(step))
        return x, torch.sign(x.sum(-1, keepdim=True).cumsum(1))

    return Case(Recurrent(core, 1, True), batches, functional.mse_loss, adam(2e-3), steps=12)


def unrolled(rng: Rng) -> Case:
    """A cell called step by step, orthogonal or gated, over 10 to 30 steps."""
    cell: nn.RNNCellBase
    if rng.random() < 0.5:
        cell = nn.RNNCell(4, 32)
        nn.init.orthogonal_(parameter(cell, "weight_hh"))
        nn.init.normal_(parameter(cell, "weight_ih"), std=0.1)
    else:
        cell = nn.GRUCell(4, 32)
        with torch.no_grad():
            parameter(cell, "bias_ih")[32:64] = 3.0
    length = int(rng.integers(10, 31))
    return Case(
        Unrolled(cell, 4), recall_batches(length), functional.cross_entropy, adam(1e-3), steps=12
    )


def _plain_recurrent(rng: Rng, gain: float, nonlinearity: str, length: int) -> Case:
    size = pick(rng, 32, 64)
    core = nn.RNN(4, size, batch_first=True, nonlinearity=nonlinearity)
    nn.init.normal_(parameter(core, "weight_hh_l0"), std=gain / math.sqrt(size))
    nn.init.zeros_(parameter(core, "bias_ih_l0"))
    nn.init.zeros_(parameter(core, "bias_hh_l0"))
    return Case(
        Recurrent(core, 4),
        recall_batches(length),
        functional.cross_entropy,
        adam(1e-4),
        steps=8,
        scale=pick(rng, *SCALES),
    )


def forgetful_recurrence(rng: Rng) -> Case:
    """A recurrent gain of 0.3 to 0.8 over 50 to 100 lags."""
    return _plain_recurrent(rng, rng.uniform(0.3, 0.8), "tanh", int(rng.integers(50, 101)))


def explosive_recurrence(rng: Rng) -> Case:
    """A recurrent gain of 1.8 to 3 (ReLU) or 2 to 6 (tanh) over 50 to 100 lags."""
    nonlinearity = pick(rng, "tanh", "relu")
    gain = rng.uniform(2, 6) if nonlinearity == "tanh" else rng.uniform(1.8, 3)
    return _plain_recurrent(rng, gain, nonlinearity, int(rng.integers(50, 101)))


def forgetful_cell(rng: Rng) -> Case:
    """The same with a cell that is called step by step."""
    cell = nn.RNNCell(4, 32)
    nn.init.normal_(parameter(cell, "weight_hh"), std=rng.uniform(0.3, 0.8) / math.sqrt(32))
    length = int(rng.integers(50, 81))
    return Case(
        Unrolled(cell, 4), recall_batches(length), functional.cross_entropy, adam(1e-3), steps=8
    )


def forgetful_gates(rng: Rng) -> Case:
    """An LSTM or GRU as the library makes it, asked to remember 70 to 100 steps."""
    core = pick(rng, nn.LSTM, nn.GRU)(4, 32, batch_first=True)
    length = int(rng.integers(70, 101))
    return Case(
        Recurrent(core, 4), recall_batches(length), functional.cross_entropy, adam(1e-3), steps=8
    )
