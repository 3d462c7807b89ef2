"""Lesson 09: arrows that turn, a wall survived, a spike remembered, a matrix pressed down."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from gradcourse.demos.recurrent import BIASES, WEIGHTS, over_the_loss
from gradcourse.experiments.clipping import (
    PRESSED_STEPS,
    adam_rate,
    adam_rate_theory,
    angle,
    decayed,
    descend,
    longest_step,
    spectral_norm,
)
from gradcourse.experiments.recurrent import loss_and_gradient
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Picture, Plot
from gradcourse.figures.describe import number

# ---------------------------------------------------------------- arrows

LENGTH = 10.0


def _arrow(tip: np.ndarray, label: str, color: str) -> Line:
    return Line([0.0, tip[0]], [0.0, tip[1]], label, color=color)


def draw_arrows(direction: float, threshold: float) -> Plot:
    """A gradient of length 10, and what two ways of clipping leave of it."""
    way = math.radians(direction)
    raw = np.round(LENGTH * np.array([math.cos(way), math.sin(way)]), 12)  # cos 90° is 0
    by_norm = raw * min(1.0, threshold / LENGTH)
    by_value = np.clip(raw, -threshold, threshold)
    box = threshold * np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    arc = threshold * np.array(
        [[math.cos(a), math.sin(a)] for a in np.linspace(0, math.pi / 2, 40)]
    )
    turned = angle(raw, by_value)
    return Plot(
        title=f"c = {threshold:.1f}: by value turns it by {turned:.0f}°, by norm by 0°",
        x=Axis("first entry of the gradient", limits=(0.0, 18.5)),
        y=Axis("second entry", limits=(0.0, 10.5)),
        lines=(
            _arrow(raw, "raw gradient", "black"),
            _arrow(by_norm, "clipped by norm", "blue"),
            _arrow(by_value, "clipped by value", "vermillion"),
            Line(arc[:, 0], arc[:, 1], "arc: norm c", "reference", "blue"),
            Line(box[:, 0], box[:, 1], "box: entries c", "reference", "vermillion"),
        ),
    )


ARROWS = Demo(
    id="clipping/arrows",
    title="Two ways to shorten a gradient",
    knobs=(
        Knob("direction", "direction of the raw gradient, degrees", 0.0, 90.0, 1.0, 20.0),
        Knob("threshold", "threshold c", 0.5, 10.0, 0.1, 4.0),
    ),
    draw=draw_arrows,
)

# ---------------------------------------------------------------- lesson 03's cliff again

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
    name = "300 updates"
    if len(seen) < len(path):
        name, seen = "thrown out", np.concatenate([seen, _arrowhead(seen[-2], seen[-1])])
    return over_the_loss(
        title, Line(seen[:, 0], seen[:, 1], name, color="vermillion"), _ring(seen[0])
    )


def _ring(place: np.ndarray, radius: float = 0.03) -> Line:
    """A small dotted ring, where the run starts."""
    way = np.linspace(0.0, 2 * math.pi, 30)
    ring = radius * np.stack([np.cos(way), np.sin(way)])
    return Line(place[0] + ring[0], place[1] + ring[1], "start", "reference")


def _arrowhead(before: np.ndarray, tip: np.ndarray, size: float = 0.05) -> np.ndarray:
    """The head of a step that leaves the picture; it goes on from the tip, shape (3, 2)."""
    step = (tip - before) / np.linalg.norm(tip - before)
    side = np.array([-step[1], step[0]])
    return np.array([tip - size * (step - 0.5 * side), tip, tip - size * (step + 0.5 * side)])


SURVIVE = Demo(
    id="clipping/survive",
    title="The same wall, with steps of limited length",
    knobs=(Knob("exponent", "threshold c, as a power of ten", -1.0, 4.0, 0.1, 4.0),),
    draw=draw_survive,
)

# ---------------------------------------------------------------- what Adam remembers

AFTER = 3000


def draw_spike(spike: float, threshold: float) -> Plot:
    """Adam's rate after a spike of 10^spike, with a threshold of 10^threshold."""
    k = np.arange(AFTER)
    rate = adam_rate(10.0**spike, 10.0**threshold)
    expected = adam_rate_theory(10.0**spike, 10.0**threshold)
    some = np.unique(np.append(np.arange(0, AFTER, 10), AFTER - 1))
    return Plot(
        title=f"Spike {10.0**spike:.3g}, c = {10.0**threshold:.3g}: Adam's rate falls to "
        f"{rate[0]:.2g}",
        x=Axis("updates since the spike", limits=(0.0, float(AFTER))),
        y=Axis("rate 1/√v, for gradients of size 1", "log", (1e-3, 10.0)),
        lines=(
            Line(k[some], rate[some], "Adam", color="blue"),
            Line(k[some], expected[some], "theory, Adam", "theory", "blue"),
            Line([0.0, AFTER], [1.0, 1.0], "without a spike", "reference", "grey"),
        ),
    )


SPIKE = Demo(
    id="clipping/spike",
    title="One enormous gradient, and Adam's memory of it",
    knobs=(
        Knob("spike", "size of the spike, as a power of ten", 0.0, 4.0, 0.1, 3.0),
        Knob("threshold", "threshold c, as a power of ten", 0.5, 4.0, 0.1, 4.0),
    ),
    draw=draw_spike,
)

# ---------------------------------------------------------------- weight decay


def draw_decay(strength: float) -> Plot:
    """The gradient against lag after training with L2, and the bound σ_max^lag."""
    _, norms = decayed(0, strength)
    norm, lag = spectral_norm(0, strength), np.arange(PRESSED_STEPS)
    return Plot(
        title=f"λ = {strength:.3f}: σ_max(W) = {norm:.2f}, gradient at lag 19: "
        f"{number(norms[-1], log=True)}",
        x=Axis("lag T − t", limits=(0.0, PRESSED_STEPS - 1.0)),
        y=Axis("‖∂ℒ/∂h_t‖, relative to lag 0", "log", (1e-7, 1e3)),
        lines=(
            Line(lag, norms, "after 150 updates", color="rnn"),
            Line(lag, norm**lag, "bound, σ_max^lag", "theory", "rnn"),
        ),
        bands=(Band(0.1, 10.0, "healthy: 0.1 to 10"),),
    )


DECAY = Demo(
    id="clipping/decay",
    title="Weight decay on the recurrent matrix",
    knobs=(Knob("strength", "strength λ of the decay", 0.0, 0.06, 0.005, 0.0),),
    draw=draw_decay,
    linked=True,
)

DEMOS = (ARROWS, SURVIVE, SPIKE, DECAY)
