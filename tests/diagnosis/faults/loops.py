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


class TwoHeads(nn.Module):
    """Two heads on one body; outside training the first alone, as in GoogLeNet."""

    def __init__(self, second: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(16, 16), nn.ReLU())
        self.head, self.side = nn.Linear(16, 4), nn.Linear(16, second)

    def forward(self, x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        h = self.body(x)
        return (self.head(h), self.side(h)) if self.training else self.head(h)


class Distances(nn.Module):
    """A head over the distances of eight points that are made of a row; of each to itself, too."""

    def __init__(self, inside: float) -> None:
        super().__init__()
        self.points, self.head, self.inside = nn.Linear(16, 32), nn.Linear(64, 4), inside

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        points = self.points(x).unflatten(1, (8, 4))
        squares = (points[:, :, None] - points[:, None]).square().sum(3)
        return self.head((squares + self.inside).sqrt().flatten(1))


class Asking(nn.Module):
    """The last word asks all of them; the scores are divided by √d, or multiplied by it."""

    def __init__(self, divided: bool) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(16, 64) for _ in range(3))
        self.head, self.divided = nn.Linear(64, 4), divided

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = self.query(x[:, -1:]) @ self.key(x).transpose(1, 2)
        weights = (scores / 8 if self.divided else scores * 8).softmax(-1)
        return self.head((weights @ self.value(x))[:, 0])


class Forgetful(nn.Module):
    """A body and a head, which is given what the body makes of the inputs, or the inputs."""

    def __init__(self, used: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))
        self.head, self.used = nn.Linear(2, 2), used

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x) if self.used else x)


class Stepped(nn.Module):
    """Outputs that are whole numbers, with a way around the step or without one."""

    def __init__(self, straight: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))
        self.straight = straight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.body(x)
        return y + (y.round() - y).detach() if self.straight else y.round()


class Padded(nn.Module):
    """An LSTM that is read at the last step, or at the last that is not all 0."""

    def __init__(self, at_length: bool) -> None:
        super().__init__()
        self.rnn, self.head = nn.LSTM(2, 16, batch_first=True), nn.Linear(16, 2)
        self.at_length = at_length

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        length = (x != 0).any(2).sum(1) if self.at_length else x.shape[1]
        return self.head(self.rnn(x)[0][torch.arange(len(x)), length - 1])


class Ends(nn.Module):
    """A GRU in both directions, each read where it ends, or where it begins."""

    def __init__(self, ends: bool) -> None:
        super().__init__()
        self.rnn = nn.GRU(2, 16, batch_first=True, bidirectional=True)
        self.head, self.ends = nn.Linear(32, 2), ends

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        there, back = self.rnn(x)[0].chunk(2, dim=2)
        if self.ends:
            return self.head(torch.cat([there[:, -1], back[:, 0]], 1))
        return self.head(torch.cat([there[:, 0], back[:, -1]], 1))


class Masked(nn.Module):
    """An attention with a mask over the steps, or over padding, that is read at every step, at the
    last, or in the mean."""

    def __init__(self, mask: str, read: str) -> None:
        super().__init__()
        self.embed, self.head = nn.Linear(3 if read == "last" else 2, 16), nn.Linear(16, 2)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.mask, self.read = mask, read

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ones, h = torch.ones(x.shape[1], x.shape[1]), self.embed(x)
        padding, steps = None, None
        if self.mask in ("padding", "all but padding"):
            padding = (x == 0).all(2) == (self.mask == "padding")
        else:
            masks = {
                "future": ones.bool().triu(1),
                "past": ones.bool().tril(-1),
                "numbers": ones.tril(),
            }
            steps = masks[self.mask]
        out, _ = self.attention(h, h, h, key_padding_mask=padding, attn_mask=steps)
        if self.read == "each":
            return self.head(out).transpose(1, 2)
        return self.head(out[:, -1] if self.read == "last" else out.mean(1))


