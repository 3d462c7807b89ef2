"""A deep sigmoid network on digits: its gradients, its images, and how far its weights get."""

from __future__ import annotations

import numpy as np

from gradcourse.experiments.saturation import (
    DEEP,
    STEPS,
    delta_theory,
    gradient_histogram,
    relative_change,
    two_ways,
)
from gradcourse.figures import Axis, Demo, Knob, Line, Picture, Plot


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
    knobs=(Knob("depth", "hidden layers", 1, 8, 1, 2, integer=True),),
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
