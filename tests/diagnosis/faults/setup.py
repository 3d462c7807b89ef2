"""A training run as data: a network in one line, an optimizer, a loss, data by name."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn import functional

Batch = tuple[torch.Tensor, torch.Tensor]


class Exp(nn.Module):
    """exp as an activation."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.exp()


ENDS: dict[str, Callable[[], nn.Module]] = {
    "r": nn.ReLU,
    "s": nn.Sigmoid,
    "t": nn.Tanh,
    "e": nn.ELU,
    "x": Exp,
    "sm": lambda: nn.Softmax(dim=1),
    "lsm": lambda: nn.LogSoftmax(dim=1),
    "sm0": lambda: nn.Softmax(dim=0),
    "lsm0": lambda: nn.LogSoftmax(dim=0),
}


def network(notation: str, start: str = "") -> nn.Sequential:
    """From ``"8-32r-d.5-1s"``: widths, each with its activation, and dropout.

    ``start``: "" as the library draws, "Gl" Glorot uniform, "He" He uniform, "U05" U(±0.05),
    "N05" N(0, 0.05), "N1" N(0, 1) with biases, "0" zeros.
    """
    first, *rest = notation.split("-")
    width, layers = int(first), []
    for part in rest:
        if part.startswith("d"):
            layers.append(nn.Dropout(float(part[1:])))
            continue
        units, end = re.fullmatch(r"(\d+)([a-z]*0?)", part).groups()  # type: ignore[union-attr]
        layers.append(nn.Linear(width, int(units)))
        width = int(units)
        if end:
            layers.append(ENDS[end]())
    model = nn.Sequential(*layers)
    draw(model, start)
    return model


def draw(model: nn.Module, start: str) -> None:
    """Draw all weights anew."""
    for layer in model.modules():
        if not isinstance(layer, nn.Linear) or not start:
            continue
        with torch.no_grad():
            layer.bias.zero_()
            if start == "Gl":
                nn.init.xavier_uniform_(layer.weight)
            elif start == "He":
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
            elif start[0] == "U":
                layer.weight.uniform_(-0.05, 0.05)
            elif start == "N05":
                layer.weight.normal_(std=0.05)
            elif start == "N1":
                layer.weight.normal_()
                layer.bias.normal_()
            else:
                layer.weight.zero_()


@dataclass
class Setup:
    """A run.

    Attributes
    ----------
    net : str
        As for `network`.
    start : str
    build : callable, optional
        Makes the model in place of ``net``.
    optimizer, rate, options
        Name of a torch optimizer, its rate and further options.
    loss : str or callable
        A key of `LOSSES`.
    data : str
        A key of `DATA`.
    rows, steps : int
        Rows of a batch; steps of the run.
    clip, clip_value : float
        0 for none.
    scale : float
        Factor of a gradient scaler; 0 for none.
    unscale : bool
        Whether it is divided out before clipping.
    decay : float
        Factor on the rate after each step.
    warm : int
        Steps over which the rate rises.
    dtype : torch.dtype
    standard : bool
        Whether inputs and real targets are brought to mean 0 and standard deviation 1.
    edit : list of callable
        Changes of the model before it is trained.
    """

    net: str = "8-32r-32r-2"
    start: str = ""
    build: Callable[[], nn.Module] | None = None
    optimizer: str = "Adam"
    rate: float = 1e-2
    options: dict[str, Any] = field(default_factory=dict)
    loss: Any = "ce"
    data: str = "two classes"
    rows: int = 32
    steps: int = 300
    clip: float = 0.0
    clip_value: float = 0.0
    scale: float = 0.0
    unscale: bool = True
    decay: float = 1.0
    warm: int = 0
    dtype: torch.dtype = torch.float32
    standard: bool = False
    edit: list[Callable[[nn.Module], nn.Module]] = field(default_factory=list)
    late_edit: Callable[[nn.Module], nn.Module] | None = None


def _flat(out: torch.Tensor) -> torch.Tensor:
    return out.squeeze(1) if out.dim() > 1 and out.shape[1] == 1 else out


def _binary(function: Any) -> Any:
    return lambda out, y: function(_flat(out).float(), y.float())


LOSSES: dict[str, Callable[..., torch.Tensor]] = {
    "ce": lambda out, y: functional.cross_entropy(out.float(), y.long()),
    "nll": lambda out, y: functional.nll_loss(out.float(), y.long()),
    "log": lambda out, y: -out.float().gather(1, y.long()[:, None]).clamp_min(1e-7).log().mean(),
    "bce": _binary(lambda out, y: functional.binary_cross_entropy(out.clamp(0, 1), y)),
    "bce logits": _binary(functional.binary_cross_entropy_with_logits),
    "bce classes": lambda out, y: functional.binary_cross_entropy_with_logits(
        out.float(), functional.one_hot(y.long(), out.shape[1]).float()
    ),
    "mse": _binary(functional.mse_loss),
    "mse pairs": lambda out, y: (out.float() - y.float()).square().mean(),
    "mse classes": lambda out, y: functional.mse_loss(
        out.float(), functional.one_hot(y.long(), out.shape[1]).float()
    ),
    "sse": lambda out, y: (_flat(out).float() - y.float()).square().sum(),
}


