"""δ through a random network, measured and by mean-field theory."""

from __future__ import annotations

import numpy as np

from gradcourse.experiments.saturation import delta_theory, random_delta
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot


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
