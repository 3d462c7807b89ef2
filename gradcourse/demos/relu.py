"""Lesson 04: what a ReLU lets through, what its kin let through, and how units die."""

from __future__ import annotations

import numpy as np

from gradcourse.experiments.relu import (
    DEPTH,
    TUNED_DEPTH,
    TUNED_GAIN,
    factor_by_theory,
    one_step,
    prepared,
    sizes_and_zeros,
    through_leaky_layers,
)
from gradcourse.experiments.saturation import delta_theory, random_delta
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot

# ---------------------------------------------------------------- layer by layer

HEALTHY = Band(0.1, 10.0, "healthy: 0.1 to 10")


def draw_two_ways(gain: float) -> Plot:
    """The signal forwards and δ backwards through 20 ReLU layers."""
    layers = np.arange(1, DEPTH + 1)
    forward, backward = through_leaky_layers(0.0, gain)
    factor = factor_by_theory(0.0, gain)
    return Plot(
        title=f"σ_w = {gain:.2f}: each ReLU layer multiplies the size by {factor:.2f}",
        x=Axis("layer (1 is nearest the input)", limits=(1.0, float(DEPTH))),
        y=Axis("relative size", "log", (1e-7, 1e5)),
        lines=(
            Line(layers, forward, "z, from layer 1", "measured", "blue"),
            Line(layers, factor ** (layers - 1.0), "z, theory", "theory", "blue"),
            Line(layers, backward, "δ, from layer 20", "measured", "relu"),
            Line(layers, factor ** (DEPTH - layers * 1.0), "δ, theory", "theory", "relu"),
        ),
        bands=(HEALTHY,),
    )


TWO_WAYS = Demo(
    id="relu/two-ways",
    title="Twenty ReLU layers, forwards and backwards",
    knobs=(Knob("gain", "size of the weights, σ_w", 0.7, 2.0, 0.05, 1.0),),
    draw=draw_two_ways,
)

KIN_SHOWN = (("relu", "ReLU"), ("elu", "ELU"), ("selu", "SELU"), ("gelu", "GELU"))


def draw_kin(gain: float) -> Plot:
    """δ through 20 random layers of four activations."""
    layers = np.arange(1, DEPTH + 1)
    lines: list[Line] = []
    words: list[str] = []
    for name, word in KIN_SHOWN:
        measured = random_delta(name, gain)
        words.append(f"{word} {measured[0] ** (1 / (DEPTH - 1)):.2f}")
        lines.append(Line(layers, measured, word, "measured", name))
        lines.append(Line(layers, delta_theory(name, gain), f"{word} theory", "theory", name))
    return Plot(
        title=f"σ_w = {gain:.2f}, per layer: " + ", ".join(words),
        x=Axis("layer (1 is nearest the input)", limits=(1.0, float(DEPTH))),
        y=Axis("size of δ, relative to layer 20", "log", (1e-10, 1e6)),
        lines=tuple(lines),
        bands=(HEALTHY,),
    )


KIN = Demo(
    id="relu/kin",
    title="Four activations, one gain",
    knobs=(Knob("gain", "size of the weights, σ_w", 0.7, 2.0, 0.05, 1.0),),
    draw=draw_kin,
)


def _leaky_plot(leak: float, gain: float, depth: int) -> Plot:
    layers = np.arange(1, depth + 1)
    _, backward = through_leaky_layers(leak, gain, depth=depth)
    factor = factor_by_theory(leak, gain)
    return Plot(
        title=f"a = {leak:.2f}, σ_w = {gain:.2f}: factor {factor:.3f} per layer",
        x=Axis("layer (1 is nearest the input)", limits=(1.0, float(depth))),
        y=Axis(f"size of δ, relative to layer {depth}", "log", (1e-6, 1e6)),
        lines=(
            Line(layers, backward, "δ, measured", "measured", "leaky_relu"),
            Line(layers, factor ** (depth - layers * 1.0), "δ, theory", "theory", "leaky_relu"),
        ),
        bands=(HEALTHY,),
    )


