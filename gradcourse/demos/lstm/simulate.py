"""A random LSTM in numpy, with every gate kept: its direct path and its whole derivative."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradcourse.theory import sigmoid

Array = NDArray[np.float64]
WIDTH = 32


@dataclass(frozen=True, eq=False)
class Run:
    """One run of an LSTM of n units over T steps.

    Attributes
    ----------
    weights : array, shape (4n, n)
        Recurrent weights, in torch's order: input, forget, cell, output.
    gates : array, shape (T, 4, n)
        i, f, g, o at each step.
    cells, states : array, shape (T + 1, n)
        c and h; the first row is the start.
    """

    weights: Array
    gates: Array
    cells: Array
    states: Array


@cache
def _draws(width: int, steps: int, seed: int) -> tuple[Array, Array, Array, Array]:
    """Standard normals that the knobs only scale: W, U, inputs, and the first cell."""
    rng = np.random.default_rng([8, seed])
    return (
        rng.standard_normal((4 * width, width)) / np.sqrt(width),
        rng.standard_normal(4 * width),
        rng.standard_normal(steps),
        rng.standard_normal(width),
    )


def run(
    forget_bias: ArrayLike,
    input_bias: ArrayLike = 0.0,
    *,
    gain: float = 0.58,
    strength: float = 0.1,
    start: float = 0.1,
    steps: int = 100,
    width: int = WIDTH,
    seed: int = 0,
) -> Run:
    """Run an LSTM with Gaussian recurrent weights of variance gain²/width.

    Parameters
    ----------
    forget_bias, input_bias : float or array, shape (width,)
        The other two biases are 0.
    gain : float
        0.58 has the variance of torch's own uniform weights.
    strength : float
        Standard deviation of what a Gaussian input adds to each gate.
    start : float
        Standard deviation of the first cell; the first h is what an output gate of ½ gives.
    """
    normal, reading, inputs, first = _draws(width, steps, seed)
    weights = gain * normal
    bias = np.zeros((4, width))
    bias[0], bias[1] = input_bias, forget_bias
    gates, cells = np.empty((steps, 4, width)), np.empty((steps + 1, width))
    states = np.empty((steps + 1, width))
    cells[0] = start * first
    states[0] = 0.5 * np.tanh(cells[0])
    for t in range(steps):
        z = (weights @ states[t] + strength * inputs[t] * reading).reshape(4, width) + bias
        gates[t] = 1.0 / (1.0 + np.exp(-z))
        gates[t, 2] = np.tanh(z[2])
        i, f, g, o = gates[t]
        cells[t + 1] = f * cells[t] + i * g
        states[t + 1] = o * np.tanh(cells[t + 1])
    return Run(weights, gates, cells, states)


def direct_path(made: Run) -> Array:
    """Root mean square over units of the product of the forget gates, for lags 0 to T."""
    logs = np.cumsum(np.log(made.gates[::-1, 1]), axis=0)
    return np.concatenate([[1.0], np.sqrt(np.mean(np.exp(2.0 * logs), axis=1))])


def cell_gradients(made: Run) -> Array:
    """‖∂c_T/∂c_t‖_F/√n through all paths, for lags 0 to T."""
    width = made.cells.shape[1]
    wi, wf, wg, wo = made.weights.reshape(4, width, width)
    by_c, by_h = np.eye(width), np.zeros((width, width))
    found = [1.0]
    for t in range(len(made.gates) - 1, -1, -1):
        i, f, g, o = made.gates[t]
        squashed = np.tanh(made.cells[t + 1])
        back = (g * i * (1.0 - i))[:, None] * wi + (i * (1.0 - g**2))[:, None] * wg
        back += (made.cells[t] * f * (1.0 - f))[:, None] * wf
        by_h = by_c @ back + by_h @ ((squashed * o * (1.0 - o))[:, None] * wo)
        # What reads c_(t−1) is the cell itself, and o_(t−1)·tanh on its way to h_(t−1).
        before = made.gates[t - 1, 3] if t else np.full(width, 0.5)
        by_c = by_c * f + by_h * (before * (1.0 - np.tanh(made.cells[t]) ** 2))
        found.append(float(np.linalg.norm(by_c)) / np.sqrt(width))
    return np.array(found)


def half_life(gradient: Array) -> float:
    """Steps in which a gradient against lag halves, from the ends of the line; ∞ if it does not."""
    per_step = np.log(gradient[-1]) / (len(gradient) - 1)
    return float(np.log(2.0) / -per_step) if per_step < 0 else float("inf")


def keep(bias: ArrayLike) -> Array:
    """σ(b), the share of a cell that is kept per step."""
    return np.asarray(sigmoid(bias), dtype=np.float64)
