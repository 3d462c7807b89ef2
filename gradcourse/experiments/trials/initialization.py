"""Lesson 05 on trial."""

from __future__ import annotations

import math

from gradcourse.experiments.claim import CONDITION, FAILS, Claim, Kept, Rows, Values, control, needs
from gradcourse.experiments.common import SEEDS, accuracy, trained
from gradcourse.experiments.initialization import momentum, tanh_variance


def standard_normal() -> Values:
    """30 layers of N(0, 1), the same numbers rescaled, and one raw layer."""
    import torch

    from gradcourse.nets import mlp

    def deep(gain: float, seed: int) -> tuple[bool, float]:
        net = mlp(30, activation="relu", init=1.0, gain=gain, seed=seed)
        history = trained(net, 300, 0.003, seed=seed, optimizer=momentum)
        return bool(history.stopped), float(history.test_accuracy[-1])

    def same(seed: int) -> bool:
        raw, he = (
            mlp(30, activation="relu", init=init, gain=gain, seed=seed)
            for init, gain in ((1.0, math.sqrt(2 / 64)), ("he", 1.0))
        )
        layers = (net.get_submodule("layer30").weight for net in (raw, he))
        return torch.allclose(*layers)  # type: ignore[arg-type]

    return {
        "loss not finite, 30 layers": [float(deep(1.0, seed)[0]) for seed in SEEDS],
        "right, the same times √(2/64)": [deep(math.sqrt(2 / 64), seed)[1] for seed in SEEDS],
        "equal to He's start": [float(same(seed)) for seed in SEEDS],
        "right, one raw layer": [
            accuracy(mlp(1, activation="relu", init=1.0, seed=seed), 600, 0.01, seed=seed)
            for seed in SEEDS
        ],
    }


def fading() -> Values:
    """Variance of z in layer 100 of tanh layers relative to layer 1."""
    found = [tanh_variance([seed]) for seed in SEEDS]
    return {"variance left in layer 100": [float(z2[99] / z2[0]) for z2 in found]}


def at_the_start() -> Values:
    """Two hidden layers until every training digit is right, from He's start and from thrice it."""
    import torch

    from gradcourse.nets import mlp

    found: dict[str, list[float]] = {}
    for gain in (1, 3):
        for seed in SEEDS:
            net = mlp(2, activation="relu", init="he", gain=gain, seed=seed)
            run = trained(
                net,
                1500,
                1e-3,
                seed=seed,
                optimizer=lambda p: torch.optim.Adam(p, lr=1e-3, fused=True),
            )
            found.setdefault(f"training digits right, He × {gain}", []).append(
                float(run.train_accuracy[-1])
            )
            found.setdefault(f"test errors, He × {gain}", []).append(
                1 - float(run.test_accuracy[-1])
            )
    pairs = zip(found["test errors, He × 1"], found["test errors, He × 3"], strict=True)
    more = [larger - plain for plain, larger in pairs]
    return found | {"more test errors from the larger start": more}


def good_init(rows: Rows) -> Values:
    """100 tanh layers from orthogonal weights, 300 updates at two rates."""
    return {
        f"right, rate {rate:g}": [
            row["right"]
            for row in rows
            if (row["kind"], row["rate"], row["steps"]) == ("orthogonal", rate, 300)
        ]
        for rate in (0.003, 0.01)
    }


CLAIMS = (
    Claim(
        "init/claim-good-init",
        "claim-good-init-measure",
        "All you need is a good init",
        CONDITION,
        "A start guarantees the first step. A rate that is too large for the depth destroys it.",
        "100 tanh layers, momentum, 300 steps.",
        good_init,
        (needs("right, rate 0.01", below=0.5), control("right, rate 0.003", above=0.9)),
        source="Mishkin & Matas, a title",
        year=2016,
        kept=Kept("isometry", ("orthogonal",)),
    ),
    Claim(
        "init/claim-normal",
        "claim-normal",
        "A possible simple solution is to set the weights to zero mean and one standard deviation",
        CONDITION,
        "One layer bears it. Over 30 layers a factor of √32 each is too much for float32.",
        "30 ReLU layers, 300 updates with momentum; one layer, 600 updates.",
        standard_normal,
        (
            needs("loss not finite, 30 layers", above=0.5),
            control("right, the same times √(2/64)", above=0.6),
            needs("equal to He's start", above=0.5, every=True),
            needs("right, one raw layer", above=0.8),
        ),
        source="Deep learning for beginners, on fliphtml5, read in November",
        year=2026,
        map="normal",
    ),
    Claim(
        "init/claim-tanh",
        "claim-tanh-measure",
        "Xavier initialization maintains the variance of activations and gradients approximately "
        "equal across all layers.",
        FAILS,
        "It was derived for layers without an activation. tanh takes away a little in each.",
        "100 tanh layers, five networks, untrained.",
        fading,
        (needs("variance left in layer 100", below=0.05),),
        source="slides of a university course (CS 5720)",
        year=2025,
    ),
    Claim(
        "init/claim-start",
        "claim-start-measure",
        "The initialization matters for the start of a training only.",
        FAILS,
        "Two networks that fit all training digits differ on new ones by what they started from.",
        "Two hidden ReLU layers, Adam at 0.001, 1500 updates.",
        at_the_start,
        (
            needs("more test errors from the larger start", above=0.02),
            control("training digits right, He × 3", above=0.995),
        ),
        map="start",
    ),
)
