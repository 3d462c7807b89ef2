"""The mean square of the signal in a stack of residual blocks, and the scale to tune."""

from __future__ import annotations

import numpy as np

from gradcourse import theory
from gradcourse.experiments.residual import BLOCKS, mean_squares
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot

DEEP = 100


def draw_variance(alpha: float) -> Plot:
    """Mean square of x_l in 27 blocks of one network, without any norm."""
    block = np.arange(BLOCKS + 1)
    found = mean_squares(alpha, rows=16, width=192)
    return Plot(
        title=f"α = {alpha:.2g}: after 27 blocks the mean square is {found[-1]:.2g} times as large",
        x=Axis("block (0 is the stem)", limits=(0.0, float(BLOCKS))),
        y=Axis("mean square of x, relative to the stem", "log", (0.5, 1e9)),
        lines=(
            Line(block, found, "residual network", "measured", "residual"),
            Line(
                block, theory.residual_variance(BLOCKS, alpha), "(1 + α²)^l", "theory", "residual"
            ),
        ),
    )


VARIANCE = Demo(
    id="residual/variance",
    title="The signal in 27 residual blocks without a norm",
    knobs=(Knob("alpha", "branch scale α", -2.0, 0.0, 0.05, 0.0, log=True),),
    draw=draw_variance,
)


def draw_branch_scale(alpha: float) -> Plot:
    """Mean square of x_l in 100 blocks, and the band to reach."""
    block = np.arange(DEEP + 1)
    found = mean_squares(alpha, DEEP, rows=16)
    return Plot(
        title=f"α = {alpha:.3g}: after 100 blocks {found[-1]:.2g} times as large",
        x=Axis("block (0 is the stem)", limits=(0.0, float(DEEP))),
        y=Axis("mean square of x, relative to the stem", "log", (0.5, 1e6)),
        lines=(Line(block, found, "residual network", "measured", "residual"),),
        bands=(Band(1.7, 5.0, "the band, for block 100"),),
    )


BRANCH_SCALE = Demo(
    id="residual/branch-scale",
    title="100 residual blocks without a norm",
    knobs=(Knob("alpha", "branch scale α", -2.5, 0.0, 0.05, 0.0, log=True),),
    draw=draw_branch_scale,
)