def _classes(n: int, count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(512, n, generator=generator)
    return x, (x @ torch.randn(n, count, generator=generator)).argmax(1)


def _linear(n: int, scale: float, shift: float, inputs: float = 1.0) -> Any:
    def make(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(512, n, generator=generator)
        y = x @ torch.randn(n, generator=generator) / math.sqrt(n) + 0.3 * x[:, 0] ** 2
        return inputs * x, scale * y + shift

    return make


def _circles(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    angle = 2 * math.pi * torch.rand(512, generator=generator)
    y = (torch.rand(512, generator=generator) > 0.5).long()
    radius = 1 - 0.2 * y
    x = torch.stack([radius * angle.cos(), radius * angle.sin()], 1)
    return x + 0.03 * torch.randn(512, 2, generator=generator), y


def _blobs(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    centres = 5 * torch.randn(3, 2, generator=generator)
    y = torch.randint(0, 3, (512,), generator=generator)
    return centres[y] + torch.randn(512, 2, generator=generator), y


def _power(high: float, power: int) -> Any:
    def make(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        x = high * torch.rand(512, 1, generator=generator)
        return x, x[:, 0] ** power

    return make


DATA: dict[str, Callable[[int], tuple[torch.Tensor, torch.Tensor]]] = {
    "two classes": lambda seed: _classes(8, 2, seed),
    "ten classes": lambda seed: _classes(16, 10, seed),
    "four classes": lambda seed: _classes(16, 4, seed),
    "circles": _circles,
    "blobs": _blobs,
    "regression": _linear(8, 1.0, 0.0),
    "regression ±100": _linear(8, 100.0, 0.0),
    "prices": _linear(5, 20_000.0, 60_000.0),
    "from 7 to 12": _linear(8, 0.8, 9.5),
    "large inputs": _linear(8, 1.0, 0.0, 1e4),
    "large inputs and targets": _linear(8, 2000.0, 10_000.0, 2000.0),
    "cubes": _power(1.0, 3),
    "x to 100": _power(100.0, 1),
}


def make_model(setup: Setup) -> nn.Module:
    """The model of a run, with all changes."""
    model = setup.build() if setup.build is not None else network(setup.net, setup.start)
    for change in setup.edit:
        model = change(model)
    return model.to(setup.dtype)


def run(setup: Setup, seed: int, probe: Any = None) -> tuple[Any, list[float]]:
    """Train it; the record of the probe, and the losses (of the whole run)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = make_model(setup)
        parameters = [p for p in model.parameters() if p.requires_grad]
        optimizer = getattr(torch.optim, setup.optimizer)(
            parameters, lr=setup.rate, **setup.options
        )
        if setup.late_edit is not None:
            model = setup.late_edit(model)
        if probe is None:
            return None, _train(setup, model, optimizer, seed, lambda loss: None)
        with probe(model, optimizer) as record:
            losses = _train(setup, model, optimizer, seed, record.log)
        return record, losses


def _train(
    setup: Setup, model: nn.Module, optimizer: Any, seed: int, log: Callable[[Any], None]
) -> list[float]:
    x, y = DATA[setup.data](seed)
    if setup.standard:
        x = (x - x.mean(0)) / x.std(0)
        y = (y - y.mean()) / y.std() if y.is_floating_point() else y
    loss_function = LOSSES[setup.loss] if isinstance(setup.loss, str) else setup.loss
    scaler = torch.amp.GradScaler("cpu", init_scale=setup.scale or 1.0, enabled=setup.scale > 0)
    losses = []
    for k in range(setup.steps):
        rate = setup.rate * setup.decay**k * min(1.0, (k + 1) / max(setup.warm, 1))
        for group in optimizer.param_groups:
            group["lr"] = rate
        rows = torch.randint(0, len(x), (setup.rows,))
        optimizer.zero_grad()
        loss = loss_function(model(x[rows].to(setup.dtype)), y[rows])
        if not loss.requires_grad:
            loss.requires_grad_()
        scaler.scale(loss).backward()
        if setup.clip or setup.clip_value:
            if setup.unscale:
                scaler.unscale_(optimizer)
            if setup.clip:
                nn.utils.clip_grad_norm_(model.parameters(), setup.clip)
            else:
                nn.utils.clip_grad_value_(model.parameters(), setup.clip_value)
        scaler.step(optimizer)
        scaler.update()
        log(loss.detach())
        losses.append(float(loss.detach()))
    return losses
