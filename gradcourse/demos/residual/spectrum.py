"""Singular values of a product of random matrices, with and without the identity."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from gradcourse import theory
from gradcourse.demos.residual.network import BLOCKS
from gradcourse.figures import Axis, Demo, Knob, Line, Plot
from gradcourse.instrument import product_log_singular_values

Array = NDArray[np.float64]
WIDTH = 64


@cache
def factors(depth: int = BLOCKS, seed: int = 0) -> tuple[Array, ...]:
    """Matrices with N(0, 1/n) entries: on average each keeps the length of a vector."""
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=(WIDTH, WIDTH)) / np.sqrt(WIDTH) for _ in range(depth))


def decades(alpha: float | None, depth: int = BLOCKS, seed: int = 0) -> Array:
    """log₁₀ of the singular values of the product of I + αA, or of A where α is None."""
    given = factors(depth, seed)
    if alpha is not None:
        given = tuple(np.eye(WIDTH) + alpha * one for one in given)
    return product_log_singular_values(given) / np.log(10)


_plain = cache(lambda: decades(None))


def draw_spectrum(alpha: float) -> Plot:
    """All 64 singular values of 27 factors, A against I + αA."""
    index = np.arange(1, WIDTH + 1)
    found = decades(alpha)
    wide = theory.residual_log_singular_values(BLOCKS, alpha, WIDTH) / np.log(10)
    plain = BLOCKS * theory.ginibre_exponents(WIDTH, WIDTH**-0.5) / np.log(10)
    return Plot(
        title=f"α = {alpha:.2f}: I + αA spans {np.ptp(found):.1f} decades, A alone "
        f"{np.ptp(_plain()):.0f}",
        x=Axis("singular value (1 = largest)", limits=(1.0, float(WIDTH))),
        y=Axis("log₁₀ of the singular value", limits=(-36.0, 8.0)),
        lines=(
            Line(index, _plain(), "product of 27 A", "measured", "plain"),
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
