"""Lesson 03's cliff again: gradient descent with steps of limited length."""

from __future__ import annotations

from functools import cache

import numpy as np

from gradcourse.demos.recurrent.cliff import (
    BIASES,
    LEARNING_RATE,
    WEIGHTS,
    loss_and_gradient,
    over_the_loss,
)
from gradcourse.figures import Demo, Knob, Line, Picture

UPDATES = 300
EXPONENTS = np.round(np.arange(-1.0, 4.05, 0.1), 1)
HERE = (1.54, 0.01)


def starts(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random places on the plateau, below the wall, as in lesson 03."""
    w, b = np.random.default_rng(seed).random((2, count))
    return 1.35 + 0.25 * w, -0.1 + 0.2 * b


def descend(
    w: np.ndarray, b: np.ndarray, threshold: float | np.ndarray, updates: int = UPDATES
) -> np.ndarray:
    """Gradient descent with the norm of (∂ℒ/∂w, ∂ℒ/∂b) clipped at a threshold.

    Parameters
    ----------
    w, b : numpy.ndarray, shape (n,)
        Where each run starts.
    threshold : float or array, shape (n,)
        ``inf``: no clipping.

    Returns
    -------
    numpy.ndarray, shape (updates + 1, 2, n)
        The points (w, b).
    """
    path = [np.stack([w, b])]
    for _ in range(updates):
        gradient = np.stack(loss_and_gradient(*path[-1])[1:])
        size = np.linalg.norm(gradient, axis=0)
        factor = np.minimum(1.0, threshold / np.maximum(size, 1e-30))
        path.append(path[-1] - LEARNING_RATE * factor * gradient)
    return np.array(path)


def arrived(path: np.ndarray) -> np.ndarray:
    """Which runs end on the plain, with a loss below 0.01."""
    return loss_and_gradient(*path[-1])[0] < 0.01


def longest_step(path: np.ndarray) -> np.ndarray:
    """The longest step of each run."""
    return np.linalg.norm(np.diff(path, axis=0), axis=1).max(axis=0)


@cache
def _paths() -> np.ndarray:
    """One run for each threshold of the knob, all from the same place."""
    w, b = (np.full(len(EXPONENTS), value) for value in HERE)
    return descend(w, b, 10.0**EXPONENTS)


def _inside(path: np.ndarray) -> np.ndarray:
    """The path up to the edge of the picture, where a step that leaves it is cut."""
    low = np.array([WEIGHTS[0], BIASES[0]])
    high = np.array([WEIGHTS[-1], BIASES[-1]])
    out = np.flatnonzero(((path < low) | (path > high)).any(axis=1))
    if not len(out):
        return path
    here, there = path[out[0] - 1], path[out[0]]
    step = there - here
    edges = np.concatenate([(low - here) / step, (high - here) / step])
    share = edges[edges > 0].min()
    return np.concatenate([path[: out[0]], [here + share * step]])


def draw_survive(exponent: float) -> Picture:
    """300 clipped steps from one place, over lesson 03's surface."""
    path = _paths()[:, :, int(np.argmin(np.abs(EXPONENTS - exponent)))]
    seen = _inside(path)
    longest = float(longest_step(path[:, :, None])[0])
    end = float(loss_and_gradient(*path[-1])[0])
    title = f"c = {10.0**exponent:.3g}: longest step {longest:.2g}, loss at the end {end:.2g}"
    return over_the_loss(title, Line(seen[:, 0], seen[:, 1], "300 updates", color="vermillion"))


SURVIVE = Demo(
    id="clipping/survive",
    title="The same wall, with steps of limited length",
    knobs=(Knob("exponent", "threshold c, as a power of ten", -1.0, 4.0, 0.1, 4.0),),
    draw=draw_survive,
)
