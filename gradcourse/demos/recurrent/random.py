"""Random tanh networks: what a gain and an input do to the gradient against lag."""

from __future__ import annotations

import numpy as np

from gradcourse.experiments.recurrent import FACTOR, gradient_theory, lag_log_gradient, random_run
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot


def draw_gain(gain: float, strength: float) -> Plot:
    """The gradient against lag in one random tanh network, and the size of its states."""
    lag = np.arange(101)
    _, states = random_run(gain, strength)
    size = np.sqrt(np.mean(states**2, axis=1))[::-1]
    growth = lag_log_gradient(gain, strength)
    return Plot(
        title=f"Gain {gain:.1f}, input {strength:.1f}: × {np.exp(growth[-1] / 100):.2f} per step",
        x=Axis("lag T − t", limits=(0.0, 100.0)),
        y=Axis("relative size", "log", (1e-30, 1e30)),
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
        Knob("gain", "gain of the recurrent weights", 0.5, 4.0, 0.1, 0.7),
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
