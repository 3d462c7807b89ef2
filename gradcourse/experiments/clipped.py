"""Lesson 09: the trainings behind its tables, its figures, and the clipped arrow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse.experiments.clipping import (
    ACCIDENT_AT,
    ACCIDENT_SIZE,
    angle,
    decayed,
    gradients_by_batch,
    mean_turned,
    share_that_arrives,
)
from gradcourse.experiments.common import SEEDS, Array, digits
from gradcourse.experiments.measurements import stored
from gradcourse.figures import Axis, Band, Line, Plot
from gradcourse.figures.drawing import Arrow, Box, Curve, Drawing

if TYPE_CHECKING:
    import torch

    from gradcourse.nets import Recurrent
    from gradcourse.training import History

HEALTHY = Band(0.1, 10.0, "healthy: 0.1 to 10")
Clip = Callable[[Sequence[Any]], Any] | None

# ---------------------------------------------------------------- the run that ended in NaN


def relu_network(seed: int, width: int = 32, gain: float = 1.0) -> Recurrent:
    """Lesson 03's network: ReLU, W = I times a gain."""
    from gradcourse.nets import recurrent

    return recurrent("rnn", 2, width, 1, init="identity", nonlinearity="relu", gain=gain, seed=seed)


def run(seed: int, clip: Clip = None, test: int = 500, **recipe: Any) -> tuple[History, Array]:
    """60 updates of gradient descent at 0.1 on the adding problem, 100 steps.

    Parameters
    ----------
    seed : int
    clip : callable, optional
        From the parameters to the norm that it found, between backward and step.
    test : int
        Sequences for the test error.
    recipe
        ``width`` and ``gain`` of the network.

    Returns
    -------
    history : History
    norms : array, shape (updates,)
        What ``clip`` returned.
    """
    from gradcourse.data import adding_problem
    from gradcourse.training import train

    norms: list[float] = []

    def hook(parameters: Sequence[Any]) -> None:
        if clip is not None:
            norms.append(float(clip(parameters)))

    history = train(
        relu_network(seed, **recipe),
        adding_problem(100, train=2000, test=test, seed=seed),
        steps=60,
        lr=0.1,
        loss="mse",
        seed=seed,
        every=60,
        before_update=hook,
    )
    return history, np.array(norms)


def norm_plot(norms: Array, title: str = "‖g‖ before clipping, in a run that survived") -> Plot:
    """The norms of one clipped run, before clipping."""
    update = np.arange(len(norms))
    return Plot(
        title,
        Axis("update"),
        Axis("‖g‖", "log"),
        (
            Line(update, norms, "‖g‖", color="rnn"),
            Line([0, len(norms) - 1], [1, 1], "threshold c = 1", "reference"),
        ),
    )


# ---------------------------------------------------------------- three ways to clip

RATIOS = np.logspace(0, -6, 25)
"""Thresholds, relative to the largest piece of the gradient."""

WAYS = ("global norm", "tensor", "value")


def by_tensor(parameters: Iterable[Any], c: float) -> None:
    """Clip each tensor of a network by its own norm."""
    import torch

    for p in parameters:
        torch.nn.utils.clip_grad_norm_([p], c)


def _pieces(gradient: Sequence[torch.Tensor]) -> dict[str, Array]:
    """Sizes of the pieces that each way scales: one, the tensors, the entries."""
    flat = np.concatenate([part.numpy().ravel() for part in gradient])
    tensors = np.array([float(part.norm()) for part in gradient])
    return {"global norm": np.array([np.linalg.norm(flat)]), "tensor": tensors, "value": abs(flat)}


