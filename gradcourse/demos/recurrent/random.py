"""Random tanh networks: what a gain and an input do to the gradient against lag."""

from __future__ import annotations

from functools import cache

import numpy as np

from gradcourse import theory
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot

WIDTH = 64
SETTLE = 100


@cache
def _normals(width: int, steps: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A standard normal matrix over √width, a first state, and inputs: knobs only scale them."""
    rng = np.random.default_rng([3, seed])
    weights = rng.standard_normal((width, width)) / np.sqrt(width)
    return weights, rng.standard_normal(width), rng.standard_normal((steps, width))


def random_run(
    gain: float, strength: float, *, lags: int = 100, width: int = WIDTH, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Run h_t = tanh(W h_{t−1} + u_t) past its first 100 steps.

    Entries of W are Gaussian with standard deviation gain/√width, those of u_t with ``strength``.

    Returns
    -------
    weights : numpy.ndarray, shape (width, width)
    states : numpy.ndarray, shape (lags, width)
        The last ``lags`` states.
    """
    normal, h, inputs = _normals(width, SETTLE + lags, seed)
    weights = gain * normal
    states = np.empty((lags, width))
    for t, u in enumerate(inputs):
        h = np.tanh(weights @ h + strength * u)
        if t >= SETTLE:
            states[t - SETTLE] = h
    return weights, states


def lag_log_gradient(
    gain: float, strength: float, *, lags: int = 100, width: int = WIDTH, seed: int = 0
) -> np.ndarray:
    """Return ln of the gradient's typical growth over 0 to ``lags`` steps.

    That is ln(‖∂h_T/∂h_t‖_F / √width): the root mean square over all directions at T.
    """
    weights, states = random_run(gain, strength, lags=lags, width=width, seed=seed)
    jacobian, scale = np.eye(width), 0.0
    growth = [0.0]
    for h in states[::-1]:
        jacobian = (jacobian * (1.0 - h**2)) @ weights
        size = float(np.linalg.norm(jacobian)) / np.sqrt(width)
        jacobian /= size
        scale += float(np.log(size))
        growth.append(scale)
    return np.array(growth)


def gradient_theory(gain: float, strength: float, lags: int = 100) -> np.ndarray:
    """Mean-field theory of the same: lag · ½ ln χ, for a wide network."""
    return np.arange(lags + 1) * 0.5 * np.log(theory.chi("tanh", gain, strength))


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

FACTOR = 1000.0
"""How far from 1 the gradient may be after 200 steps in the tuning exercise."""


def growth_over_200(seed: int, gain: float) -> float:
    """The gradient at lag 200 relative to lag 0, at input strength 0.5."""
    return float(np.exp(lag_log_gradient(gain, 0.5, lags=200, seed=seed)[-1]))


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
