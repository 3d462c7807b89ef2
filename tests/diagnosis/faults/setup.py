"""A training run as data: a network in one line, an optimizer, a loss, data by name."""

from __future__ import annotations

import contextlib
import copy
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

import gradcourse as gc

Batch = tuple[torch.Tensor, torch.Tensor]


class Exp(nn.Module):
    """exp as an activation."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.exp()


class Times(nn.Module):
    """A factor on the outputs."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.by * x


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
    "N05" N(0, 0.05), "N1" N(0, 1) with biases, "C05" 0.05 everywhere, "0" zeros.
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
            elif start == "U05":
                layer.weight.uniform_(-0.05, 0.05)
            elif start == "N05":
                layer.weight.normal_(std=0.05)
            elif start == "C05":
                layer.weight.fill_(0.05)
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
        A key of `LOSSES` or `LOSSES_OF_INPUTS`.
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
    near : bool
        Whether rows are left out whose targets lie far from all others.
    edit : list of callable
        Changes of the model before it is trained.
    habit : str
        What the loop does wrong: "erases", "never clears", "clears late", "sorted", "in place",
        "thaws", "makes optimizers", "never steps", "loses the rate", "copies", "counts a term",
        "skips late", "clamps"; or nothing.
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
    near: bool = False
    edit: list[Callable[[nn.Module], nn.Module]] = field(default_factory=list)
    late_edit: Callable[[nn.Module], nn.Module] | None = None
    habit: str = ""


def _flat(out: torch.Tensor) -> torch.Tensor:
    return out.squeeze(1) if out.dim() > 1 and out.shape[1] == 1 else out


