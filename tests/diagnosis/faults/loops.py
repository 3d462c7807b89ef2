"""Faults of the loop, of axes and of scales: later than the others, and than the rules for them.

They are no part of the bars. They show that what is advised is what cures: each first remedy is
carried out by its action. Sources are issues on GitHub; "made here" is of no public question.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from faults.setup import Setup, Times
from faults.table import Fault


class Attentive(nn.Module):
    """The last token reads the others, of (rows, tokens, features)."""

    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        self.embed, self.head = nn.Linear(3, 16), nn.Linear(16, 2)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=batch_first)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x)
        return self.head(x[:, -1] + self.attention(x, x, x)[0][:, -1])


class Recurrent(nn.Module):
    """A GRU that is read at one step."""

    def __init__(self, batch_first: bool = True, read: int = -1) -> None:
        super().__init__()
        self.rnn, self.head = nn.GRU(2, 16, batch_first=batch_first), nn.Linear(16, 2)
        self.read = read

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x)[0][:, self.read])


class Both(nn.Module):
    """A GRU in both directions, whose last states are laid side by side; or mixed."""

    def __init__(self, turned: bool) -> None:
        super().__init__()
        self.rnn = nn.GRU(2, 16, batch_first=True, bidirectional=True)
        self.head, self.turned = nn.Linear(32, 2), turned

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states = self.rnn(x)[1]  # (2, n, 16)
        states = states.transpose(0, 1).contiguous() if self.turned else states
        return self.head(states.view(len(x), -1))


class Stepwise(nn.Module):
    """A cell that is called step by step, whose state is cut off each time; or not."""

    def __init__(self, cut: bool) -> None:
        super().__init__()
        self.cell, self.head, self.cut = nn.GRUCell(2, 16), nn.Linear(16, 2), cut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = x.new_zeros(len(x), 16)
        for part in x.unbind(1):
            h = self.cell(part, h.detach() if self.cut else h)
        return self.head(h)


def _painter() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 3, 1))


def _frozen() -> nn.Module:
    """All of it but the last bias, as after a loop over the wrong names."""
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4)).requires_grad_(False)
    model[2].bias.requires_grad_()
    return model


def _scaled(by: float) -> nn.Module:
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4), Times(by))


def _looped(name: str, source: str, kinds: tuple[str, ...], bug: Setup, **repair: Any) -> Fault:
    return Fault(name, source, kinds, bug, repair)


CUT, LARGE = ("cut off",), ("update too large", "cut off")

LOOPS: tuple[Fault, ...] = (
    # ---- axes
    _looped("attention over the rows", "GETNext#2", CUT,
            Setup(build=lambda: Attentive(False), data="first token", rows=64),
            build=lambda: Attentive(True)),
    _looped("a GRU over the rows", "made here", CUT,
            Setup(build=lambda: Recurrent(False), data="signs in time", rate=3e-3, rows=64),
            build=lambda: Recurrent(True)),
    _looped("states laid side by side across the rows", "pytorch#19675", CUT,
            Setup(build=lambda: Both(False), data="signs in time", rate=3e-3, rows=64),
            build=lambda: Both(True)),
    _looped("classes read across the axes", "made here", ("head",),
            Setup(build=_painter, data="pictures", loss="ce across", rows=16, steps=150),
            loss="ce"),
    # ---- the loop
    _looped("batches in the order of the classes", "super-gradients#416", CUT,
            Setup("16-32r-10", optimizer="SGD", rate=0.1, options={"momentum": 0.9},
                  data="ten blobs", habit="sorted"), habit=""),
    _looped("gradients erased before each part", "RAE#67", CUT,
            Setup("16-32r-4", data="four classes", rows=64, habit="erases"), habit=""),
    _looped("gradients never cleared", "made here", LARGE,
            Setup("16-32r-32r-4", optimizer="SGD", rate=0.3, data="four classes",
                  habit="never clears"), habit=""),
    _looped("gradients cleared before the update", "made here", CUT,
            Setup("16-32r-4", data="four classes", habit="clears late"), habit=""),
    _looped("inputs that are divided in place", "made here", ("scale",),
            Setup("16-32r-4", data="four classes", rate=1e-3, habit="in place"), habit=""),
    _looped("an unfrozen part that no optimizer holds", "skorch#261", CUT,
            Setup("16-2t-32r-4", data="four classes", habit="thaws"), habit=""),
    _looped("an optimizer made at each step", "made here", ("no updates",),
            Setup("16-32r-4", optimizer="SGD", rate=1e-3, options={"momentum": 0.99},
                  data="four classes", habit="makes optimizers"), habit=""),
    _looped("a state that is detached at each step", "made here", CUT,
            Setup(build=lambda: Stepwise(True), data="first in time", rows=64, steps=400),
            build=lambda: Stepwise(False)),
    _looped("an output that is read at the first step", "made here", CUT,
            Setup(build=lambda: Recurrent(read=0), data="signs in time", rows=64, steps=400),
            build=lambda: Recurrent()),
    _looped("an update that is never made", "made here", ("no updates",),
            Setup("16-32r-4", data="four classes", habit="never steps"), habit=""),
    _looped("a rate that is lost half-way", "made here", ("non-finite",),
            Setup("16-32r-4", data="four classes", habit="loses the rate"), habit=""),
    _looped("a net of which the last bias alone trains", "made here", CUT,
            Setup(build=_frozen, data="four classes"),
            build=lambda: _frozen().requires_grad_()),
    _looped("betas the wrong way round", "made here", LARGE,
            Setup("16-32r-32r-4", data="four classes", options={"betas": (0.9999, 0.5)}),
            options={"betas": (0.9, 0.999)}),
    # ---- scales
    _looped("logits that are divided by 1000", "made here", ("scale",),
            Setup(build=lambda: _scaled(1e-3), data="four classes", optimizer="SGD", rate=0.1),
            build=lambda: _scaled(1.0)),
    _looped("a divergence of raw outputs", "made here", ("head",),
            Setup("16-32r-4", data="shares of four", loss="divergence of raw outputs"),
            loss="divergence"),
    _looped("a dropout of 0.998", "made here", CUT,
            Setup("16-64r-d.998-64r-d.998-4", data="four classes"), net="16-64r-d.2-64r-d.2-4"),
)  # fmt: skip
