"""What the course itself once said and no longer says, each with what refuted it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gradcourse.experiments import plateau
from gradcourse.experiments.claim import (
    CONDITION,
    FAILS,
    Claim,
    Kept,
    Rows,
    Values,
    control,
    needs,
)
from gradcourse.experiments.clipping import gradients_by_batch, mean_turned, share_that_arrives
from gradcourse.experiments.common import SEEDS, digits, trained
from gradcourse.experiments.initialization import copies
from gradcourse.experiments.recurrent import growth_of_kinds

if TYPE_CHECKING:
    from torch import nn

THREE = range(3)
OURS = "this course, first edition"


def _right(net: nn.Module, steps: int, lr: float, seed: int) -> float:
    return float(trained(net, steps, lr, seed=seed).test_accuracy[-1])


def strongest_direction() -> Values:
    """log σ₁ over the depth of 50 Gaussian matrices of width 64."""
    from gradcourse.instrument import product_log_singular_values

    def exponent(seed: int) -> float:
        rng = np.random.default_rng(seed)
        factors = tuple(rng.normal(size=(64, 64)) / 8 for _ in range(50))
        return float(product_log_singular_values(factors)[0]) / 50

    return {"exponent of the strongest direction, 50 factors": [exponent(seed) for seed in SEEDS]}


def level_picture() -> Values:
    """50 linear layers without biases at gain 0.6: first over last, for two pictures."""
    import torch

    from gradcourse.experiments.common import weights_of
    from gradcourse.nets import deep_linear

    weights, delta = [], []
    for seed in SEEDS:
        net = deep_linear(50, gain=0.6, outputs=10, seed=seed).double()
        h, kept = digits().x_train[:256].double(), []
        for layer in net:
            h = layer(h)
            h.retain_grad()
            kept.append(h)
        torch.nn.functional.cross_entropy(h, digits().y_train[:256]).backward()
        norms = [float(w.grad.norm()) for w in weights_of(net) if w.grad is not None]
        sizes = [float(z.grad.square().mean().sqrt()) for z in kept if z.grad is not None]
        weights.append(abs(np.log10(norms[1] / norms[-2])))
        delta.append(np.log10(sizes[0] / sizes[-2]))
    return {
        "decades of ‖∂ℒ/∂W‖ over the depth": weights,
        "decades of δ over the depth": delta,
    }


def level_start() -> Values:
    """What of the gradient arrives at lag 29 before training, W = I, tanh and ReLU."""
    from gradcourse.data import adding_problem
    from gradcourse.experiments.lstm import gradient_by_lag
    from gradcourse.nets import recurrent

    def arrives(kind: str, seed: int) -> float:
        data = adding_problem(30, train=64, test=1, seed=seed)
        net = recurrent("rnn", 2, 16, 1, init="identity", nonlinearity=kind, seed=seed)
        return float(gradient_by_lag(net, data.x_train, data.y_train)[-1])

    return {
        f"left at lag 29, {kind}": [arrives(kind, seed) for seed in SEEDS]
        for kind in ("tanh", "relu")
    }


def weights_alone() -> Values:
    """Decades over 50 steps behind the same matrices, and behind ten times as large ones."""
    small, large = growth_of_kinds(2.0), growth_of_kinds(20.0)
    return {
        "decades over 50 steps, ReLU, gain 2": small["relu"],
        "decades over 50 steps, sigmoid, gain 20": large["sigmoid"],
        "decades over 50 steps, sigmoid, gain 2": small["sigmoid"],
    }


def cosine_table() -> Values:
    """Two tanh layers of 32 units, 300 updates: weights from a table of cosines, and all equal."""
    import torch

    from gradcourse.experiments.common import weights_of
    from gradcourse.nets import mlp

    def from_table(seed: int) -> nn.Module:
        net = mlp(2, 32, "tanh", seed=seed)
        with torch.no_grad():
            for weight in weights_of(net):
                units, inputs = weight.shape
                row, column = torch.arange(units)[:, None], torch.arange(inputs) + 0.5
                weight.copy_(torch.cos(torch.pi * row * column / inputs) / inputs**0.5)
        return net

    return {
        "right, a table of cosines": [_right(from_table(s), 300, 0.1, s) for s in SEEDS],
        "right, all weights 0.1": [copies(0.1, s).right for s in SEEDS],
    }


def cancelling_weights() -> Values:
    """56 ReLU layers with batch norm, 300 updates at 0.1, from two starts."""
    from gradcourse.experiments.batch_norm import near_identity
    from gradcourse.nets import normalized_mlp

    return {
        "right, near the identity": [_right(near_identity(s), 300, 0.1, s) for s in THREE],
        "right, He's weights": [_right(normalized_mlp(56, seed=s), 300, 0.1, s) for s in THREE],
    }


def guilty_norm() -> Values:
    """56 ReLU layers without a norm, 300 updates at two rates."""
    from gradcourse.experiments.residual import plain_layers

    return {
        "right without a norm, rate 0.1": [
            _right(plain_layers("He", s), 300, 0.1, s) for s in THREE
        ],
        "right without a norm, rate 0.02": [
            _right(plain_layers("He", s), 300, 0.02, s) for s in THREE
        ],
        "the same, near the identity": [
            _right(plain_layers("near I", s), 300, 0.02, s) for s in THREE
        ],
    }


def hundredfold_shift() -> Values:
    """How far one step shifts layer 1 of four sigmoid layers, not relative to anything."""
    from gradcourse.nets import mlp, normalized_mlp
    from gradcourse.training import ShiftMeter

    first, whole = [], []
    for seed in SEEDS:
        moves = []
        for net in (
            mlp(4, seed=seed),
            normalized_mlp(4, 64, "sigmoid", init="xavier", seed=seed),
        ):
            meter = ShiftMeter(net, digits().x_train[:512], lr=0.1, every=20)
            trained(net, 300, 0.1, seed=seed, optimizer=meter)
            moves.append(np.mean(meter.moves, axis=0))
        plain, normed = moves
        first.append(float(normed[0] / plain[0]))
        whole.append(float(plain.mean() / normed.mean()))
    return {
        "shift of layer 1, batch norm over plain": first,
        "shift of all layers, plain over batch norm": whole,
    }


def only_shortcuts() -> Values:
    """56 plain ReLU layers without norm and shortcut, 150 updates at 0.02, from two starts."""
    from gradcourse.experiments.residual import plain_layers

    return {
        f"right, {start}": [_right(plain_layers(start, s), 150, 0.02, s) for s in THREE]
        for start in ("He", "near I")
    }


def few_steps(rows: Rows) -> Values:
    """Updates until 60 and 100 steps are learned, forget bias 1; and the RNN's."""

    def needed(kind: str, steps: int) -> list[float]:
        chosen = [row for row in rows if row["kind"] == kind and row["steps"] == steps]
        return [np.inf if r["updates"] is None else float(r["updates"]) for r in chosen]

    return {
        "updates for 60 steps, forget bias 1": needed(plateau.BIAS_ONE, 60),
        "updates for 100 steps, forget bias 1": needed(plateau.BIAS_ONE, 100),
        "updates for 60 steps, RNN": needed(plateau.RNN, 60),
    }