def _cross_entropy_of_probabilities(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    if bool(out.isnan().any()):
        return out.sum()  # torch would raise
    return functional.binary_cross_entropy(out.clamp(0, 1), y)


def _binary(function: Any) -> Any:
    return lambda out, y: function(_flat(out).float(), y.float())


LOSSES: dict[str, Callable[..., torch.Tensor]] = {
    "ce": lambda out, y: functional.cross_entropy(out.float(), y.long()),
    "nll": lambda out, y: functional.nll_loss(out.float(), y.long()),
    "log": lambda out, y: -out.float().gather(1, y.long()[:, None]).clamp_min(1e-7).log().mean(),
    "bce": _binary(_cross_entropy_of_probabilities),
    "open bce": _binary(
        lambda out, y: (
            -(
                y * out.clamp(1e-7, 1 - 1e-7).log()
                + (1 - y) * (1 - out.clamp(1e-7, 1 - 1e-7)).log()
            ).mean()
        )
    ),
    "bce logits": _binary(functional.binary_cross_entropy_with_logits),
    "bce classes": lambda out, y: functional.binary_cross_entropy_with_logits(
        out.float(), functional.one_hot(y.long(), out.shape[1]).float()
    ),
    "mse": _binary(functional.mse_loss),
    "mse pairs": lambda out, y: (out.float() - y.float()).square().mean(),
    "mse classes": lambda out, y: functional.mse_loss(
        out.float(), functional.one_hot(y.long(), out.shape[1]).float()
    ),
    "mae": _binary(functional.l1_loss),
    "half mse": lambda out, y: 0.5 * (_flat(out).float() - y.float()).square().mean(),
    "mae classes": lambda out, y: functional.l1_loss(
        out.float(), functional.one_hot(y.long(), out.shape[1]).float()
    ),
    # As Keras has it: the outputs are divided by their sum, whatever made them.
    "share": lambda out, y: functional.nll_loss(
        (out.float() / out.float().sum(1, keepdim=True)).clamp(1e-7, 1 - 1e-7).log(), y.long()
    ),
    "raw log": lambda out, y: -out.float().log().gather(1, y.long()[:, None]).mean(),
    "summed log": lambda out, y: -out.float().log().gather(1, y.long()[:, None]).sum(),
    "masked log": lambda out, y: (
        -(functional.one_hot(y.long(), out.shape[1]) * out.float().log()).sum()
    ),
    "poisson": lambda out, y: (
        out.float() - y.float()[:, None] * (out.float() + 1e-7).log()
    ).mean(),
    "poisson of logs": lambda out, y: functional.poisson_nll_loss(_flat(out).float(), y.float()),
    "ce, row by row": lambda out, y: functional.cross_entropy(out.float(), torch.arange(len(out))),
    "ce, the first of all": lambda out, y: functional.cross_entropy(
        out.float(), torch.zeros(len(out), dtype=torch.long)
    ),
    "ascent": lambda out, y: -functional.cross_entropy(out.float(), y.long()),
    "ce across": lambda out, y: functional.cross_entropy(
        out.reshape(-1, out.shape[1]), y.reshape(-1).long()
    ),
    "divergence": lambda out, y: functional.kl_div(
        out.float().log_softmax(1), y.float(), reduction="batchmean"
    ),
    "divergence of raw outputs": lambda out, y: functional.kl_div(
        out.float(), y.float(), reduction="batchmean"
    ),
    "sse": lambda out, y: (_flat(out).float() - y.float()).square().sum(),
    "minimax": lambda out, y: (1 - out + 1e-8).log().mean(),
    "minus log": lambda out, y: -out.log().mean(),
}


def _bend(u: torch.Tensor, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """−u″ = y, where u has mean 0, and its slope too."""
    (slope,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), x, create_graph=True, materialize_grads=True)
    level = u.mean().square() + slope.mean().square()
    return functional.mse_loss(-bend[:, 0], y) + 0.1 * level


def _slope(with_graph: bool) -> Callable[..., torch.Tensor]:
    """u′ = cos x, where u has mean 0."""

    def loss(u: torch.Tensor, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        (slope,) = torch.autograd.grad(u.sum(), x, create_graph=with_graph, retain_graph=True)
        return functional.mse_loss(slope, x.detach().cos()) + 0.1 * u.mean().square()

    return loss


def _class_and_mass(unit: float) -> Callable[..., torch.Tensor]:
    """A class, and the sum of the inputs in a unit of its own."""

    def loss(out: Batch, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        mass = unit * x.detach().sum(1, keepdim=True)
        return functional.cross_entropy(out[0], y) + functional.mse_loss(out[1], mass)

    return loss


LOSSES_OF_INPUTS: dict[str, Callable[..., torch.Tensor]] = {
    "bend": _bend,
    "slope": _slope(True),
    "slope, a number": _slope(False),
    "class and mass": _class_and_mass(1.0),
    "class and mass in grams": _class_and_mass(1000.0),
}
"""Those that are given the inputs as well, which require a gradient."""


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


def _ones_and_zeros(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    y = torch.randint(0, 2, (512,), generator=torch.Generator().manual_seed(seed))
    return y.float()[:, None].expand(-1, 16).clone(), y


def _xor(same: bool) -> Any:
    def make(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        y = (x.sum(1) == 1).float()
        return x, 1 - y if same else y

    return make


def _images(shuffled: bool = False, scale: float = 1.0, rare: bool = False) -> Any:
    """The digits, with pixels from 0 to 1."""

    def make(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        data = gc.digits()
        x, y = data.x_train, data.y_train
        x = (x - x.min()) / (x.max() - x.min())
        generator = torch.Generator().manual_seed(seed)
        if shuffled:
            y = y[torch.randperm(len(y), generator=generator)]
        if rare:
            kept = (y == 0) | (torch.rand(len(y), generator=generator) < 0.03)
            x, y = x[kept], y[kept]
        return scale * x, y

    return make


def _first(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(512, 30, generator=torch.Generator().manual_seed(seed))
    return x, x[:, 0].clamp(-2, 2) / 2


def _bits(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 2, (512, 8), generator=generator).float()
    return x, x[:, torch.randperm(8, generator=generator)]


def _multilabel(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(512, 20, generator=generator)
    return x, (x @ torch.randn(20, 3, generator=generator) > 0).float()


def _curve(function: Callable[[torch.Tensor], torch.Tensor], low: float, high: float) -> Any:
    def make(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        x = low + (high - low) * torch.rand(512, 1, generator=generator)
        return x, function(x[:, 0])

    return make


def _quadratic(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    x = 4 * torch.rand(512, generator=torch.Generator().manual_seed(seed)) - 2
    powers = torch.stack([x**2, x, torch.ones_like(x)], 1)
    return powers, powers @ torch.tensor([1.0, -2.0, 0.5])


def _two_blobs(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 2, (512,), generator=generator)
    return torch.randn(512, 2, generator=generator) + 3 * y[:, None] - 1.5, y


def _wide_blobs(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Three of a standard deviation of 2, centres in ±10."""
    generator = torch.Generator().manual_seed(seed)
    centres = 20 * torch.rand(3, 2, generator=generator) - 10
    y = torch.randint(0, 3, (512,), generator=generator)
    return centres[y] + 2 * torch.randn(512, 2, generator=generator), y


def _ten_blobs(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(10, 16, generator=generator)
    y = torch.randint(0, 10, (1024,), generator=generator)
    return centres[y] + 0.5 * torch.randn(1024, 16, generator=generator), y


def _first_token(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Of eight tokens the first is marked, and has the class."""
    x = torch.randn(512, 8, 3, generator=torch.Generator().manual_seed(seed))
    x[:, :, 2] = 0.0
    x[:, 0, 2] = 1.0
    return x, (x[:, 0, 0] > 0).long()


def _words(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Sixteen words as vectors, of which one tells the class."""
    generator = torch.Generator().manual_seed(seed)
    table = torch.randn(100, 16, generator=generator)
    words = torch.randint(4, 100, (512, 16), generator=generator)
    y = torch.randint(0, 4, (512,), generator=generator)
    words[torch.arange(512), torch.randint(0, 16, (512,), generator=generator)] = y
    return table[words], y


def _padded(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two to four steps, and zeros up to sixty; the class is the sign of the first."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(512, 60, 2, generator=generator)
    length = torch.randint(2, 5, (512, 1), generator=generator)
    x = x * (torch.arange(60) < length)[:, :, None]
    return x, (x[:, 0, 0] > 0).long()


def _signs_and_padding(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Three to eight steps, and zeros up to twelve; the class is the sign of their sum."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(512, 12, 2, generator=generator)
    length = torch.randint(3, 9, (512, 1), generator=generator)
    x = x * (torch.arange(12) < length)[:, :, None]
    return x, (x.sum((1, 2)) > 0).long()


def _signs_so_far(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each of twelve steps the sign of the sum up to it."""
    x = torch.randn(512, 12, 2, generator=torch.Generator().manual_seed(seed))
    return x, (x.sum(2).cumsum(1) > 0).long()


def _two_views(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two views of a thing, side by side; the class of a row is its number."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(512, 16, generator=generator)
    noise = 0.1 * torch.randn(512, 16, generator=generator)
    turned = x @ torch.randn(16, 16, generator=generator) / 4 + noise
    return torch.cat([x, turned], 1), torch.arange(512)


def _in_the_middle(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(512, 12, 2, generator=torch.Generator().manual_seed(seed))
    return x, (x[:, 6].sum(1) > 0).long()


def _with_codes(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A regression, of which one target in fifty says that it is missing."""
    x, y = _linear(8, 1.0, 0.0)(seed)
    y[::50] = 9999.0
    return x, y


def _noise(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What a generator is given; all of it is to be taken for real."""
    x = torch.randn(512, 4, generator=torch.Generator().manual_seed(seed))
    return x, torch.ones(512, dtype=torch.long)


def _in_time(first: bool) -> Any:
    """Steps of two features: the class is the sign of their sum, or of the first of many."""

    def make(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(512, 24 if first else 12, 2, generator=torch.Generator().manual_seed(seed))
        return x, ((x[:, 0, 0] if first else x.sum((1, 2))) > 0).long()

    return make


def _pictures(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth pictures, and one of three classes for each place."""
    x = torch.randn(256, 1, 12, 12, generator=torch.Generator().manual_seed(seed))
    x = 2 * functional.avg_pool2d(x, 3, 1, 1)
    return x, (x[:, 0] > -0.4).long() + (x[:, 0] > 0.4).long()


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
    "ones and zeros": _ones_and_zeros,
    "exclusive or": _xor(False),
    "equal bits": _xor(True),
    "images": _images(),
    "images to 255": _images(scale=255.0),
    "shuffled images": _images(shuffled=True),
    "images, most of one class": _images(rare=True),
    "pixels": lambda seed: (_images()(seed)[0],) * 2,
    "standard pixels": lambda seed: (gc.digits().x_train,) * 2,
    "first of 30": _first,
    "bits": _bits,
    "three labels": _multilabel,
    "five features": lambda seed: _classes(5, 2, seed),
    "regression of four": _linear(4, 1.0, 0.0),
    "counts": lambda seed: (
        _linear(8, 1.0, 0.0)(seed)[0],
        torch.poisson(3 * _linear(8, 1.0, 0.0)(seed)[1].exp().clamp(max=8)),
    ),
    "rare counts": lambda seed: (
        _linear(8, 1.0, 0.0)(seed)[0],
        torch.poisson(0.3 * (3 * _linear(8, 1.0, 0.0)(seed)[1]).tanh().exp()),
    ),
    "powers": _quadratic,
    "images over 255": _images(scale=1 / 255),
    "five classes": lambda seed: _classes(10, 5, seed),
    "122 classes": lambda seed: _classes(33, 122, seed),
    "two of seven": lambda seed: _classes(7, 2, seed),
    "shares of four": lambda seed: (
        _classes(16, 4, seed)[0],
        (2 * _classes(16, 4, seed)[0][:, :4]).softmax(1),  # as a divergence has them
    ),
    "two blobs": _two_blobs,
    "wide blobs": _wide_blobs,
    "ten blobs": _ten_blobs,
    "first token": _first_token,
    "signs in time": _in_time(False),
    "first in time": _in_time(True),
    "pictures": _pictures,
    "words": _words,
    "padded": _padded,
    "sign in the middle": _in_the_middle,
    "signs and padding": _signs_and_padding,
    "signs so far": _signs_so_far,
    "two views": _two_views,
    "codes among the targets": _with_codes,
    "noise": _noise,
    "sine": _curve(torch.sin, -math.pi, math.pi),
    "quintic": _curve(lambda x: x**5 - 4 * x**3 + 3 * x, -2.0, 2.0),
    "parabola": _curve(lambda x: 5 * x**2, -5.0, 5.0),
    "fourth power": _curve(lambda x: x**4, 0.0, 100.0),
    "line to 99": _curve(lambda x: 0.5 * x + 1, 0.0, 99.0),
    "raw table": lambda seed: (
        _linear(8, 1.0, 0.0)(seed)[0] * torch.logspace(0, 4, 8),
        _linear(8, 1.0, 0.0)(seed)[1],
    ),
}


def make_model(setup: Setup) -> nn.Module:
    """The model of a run, with all changes."""
    model = setup.build() if setup.build is not None else network(setup.net, setup.start)
    for change in setup.edit:
        model = change(model)
    return model.to(setup.dtype)


class Run(NamedTuple):
    """What a run gave: the probe's record or None, the losses, and how good the model is now.

    The score is the share of right classes, or of the variance of a real target that is explained:
    it compares runs whose losses have different functions or units. NaN where outputs are.
    """

    record: Any
    losses: list[float]
    score: float


def run(setup: Setup, seed: int, probe: Any = None) -> Run:
    """Train it, with a probe around it if one is given."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, optimizer, step = started(setup, seed)
        losses: list[float] = []
        with probe(model, optimizer) if probe is not None else contextlib.nullcontext() as record:
            for k in range(setup.steps):
                loss = step(k)
                losses.append(float(loss))
                if record is not None:
                    record.log(loss)
        return Run(record, losses, _score(setup, model, seed))


def _score(setup: Setup, model: nn.Module, seed: int) -> float:
    x, y = _data(setup, seed)
    with torch.no_grad():
        out = model.eval()(x.to(setup.dtype)).double()
    if setup.loss == "poisson of logs":
        out = out.exp()
    if not bool(out.isfinite().all()):
        return math.nan
    if y.is_floating_point():
        out = out.reshape(len(y), -1)
        gap = out - y.double().reshape(len(y), -1)
        return 1 - float(gap.square().mean() / y.double().var(correction=0))
    if out.shape[1] > 1:
        return float((out.argmax(1) == y).double().mean())
    if y.max() > 1:
        return float((out[:, 0].round() == y).double().mean())
    middle = 0.0 if setup.loss == "bce logits" else 0.5
    return float(((out[:, 0] > middle) == (y > 0)).double().mean())


def _data(setup: Setup, seed: int) -> Batch:
    x, y = DATA[setup.data](seed)
    if setup.near:
        low, middle, high = y.quantile(torch.tensor([0.25, 0.5, 0.75]))
        kept = (y - middle).abs() < 100 * (high - low)
        x, y = x[kept], y[kept]
    if setup.standard:
        x = (x - x.mean(0)) / x.std(0).clamp_min(1e-6)
        y = (y - y.mean()) / y.std() if y.is_floating_point() else y
    return x, y


def _loss(setup: Setup, model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Of a batch; the sum over the heads of a model that gives several outputs."""
    x = x.to(setup.dtype)
    if setup.loss in LOSSES_OF_INPUTS:
        return LOSSES_OF_INPUTS[setup.loss](model(x.requires_grad_()), y, x)
    function = LOSSES[setup.loss] if isinstance(setup.loss, str) else setup.loss
    out = model(x)
    if not isinstance(out, tuple):
        return function(out, y)
    first, *others = (function(one, y) for one in out)
    return sum(others, first.item() if setup.habit == "counts a term" else first)


def started(
    setup: Setup, seed: int
) -> tuple[nn.Module, torch.optim.Optimizer, Callable[[int], torch.Tensor]]:
    """The model, its optimizer, and one step of the loop, which gives the loss."""
    model = make_model(setup)
    if setup.habit == "thaws":
        body, *_ = model.children()
        body.requires_grad_(False)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = getattr(torch.optim, setup.optimizer)(parameters, lr=setup.rate, **setup.options)
    if setup.late_edit is not None:
        model = setup.late_edit(model)
    x, y = _data(setup, seed)
    called = copy.deepcopy(model) if setup.habit == "copies" else model
    scaler = torch.amp.GradScaler("cpu", init_scale=setup.scale or 1.0, enabled=setup.scale > 0)

    def step(k: int) -> torch.Tensor:
        rate = setup.rate * setup.decay**k * min(1.0, (k + 1) / max(setup.warm, 1))
        if setup.habit == "loses the rate" and k >= setup.steps // 2:
            rate = math.nan  # as of a negative number to a fractional power, past the last step
        for group in optimizer.param_groups:
            group["lr"] = rate
        rows = torch.randint(0, len(x), (setup.rows,))
        if setup.habit == "sorted":
            (of_one,) = (y == k // 2 % (int(y.max()) + 1)).nonzero(as_tuple=True)
            rows = of_one[torch.randint(0, len(of_one), (setup.rows,))]
        if setup.habit == "in place" and k % 10 == 0:
            x.div_(2)
        if setup.habit == "thaws" and k == 20:
            model.requires_grad_()
        others: list[torch.Tensor] = []
        if setup.habit == "erases":
            for kind in range(int(y.max())):
                part = rows[y[rows] == kind]
                optimizer.zero_grad()
                others.append(_loss(setup, model, x[part], y[part]))
                others[-1].backward()
            rows = rows[y[rows] == int(y.max())]
        if setup.habit != "never clears":
            optimizer.zero_grad()
        if setup.habit == "skips late" and k == 20:
            _loss(setup, model, math.nan * x[rows], y[rows])  # it is NaN, and so is left out
        loss = _loss(setup, called, x[rows], y[rows])
        if not loss.requires_grad:
            loss.requires_grad_()
        scaler.scale(loss).backward()
        if setup.habit == "clears late":
            optimizer.zero_grad()
        if setup.habit == "clamps":
            for p in parameters:
                p.grad.clamp_(min=0.0)
        if setup.habit == "never steps":
            return loss.detach()
        if setup.habit == "makes optimizers":
            new = type(optimizer)(parameters, lr=rate, **setup.options)
            new.step()
            return loss.detach()
        if setup.clip or setup.clip_value:
            if setup.unscale:
                scaler.unscale_(optimizer)
            if setup.clip:
                nn.utils.clip_grad_norm_(model.parameters(), setup.clip)
            else:
                nn.utils.clip_grad_value_(model.parameters(), setup.clip_value)
        scaler.step(optimizer)
        scaler.update()
        return torch.stack([loss, *others]).detach().mean()

    return model, optimizer, step
