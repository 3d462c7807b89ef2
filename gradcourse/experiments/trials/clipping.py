"""Lesson 09 on trial."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gradcourse.experiments.claim import CONDITION, FAILS, Claim, Values, control, needs
from gradcourse.experiments.clipping import decayed, gradients_by_batch, mean_turned
from gradcourse.experiments.common import SEEDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


def too_small() -> Values:
    """The share of the first 15 of 30 steps in ∂ℒ/∂W, raw, clipped, and stretched to norm 1."""
    import torch

    from gradcourse.data import adding_problem
    from gradcourse.nets import Truncated, recurrent

    def share(seed: int, rule: Callable[[float], float]) -> float:
        data = adding_problem(30, train=64, test=1, seed=seed)
        net = recurrent("rnn", 2, 16, 1, seed=seed).double()
        x, y = data.x_train.double(), data.y_train.double()
        whole, late = (
            torch.autograd.grad(
                torch.nn.functional.mse_loss(model(x), y), net.get_parameter("rnn.weight_hh_l0")
            )[0]
            for model in (net, Truncated(net, 15))
        )
        factor = rule(float(whole.norm()))
        return float((factor * whole - factor * late).norm() / (factor * whole).norm())

    rules: dict[str, Callable[[float], float]] = {
        "raw": lambda norm: 1.0,
        "clipped at 0.001": lambda norm: min(1.0, 0.001 / norm),
        "stretched to 1": lambda norm: 1.0 / norm,
    }
    shares = {
        f"share of the early steps, {name}": [share(seed, rule) for seed in SEEDS]
        for name, rule in rules.items()
    }
    right = {
        f"recall right, {name}": [recall_right(seed, clip, init) for seed in SEEDS]
        for name, clip, init in (
            ("clipped at 0.1", 0.1, "default"),
            ("orthogonal start", 1.0, "orthogonal"),
        )
    }
    return shares | right


def recall_right(seed: int, clip: float, init: str) -> float:
    """Share of right answers after 200 clipped updates of recall over 20 steps."""
    import torch

    from gradcourse.data import delayed_recall
    from gradcourse.instrument import clip_grad_norm_
    from gradcourse.nets import recurrent
    from gradcourse.training import train

    data = delayed_recall(20, noise=0.0, train=2000, test=500, seed=seed)
    net = recurrent("rnn", 3, 32, 2, init=init, seed=seed)

    def limit(parameters: list[nn.Parameter]) -> None:
        clip_grad_norm_(parameters, clip)

    sgd = partial(torch.optim.SGD, lr=0.1)
    how = {"steps": 200, "lr": 0.1, "every": 200, "seed": seed, "optimizer": sgd}
    return float(train(net, data, before_update=limit, **how).test_accuracy[-1])  # type: ignore[arg-type]


def direction() -> Values:
    """Degrees by which clipping at the 90th percentile turns the mean over 500 batches."""
    return {
        f"degrees, batches of {size}": [
            mean_turned(gradients_by_batch(size, seed), 90) for seed in SEEDS
        ]
        for size in (1, 64)
    }


def explosion() -> Values:
    """A recurrent ReLU network over 100 steps, ten updates: weight decay against clipping."""
    import torch

    from gradcourse.data import adding_problem
    from gradcourse.instrument import clip_grad_norm_
    from gradcourse.nets import recurrent
    from gradcourse.training import train

    def limit(parameters: list[nn.Parameter]) -> None:
        clip_grad_norm_(parameters, 1.0)

    def lost(seed: int, decay: float, clipped: bool = False) -> float:
        data = adding_problem(100, train=640, test=10, seed=seed)
        net = recurrent("rnn", 2, 32, 1, init="identity", nonlinearity="relu", seed=seed)
        run = train(
            net,
            data,
            steps=10,
            lr=0.1,
            loss="mse",
            seed=seed,
            every=10,
            optimizer=partial(torch.optim.SGD, lr=0.1, weight_decay=decay),
            before_update=limit if clipped else None,
        )
        return float(bool(run.stopped))

    pressed = [decayed(seed, 0.05) for seed in SEEDS]
    return {
        "loss not finite, decay 0.01": [lost(seed, 0.01) for seed in SEEDS],
        "loss not finite, decay 1": [lost(seed, 1.0) for seed in SEEDS],
        "loss not finite, clipped": [lost(seed, 0.0, clipped=True) for seed in SEEDS],
        "gradient at lag 19, pressed below norm 1": [float(norms[-1]) for _, norms in pressed],
    }


CLAIMS = (
    Claim(
        "clipping/claim-vanishing",
        "claim-vanishing-measure",
        "Gradient clipping to prevent vanishing/exploding gradients",
        FAILS,
        "One factor for all of the gradient leaves the share of the early steps as it was, and "
        "it is that share which vanishes.",
        "Adding problem over 30 steps, untrained; recall over 20 steps, 200 updates.",
        too_small,
        (
            needs("share of the early steps, raw", below=1e-3),
            needs("share of the early steps, stretched to 1", below=1e-3),
            needs("recall right, clipped at 0.1", below=0.7),
            control("recall right, orthogonal start", above=0.9),
        ),
        source="a comment in many public training scripts, found in November",
        year=2026,
    ),
    Claim(
        "clipping/claim-direction",
        "claim-direction-batches",
        "the latter method has the advantage of guaranteeing that each step is still in the "
        "gradient direction",
        CONDITION,
        "It holds for one batch. The mean over many small batches turns, since the large "
        "gradients among them are cut.",
        "Two tanh layers after 300 updates, clipped at the 90th percentile.",
        direction,
        (
            needs("degrees, batches of 1", above=10.0),
            control("degrees, batches of 64", below=5.0),
        ),
        source="Goodfellow, Bengio & Courville, Deep learning, of clipping by norm",
        year=2016,
    ),
    Claim(
        "clipping/claim-weights",
        "claim-weights-measure",
        "Using an L1 or L2 penalty on the recurrent weights can help with exploding gradients.",
        CONDITION,
        "It helps if the norm of W is small already, and then the gradient vanishes. One step "
        "off a cliff is faster than any penalty.",
        "Recurrent ReLU, 100 steps, 10 updates at 0.1; tanh, 150 updates with decay 0.05.",
        explosion,
        (
            needs("loss not finite, decay 0.01", above=0.5),
            needs("gradient at lag 19, pressed below norm 1", below=1e-2),
            control("loss not finite, clipped", below=0.5),
        ),
        source="Pascanu, Mikolov & Bengio",
        year=2013,
        map="decay",
    ),
)