@cache
def turned(seed: int) -> dict[str, tuple[Array, Array]]:
    """Degrees between raw and clipped gradient of the run's first update, by way of clipping.

    Returns
    -------
    dict
        From the way to what torch's functions did, and to what the sizes of the pieces say; both
        of shape (25,), for `RATIOS`.
    """
    import torch

    from gradcourse.data import adding_problem

    data = adding_problem(100, train=64, test=1, seed=seed)
    net = relu_network(seed).double()
    parameters = list(net.parameters())
    loss = torch.nn.functional.mse_loss(net(data.x_train.double()), data.y_train)
    gradient = torch.autograd.grad(loss, parameters)
    raw = np.concatenate([part.numpy().ravel() for part in gradient])
    torchs = (torch.nn.utils.clip_grad_norm_, by_tensor, torch.nn.utils.clip_grad_value_)
    found = {}
    for clip, (name, sizes) in zip(torchs, _pieces(gradient).items(), strict=True):
        measured, expected = [], []
        for c in RATIOS * sizes.max():
            for p, part in zip(parameters, gradient, strict=True):
                p.grad = part.clone()
            clip(parameters, float(c))  # type: ignore[operator]
            left = np.concatenate([p.grad.numpy().ravel() for p in parameters])  # type: ignore[union-attr]
            measured.append(angle(raw, left))
            expected.append(angle(sizes, np.minimum(sizes, c)))
        found[name] = np.round(measured, 3), np.round(expected, 3)
    return found


def angle_plot(seed: int = 4) -> Plot:
    """Degrees against the threshold, three ways, theory dashed."""
    lines = []
    for name, color in zip(WAYS, ("blue", "green", "vermillion"), strict=True):
        measured, expected = turned(seed)[name]
        lines.append(Line(RATIOS, measured, f"by {name}", color=color))
        lines.append(Line(RATIOS, expected, "dashed: theory", "theory", color))
    return Plot(
        "How far clipping turns the gradient of one batch",
        Axis("c, relative to the largest piece", "log"),
        Axis("angle, degrees", limits=(-3, 93)),
        tuple(lines),
    )


def arrow_drawing() -> Drawing:
    """One gradient, clipped by norm and by value."""
    raw, length, c = np.array([3.6, -1.05]), 3.75, 1.9
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    curves: list[Curve] = []
    for left, color, title in ((0.35, "blue", "by norm"), (4.6, "vermillion", "by value")):
        corner = np.array([left, 2.75])
        boxes.append(Box(left + 1.9, 0.3, 2.2, 0.4, title, color, True))
        clipped = raw * c / length if title == "by norm" else np.array([c, raw[1]])
        arrows.append(_arrow(corner, raw, "black"))
        arrows.append(_arrow(corner, clipped, color, 4.0))
        way = np.linspace(0.0, np.pi / 2, 60)
        if title == "by norm":
            edge = c * np.stack([np.cos(way), -np.sin(way)])
        else:
            edge = c * np.array([[0.0, 1.0, 1.0], [-1.0, -1.0, 0.0]])
        curves.append(Curve(corner[0] + edge[0], corner[1] + edge[1], "grey"))
    boxes.append(Box(2.25, 3.15, 3.7, 0.42, "all entries by one factor:\nsame direction", "grey"))
    boxes.append(Box(6.5, 3.15, 3.7, 0.42, "each entry at its own limit:\nthe arrow turns", "grey"))
    words = (
        "The same gradient, a long black arrow to the right and slightly up, clipped in two ways. "
        "By norm: a quarter of a circle of radius c; the blue arrow has the direction of the "
        "black one and ends on the circle. By value: a square of side c; the first entry is cut "
        "at c and the second, which is smaller, stays, so that the vermillion arrow points more "
        "steeply upwards than the black one."
    )
    return Drawing(8.6, 3.5, tuple(boxes), tuple(arrows), words, tuple(curves))


def _arrow(corner: Array, tip: Array, color: str, width: float = 1.4) -> Arrow:
    end = corner + tip
    return Arrow(
        (float(corner[0]), float(corner[1])),
        (float(end[0]), float(end[1])),
        color=color,
        width=width,
    )


# ---------------------------------------------------------------- lesson 03's cliff

LIMITS = np.logspace(-1.5, 2.5, 13)
BACK_OVER = 0.45
"""Distance in (w, b) from the foot of the wall back over it."""


