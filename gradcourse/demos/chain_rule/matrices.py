"""Products of Gaussian matrices: the spectrum, and the collapse to rank one."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.experiments.chain_rule import directions_left, gaussian_factors
from gradcourse.figures import Axis, Line, Picture, Plot
from gradcourse.figures.demo import Demo, Knob
from gradcourse.theory import ginibre_exponents


def _spectrum(depth: int, n: int = 64) -> Plot:
    from gradcourse.instrument import product_log_singular_values

    logs = product_log_singular_values(gaussian_factors(n, depth))
    theory = depth * ginibre_exponents(n, 1 / math.sqrt(n))
    index = np.arange(1, n + 1)
    kept = directions_left(logs)
    return Plot(
        title=f"L = {depth}: {kept} of {n} directions above σ₁/1000",
        x=Axis("direction"),
        y=Axis("singular value", "log"),
        lines=(
            Line(index, np.exp(logs), "measured", color="blue"),
            Line(index, np.exp(theory), "Newman 1986: exp(λᵢ L)", "theory", "blue"),
        ),
    )


SPECTRUM = Demo(
    id="chain/spectrum",
    title="All singular values of a product",
    knobs=(Knob("depth", "number of matrices L", 1, 80, 1, 20, integer=True),),
    draw=_spectrum,
)


def _rank_one(depth: int, n: int = 12) -> Picture:
    product = np.eye(n)
    for factor in gaussian_factors(n, depth):
        product = factor @ product
        product /= np.abs(product).max()
    sigma = np.linalg.svd(product, compute_uv=False)
    index = np.arange(1.0, n + 1)
    return Picture(
        title=f"L = {depth}: second singular value {sigma[1] / sigma[0]:.2g} of the first",
        x=Axis("input"),
        y=Axis("output"),
        values=product,
        rows=index,
        columns=index,
        color_label="entry, relative to the largest",
        color_limits=(-1.0, 1.0),
    )


RANK_ONE = Demo(
    id="chain/rank-one",
    title="A product of 12 × 12 matrices, entry by entry",
    knobs=(Knob("depth", "number of matrices L", 1, 100, 1, 1, integer=True),),
    draw=_rank_one,
)
