"""Lesson 02: slopes of σ and tanh, what they do to a deep network, and to its output."""

from __future__ import annotations

import numpy as np

from gradcourse import theory
from gradcourse.experiments.saturation import (
    DEEP,
    STEPS,
    delta_theory,
    gradient_histogram,
    output_deltas,
    random_delta,
    relative_change,
    two_ways,
)
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Picture, Plot

# ---------------------------------------------------------------- one unit

SATURATED = 0.05
"""A unit is saturated when its slope is below this share of the activation's largest slope."""

LARGEST_SLOPE = {"sigmoid": 0.25, "tanh": 1.0}


def draw_tangent(z: float) -> Plot:
    """σ and tanh with their tangents at one pre-activation."""
    x = np.linspace(-8.0, 8.0, 241)
    lines: list[Line] = []
    words: list[str] = []
    for name, symbol in (("sigmoid", "σ"), ("tanh", "tanh")):
        slope = float(theory.slope(name, z))
        flat = slope < SATURATED * LARGEST_SLOPE[name]
        tangent = float(theory.activation(name, z)) + slope * (x - z)
        tangent[np.abs(x - z) > 2.5] = np.nan
        words.append(f"{symbol}′ = {slope:.2g}" + (" (saturated)" if flat else ""))
        lines.append(Line(x, theory.activation(name, x), symbol, "measured", name))
        lines.append(Line(x, tangent, f"tangent of {symbol}", "theory", name))
    return Plot(
        title=f"At z = {z:.1f}: " + ", ".join(words),
        x=Axis("pre-activation z", limits=(-8.0, 8.0)),
        y=Axis("activation φ(z)", limits=(-1.4, 1.4)),
        lines=tuple(lines),
    )


TANGENT = Demo(
    id="saturation/tangent",
    title="A tangent you can drag",
    knobs=(Knob("z", "pre-activation z", -7.0, 7.0, 0.1, 0.0),),
    draw=draw_tangent,
)


def draw_output(z: float) -> Plot:
    """|∂ℒ/∂z| of two losses against the output's pre-activation."""
    x = np.linspace(-12.0, 12.0, 241)
    squared, crossed = output_deltas(x)
    here_squared, here_crossed = (float(d) for d in output_deltas(z))
    return Plot(
        title=(
            f"z = {z:.1f}, target 1: squared error {here_squared:.2g}, "
            f"cross-entropy {here_crossed:.2g}"
        ),
        x=Axis("pre-activation z", limits=(-12.0, 12.0)),
        y=Axis("|∂ℒ/∂z|", "log", (1e-10, 10.0)),
        lines=(
            Line(x, squared, "squared error", color="vermillion"),
            Line(x, crossed, "cross-entropy", color="blue"),
            Line([z, z], [1e-10, 10.0], "the output you hold", "reference", "grey"),
        ),
    )


OUTPUT = Demo(
    id="saturation/output",
    title="An output that should be 1",
    knobs=(Knob("z", "pre-activation z of the output", -12.0, 12.0, 0.5, -6.0),),
    draw=draw_output,
)

# ---------------------------------------------------------------- δ, layer by layer


def draw_decay(gain: float) -> Plot:
    """δ layer by layer in 20-layer random networks, with mean-field theory."""
    layers = np.arange(1, 21)
    lines: list[Line] = []
    words: list[str] = []
    for name, symbol in (("sigmoid", "σ"), ("tanh", "tanh")):
        measured = random_delta(name, gain)
        words.append(f"{symbol} × {measured[0] ** (1 / 19):.2f}")
        lines.append(Line(layers, measured, f"{symbol}, measured", "measured", name))
        lines.append(Line(layers, delta_theory(name, gain), f"{symbol}, theory", "theory", name))
    return Plot(
        title=f"Gain {gain:.1f}, factor per layer: " + ", ".join(words),
        x=Axis("layer (1 is nearest the input)", limits=(1.0, 20.0)),
        y=Axis("size of δ, relative to layer 20", "log", (1e-14, 1e10)),
        lines=tuple(lines),
        bands=(Band(0.1, 10.0, "healthy: 0.1 to 10"),),
    )


DECAY = Demo(
    id="saturation/decay",
    title="δ from layer 20 back to layer 1",
    knobs=(Knob("gain", "gain of the weights, σ_w", 0.5, 14.0, 0.5, 1.0),),
    draw=draw_decay,
)