def cliff_plot() -> Plot:
    """Share of 300 runs that arrive, against the threshold, at a rate of 0.02."""
    shares = [share_that_arrives(float(c)) for c in LIMITS]
    wall = BACK_OVER / 0.02
    return Plot(
        "Lesson 03's cliff, 300 clipped updates, η = 0.02",
        Axis("threshold c", "log"),
        Axis("share of 300 runs that arrive", limits=(-0.02, 1.04)),
        (
            Line(LIMITS, shares, "clipped", color="green"),
            Line([wall, wall], [0, 1], "ηc = 0.45, back over the wall", "reference"),
            Line(
                [LIMITS[0], LIMITS[-1]],
                [share_that_arrives(math.inf)] * 2,
                "without clipping",
                "reference",
            ),
        ),
    )


# ---------------------------------------------------------------- thresholds on the digits


def train_digits(seed: int, lr: float, clip: Clip, factor: float = 1.0, **more: Any) -> History:
    """Eight ReLU layers on the digits, 150 updates, the loss times a factor."""
    import torch

    from gradcourse.nets import mlp
    from gradcourse.training import train

    net = mlp(8, activation="relu", init="he", seed=seed)

    def loss(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return factor * torch.nn.functional.cross_entropy(z, y)

    how = {"steps": 150, "every": 150, "seed": seed, "loss": loss, **more}
    return train(net, digits(), lr=lr, before_update=clip, **how)


@cache
def ninetieth(seed: int) -> float:
    """The 90th percentile of ‖g‖ in the unclipped run at a rate of 0.1."""
    from gradcourse.instrument import clip_grad_norm_

    norms: list[float] = []
    train_digits(seed, 0.1, lambda p: norms.append(float(clip_grad_norm_(p, math.inf))))
    return float(np.percentile(norms, 90))


def agc(parameters: Iterable[Any], limit: float = 0.01) -> None:
    """Adaptive clipping (Brock et al. 2021): ‖g_i‖ ≤ limit · max(‖W_i‖, 10⁻³), row by row."""
    for p in parameters:  # a bias counts as one row
        w = p.detach().reshape(len(p), -1) if p.dim() > 1 else p.detach()[None]
        g = p.grad.reshape(w.shape)  # a view: what we do to it is done to p.grad
        allowed = limit * w.norm(dim=1, keepdim=True).clamp_min(1e-3)
        g.mul_((allowed / g.norm(dim=1, keepdim=True).clamp_min(1e-30)).clamp(max=1.0))


def by_norm(c: float) -> Callable[[Sequence[Any]], Any]:
    """Clip at a fixed threshold."""
    from gradcourse.instrument import clip_grad_norm_

    return lambda parameters: clip_grad_norm_(parameters, c)


def by_running_norm(multiple: float = 2.0, memory: float = 0.9) -> Callable[[Sequence[Any]], Any]:
    """Clip at a multiple of the running mean of the clipped norms: a threshold that follows."""
    from gradcourse.instrument import clip_grad_norm_

    mean = math.inf

    def clip(parameters: Sequence[Any]) -> float:
        nonlocal mean
        norm = float(clip_grad_norm_(parameters, multiple * mean))
        kept = min(norm, multiple * mean)
        mean = kept if math.isinf(mean) else memory * mean + (1 - memory) * kept
        return norm

    return clip


def right_at_rate_one(clip_of: Callable[[int], Clip], factor: float = 1.0) -> Array:
    """Test accuracy at a rate of 1 with a way of clipping for each seed; (seeds,)."""
    return np.array([train_digits(s, 1.0, clip_of(s), factor).test_accuracy[-1] for s in SEEDS])


# ---------------------------------------------------------------- an accident, and Adam's memory


@cache
def accident(clipped: str, seed: int, forget: bool = False) -> Array:
    """Test accuracy every 10 of 100 updates with Adam; at update 20 the gradient is × 10,000.

    Parameters
    ----------
    clipped : {"never", "at 20 only", "at all but 20", "at twice its running mean"}
    seed : int
    forget : bool
        Empty Adam's memory after the accident.
    """
    import torch

    from gradcourse.instrument import clip_grad_norm_

    memory: Any = None
    count, running = 0, by_running_norm()

    def adam(parameters: Any) -> torch.optim.Adam:
        nonlocal memory
        optimizer = torch.optim.Adam(parameters, lr=0.001)
        memory = optimizer.state
        return optimizer

    def hook(parameters: Sequence[Any]) -> None:
        nonlocal count
        count += 1
        now = count == ACCIDENT_AT
        for p in parameters:
            p.grad *= ACCIDENT_SIZE if now else 1.0
        if clipped == ("at 20 only" if now else "at all but 20"):
            clip_grad_norm_(parameters, 1.0)
        if clipped == "at twice its running mean":
            running(parameters)
        if forget and count == ACCIDENT_AT + 1:
            memory.clear()

    history = train_digits(seed, 0.001, hook, optimizer=adam, steps=100, every=10)
    return history.test_accuracy


def after_accident(clipped: str, forget: bool = False) -> Array:
    """Those curves for all seeds; (seeds, 11)."""
    return np.array([accident(clipped, seed, forget) for seed in SEEDS])


def accident_plot() -> Plot:
    """Medians of four kinds of runs through the accident."""
    kinds = (
        ("never", False, "never clipped", "vermillion"),
        ("at 20 only", False, "clipped at 20 only", "blue"),
        ("at all but 20", False, "clipped at all but 20", "orange"),
        ("never", True, "never clipped, memory emptied", "green"),
    )
    update = np.arange(0, 101, 10)
    lines = [
        Line(update, np.median(after_accident(name, forget), 0), label, color=color)
        for name, forget, label, color in kinds
    ]
    return Plot(
        "Adam, with an accident at update 20 (median of 5)",
        Axis("update"),
        Axis("share of the test digits right", limits=(0, 1)),
        (*lines, Line([20, 20], [0, 1], "the accident", "reference", "grey")),
    )


# ---------------------------------------------------------------- small weights, level gradients

PRESSES = (
    ("l2", 0.0, "no penalty", "rnn"),
    ("l2", 0.05, "L2", "blue"),
    ("l1", 0.012, "L1", "green"),
)


def pressed(kind: str, strength: float) -> tuple[Array, Array, Array]:
    """σ_max(W), log₁₀ of the gradient at lag 19, share of |w| < 0.01, after training; (seeds,)."""
    pairs = [decayed(seed, strength, kind) for seed in SEEDS]
    norms = [np.linalg.norm(weights, 2) for weights, _ in pairs]
    faint = [np.log10(norms[-1]) for _, norms in pairs]
    zero = [np.mean(np.abs(weights) < 0.01) for weights, _ in pairs]
    return np.array(norms), np.array(faint), np.array(zero)


def pressed_plot() -> Plot:
    """Gradient against lag after training with each penalty, and the bound for L2."""
    lag = np.arange(20)
    lines = [
        Line(
            lag,
            np.median([decayed(seed, strength, kind)[1] for seed in SEEDS], 0),
            f"{label}, λ = {strength}" if strength else label,
            color=color,
        )
        for kind, strength, label, color in PRESSES
    ]
    norm = float(np.median(pressed("l2", 0.05)[0]))
    bound = Line(lag, norm**lag, "dashed: bound σ_max^lag for L2", "theory", "blue")
    return Plot(
        "What pressing W down does to the past (median of 5)",
        Axis("lag T − t"),
        Axis("‖∂ℒ/∂h_t‖, relative to lag 0", "log"),
        (*lines, bound),
        (HEALTHY,),
    )


NAMES = {"start": ("torch's start", "rnn"), "omega": ("torch's start, Ω", "blue")}
NAMES["orthogonal"] = ("orthogonal start", "green")


def recalled(kind: str) -> tuple[Array, Array, Array]:
    """Accuracy, log₁₀ of the gradient at lag 20, and σ_max(W) of the stored runs; (seeds,)."""
    rows = [row for row in stored("recall").rows if row["kind"] == kind]
    return (
        np.array([row["right"] for row in rows]),
        np.log10([row["gradient"][-1] for row in rows]),
        np.array([row["norm"] for row in rows]),
    )


def omega_plot() -> Plot:
    """Gradient against lag at the end of training, from torch's start, with Ω, orthogonal."""
    rows = stored("recall").rows
    lines = [
        Line(
            np.arange(21),
            np.median([row["gradient"] for row in rows if row["kind"] == kind], 0),
            name,
            color=color,
        )
        for kind, (name, color) in NAMES.items()
    ]
    return Plot(
        "Recall after 20 steps, at the end of training (median of 5)",
        Axis("lag T − t"),
        Axis("‖∂ℒ/∂h_t‖, relative to lag 0", "log"),
        tuple(lines),
        (HEALTHY,),
    )


# ---------------------------------------------------------------- the claims


@cache
def early_share(seed: int) -> float:
    """Of ∂ℒ/∂W on the adding problem, 30 steps: the part of the first 15 steps, relative."""
    import torch

    from gradcourse.data import adding_problem
    from gradcourse.nets import Truncated, recurrent

    data = adding_problem(30, train=64, test=1, seed=seed)
    net = recurrent("rnn", 2, 16, 1, seed=seed).double()
    weights: Any = net.rnn.weight_hh_l0
    whole, late = (
        torch.autograd.grad(
            torch.nn.functional.mse_loss(model(data.x_train.double()), data.y_train), weights
        )[0]
        for model in (net, Truncated(net, 15))
    )
    return float((whole - late).norm() / whole.norm())


@cache
def _gradients(batch: int, seed: int, count: int) -> Array:
    return gradients_by_batch(batch, seed, count)


def turned_by_batch(batch: int, percent: float = 90.0, count: int = 300) -> Array:
    """Degrees by which clipping turns the mean over some gradients of a batch size; (seeds,)."""
    return np.array([mean_turned(_gradients(batch, seed, count), percent) for seed in SEEDS])


def thrown_at(seed: int, strength: float) -> int:
    """Updates of the puzzle's run, unclipped, with weight decay, until the loss is not finite."""
    import torch

    from gradcourse.data import adding_problem
    from gradcourse.training import train

    history = train(
        relu_network(seed),
        adding_problem(100, train=640, test=10, seed=seed),
        steps=10,
        lr=0.1,
        loss="mse",
        seed=seed,
        every=10,
        optimizer=lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=strength),
    )
    return len(history.loss) - 1 if history.stopped else 11


