"""Singular values of a product of random matrices, with and without the identity."""

from __future__ import annotations

import numpy as np

from gradcourse import theory
from gradcourse.experiments.residual import BLOCKS, decades
from gradcourse.figures import Axis, Demo, Knob, Line, Plot

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
            Line(index, plain, "theory, A", "theory", "plain"),
            Line(index, found, "product of 27 (I + αA)", "measured", "residual"),
            Line(index, wide, "theory, I + αA", "theory", "residual"),
        ),
    )


SPECTRUM = Demo(
    id="residual/spectrum",
    title="27 random factors, with and without the identity",
    knobs=(Knob("alpha", "branch scale α", 0.02, 1.0, 0.02, 0.2),),
    draw=draw_spectrum,
    linked=True,
)
