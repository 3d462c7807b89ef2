"""Lesson 03's cliff again: gradient descent with steps of limited length."""

from __future__ import annotations

from functools import cache

import numpy as np

from gradcourse.demos.recurrent.cliff import BIASES, WEIGHTS, over_the_loss
from gradcourse.experiments.clipping import descend, longest_step
from gradcourse.experiments.recurrent import loss_and_gradient
from gradcourse.figures import Demo, Knob, Line, Picture

EXPONENTS = np.round(np.arange(-1.0, 4.05, 0.1), 1)
HERE = (1.54, 0.01)


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