def histories() -> dict[str, Array]:
    """‖g‖ of 500 made-up updates with a warm-up, ordinary noise and two spikes; for an exercise."""
    rng = np.random.default_rng(9)
    norms = np.exp(rng.normal(0.0, 0.35, 500))
    norms[:60] *= np.linspace(30.0, 1.0, 60)
    norms[[210, 371]] = 180.0, 90.0
    return {"‖g‖": norms}


WARM_UP = 60


def history_plot() -> Plot:
    """That history."""
    (norms,) = histories().values()
    return Plot(
        "500 updates: ‖g‖ before clipping",
        Axis("update"),
        Axis("‖g‖", "log", (0.1, 1000.0)),
        (
            Line(np.arange(500), norms, "‖g‖", color="rnn"),
            Line([WARM_UP, WARM_UP], [0.1, 1000.0], "end of the warm-up", "reference"),
        ),
    )


def share_clipped(c: float) -> float:
    """Share of the updates after the warm-up that a threshold would clip."""
    (norms,) = histories().values()
    return float(np.mean(norms[WARM_UP:] > c))


def shard_norm(shards: int = 4, c: float = 1.0) -> float:
    """Norm of a whole gradient whose parts, one on each of some machines, are clipped at c."""
    import torch

    parts = [torch.nn.Parameter(torch.zeros(100)) for _ in range(shards)]
    for k, part in enumerate(parts):
        part.grad = 50.0 * torch.randn(100, generator=torch.Generator().manual_seed(k))
        torch.nn.utils.clip_grad_norm_([part], c)
    return float(torch.cat([part.grad for part in parts if part.grad is not None]).norm())
