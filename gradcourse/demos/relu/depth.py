"""What ReLU, its leaky kin and the smooth ones let through, layer by layer."""

from __future__ import annotations

import numpy as np

from gradcourse.experiments.relu import (
    DEPTH,
    TUNED_DEPTH,
    TUNED_GAIN,
    factor_by_theory,
    through_leaky_layers,
)
from gradcourse.experiments.saturation import delta_theory, random_delta
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot

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
