"""Lesson 06: one batch, its gradient, its running statistics, its noise; and depth."""

from __future__ import annotations

import numpy as np

from gradcourse import theory
from gradcourse.experiments.batch_norm import (
    BATCHES,
    DEEP,
    EPS,
    batch_variances,
    deltas,
    followed,
    gradient_by_torch,
    network,
    normalized_among_strangers,
    paths,
    running,
    standardised,
    sums,
)
from gradcourse.experiments.common import Array, factor_per_layer, first_to_last
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot

# ---------------------------------------------------------------- one unit, one batch

OTHERS = np.array([-2.6, -1.5, -0.7, 0.1, 0.8, 1.5, 2.4])
"""The sums of seven images; the learner holds the eighth."""


def _dots(values: Array, name: str, color: str, shift: float = 0.0) -> Line:
    """A dot for each of eight images: they have no order, so no line joins them."""
    at = np.repeat(np.arange(1, 9) + shift, 2)
    return Line(at, np.column_stack([values, np.full(8, np.nan)]).ravel(), name, color=color)


def _ticks(values: Array, name: str, color: str) -> Line:
    """A short dash at each of eight images, for theory."""
    at = (np.arange(1, 9)[:, None] + [-0.3, 0.3, 0.3]).ravel()
    heights = np.column_stack([values, values, np.full(8, np.nan)]).ravel()
    return Line(at, heights, name, "theory", color)


def draw_one_batch(u: float) -> Plot:
    """Eight sums, before and after batch norm."""
    batch = np.append(OTHERS, u)
    return Plot(
        title=f"Image 8 has u = {u:.1f}: batch mean {batch.mean():.2f}, std {batch.std():.2f}",
        x=Axis("image", limits=(0.5, 8.5)),
        y=Axis("u and x̂ of one unit", limits=(-8.5, 8.5)),
        lines=(
            _dots(batch, "u, before", "grey"),
            _dots(standardised(batch), "x̂, after", "batch_norm"),
        ),
    )


ONE_BATCH = Demo(
    id="batch-norm/one-batch",
    title="Move one image, and watch the seven others",
    knobs=(Knob("u", "u of image 8", -8.0, 8.0, 0.2, 6.0),),
    draw=draw_one_batch,
)


def draw_paths(u: float) -> Plot:
    """∂ℒ/∂u of eight images when the loss looks at image 8 only."""
    batch, delta = np.append(OTHERS, u), np.eye(8)[7]
    size = np.sqrt(batch.var() + EPS)
    direct, with_mean, whole = paths(batch, delta)
    measured = gradient_by_torch(batch, delta) * size
    return Plot(
        title=f"Image 8 has x̂ = {standardised(batch)[7]:.2f}; its own gradient: {measured[7]:.2f}",
        x=Axis("image", limits=(0.5, 8.5)),
        y=Axis("∂ℒ/∂u, times the batch's std", limits=(-1.0, 1.1)),
        lines=(
            _dots(direct, "direct", "grey"),
            _dots(with_mean - direct, "through μ", "vermillion", -0.15),
            _dots(whole - with_mean, "through σ²", "blue", 0.15),
            _dots(measured, "autograd", "batch_norm"),
            _ticks(whole, "dashed: sum of the three", "batch_norm"),
        ),
    )


PATHS = Demo(
    id="batch-norm/paths",
    title="The loss looks at image 8 only: who gets a gradient?",
    knobs=(Knob("u", "u of image 8", -8.0, 8.0, 0.2, 3.0),),
    draw=draw_paths,
)

# ---------------------------------------------------------------- statistics, and their noise


def draw_momentum(momentum: float) -> Plot:
    """A running variance on its way from 1 to the truth."""
    values, truth = batch_variances()
    estimate = running(values, momentum, 1.0)
    step = np.arange(BATCHES + 1)
    expected = truth + (1.0 - truth) * (1.0 - momentum) ** step
    off = float(np.sqrt(np.mean((estimate[-100:] / truth - 1.0) ** 2)))
    return Plot(
        title=f"Momentum {momentum:.2g}: off by {off:.0%} over the last 100 batches",
        x=Axis("batches seen", limits=(0.0, float(BATCHES))),
        y=Axis("variance of one unit", limits=(0.0, 2.2 * truth)),
        lines=(
            Line(step, estimate, "running variance", "measured", "batch_norm"),
            Line(step, expected, "dashed: theory", "theory", "batch_norm"),
            Line([0, BATCHES], [truth, truth], "all 1438 digits", "reference", "grey"),
        ),
    )


