"""One side of a test as data: a network and how it is trained; and its training.

Networks that differ in seed and rate only are trained together, as one stack of matrices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import torch
from torch import nn
from torch.func import functional_call, stack_module_state
from torch.nn import functional

from gradcourse.experiments.common import digits
from gradcourse.training import ShiftMeter, train

SEEDS = range(3)
BATCH = 32

Options = tuple[tuple[str, Any], ...]
Batch = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Arm:
    """One side of a test.

    Attributes
    ----------
    words : str
        What it is, for a reader.
    net : str
        The name of its builder.
    rates : tuple of float
        Four.
    budgets : tuple of int
        Three numbers of updates; the middle one is the lesson's, or near it.
    widths : tuple of int
        Two.
    options : tuple of (str, value)
        What else its builder takes.
    optimizer : {"sgd", "adam"}
    loss : {"cross_entropy", "squared"}
        "squared": of sigmoid outputs against one-hot targets.
    scale : float
        The loss is multiplied by it.
    slowness : float
        The rates are divided by it.
    clip, decay : float
        Largest norm of a gradient, 0 for none; weight decay.
    """

    words: str
    net: str
    rates: tuple[float, ...]
    budgets: tuple[int, ...]
    widths: tuple[int, ...] = (16, 64)
    options: Options = field(default=())
    optimizer: str = "sgd"
    loss: str = "cross_entropy"
    scale: float = 1.0
    slowness: float = 1.0
    clip: float = 0.0
    decay: float = 0.0

    def network(self, width: int, seed: int) -> nn.Module:
        """The network before its training."""
        return BUILDERS[self.net](width, seed, **dict(self.options))


# ---------------------------------------------------------------- networks


def _mlp(width: int, seed: int, depth: int, **options: Any) -> nn.Module:
    from gradcourse.nets import mlp

    return mlp(depth, width, seed=seed, **options)


def _watched(width: int, seed: int, depth: int) -> nn.Module:
    """Sigmoid layers without a norm, trained one by one, so that their shift is measured."""
    return _mlp(width, seed, depth)


def _near_identity(width: int, seed: int, depth: int) -> nn.Module:
    from gradcourse.nets import near_identity_

    return near_identity_(_mlp(width, seed, depth, activation="relu", init="he"), 0.02, seed=seed)


def _shut(width: int, seed: int) -> nn.Module:
    """One hidden layer, and outputs that begin saturated."""
    net = _mlp(width, seed, 1, activation="tanh")
    nn.init.constant_(net.output.bias, -10.0)  # type: ignore[arg-type, union-attr]
    return net


def _residual(width: int, seed: int, blocks: int, **options: Any) -> nn.Module:
    from gradcourse.nets import residual_mlp

    return residual_mlp(blocks, width, seed=seed, **options)


def _normed(width: int, seed: int, depth: int, hidden: float = 1.0, **options: Any) -> nn.Module:
    """Batch norm after each hidden matrix, and these matrices times ``hidden``."""
    from gradcourse.nets import normalized_mlp

    net = normalized_mlp(depth, width, seed=seed, **options)
    with torch.no_grad():
        for number in range(1, depth + 1):
            net.get_submodule(f"layer{number}").weight.mul_(hidden)  # type: ignore[operator]
    return net


def _lstm(width: int, seed: int, forget_bias: float) -> nn.Module:
    """NaN as the forget bias: chrono biases for 30 steps."""
    from gradcourse.nets import chrono_, recurrent

    if math.isnan(forget_bias):
        return chrono_(recurrent("lstm", 2, width, 1, seed=seed), 30, seed)
    return recurrent("lstm", 2, width, 1, forget_bias=forget_bias, seed=seed)


def _identity_rnn(width: int, seed: int) -> nn.Module:
    from gradcourse.nets import recurrent

    return recurrent("rnn", 2, width, 1, init="identity", nonlinearity="relu", seed=seed)


BUILDERS: dict[str, Callable[..., nn.Module]] = {
    "mlp": _mlp,
    "watched": _watched,
    "near identity": _near_identity,
    "shut": _shut,
    "residual": _residual,
    "normed": _normed,
    "lstm": _lstm,
    "identity rnn": _identity_rnn,
}
LAG = {"lstm": 30, "identity rnn": 100}
"""Steps of the adding problem, for those that learn it; all others read digits."""

WATCHED = {"watched", "normed"}
SINGLY = {*WATCHED, *LAG}
"""Trained one by one: their layers do not stack, or something is watched."""


# ---------------------------------------------------------------- a training


@cache
def measured(arm: Arm, width: int) -> dict[int, dict[str, Any]]:
    """Train an arm at one width, at all its rates, from three seeds.

    Returns
    -------
    dict
        From a seed to lists over rates, of lists over budgets: ``right``, share of right test
        digits, or the share of the targets' variance that is explained; ``fitted``, the same of
        the training digits; ``least``, the smallest norm that the gradient of any matrix had;
        ``survived``, the updates until the loss was not finite; ``shift``, of the inputs of the
        activations, relative, in the mean over the run.
    """
    if arm.net in SINGLY:
        rows = {seed: [_singly(arm, width, rate, seed) for rate in arm.rates] for seed in SEEDS}
    else:
        rows = _together(arm, width)
    return {
        seed: {key: [run[key] for run in runs] for key in runs[0]} for seed, runs in rows.items()
    }


def _singly(arm: Arm, width: int, rate: float, seed: int) -> dict[str, Any]:
    """Through the course's own loop."""
    model = arm.network(width, seed)
    meter = ShiftMeter(model, digits().x_train[:256], rate, 20) if arm.net in WATCHED else None
    sums = arm.net in LAG
    history = train(
        model,
        _adding(LAG[arm.net], seed) if sums else digits(),
        steps=arm.budgets[-1],
        lr=rate,
        batch=BATCH,
        seed=seed,
        loss="mse" if sums else "cross_entropy",
        every=math.gcd(*arm.budgets),
        optimizer=meter or partial(_optimizer, arm, rate),
        before_update=partial(_clip, arm.clip) if arm.clip else None,
    )
    at = [int((history.steps <= budget).sum()) - 1 for budget in arm.budgets]
    right = _explained(history.test_loss) if sums else history.test_accuracy
    survived = len(history.loss) - 1 if history.stopped else arm.budgets[-1] + 1
    return {
        "right": [_short(right[k]) for k in at],
        "fitted": [] if sums else [_short(history.train_accuracy[k]) for k in at],
        "least": _short(history.gradient_norm.min()),
        "survived": survived,
        "shift": _short(meter.shift) if meter else 0.0,
    }


