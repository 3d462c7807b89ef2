"""How the gradient is made up of paths of different lengths."""

from __future__ import annotations

import math

import numpy as np

from gradcourse import theory
from gradcourse.experiments.residual import BLOCKS, measured_shares
from gradcourse.figures import Axis, Demo, Knob, Line, Plot


def draw_paths(alpha: float) -> Plot:
    """Share of the squared gradient by path length, and of the number of paths."""
    length = np.arange(BLOCKS + 1)
    shares = measured_shares(alpha)
    count = np.array([math.comb(BLOCKS, k) for k in length]) / 2.0**BLOCKS
    return Plot(
        title=f"α = {alpha:.2f}: the gradient takes {shares @ length:.1f} branches on average",
        x=Axis("branches on the path, of 27", limits=(0.0, float(BLOCKS))),
        y=Axis("share", limits=(0.0, 1.0)),
        lines=(
            Line(length, count, "number of paths", "reference", "grey"),
            Line(length, shares, "squared gradient", "measured", "residual"),
            Line(length, theory.path_shares(BLOCKS, alpha), "binomial", "theory", "residual"),
        ),
    )


PATHS = Demo(
    id="residual/paths",
    title="2²⁷ paths, sorted by length",
    knobs=(Knob("alpha", "branch scale α", 0.05, 1.5, 0.05, 1.0),),
    draw=draw_paths,
    linked=True,
)
