"""Lesson 12: a window over a gradient, rates by width, and a long memory."""

from __future__ import annotations

import numpy as np

from gradcourse import theory
from gradcourse.experiments.modern.memory import sensitivity
from gradcourse.experiments.modern.rates import EXPONENTS, MUP, STANDARD, WIDTHS
from gradcourse.experiments.precision import (
    DEEP,
    best_rate,
    deep_delta,
    deep_factor,
    losses,
)
from gradcourse.figures import Axis, Demo, Knob, Line, Plot

# ---------------------------------------------------------------- a window over a gradient


def draw_window(scale: int) -> Plot:
    """δ of 30 sigmoid layers in float16, and the numbers that the format has."""
    layer = np.arange(1, DEEP + 1)
    half, brain = (deep_delta(dtype, scale) for dtype in ("float16", "bfloat16"))
    law = brain[-1] * deep_factor() ** (DEEP - layer)
    served = int(np.nansum(half > 0))
    ends = [1.0, float(DEEP)]
    limits = theory.float_limits("float16")
    return Plot(
        title=f"loss × 2^{scale}: {served} of {DEEP} layers get a gradient in float16",
        x=Axis("layer (1 = nearest to the input)", limits=(0.5, DEEP + 0.5)),
        y=Axis("largest |δ|", "log", (1e-21, 1e10)),
        lines=(
            Line(layer, brain, "bfloat16", color="blue"),
            Line(layer, law, "theory, one factor a layer", "theory", "blue"),
            Line(layer, half, "float16", color="vermillion"),
            Line(ends, [limits.largest] * 2, "float16 ends: 65504", "reference", "grey"),
            Line(ends, [limits.smallest_subnormal] * 2, "2⁻²⁴", "reference", "grey"),
        ),
    )


WINDOW = Demo(
    id="precision/window",
    title="A loss scale moves the window",
    knobs=(Knob("scale", "loss scale, as a power of two", 0.0, 30.0, 2.0, 0.0, integer=True),),
    draw=draw_window,
    linked=True,
)

# ---------------------------------------------------------------- rates by width


def draw_width(power: int) -> Plot:
    """Stored losses against the rate at one width, in two parametrizations."""
    width = 2**power
    exponents = np.array(EXPONENTS)
    lines = []
    places = []
    for kind, color in ((STANDARD, "vermillion"), (MUP, "blue")):
        middle = np.minimum(np.median(losses(kind, width), axis=0), 1e3)
        lines.append(Line(exponents, middle, kind, color=color))
        narrow = best_rate(kind, WIDTHS[0])
        here = best_rate(kind, width)
        places.append(f"{kind} 2^{here}")
        if kind == STANDARD:
            tuned = [float(narrow)] * 2
    lines.append(Line(tuned, [0.03, 3.0], "best at width 64", "reference", "grey"))
    return Plot(
        title=f"width {width}, lowest points: {', '.join(places)}",
        x=Axis("Adam's rate, as a power of two"),
        y=Axis("loss after 60 updates", "log", (0.03, 3.0)),
        lines=tuple(lines),
    )


WIDTH = Demo(
    id="precision/width",
    title="The best rate, by width",
    knobs=(Knob("power", "width, as a power of two", 6.0, 10.0, 2.0, 10.0, integer=True),),
    draw=draw_width,
    linked=True,
)

# ---------------------------------------------------------------- a long memory

KEEPS = 1.0 - 2.0 ** -np.arange(1.0, 11.0)


def draw_memory(lag: float) -> Plot:
    """Size of the state and of its derivative by the weight, for memories up to 2^lag steps."""
    keep = KEEPS[: round(lag)]
    steps = 1.0 / (1.0 - keep)
    plain = np.array([sensitivity(k) for k in keep])
    tamed = np.array([sensitivity(k, tamed=True) for k in keep])
    return Plot(
        title=f"λ = {keep[-1]:.4f}: h² is {plain[-1, 0]:.3g}, (∂h/∂λ)² is {plain[-1, 1]:.3g}",
        x=Axis("memory 1/(1 − λ), in steps", "log", (1.5, 1500.0)),
        y=Axis("mean square", "log", (0.1, 1e9)),
        lines=(
            Line(steps, plain[:, 1], "∂h/∂λ", color="vermillion"),
            Line(steps, theory.weight_sensitivity(keep), "theory, ∂h/∂λ", "theory", "vermillion"),
            Line(steps, plain[:, 0], "h", color="orange"),
            Line(steps, theory.state_variance(keep), "theory, h", "theory", "orange"),
            Line(steps, tamed[:, 1], "∂h/∂ν, scaled", color="blue"),
            Line(steps, theory.tamed_sensitivity(keep), "theory, ∂h/∂ν", "theory", "blue"),
        ),
    )


MEMORY = Demo(
    id="precision/memory",
    title="A state that is level, and how sensitive it is",
    knobs=(Knob("lag", "longest memory, as a power of two", 2.0, 10.0, 1.0, 7.0, integer=True),),
    draw=draw_memory,
    linked=True,
)

DEMOS = (WINDOW, WIDTH, MEMORY)
