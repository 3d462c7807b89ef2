"""The faults: each a run, what is wrong with it, and what repairs it.

Most are questions on StackOverflow, by their number; the network of each is made afresh from its
description, smaller where it was large. "kinds" are the findings that name the cause.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from faults.setup import Setup


@dataclass(frozen=True)
class Fault:
    """A run that does not learn and the same run repaired.

    Attributes
    ----------
    name : str
    source : str
        Where it was asked.
    kinds : tuple of str
        Findings that name the cause.
    bug : Setup
    repair : dict
        What is changed in the repaired form.
    """

    name: str
    source: str
    kinds: tuple[str, ...]
    bug: Setup
    repair: dict[str, Any]

    @property
    def fixed(self) -> Setup:
        return replace(self.bug, **self.repair)


class Blocks(nn.Module):
    """Blocks behind a frozen layer, in a checkpoint."""

    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.first = nn.Linear(8, 16).requires_grad_(False)
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(16, 16), nn.Tanh()) for _ in range(3))
        self.head = nn.Linear(16, 2)
        self.reentrant = reentrant

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = 0.05 * self.first(x)
        for block in self.blocks:
            h = checkpoint(block, h, use_reentrant=self.reentrant)
        return self.head(0.05 * h)


class Cut(nn.Module):
    """A body whose output is, or is not, cut off from the graph."""

    def __init__(self, cut: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 1), nn.Tanh())
        self.head = nn.Linear(1, 2)
        self.cut = cut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.body(x)
        return self.head(h.detach() * 0.01 if self.cut else h)


class Rounded(nn.Module):
    """Outputs that are, or are not, rounded to whole numbers."""

    def __init__(self, cut: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))
        self.cut = cut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.body(x)
        return y.detach().round() if self.cut else y


class Listed(nn.Module):
    """Layers in a list, of Python or of torch."""

    def __init__(self, registered: bool) -> None:
        super().__init__()
        parts = [nn.Linear(8, 8) for _ in range(4)]
        self.parts = nn.ModuleList(parts) if registered else parts
        self.head = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for part in self.parts:
            x = part(x).tanh()
        return self.head(x)


class Adapter(nn.Module):
    """A frozen layer with two factors beside it."""

    def __init__(self, base: nn.Linear, zero: bool) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.a = nn.Parameter(torch.zeros(4, base.in_features))
        self.b = nn.Parameter(torch.zeros(base.out_features, 4))
        if not zero:
            nn.init.normal_(self.a, std=0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) + x @ self.a.T @ self.b.T


def _adapted(zero: bool) -> nn.Module:
    return nn.Sequential(
        Adapter(nn.Linear(8, 32), zero), nn.ReLU(), Adapter(nn.Linear(32, 2), zero)
    )


def _normed(groups: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.GroupNorm(groups, 16), nn.ReLU(),
        nn.Linear(16, 2),
    )  # fmt: skip


def _new_head(model: nn.Module) -> nn.Module:
    assert isinstance(model, nn.Sequential)
    model[2], model[4] = nn.Linear(32, 24), nn.Linear(24, 2)
    return model


HEAD, SMALL, LARGE = ("head",), ("update too small",), ("update too large",)

FAULTS: tuple[Fault, ...] = (
    # ---- a head that does not fit
    Fault("softmax on one unit", "66407123 and 22 more", HEAD,
          Setup("8-32r-32r-1sm", "Gl", loss="bce"), {"net": "8-32r-32r-1s"}),
    Fault("the same, with dropout", "31880720", HEAD,
          Setup("8-32r-d.2-16r-d.2-1sm", "Gl", optimizer="RMSprop", rate=1e-3, loss="bce"),
          {"net": "8-32r-d.2-16r-d.2-1s"}),
    Fault("softmax on one unit, squared error", "34311586", HEAD,
          Setup("8-8s-1sm", loss="mse"), {"net": "8-8s-1s"}),
    Fault("softmax twice", "graph_neural_net#37", HEAD,
          Setup("16-64r-64r-10sm", optimizer="SGD", rate=0.05, data="ten classes"),
          {"net": "16-64r-64r-10"}),
    Fault("sigmoid under a cross-entropy", "41823068 and 13 more", HEAD,
          Setup("16-64r-10s", data="ten classes"), {"net": "16-64r-10"}),
    Fault("sigmoid twice", "UNet3plus_pth#23", HEAD,
          Setup("8-32r-1s", loss="bce logits"), {"net": "8-32r-1"}),
    Fault("minus the log of one sigmoid", "41999686", HEAD,
          Setup("16-32r-4s", loss="log", data="four classes"), {"net": "16-32r-4", "loss": "ce"}),
    Fault("softmax over the batch", "pytorchfundamentals#21", HEAD,
          Setup("16-64r-4lsm0", loss="nll", data="four classes"), {"net": "16-64r-4lsm"}),
    Fault("nll_loss of raw outputs", "Pointnet_Pointnet2_pytorch#30", HEAD,
          Setup("16-32r-4", loss="nll", data="four classes"), {"loss": "ce"}),
    Fault("targets of ±100 behind a sigmoid", "52566823", HEAD,
          Setup("8-16r-4r-1s", loss="mse", data="regression ±100"), {"net": "8-16r-4r-1"}),
    Fault("prices behind a sigmoid", "48976413", HEAD,
          Setup("5-12r-8r-1s", loss="mse", data="prices", rate=0.1), {"net": "5-12r-8r-1"}),
    Fault("7 to 12 behind a tanh", "54811239", HEAD,
          Setup("8-32t-1t", loss="mse", data="from 7 to 12"), {"net": "8-32t-1"}),
    Fault("softmax in a regression", "60766775", HEAD,
          Setup("8-32r-4sm", loss=lambda out, y: (out - y[:, None]).square().mean(),
                data="regression ±100"), {"net": "8-32r-4"}),
    Fault("ReLU under targets of both signs", "59758722", ("head", "dead"),
          Setup("8-30r-30r-1r", optimizer="RMSprop", rate=1e-3, loss="mse", data="regression"),
          {"net": "8-30r-30r-1"}),
    Fault("ReLU on the logits", "43239467", ("head", "dead"),
          Setup("16-64r-10r", data="ten classes", rate=1e-3), {"net": "16-64r-10"}),
    Fault("(N, 1) against (N)", "pytorch#16045", HEAD,
          Setup("8-64r-64r-1", loss="mse pairs", data="regression", rate=3e-3), {"loss": "mse"}),
    # ---- who trains
    Fault("optimizer older than the layers", "pytorch#14467", ("cut off",),
          Setup("8-32r-32r-2", late_edit=_new_head, optimizer="SGD", rate=0.1),
          {"edit": [_new_head], "late_edit": None}),
    Fault("layers in a list", "pytorch#715", ("cut off",),
          Setup(build=lambda: Listed(False)), {"build": lambda: Listed(True)}),
    Fault("reentrant checkpoint behind a frozen layer", "transformers#21381", ("cut off",),
          Setup(build=lambda: Blocks(True)), {"build": lambda: Blocks(False)}),
    Fault("detached body", "I2D-Loc#8", ("cut off",),
          Setup(build=lambda: Cut(True)), {"build": lambda: Cut(False)}),
    Fault("rounded outputs", "triplet_loss_kws#6", ("cut off",),
          Setup(build=lambda: Rounded(True), loss="mse", data="regression"),
          {"build": lambda: Rounded(False)}),
    Fault("two factors of 0", "relora#18", SMALL,
          Setup(build=lambda: _adapted(True)), {"build": lambda: _adapted(False)}),
    # ---- updates
    Fault("bfloat16 weights at a small rate", "CausVid#19", ("rounding",),
          Setup("8-64r-64r-2", rate=3e-5, dtype=torch.bfloat16, steps=400),
          {"dtype": torch.float32}),
    Fault("clipped before it is unscaled", "pytorch#40907", SMALL,
          Setup(optimizer="SGD", rate=0.1, options={"momentum": 0.9}, clip=1.0, scale=65536.0,
                unscale=False), {"unscale": True}),
    Fault("clipped by value far too low", "SRNet#18", SMALL,
          Setup("8-64r-64r-1", optimizer="SGD", rate=1e-3, clip_value=1e-5, loss="mse",
                data="regression"), {"clip_value": 100.0}),
    Fault("a rate of 1e-7", "TheDeepChecker", SMALL,
          Setup(optimizer="SGD", rate=1e-7, rows=64), {"rate": 0.1}),
    Fault("a schedule that ends at once", "ivadomed#55", SMALL,
          Setup(optimizer="SGD", rate=0.1, decay=0.9), {"decay": 1.0}),
    Fault("a rate far too large", "48934338", ("update too large", "dead", "non-finite"),
          Setup("1-50r-30r-1", optimizer="SGD", rate=1.0, loss="mse", data="x to 100"),
          {"rate": 1e-2, "standard": True}),
    Fault("sum of squares at a usual rate", "46577203", ("update too large", "non-finite"),
          Setup("8-32r-1", optimizer="SGD", rate=0.1, loss="sse", data="regression"),
          {"rate": 1e-3}),
    Fault("inputs and targets of 10 000", "Informer2020#251",
          ("update too large", "exploding", "non-finite"),
          Setup("8-64r-64r-1", optimizer="SGD", rate=1e-3, loss="mse",
                data="large inputs and targets"), {"standard": True}),
    # ---- the classical illnesses
    Fault("eleven sigmoids", "AutoTrainer, circle", ("vanishing",),
          Setup("2-" + "5s-" * 11 + "1", "He", loss="bce logits", data="circles", rate=1e-2),
          {"net": "2-" + "5r-" * 3 + "1", "start": "He"}),
    Fault("eight ReLUs from U(±0.05)", "AutoTrainer, circle", ("vanishing", "dead"),
          Setup("2-" + "16r-" * 8 + "1", "U05", loss="bce logits", data="circles", rate=1e-2),
          {"start": "He"}),
    Fault("weights of N(0, 1)", "48723158", ("exploding",),
          Setup("16-200r-200r-200r-10", "N1", data="ten classes", rate=1e-3), {"start": "He"}),
    Fault("inputs of 10 000 before tanh", "33969059", ("saturated",),
          Setup("8-16t-16t-1", loss="mse", data="large inputs"), {"standard": True}),
    Fault("normalized over one element", "pytorch#19250", ("vanishing",),
          Setup(build=lambda: _normed(16)), {"build": lambda: _normed(4)}),
)  # fmt: skip