class Matched(nn.Module):
    """How well each of a batch of views fits each of the others'."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = (
            nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 16)) for _ in range(2)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, second = x.chunk(2, dim=1)
        one, other = self.one(first), self.other(second)
        return 10 * nn.functional.normalize(one) @ nn.functional.normalize(other).T


def _judged() -> nn.Module:
    """A generator under a judge that is sure of it, and learns no more."""
    judge = nn.Linear(2, 1).requires_grad_(False)
    judge.weight.fill_(10.0)
    judge.bias.fill_(-40.0)
    return nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2), judge, nn.Sigmoid())


def _normed() -> nn.Module:
    return nn.Sequential(nn.Linear(16, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 4))


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
    _looped("both directions read where they begin", "made here", CUT,
            Setup(build=lambda: Ends(False), data="sign in the middle", rows=64, steps=400),
            build=lambda: Ends(True)),
    _looped("a state that is read behind the padding", "made here", ("vanishing",),
            Setup(build=lambda: Padded(False), data="padded", rate=4e-3, rows=64, steps=320),
            build=lambda: Padded(True)),
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
    _looped("a loop that calls a copy", "made here", CUT,
            Setup("16-32r-4", data="four classes", habit="copies"), habit=""),
    _looped("a term that is added as a number", "made here", CUT,
            Setup(build=lambda: TwoHeads(4), data="four classes", habit="counts a term"), habit=""),
    _looped("a bad batch that is left out after the call", "made here", ("non-finite",),
            Setup(build=_normed, data="four classes", habit="skips late"), habit=""),
    # ---- what has no slope
    _looped("a body that is not called", "made here", CUT,
            Setup(build=lambda: Forgetful(False), data="circles"),
            build=lambda: Forgetful(True)),
    _looped("a second derivative of ReLUs", "made here", ("dead",),
            Setup("1-32r-32r-1", data="sine", loss="bend", rows=64), net="1-32t-32t-1"),
    _looped("a derivative without a graph", "made here", CUT,
            Setup("1-32t-32t-1", data="sine", loss="slope, a number", rows=64), loss="slope"),
    _looped("distances of a point to itself", "made here", ("no updates",),
            Setup(build=lambda: Distances(0.0), data="four classes", scale=65536.0),
            build=lambda: Distances(1e-6)),
    _looped("outputs that are rounded", "made here", ("update too small",),
            Setup(build=lambda: Stepped(False), data="regression", loss="mse"),
            build=lambda: Stepped(True)),
    _looped("a generator under a sure judge", "made here", ("head",),
            Setup(build=_judged, data="noise", loss="minimax", rate=1e-3), loss="minus log"),
    # ---- masks, and what rows are compared with
    _looped("a mask of ones and zeros that is added", "made here", CUT,
            Setup(build=lambda: Masked("numbers", "each"), data="signs so far", rows=64, steps=400),
            build=lambda: Masked("future", "each")),
    _looped("a padding mask the wrong way round", "made here", CUT,
            Setup(build=lambda: Masked("all but padding", "mean"), data="signs and padding",
                  rows=64), build=lambda: Masked("padding", "mean")),
    _looped("a mask over steps the wrong way round", "made here", CUT,
            Setup(build=lambda: Masked("past", "last"), data="first token", rows=64),
            build=lambda: Masked("future", "last")),
    _looped("candidates that are all labelled 0", "made here", ("head",),
            Setup(build=Matched, data="two views", loss="ce, the first of all", rows=64),
            loss="ce, row by row"),
    _looped("gradients of which the negative half is cut", "made here", CUT,
            Setup("16-32r-32r-4", data="four classes", optimizer="SGD", rate=0.1, habit="clamps"),
            habit=""),
    # ---- scales
    _looped("scores that are multiplied by √d", "made here", ("saturated", "vanishing"),
            Setup(build=lambda: Asking(False), data="words", optimizer="SGD", rate=0.1,
                  options={"momentum": 0.9}, rows=64), build=lambda: Asking(True)),
    _looped("codes among the targets", "made here", ("scale",),
            Setup("8-32r-1", data="codes among the targets", loss="mse", rows=64), near=True),
    _looped("a mass in grams beside a class", "made here", ("scale",),
            Setup(build=lambda: TwoHeads(1), data="four classes", loss="class and mass in grams",
                  rate=1e-3, rows=64, steps=800), loss="class and mass"),
    _looped("logits that are divided by 1000", "made here", ("scale",),
            Setup(build=lambda: _scaled(1e-3), data="four classes", optimizer="SGD", rate=0.1),
            build=lambda: _scaled(1.0)),
    _looped("means where their logarithms are wanted", "made here", ("head",),
            Setup("8-32r-1x", data="rare counts", loss="poisson of logs", rate=3e-3),
            net="8-32r-1"),
    _looped("a divergence of raw outputs", "made here", ("head",),
            Setup("16-32r-4", data="shares of four", loss="divergence of raw outputs"),
            loss="divergence"),
    _looped("a dropout of 0.998", "made here", CUT,
            Setup("16-64r-d.998-64r-d.998-4", data="four classes"), net="16-64r-d.2-64r-d.2-4"),
)  # fmt: skip
