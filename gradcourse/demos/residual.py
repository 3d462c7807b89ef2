"""Lesson 07: singular spectra, paths by length, variance, the road, shattered gradients."""

from __future__ import annotations

import math

import numpy as np

from gradcourse import theory
from gradcourse.experiments.residual import (
    BLOCKS,
    decades,
    images,
    mean_squares,
    measured_shares,
    open_share,
    slopes,
    walk,
)
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot

# ---------------------------------------------------------------- the spectrum

WIDTH = 64


def draw_spectrum(alpha: float) -> Plot:
    """All 64 singular values of 27 factors, A against I + αA."""
    index = np.arange(1, WIDTH + 1)
    found = decades(alpha)
    wide = theory.residual_log_singular_values(BLOCKS, alpha, WIDTH) / np.log(10)
    plain = BLOCKS * theory.ginibre_exponents(WIDTH, WIDTH**-0.5) / np.log(10)
    return Plot(
        title=f"α = {alpha:.2f}: I + αA spans {np.ptp(found):.1f} decades, A alone "
        f"{np.ptp(decades(None)):.0f}",
        x=Axis("singular value (1 = largest)", limits=(1.0, float(WIDTH))),
        y=Axis("log₁₀ of the singular value", limits=(-36.0, 8.0)),
        lines=(
            Line(index, decades(None), "product of 27 A", "measured", "plain"),
            Line(index, plain, "dashed: theory", "theory", "plain"),
            Line(index, found, "product of 27 (I + αA)", "measured", "residual"),
            Line(index, wide, "", "theory", "residual"),
        ),
    )


SPECTRUM = Demo(
    id="residual/spectrum",
    title="27 random factors, with and without the identity",
    knobs=(Knob("alpha", "branch scale α", 0.02, 1.0, 0.02, 0.2),),
    draw=draw_spectrum,
    linked=True,
)

# ---------------------------------------------------------------- paths by length


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
            Line(length, theory.path_shares(BLOCKS, alpha), "dashed: theory", "theory", "residual"),
        ),
    )


PATHS = Demo(
    id="residual/paths",
    title="2²⁷ paths, sorted by length",
    knobs=(Knob("alpha", "branch scale α", 0.05, 1.5, 0.05, 0.5),),
    draw=draw_paths,
    linked=True,
)

# ---------------------------------------------------------------- variance

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
                block,
                theory.residual_variance(BLOCKS, alpha),
                "dashed: theory, (1 + α²)^l",
                "theory",
                "residual",
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

# ---------------------------------------------------------------- the road

ROAD_BLOCKS = 60


def draw_road(alpha: float) -> Plot:
    """Share of the shortcuts that are open all the way, ReLU after the sums or not."""
    block = np.arange(ROAD_BLOCKS + 1)
    found = open_share(alpha)
    return Plot(
        title=f"α = {alpha:.2f}: with a ReLU after each sum, {found[-1]:.0%} is open",
        x=Axis("blocks passed", limits=(0.0, float(ROAD_BLOCKS))),
        y=Axis("share of the units", limits=(0.0, 1.05)),
        lines=(
            Line(block, np.ones(ROAD_BLOCKS + 1), "no ReLU on the road (pre)", color="residual"),
            Line(block, found, "ReLU after each sum (post)", color="orange"),
        ),
    )


ROAD = Demo(
    id="residual/road",
    title="Is the road open?",
    knobs=(Knob("alpha", "branch scale α", 0.0, 1.0, 0.05, 1.0),),
    draw=draw_road,
)

# ---------------------------------------------------------------- shattering


def draw_shattering(blocks: int) -> Plot:
    """Slope of a plain and of a residual network of the same depth."""
    angle = walk(*images(2))[0]
    return Plot(
        title=f"{blocks} block{'s' if blocks > 1 else ''} of two layers",
        x=Axis("angle walked from one digit to another", limits=(0.0, float(angle[-1]))),
        y=Axis("slope of f, relative to its rms", limits=(-5.0, 6.5)),
        lines=(
            Line(angle, slopes(False)[blocks - 1], "plain", color="plain"),
            Line(angle, slopes(True)[blocks - 1], "residual, α = 1/√40", color="residual"),
        ),
    )


SHATTERING = Demo(
    id="residual/shattering",
    title="The slope along a walk between two digits",
    knobs=(Knob("blocks", "blocks", 1.0, 40.0, 1.0, 24.0, integer=True),),
    draw=draw_shattering,
)

DEMOS = (SPECTRUM, PATHS, VARIANCE, BRANCH_SCALE, ROAD, SHATTERING)