MOMENTUM = Demo(
    id="batch-norm/momentum",
    title="A running variance, batches of 16",
    knobs=(Knob("momentum", "momentum m", -3.0, 0.0, 0.1, -1.0, log=True),),
    draw=draw_momentum,
)


def draw_noise(size: int) -> Plot:
    """The same digit in 60 batches, by batch norm and by layer norm."""
    found, whole = normalized_among_strangers(int(size))
    image, unit, _ = followed()
    row = sums()[image]  # (64,)
    by_layer = (row[unit] - row.mean()) / row.std()
    batch = np.arange(1, len(found) + 1)
    return Plot(
        title=f"Batches of {size}: the same digit, ± {np.std(found):.2f}",
        x=Axis("which batch", limits=(1.0, float(len(found)))),
        y=Axis("one unit after the norm", limits=(-2.5, 4.5)),
        lines=(
            Line(batch, found, "batch norm", "measured", "batch_norm"),
            Line(batch, np.full(len(found), by_layer), "layer norm", "measured", "layer_norm"),
            Line([1, len(found)], [whole, whole], "among all 1438 digits", "reference", "grey"),
        ),
    )


NOISE = Demo(
    id="batch-norm/noise",
    title="One digit, always among other strangers",
    knobs=(Knob("size", "batch size", 2.0, 256.0, 2.0, 8.0, integer=True),),
    draw=draw_noise,
)

# ---------------------------------------------------------------- depth

LAYERS = 20


STYLES = (
    ("none", "plain", "plain"),
    ("batch", "batch norm", "batch_norm"),
    ("layer", "layer norm", "layer_norm"),
)


def draw_depth(gain: float) -> Plot:
    """δ layer by layer, plain against normalized, for weights that are too large or too small."""
    layers = np.arange(1, LAYERS + 1)
    lines: list[Line] = []
    factors: list[str] = []
    for norm, name, color in STYLES:
        delta = deltas(network(norm, LAYERS, gain=gain), 96)
        factors.append(f"{factor_per_layer(delta):.2f} {name}")
        lines.append(Line(layers, delta / delta[-1], name, "measured", color))
    rate = theory.normalized_gradient_growth("relu")
    lines.append(Line(layers, rate ** (LAYERS - layers), "dashed: theory", "theory", "batch_norm"))
    return Plot(
        title="Per layer: × " + ", × ".join(factors),
        x=Axis("layer (1 is nearest the input)", limits=(1.0, float(LAYERS))),
        y=Axis("size of δ, relative to layer 20", "log", (1e-3, 1e5)),
        lines=tuple(lines),
    )


DEPTH = Demo(
    id="batch-norm/depth",
    title="20 ReLU layers, weights of any size",
    knobs=(Knob("gain", "all weights times", -0.3, 0.3, 0.02, 0.0, log=True),),
    draw=draw_depth,
    linked=True,
)


def draw_bend(beta: float) -> Plot:
    """δ in 56 batch-normed ReLU layers whose units all start with the same β."""
    layers = np.arange(1, DEEP + 1)
    delta = deltas(network("batch", DEEP, beta=beta))
    rate = theory.normalized_gradient_growth("relu", beta=beta)
    return Plot(
        title=f"β = {beta:.2f}: δ in layer 1 is {first_to_last(delta):.2g} times δ in layer 56",
        x=Axis("layer (1 is nearest the input)", limits=(1.0, float(DEEP))),
        y=Axis("size of δ, relative to layer 56", "log", (1e-1, 1e6)),
        lines=(
            Line(layers, delta / delta[-1], "batch norm", "measured", "batch_norm"),
            Line(layers, rate ** (DEEP - layers), "dashed: theory", "theory", "batch_norm"),
        ),
        bands=(Band(4.0, 60.0, "the band: 4 to 60"),),
    )


BEND = Demo(
    id="batch-norm/bend",
    title="56 ReLU layers with batch norm, one β",
    knobs=(Knob("beta", "first value of every β", 0.0, 4.0, 0.25, 0.0),),
    draw=draw_bend,
    linked=True,
)

DEMOS = (ONE_BATCH, PATHS, MOMENTUM, NOISE, DEPTH, BEND)
