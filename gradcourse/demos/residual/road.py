"""How much of the shortcut stays open when a ReLU stands on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gradcourse.demos.residual.network import images, matrices
from gradcourse.figures import Axis, Demo, Knob, Line, Plot

Array = NDArray[np.float64]
BLOCKS = 60


def open_share(alpha: float, blocks: int = BLOCKS, rows: int = 128, seed: int = 0) -> Array:
    """Post-activation: share of units whose shortcuts alone let a gradient through l blocks.

    The slopes of the ReLUs that stand after the sums, multiplied, for each unit and digit; relative
    to the units that are on behind the stem. Shape (blocks + 1,), from 1 on.
    """
    stem, pairs = matrices(blocks, 64, seed)
    x = np.maximum(images(rows) @ stem.T, 0.0)
    start = x > 0
    is_open, found = start, [1.0]
    for first, last in pairs:
        total = x + alpha * np.maximum(x @ first.T, 0.0) @ last.T
        is_open = is_open & (total > 0)
        found.append(float(is_open.sum() / start.sum()))
        x = np.maximum(total, 0.0)
    return np.array(found)


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
