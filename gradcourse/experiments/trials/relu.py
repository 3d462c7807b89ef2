"""Lesson 04 on trial."""

from __future__ import annotations

from gradcourse.experiments.claim import CONDITION, FAILS, Claim, Values, control, needs
from gradcourse.experiments.common import (
    SEEDS,
    accuracy,
    delta_by_layer,
    factor_per_layer,
    probed,
)
from gradcourse.experiments.relu import accuracy_after, accuracy_with_cure, same_zeros

RATE, STEPS = 0.1, 300


def vanishing() -> Values:
    """δ over 20 layers with Xavier's weights; 30 layers and 8 of them trained."""
    from gradcourse.nets import mlp

    def right(depth: int, seed: int) -> float:
        return accuracy(mlp(depth, activation="relu", seed=seed), STEPS, RATE, seed=seed)

    factor = [
        factor_per_layer(delta_by_layer(mlp(20, 128, "relu", seed=seed))[:20]) for seed in SEEDS
    ]
    return {
        "factor on δ per layer": factor,
        "right, 30 layers": [right(30, seed) for seed in SEEDS],
        "right, 8 layers": [right(8, seed) for seed in SEEDS],
    }


def zeros() -> Values:
    """A healthy network in which three of four outputs are 0, and one whose layer 4 is dead."""
    shares: dict[str, list[float]] = {}
    for seed in SEEDS:
        for kind in ("healthy", "dead"):
            record = probed(same_zeros(kind, seed))
            relu = record.select("ReLU")
            shares.setdefault(f"zeros, {kind}", []).append(
                float(record.zero_fraction[0, relu].mean())
            )
            shares.setdefault(f"dead units, {kind}", []).append(
                float(record.dead_fraction[0, relu].max())
            )
    return shares | {"right, healthy": [accuracy_after("healthy", seed) for seed in SEEDS]}


def explosion() -> Values:
    """The factor on δ per layer of three activations, at three sizes of the weights."""
    from gradcourse.nets import mlp

    return {
        f"{name} at σ_w = {gain}": [
            factor_per_layer(
                delta_by_layer(mlp(20, 128, name, init="lecun", gain=gain, seed=seed))[:20]
            )
            for seed in SEEDS
        ]
        for gain in (1.4, 4.0)
        for name in ("sigmoid", "tanh", "relu")
    }


def leak() -> Values:
    """What a leak of 0.01 adds per layer; and whom a leak of 0.1 helps."""
    from gradcourse.nets import mlp

    gained = []
    for seed in SEEDS:
        ends = [
            factor_per_layer(delta_by_layer(mlp(8, 128, name, init="he", seed=seed))[:8])
            for name in ("leaky_relu", "relu")
        ]
        gained.append(ends[0] / ends[1])
    return {
        "factor per layer, leaky over plain": gained,
        "right, vanished network with a leak": [
            accuracy_with_cure("vanished", "leak", seed) for seed in SEEDS
        ],
        "the same after 1500 updates": [
            accuracy_with_cure("vanished", "leak", seed, 1500) for seed in SEEDS
        ],
        "right, dead network with a leak": [
            accuracy_with_cure("dead", "leak", seed) for seed in SEEDS
        ],
    }


CLAIMS = (
    Claim(
        "relu/claim-vanish",
        "claim-vanish",
        "Gradient is 1 for positive inputs, enabling deep network training",
        CONDITION,
        "The slope is 1 for half of the units. The weights must pay for the other half.",
        "20 and 30 layers, plain gradient descent at 0.1, 300 steps.",
        vanishing,
        (
            needs("factor on δ per layer", below=0.9),
            needs("right, 30 layers", below=0.2),
            control("right, 8 layers", above=0.75),
        ),
        source="slides of a university course (CS 5720), of ReLU",
        year=2025,
        map="vanish",
    ),
    Claim(
        "relu/claim-zeros",
        "claim-zeros-measure",
        "a growing fraction of neurons output exactly 0.0 for every input in a batch — track "
        "`(activations == 0).float().mean()` per layer",
        FAILS,
        "A zero on this digit is no zero on the next. Dead is zero on all of them.",
        "Four ReLU layers, digits, 300 updates at 0.05.",
        zeros,
        (
            needs("zeros, healthy", above=0.5),
            needs("dead units, healthy", below=0.01),
            needs("right, healthy", above=0.8),
            control("dead units, dead", above=0.9),
        ),
        source="deeplearning.jonwalls.dev, read in November",
        year=2026,
    ),
    Claim(
        "relu/claim-explode",
        "claim-explode-measure",
        "Gradients explode more easily with sigmoid and tanh than with ReLU.",
        CONDITION,
        "Saturation holds a gradient back. Only near σ_w = 1.4 does δ grow with tanh, not with "
        "ReLU.",
        "Untrained, 20 layers of 128 units.",
        explosion,
        (
            needs("relu at σ_w = 1.4", below=1.0),
            needs("tanh at σ_w = 1.4", above=1.0),
            needs("relu at σ_w = 4.0", above=2.0),
            needs("tanh at σ_w = 4.0", below=2.0),
            needs("sigmoid at σ_w = 4.0", below=1.0),
        ),
    ),
    Claim(
        "relu/claim-leak",
        "claim-leak-measure",
        "it not only enables the network to learn faster but it is also more balanced as it "
        "helps deal with vanishing gradients",
        CONDITION,
        "What counts is the mean squared slope, (1 + a²)/2: with a = 0.01 still one half. A "
        "larger leak helps in the long run.",
        "Four and eight layers, digits, 300 and 1500 updates at 0.05.",
        leak,
        (
            needs("factor per layer, leaky over plain", below=1.05),
            needs("right, vanished network with a leak", below=0.3),
            needs("the same after 1500 updates", above=0.5),
            control("right, dead network with a leak", above=0.6),
        ),
        source="Dawani, of leaky ReLU",
        year=2020,
        map="leak",
    ),
)
