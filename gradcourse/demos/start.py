"""Lesson 00: the first slider."""

from __future__ import annotations

import numpy as np

from gradcourse.figures import Axis, Band, Line, Plot
from gradcourse.figures.demo import Demo, Knob


def _first_slider(factor: float) -> Plot:
    layers = np.arange(51)
    return Plot(
        title=f"One factor of {factor:.2f} at each of 50 layers",
        x=Axis("number of factors L"),
        y=Axis("product", "log", (1e-16, 1e10)),
        lines=(
            Line(layers, factor**layers, f"{factor:.2f} to the power L"),
            Line([0, 50], [1, 1], "1: nothing lost, nothing gained", "reference", "grey"),
        ),
        bands=(Band(0.1, 10, "healthy: 0.1 to 10"),),
    )


DEMOS: tuple[Demo, ...] = (
    Demo(
        id="start/first-slider",
        title="Drag the factor",
        knobs=(Knob("factor", "factor r", 0.5, 1.5, 0.01, 1.0),),
        draw=_first_slider,
    ),
)
