"""The whole Jacobian: Gaussian against orthogonal weights."""

from __future__ import annotations

import math

import numpy as np

from gradcourse import theory
from gradcourse.experiments.initialization import DEEPEST, WIDTH, jacobian_factors
from gradcourse.figures import Axis, Demo, Knob, Line, Plot


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
