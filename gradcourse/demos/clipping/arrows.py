"""A gradient with two entries, clipped by its norm and by its values."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.experiments.clipping import angle
from gradcourse.figures import Axis, Demo, Knob, Line, Plot

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
