"""Lesson 03: the same matrix at every step, alone, with tanh, and on the edge of a cliff."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from gradcourse.experiments.recurrent import (
    FACTOR,
    LAGS,
    LEARNING_RATE,
    cliff_line,
    gradient_theory,
    lag_log_gradient,
    loss_and_gradient,
    one_step,
    random_run,
    two_unit_gradient,
    two_unit_matrix,
    two_unit_theory,
)
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Picture, Plot

# ---------------------------------------------------------------- without an activation


def draw_scalar(w: float) -> Plot:
    """|∂h_T/∂h_t| of h_t = w h_{t−1} + x_t, multiplied out in float32, and |w|^lag."""
    lag = np.arange(LAGS + 1)
    factors = np.full(LAGS + 1, w, dtype=np.float32)
    factors[0] = 1.0
    measured = np.abs(np.cumprod(factors, dtype=np.float32))
    return Plot(
        title=f"w = {w:.2f}: after {LAGS} steps the gradient is {measured[-1]:.1e}",
        x=Axis("lag T − t", limits=(0.0, float(LAGS))),
        y=Axis("|∂h_T/∂h_t|", "log", (1e-20, 1e20)),
        lines=(
            Line(lag, measured, "multiplied out", color="linear"),
            Line(lag, abs(w) ** lag.astype(float), "theory, |w|^lag", "theory", "linear"),
        ),
        bands=(Band(0.1, 10.0, "healthy: 0.1 to 10"),),
    )


SCALAR = Demo(
    id="recurrent/scalar",
    title="One recurrent weight",
    knobs=(Knob("w", "recurrent weight w", 0.7, 1.5, 0.01, 0.9),),
    draw=draw_scalar,
)


def draw_two_units(radius: float, coupling: float) -> Plot:
    """The gradient of two coupled units, with ρ^lag for comparison."""
    lag = np.arange(LAGS + 1)
    measured = two_unit_gradient(radius, coupling)
    norm = np.linalg.norm(two_unit_matrix(radius, coupling), 2)
    peak = int(measured.argmax())
    where = f"largest at lag {peak}: {measured[peak]:.1f}" if peak < LAGS else "still growing"
    return Plot(
        title=f"Spectral radius {radius:.2f}, norm {norm:.2f}. Gradient {where}",
        x=Axis("lag T − t", limits=(0.0, float(LAGS))),
        y=Axis("‖∂ℒ/∂h_t‖", "log", (1e-6, 1e6)),
        lines=(
            Line(lag, measured, "two units", color="linear"),
            Line(lag, two_unit_theory(radius, coupling), "theory", "theory", "linear"),
            Line(lag, radius**lag, "ρ^lag, one unit", "reference", "grey"),
        ),
        bands=(Band(0.1, 10.0, "healthy: 0.1 to 10"),),
    )


TWO_UNITS = Demo(
    id="recurrent/two-units",
    title="Two units, one feeds the other",
    knobs=(
        Knob("radius", "spectral radius ρ", 0.8, 1.1, 0.01, 0.95),
        Knob("coupling", "coupling a", 0.0, 5.0, 0.1, 1.0),
    ),
    draw=draw_two_units,
)

# ---------------------------------------------------------------- with tanh


def draw_gain(gain: float, strength: float) -> Plot:
    """The gradient against lag in one random tanh network, and the size of its states."""
    lag = np.arange(101)
    _, states = random_run(gain, strength)
    size = np.sqrt(np.mean(states**2, axis=1))[::-1]
    growth = lag_log_gradient(gain, strength)
    return Plot(
        title=f"Gain {gain:.1f}, input {strength:.1f}: × {np.exp(growth[-1] / 100):.2f} per step",
        x=Axis("lag T − t", limits=(0.0, 100.0)),
        y=Axis("relative size", "log", (1e-20, 1e20)),
        lines=(
            Line(lag, np.exp(growth), "gradient", color="tanh"),
            Line(lag, np.exp(gradient_theory(gain, strength)), "theory, χ", "theory", "tanh"),
            Line(lag[:-1], size, "size of the state h_t", color="orange"),
        ),
        bands=(Band(0.1, 10.0, "healthy: 0.1 to 10"),),
    )


GAIN = Demo(
    id="recurrent/gain",
    title="A random tanh network, with and without input",
    knobs=(
        Knob("gain", "gain of the recurrent weights", 0.5, 4.0, 0.1, 2.0),
        Knob("strength", "strength of the input", 0.0, 3.0, 0.1, 0.0),
    ),
    draw=draw_gain,
)


def draw_gain_200(gain: float) -> Plot:
    """The gradient over 200 steps at input strength 0.5."""
    lag = np.arange(201)
    growth = lag_log_gradient(gain, 0.5, lags=200)
    expected = np.exp(gradient_theory(gain, 0.5, 200))
    return Plot(
        title=f"Gain {gain:.2f}: the gradient at lag 200 is {np.exp(growth[-1]):.1e}",
        x=Axis("lag T − t", limits=(0.0, 200.0)),
        y=Axis("size of the gradient, relative to lag 0", "log", (1e-60, 1e40)),
        lines=(
            Line(lag, np.exp(growth), "measured", color="tanh"),
            Line(lag, expected, "theory, χ", "theory", "tanh"),
        ),
        bands=(Band(1 / FACTOR, FACTOR, "the band: 0.001 to 1000"),),
    )


GAIN_200 = Demo(
    id="recurrent/gain-200",
    title="A gain for 200 steps",
    knobs=(Knob("gain", "gain of the recurrent weights", 0.5, 3.0, 0.05, 1.0),),
    draw=draw_gain_200,
)

# ---------------------------------------------------------------- the cliff

WEIGHTS = np.linspace(0.5, 2.0, 76)
BIASES = np.linspace(-0.5, 1.0, 76)


@cache
def _surface() -> np.ndarray:
    return loss_and_gradient(WEIGHTS[None, :], BIASES[:, None])[0]


def _cross(w: float, b: float) -> Line:
    """Where you stand: most steps are too short to be seen."""
    arm = 0.04
    x, y = [w - arm, w + arm, w, w, w], [b, b, math.nan, b - arm, b + arm]
    return Line(x, y, "the point", color="black")


def _arrow(w: float, b: float, learning_rate: float) -> Line:
    """From here to where one step lands, cut at the edge of the picture."""
    to_w, to_b = one_step(w, b, learning_rate)
    share = 1.0
    for here, there, values in ((w, to_w, WEIGHTS), (b, to_b, BIASES)):
        for edge in (values[0], values[-1]):
            if (there - edge) * (here - edge) < 0:
                share = min(share, (edge - here) / (there - here))
    way = np.linspace(0.0, share, 2)
    # On cells every line is white: the dots tell it from the cross, as in the picture of descents.
    return Line(w + way * (to_w - w), b + way * (to_b - b), "one step", "reference")


def surface(w: float, b: float, learning_rate: float = LEARNING_RATE) -> Picture:
    """The loss over (w, b), the cliff by theory, and one step from a point."""
    _, by_w, by_b = loss_and_gradient(w, b)
    length = learning_rate * float(np.hypot(by_w, by_b))
    title = f"w = {w:.2f}, b = {b:.3f}: gradient {np.hypot(by_w, by_b):.2g}, step {length:.2g}"
    return over_the_loss(title, _cross(w, b), _arrow(w, b, learning_rate))


def over_the_loss(title: str, *lines: Line) -> Picture:
    """Lines over the loss and the cliff by theory."""
    walls = WEIGHTS[WEIGHTS >= 1]
    return Picture(
        title=title,
        x=Axis("recurrent weight w", limits=(0.49, 2.01)),
        y=Axis("bias b", limits=(-0.51, 1.01)),
        values=_surface(),
        rows=BIASES,
        columns=WEIGHTS,
        color_label="loss after 50 steps",
        lines=(Line(walls, cliff_line(walls), "edge, theory", "theory", "black"), *lines),
        color_limits=(0.0, 1.45),
    )


CLIFF = Demo(
    id="recurrent/cliff",
    title="A loss with a wall in it",
    knobs=(
        Knob("w", "recurrent weight w", 0.5, 2.0, 0.02, 1.5),
        Knob("b", "bias b", -0.3, 0.7, 0.005, 0.0),
    ),
    draw=surface,
)

DEMOS = (SCALAR, TWO_UNITS, GAIN, CLIFF, GAIN_200)
