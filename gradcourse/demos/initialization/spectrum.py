"""The whole Jacobian: Gaussian against orthogonal weights."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gradcourse import theory
from gradcourse.figures import Axis, Demo, Knob, Line, Plot

Array = NDArray[np.float64]
WIDTH, DEEPEST = 64, 50


@cache
def _gaussian(seed: int) -> Array:
    return np.random.default_rng(seed).standard_normal((DEEPEST, WIDTH, WIDTH))


@cache
def _orthogonal(seed: int) -> Array:
    q, r = np.linalg.qr(_gaussian(seed))
    return np.asarray(q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None, :])


def jacobian_factors(weights: str, activation: str, depth: int, seed: int = 0) -> list[Array]:
    """The Jacobian of each layer, diag(φ′(z)) W, at σ_w = 1 and one Gaussian input.

    ``weights`` is "gaussian" or "orthogonal". Their product, the last one leftmost, is the
    Jacobian of the network.
    """
    matrices = _orthogonal(seed) if weights == "orthogonal" else _gaussian(seed) / math.sqrt(WIDTH)
    h = np.random.default_rng([seed, 1]).standard_normal(WIDTH)
    factors = []
    for w in matrices[:depth]:
        z = w @ h
        h = np.asarray(theory.activation(activation, z))
        factors.append(np.asarray(theory.slope(activation, z))[:, None] * w)
    return factors


def draw_spectrum(depth: int) -> Plot:
    """All singular values of the Jacobian of a deep network, for three kinds of weights."""
    from gradcourse.instrument import product_log_singular_values

    index = np.arange(1, WIDTH + 1)
    spectra = {
        kind: np.exp(product_log_singular_values(jacobian_factors(*kind, depth)))
        for kind in (("gaussian", "linear"), ("orthogonal", "linear"), ("orthogonal", "tanh"))
    }
    gaussian, linear, tanh = spectra.values()
    newman = np.exp(depth * theory.ginibre_exponents(WIDTH, 1 / math.sqrt(WIDTH)))
    return Plot(
        title=f"L = {depth}: smallest singular value {gaussian[-1]:.0e} Gaussian, "
        f"{linear[-1]:.2f} orthogonal",
        x=Axis("direction, from the strongest", limits=(1.0, float(WIDTH))),
        y=Axis("singular value of the Jacobian", "log", (1e-20, 1e3)),
        lines=(
            Line(index, gaussian, "Gaussian", "measured", "orange"),
            Line(index, newman, "Newman 1986", "theory", "orange"),
            Line(index, linear, "orthogonal", "measured", "linear"),
            Line(index, np.ones(WIDTH), "exactly 1", "theory", "linear"),
            Line(index, tanh, "orthogonal, tanh", "measured", "tanh"),
        ),
    )


SPECTRUM = Demo(
    id="init/spectrum",
    title="What a deep network does to every direction",
    knobs=(Knob("depth", "layers L", 1, DEEPEST, 1, 10, integer=True),),
    draw=draw_spectrum,
)