@cache
def _adding(steps: int, seed: int) -> Any:
    from gradcourse.data import adding_problem

    return adding_problem(steps, train=2000, test=300, seed=seed)


def _explained(error: Any) -> Any:
    """1 − error/(1/6), from 0 on; NaN counts as 0."""
    import numpy as np

    return np.nan_to_num(np.clip(1 - 6 * error, 0.0, 1.0), nan=0.0)


def _optimizer(arm: Arm, rate: float, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    if arm.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=rate, weight_decay=arm.decay, fused=True)
    return torch.optim.SGD(parameters, lr=rate, weight_decay=arm.decay)


def _clip(limit: float, parameters: list[nn.Parameter]) -> None:
    from gradcourse.instrument import clip_grad_norm_

    clip_grad_norm_(parameters, limit)


# ---------------------------------------------------------------- many at once


class Stack:
    """Networks of one shape side by side, each with a rate of its own.

    Parameters
    ----------
    arm : Arm
    models : sequence of nn.Module
    rates : sequence of float
    """

    def __init__(self, arm: Arm, models: Sequence[nn.Module], rates: Sequence[float]) -> None:
        self.arm = arm
        weights, self.buffers = stack_module_state(list(models))
        self.weights = {name: w.detach().requires_grad_() for name, w in weights.items()}
        self.rates = torch.tensor(rates) / arm.slowness
        self._form = models[0]
        self._m = {name: torch.zeros_like(w) for name, w in self.weights.items()}
        self._v = {name: torch.zeros_like(w) for name, w in self.weights.items()}
        self._updates = 0

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """From (networks, rows, inputs) to (networks, rows, outputs)."""

        def one(weights: Any, buffers: Any, rows: torch.Tensor) -> Any:
            return functional_call(self._form, (weights, buffers), (rows,))

        values: torch.Tensor = torch.vmap(one)(self.weights, self.buffers, x)
        return values

    def loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Loss of each network on rows of its own; shape (networks,)."""
        outputs = self.outputs(x)
        if self.arm.loss == "squared":
            apart = torch.sigmoid(outputs) - functional.one_hot(y, 10)
            return apart.square().sum(-1).mean(1)
        flat = functional.cross_entropy(outputs.flatten(0, 1), y.flatten(), reduction="none")
        return self.arm.scale * flat.view_as(y).mean(1)

    def step(self) -> torch.Tensor:
        """Update; return the smallest norm of any matrix's gradient, for each network."""
        self._updates += 1
        least = torch.full((len(self.rates),), math.inf)
        with torch.no_grad():
            for name, w in self.weights.items():
                g = w.grad
                assert g is not None
                if w.dim() > 2:
                    least = torch.minimum(least, g.flatten(1).norm(dim=1))
                rates = self.rates.view(-1, *[1] * (w.dim() - 1))
                w.sub_(rates * (self._adam(name, g) if self.arm.optimizer == "adam" else g))
                w.grad = None
        return least

    def _adam(self, name: str, g: torch.Tensor) -> torch.Tensor:
        t, m, v = self._updates, self._m[name], self._v[name]
        m.mul_(0.9).add_(g, alpha=0.1)
        v.mul_(0.999).addcmul_(g, g, value=0.001)
        return (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)

    def right(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Share of right answers of each network; NaN is none."""
        with torch.no_grad():
            outputs = self.outputs(x.expand(len(self.rates), *x.shape))
        found = (outputs.argmax(-1) == y) & ~outputs.isnan().any(-1)
        return found.double().mean(1)


def _together(arm: Arm, width: int) -> dict[int, list[dict[str, Any]]]:
    places = [(seed, rate) for seed in SEEDS for rate in arm.rates]
    stack = Stack(arm, [arm.network(width, seed) for seed, _ in places], [r for _, r in places])
    data = digits()
    draws = [torch.Generator().manual_seed(seed) for seed, _ in places]
    least = torch.full((len(places),), math.inf)
    survived = torch.full((len(places),), arm.budgets[-1] + 1)
    right, fitted = [], []
    for update in range(arm.budgets[-1] + 1):
        if update in arm.budgets:
            right.append(stack.right(data.x_test, data.y_test))
            fitted.append(stack.right(data.x_train, data.y_train))
        rows = torch.stack([torch.randint(len(data.x_train), (BATCH,), generator=g) for g in draws])
        losses = stack.loss(data.x_train[rows], data.y_train[rows])
        lost = ~losses.isfinite() & (survived > update)
        survived = torch.where(lost, torch.tensor(update), survived)
        losses.sum().backward()
        least = torch.minimum(least, stack.step())
    runs = [
        {
            "right": [_short(values[k]) for values in right],
            "fitted": [_short(values[k]) for values in fitted],
            "least": _short(least[k]),
            "survived": int(survived[k]),
            "shift": 0.0,
        }
        for k in range(len(places))
    ]
    rates = len(arm.rates)
    return {seed: runs[k * rates : (k + 1) * rates] for k, seed in enumerate(SEEDS)}


def _short(value: Any) -> float:
    return float(f"{float(value):.3g}")
