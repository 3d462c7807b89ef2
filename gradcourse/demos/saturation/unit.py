"""One unit: the slopes of σ and tanh, and two losses of a σ output."""

from __future__ import annotations

import numpy as np

from gradcourse import theory
from gradcourse.experiments.saturation import output_deltas
from gradcourse.figures import Axis, Demo, Knob, Line, Plot

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