def draw_leak(leak: float, gain: float) -> Plot:
    """δ through 20 leaky layers, for a leak and a gain."""
    return _leaky_plot(leak, gain, DEPTH)


LEAK = Demo(
    id="relu/leak",
    title="A slope for the other side",
    knobs=(
        Knob("leak", "slope for z < 0, a", -1.0, 1.0, 0.05, 0.0),
        Knob("gain", "size of the weights, σ_w", 0.7, 2.0, 0.05, 1.0),
    ),
    draw=draw_leak,
)


def draw_leak_knob(leak: float) -> Plot:
    """δ through 50 leaky layers with weights of σ_w = 1.3."""
    return _leaky_plot(leak, TUNED_GAIN, TUNED_DEPTH)


LEAK_KNOB = Demo(
    id="relu/leak-knob",
    title="50 layers whose weights are given",
    knobs=(Knob("leak", "slope for z < 0, a", 0.0, 1.0, 0.01, 0.0),),
    draw=draw_leak_knob,
)

# ---------------------------------------------------------------- units that die


def draw_large_step(rate: float) -> Plot:
    """Highest and lowest z of each of 64 units over all digits, after one step."""
    z, fall = one_step()
    after = z - rate * fall
    after /= np.sqrt(np.mean(after**2))
    order = np.argsort(after.max(axis=0))
    highest, lowest = after.max(axis=0)[order], after.min(axis=0)[order]
    unit = np.arange(1, 65)
    dead = int((highest <= 0).sum())
    return Plot(
        title=f"After one step with η = {rate:.2g}: {dead} of 64 units are dead",
        x=Axis("unit (layer 1, sorted by highest z)", limits=(0.0, 65.0)),
        y=Axis("z over all 1438 digits (rms of all z = 1)", limits=(-6.0, 6.0)),
        lines=(
            Line(unit, highest, "its highest z", "measured", "relu"),
            Line(unit, lowest, "its lowest z", "measured", "grey"),
            Line([0.0, 65.0], [0.0, 0.0], "below: silent", "reference", "grey"),
        ),
    )


LARGE_STEP = Demo(
    id="relu/large-step",
    title="One step of gradient descent, and who survives",
    knobs=(Knob("rate", "learning rate η of the step", -1.3, 1.7, 0.05, -1.3, log=True),),
    draw=draw_large_step,
)

# ---------------------------------------------------------------- the same zeros


def draw_same_zeros(factor: float) -> Plot:
    """Size of the outputs by layer, when layer l is scaled by a factor to the power l."""
    from gradcourse.nets import scaled

    layers = np.arange(1.0, 5.0)
    sizes, zeros = sizes_and_zeros(scaled(prepared("healthy", 0), factor))
    dead, dead_zeros = sizes_and_zeros(prepared("dead", 0))
    return Plot(
        title=f"Weights × {factor:.2g}: {zeros:.0%} zeros. Layer 4 dead: {dead_zeros:.0%} zeros",
        x=Axis("layer (1 is nearest the input)", limits=(0.8, 4.2)),
        y=Axis("size of the layer's output", "log", (1e-8, 100.0)),
        lines=(
            Line(layers, sizes, "scaled network", "measured", "relu"),
            Line(layers, factor**layers, "scaled network, theory", "theory", "relu"),
            Line(layers, dead, "network with layer 4 dead", "measured", "vermillion"),
        ),
    )


SAME_ZEROS = Demo(
    id="relu/same-zeros",
    title="What a count of zeros does not see",
    knobs=(Knob("factor", "factor on the weights", -2.0, 0.0, 0.05, 0.0, log=True),),
    draw=draw_same_zeros,
)

DEMOS = (TWO_WAYS, KIN, LEAK, LEAK_KNOB, LARGE_STEP, SAME_ZEROS)
