"""How much of the shortcut stays open when a ReLU stands on it."""

from __future__ import annotations

import numpy as np

from gradcourse.experiments.residual import open_share
from gradcourse.figures import Axis, Demo, Knob, Line, Plot

BLOCKS = 60


def draw_road(alpha: float) -> Plot:
    """Share of the shortcuts that are open all the way, ReLU after the sums or not."""
    block = np.arange(BLOCKS + 1)
    found = open_share(alpha)
    return Plot(
        title=f"α = {alpha:.2f}: with a ReLU after each sum, {found[-1]:.0%} is open",
        x=Axis("blocks passed", limits=(0.0, float(BLOCKS))),
        y=Axis("share of the units", limits=(0.0, 1.05)),
        lines=(
            Line(block, np.ones(BLOCKS + 1), "no ReLU on the road (pre)", color="residual"),
            Line(block, found, "ReLU after each sum (post)", color="orange"),
        ),
    )


ROAD = Demo(
    id="residual/road",
    title="Is the road open?",
    knobs=(Knob("alpha", "branch scale α", 0.0, 1.0, 0.05, 1.0),),
    draw=draw_road,
)