def one_product() -> Values:
    """Share of runs over the cliff that arrive, by threshold and by rate."""
    free = [share_that_arrives(np.inf, seed) for seed in SEEDS]
    return {
        "arrive, ηc = 1, no step longer than 1": [share_that_arrives(50.0, s) for s in SEEDS],
        "arrive without clipping": free,
        "arrive, ηc = 0.1, η = 0.02": [share_that_arrives(5.0, s) for s in SEEDS],
        "arrive, ηc = 0.1, η = 0.001": [share_that_arrives(100.0, s, rate=0.001) for s in SEEDS],
    }


def turned_mean() -> Values:
    """Degrees by which clipping turns the mean, for batches of 64, as the course trains."""
    return {
        f"degrees, batches of {size}": [
            mean_turned(gradients_by_batch(size, seed), 90) for seed in SEEDS
        ]
        for size in (1, 64)
    }


def needed_omega() -> Values:
    """Recall over 20 steps with clipping alone, from two starts."""
    from gradcourse.experiments.trials.clipping import recall_right

    return {
        "right without Ω, torch's start": [recall_right(s, 1.0, "default") for s in SEEDS],
        "right without Ω, orthogonal start": [recall_right(s, 1.0, "orthogonal") for s in SEEDS],
    }


CLAIMS = (
    Claim(
        "chain/said-keeps-its-size",
        "",
        "The strongest direction keeps its size.",
        FAILS,
        "In 50 factors of width 64 it grows: the largest of many nearly equal values leads.",
        "50 Gaussian matrices of width 64.",
        strongest_direction,
        (needs("exponent of the strongest direction, 50 factors", above=0.01),),
        source=OURS,
    ),
    Claim(
        "chain/said-depth-picture",
        "",
        "The picture of ‖∂ℒ/∂W‖ against depth shows the disease.",
        FAILS,
        "Without biases it is level whatever the gain. What falls is δ, and every picture shows "
        "δ now.",
        "50 linear layers without biases, gain 0.6.",
        level_picture,
        (
            needs("decades of ‖∂ℒ/∂W‖ over the depth", below=0.5),
            control("decades of δ over the depth", below=-5.0),
        ),
        source=OURS,
    ),
    Claim(
        "recurrent/said-level",
        "",
        "With tanh the start is level, too.",
        FAILS,
        "About a sixth of the gradient arrives; with ReLU more than two thirds.",
        "16 units, W = I, lag 29, adding problem, untrained.",
        level_start,
        (
            needs("left at lag 29, tanh", below=0.3),
            control("left at lag 29, relu", above=0.4),
        ),
        source=OURS,
    ),
    Claim(
        "recurrent/said-linear-only",
        "",
        "That large weights explode holds for linear networks only.",
        FAILS,
        "It holds with ReLU and tanh as well, and with σ from a larger gain on: large is measured "
        "against the slope.",
        "100 units, Gaussian weights, untrained, 50 steps.",
        weights_alone,
        (
            needs("decades over 50 steps, ReLU, gain 2", above=2.0),
            needs("decades over 50 steps, sigmoid, gain 20", above=2.0),
            control("decades over 50 steps, sigmoid, gain 2", below=-2.0),
        ),
        source=OURS,
    ),
    Claim(
        "init/said-random",
        "",
        "Weights must be random.",
        FAILS,
        "They must tell the units apart. A table of cosines does, without a random number.",
        "Two tanh layers of 32 units, 300 updates at 0.1.",
        cosine_table,
        (
            needs("right, a table of cosines", above=0.85),
            control("right, all weights 0.1", below=0.5),
        ),
        source=OURS,
    ),
    Claim(
        "batch-norm/said-no-initialization",
        "",
        "The weights cancel: no initialization can help.",
        FAILS,
        "Their scale cancels. Weights near the identity train the same 56 layers.",
        "56 ReLU layers with batch norm, 300 updates at 0.1.",
        cancelling_weights,
        (
            needs("right, near the identity", above=0.7),
            control("right, He's weights", below=0.3),
        ),
        source=OURS,
    ),
    Claim(
        "batch-norm/said-makes-fail",
        "",
        "Batch norm makes fifty-six ReLU layers fail.",
        FAILS,
        "It does not save them: without it they fail as well, at both rates.",
        "56 ReLU layers, 300 updates.",
        guilty_norm,
        (
            needs("right without a norm, rate 0.1", below=0.5),
            needs("right without a norm, rate 0.02", below=0.5),
            control("the same, near the identity", above=0.8),
        ),
        source=OURS,
    ),
    Claim(
        "batch-norm/said-hundredfold",
        "",
        "Batch norm reduces the shift several hundredfold.",
        CONDITION,
        "Relative to a spread that is tiny without it. In absolute numbers layer 1 shifts more, "
        "and all layers together several times less.",
        "Four sigmoid layers, 300 updates at 0.1.",
        hundredfold_shift,
        (
            needs("shift of layer 1, batch norm over plain", above=1.0),
            needs("shift of all layers, plain over batch norm", below=100.0),
        ),
        source=OURS,
    ),
    Claim(
        "residual/said-only-shortcuts",
        "",
        "Good weights exist, and without shortcuts a deep network does not find them.",
        FAILS,
        "Plain layers that start near the identity do: a shortcut is that start, built in.",
        "56 ReLU layers without a norm, 150 updates at 0.02.",
        only_shortcuts,
        (needs("right, near I", above=0.7), control("right, He", below=0.5)),
        source=OURS,
    ),
    Claim(
        "lstm/said-few-steps",
        "",
        "A forget bias of 1 makes an LSTM remember only if the lags are a few steps long.",
        FAILS,
        "It learns 60 steps in 500 to 920 updates; the lesson stopped after 360.",
        "Adding problem, 32 units, Adam at 0.015, 1200 updates at most for 60 steps.",
        few_steps,
        (
            needs("updates for 60 steps, forget bias 1", below=1200.0, every=True),
            control("updates for 60 steps, RNN", above=1200.0),
        ),
        source=OURS,
        kept=Kept("plateau", plateau.KINDS),
    ),
    Claim(
        "clipping/said-product",
        "",
        "What counts is ηc.",
        FAILS,
        "Two numbers count: η below the threshold and ηc above it. At ηc = 1 no step is longer "
        "than 1, by definition, and no more runs arrive than without clipping.",
        "The cliff of lesson 03, 300 runs each, 300 updates.",
        one_product,
        (
            needs("arrive, ηc = 0.1, η = 0.001", below=0.5),
            control("arrive, ηc = 0.1, η = 0.02", above=0.95),
            needs("arrive, ηc = 1, no step longer than 1", below=0.8),
        ),
        source=OURS,
    ),
    Claim(
        "clipping/said-turns",
        "",
        "In the mean over many gradients clipping turns the direction, too.",
        CONDITION,
        "For single digits. For batches of 64, with which the course trains, by about a degree.",
        "Two tanh layers after 300 updates, clipped at the 90th percentile.",
        turned_mean,
        (
            needs("degrees, batches of 64", below=5.0),
            control("degrees, batches of 1", above=10.0),
        ),
        source=OURS,
    ),
    Claim(
        "clipping/said-omega",
        "",
        "Clipping alone leaves the network deaf; Ω keeps the way open.",
        FAILS,
        "An orthogonal start does, too, without Ω.",
        "Recall over 20 steps, 32 units, 200 updates clipped at 1.",
        needed_omega,
        (
            needs("right without Ω, orthogonal start", above=0.95),
            control("right without Ω, torch's start", below=0.7),
        ),
        source=OURS,
    ),
)
