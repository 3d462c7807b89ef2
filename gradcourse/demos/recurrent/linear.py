"""Recurrences without an activation: one unit, and two of which one feeds the other."""

from __future__ import annotations

import numpy as np

from gradcourse.experiments.recurrent import (
    LAGS,
    two_unit_gradient,
    two_unit_matrix,
    two_unit_theory,
)
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot


def draw_scalar(w: float) -> Plot:
    """|∂h_T/∂h_t| of h_t = w h_{t−1} + x_t, multiplied out in float32, and |w|^lag."""
    lag = np.arange(LAGS + 1)
    factors = np.full(LAGS + 1, w, dtype=np.float32)
    factors[0] = 1.0
    measured = np.abs(np.cumprod(factors, dtype=np.float32))
    return Plot(
        title=f"w = {w:.2f}: after {LAGS} steps the gradient is {measured[-1]:.1e}",
        x=Axis("lag T − t", limits=(0.0, float(LAGS))),
        y=Axis("|∂h_T/∂h_t|", "log", (1e-20, 1e20)),
        lines=(
            Line(lag, measured, "multiplied out", color="linear"),
            Line(lag, abs(w) ** lag.astype(float), "theory, |w|^lag", "theory", "linear"),
        ),
        bands=(Band(0.1, 10.0, "healthy: 0.1 to 10"),),
    )


SCALAR = Demo(
    id="recurrent/scalar",
    title="One recurrent weight",
    knobs=(Knob("w", "recurrent weight w", 0.7, 1.5, 0.01, 0.9),),
    draw=draw_scalar,
)


def draw_two_units(radius: float, coupling: float) -> Plot:
    """The gradient of two coupled units, with ρ^lag for comparison."""
    lag = np.arange(LAGS + 1)
    measured = two_unit_gradient(radius, coupling)
    norm = np.linalg.norm(two_unit_matrix(radius, coupling), 2)
    peak = int(measured.argmax())
    where = f"largest at lag {peak}: {measured[peak]:.1f}" if peak < LAGS else "still growing"
    return Plot(
        title=f"Spectral radius {radius:.2f}, norm {norm:.2f}. Gradient {where}",
        x=Axis("lag T − t", limits=(0.0, float(LAGS))),
        y=Axis("‖∂ℒ/∂h_t‖", "log", (1e-6, 1e6)),
        lines=(
            Line(lag, measured, "two units", color="linear"),
            Line(lag, two_unit_theory(radius, coupling), "theory", "theory", "linear"),
            Line(lag, radius**lag, "ρ^lag, one unit", "reference", "grey"),
        ),
        bands=(Band(0.1, 10.0, "healthy: 0.1 to 10"),),
    )


TWO_UNITS = Demo(
    id="recurrent/two-units",
    title="Two units, one feeds the other",
    knobs=(
        Knob("radius", "spectral radius ρ", 0.8, 1.1, 0.01, 0.95),
        Knob("coupling", "coupling a", 0.0, 5.0, 0.1, 0.0),
    ),
    draw=draw_two_units,
)