def draw_sigmoid_decay(gain: float) -> Plot:
    """δ layer by layer in one 20-layer sigmoid network, with mean-field theory."""
    layers = np.arange(1, 21)
    measured = random_delta("sigmoid", gain)
    return Plot(
        title=f"Gain {gain:.2f}: δ in layer 1 is {measured[0]:.1e} times δ in layer 20",
        x=Axis("layer (1 is nearest the input)", limits=(1.0, 20.0)),
        y=Axis("size of δ, relative to layer 20", "log", (1e-18, 1e5)),
        lines=(
            Line(layers, measured, "σ, measured", "measured", "sigmoid"),
            Line(layers, delta_theory("sigmoid", gain), "σ, theory", "theory", "sigmoid"),
        ),
        bands=(Band(0.1, 10.0, "the band: 0.1 to 10"),),
    )


GAIN = Demo(
    id="saturation/gain-knob",
    title="20 sigmoid layers, one gain",
    knobs=(Knob("gain", "gain of the weights, σ_w", 0.5, 20.0, 0.25, 1.0),),
    draw=draw_sigmoid_decay,
)

# ---------------------------------------------------------------- a deep network on digits


def draw_change(depth: int) -> Plot:
    """How far each weight matrix moved in 1000 steps, and whether the network learned."""
    change, right = relative_change(int(depth))
    layers = np.arange(1, len(change) + 1)
    hidden = "1 hidden layer" if depth == 1 else f"{depth} hidden layers"
    return Plot(
        title=f"{hidden}, {STEPS} steps: {right:.0%} of the test digits right",
        x=Axis("layer (1 is nearest the input, the last is the output)", limits=(0.5, 9.5)),
        y=Axis("‖W_t − W_0‖ / ‖W_0‖", "log", (1e-4, 10.0)),
        lines=(
            Line(layers, change, "relative change of the weights", "measured", "sigmoid"),
            Line([0.5, 9.5], [1e-2, 1e-2], "moved by 1 %", "reference", "grey"),
        ),
    )


CHANGE = Demo(
    id="saturation/weight-change",
    title="How far do the weights of each layer get?",
    knobs=(Knob("depth", "hidden layers", 1, 8, 1, 6, integer=True),),
    draw=draw_change,
    linked=True,
)


def draw_histogram(gain: float) -> Picture:
    """Histogram of |∂ℒ/∂W| by layer, on a log₂ axis, before training."""
    columns = np.arange(-40, 16)
    shares, sizes = gradient_histogram(gain, columns)
    # Theory starts from the size that is measured in the last hidden layer.
    expected = np.log2(sizes[DEEP - 1]) + np.log2(delta_theory("sigmoid", gain, depth=DEEP))
    return Picture(
        title=f"Gradients of the 9 weight matrices, gain {gain:.1f}",
        x=Axis("log₂ |∂ℒ/∂W|"),
        y=Axis("layer (9 is the output)"),
        lines=(Line(expected, np.arange(1, DEEP + 1), "theory, √χ", "theory", "sigmoid"),),
        values=shares,
        rows=np.arange(1, len(shares) + 1),
        columns=columns,
        color_label="share of the layer's entries (%)",
    )


HISTOGRAM = Demo(
    id="saturation/gradient-histogram",
    title="Where on the log axis do the gradients lie?",
    knobs=(Knob("gain", "gain of the weights, σ_w", 0.5, 12.0, 0.5, 1.0),),
    draw=draw_histogram,
)


def draw_two_ways(gain: float) -> Plot:
    """What is left of the input at each layer, and of the gradient."""
    spread, delta = two_ways(gain)
    layers = np.arange(1, DEEP + 1)
    expected = delta_theory("sigmoid", gain, depth=DEEP)
    forwards = expected[0] / expected
    return Plot(
        title=f"Gain {gain:.1f}: the images forwards, the gradient backwards",
        x=Axis("layer (1 is nearest the input)", limits=(1.0, float(DEEP))),
        y=Axis("relative size", "log", (1e-6, 100.0)),
        lines=(
            Line(layers, spread / spread[0], "spread of the images, from layer 1", color="blue"),
            Line(layers, forwards, "theory, forwards", "theory", "blue"),
            Line(layers, delta / delta[-1], "size of δ, from layer 8", color="sigmoid"),
            Line(layers, expected, "theory, backwards", "theory", "sigmoid"),
        ),
    )


TWO_WAYS = Demo(
    id="saturation/two-ways",
    title="The image fades forwards as the gradient fades backwards",
    knobs=(Knob("gain", "gain of the weights, σ_w", 0.5, 12.0, 0.5, 1.0),),
    draw=draw_two_ways,
)

DEMOS = (TANGENT, DECAY, GAIN, CHANGE, HISTOGRAM, TWO_WAYS, OUTPUT)
