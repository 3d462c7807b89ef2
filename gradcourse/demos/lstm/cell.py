"""The direct path: one forget bias, a spread of them, and one to tune."""

from __future__ import annotations

import numpy as np

from gradcourse import theory
from gradcourse.experiments.lstm import LAGS, cell_gradients, chrono_biases, direct_path, keep, run
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot


def draw_cell(bias: float) -> Plot:
    """What 100 steps of forget gates leave of a gradient, and σ(b)^lag."""
    lag = np.arange(LAGS + 1)
    steps = float(theory.forget_half_life(bias))
    return Plot(
        title=f"b = {bias:.2f}: f = {float(keep(bias)):.3f}, half-life {steps:.1f} steps",
        x=Axis("lag T − t", limits=(0.0, float(LAGS))),
        y=Axis("∂c_T/∂c_t, the road", "log", (1e-20, 1e2)),
        lines=(
            Line(lag, direct_path(run(bias)), "32 cells", color="lstm"),
            Line(lag, keep(bias) ** lag, "theory, σ(b)^lag", "theory", "lstm"),
        ),
        bands=(Band(0.1, 10.0, "healthy: 0.1 to 10"),),
    )


CELL = Demo(
    id="lstm/cell",
    title="One forget bias",
    knobs=(Knob("bias", "forget bias b", -2.0, 7.0, 0.25, 0.0),),
    draw=draw_cell,
)

LONG = 300
UNITS = 64


def draw_chrono(longest: float) -> Plot:
    """A spread of time scales against one time scale for all."""
    lag = np.arange(1, LONG + 1)
    biases = chrono_biases(longest, UNITS)
    made = run(biases, -biases, steps=LONG, width=UNITS)
    one = np.log(0.5 * longest)
    # The lines are root mean squares over the cells, and so is what the title says.
    left = float(np.sqrt(theory.chrono_memory(2 * LONG, longest)))
    return Plot(
        title=f"T_max = {longest:.0f}: theory keeps {left:.1e} over {LONG} steps",
        x=Axis("lag T − t", "log", (1.0, float(LONG))),
        y=Axis("∂c_T/∂c_t, the road", "log", (1e-5, 10.0)),
        lines=(
            Line(lag, direct_path(made)[1:], f"{UNITS} cells, b = ln u", color="lstm"),
            Line(
                lag,
                np.sqrt(theory.chrono_memory(2 * lag, longest)),
                "theory, b = ln u",
                "theory",
                "lstm",
            ),
            Line(lag, keep(one) ** lag, "one b for all, ln(T_max/2)", "reference", "grey"),
        ),
        bands=(Band(0.1, 10.0, "healthy: 0.1 to 10"),),
    )


CHRONO = Demo(
    id="lstm/chrono",
    title="A spread of time scales",
    knobs=(Knob("longest", "T_max, the longest lag", 0.6, 3.0, 0.1, 1.0, log=True),),
    draw=draw_chrono,
)

LOW, HIGH = 0.3, 0.7


def draw_tune(bias: float) -> Plot:
    """The whole derivative of a leaky LSTM over 60 steps."""
    lag = np.arange(61)
    found = cell_gradients(run(bias, -bias, steps=60))
    return Plot(
        title=f"b = {bias:.2f}: at lag 60 the gradient is {found[-1]:.2g}",
        x=Axis("lag T − t", limits=(0.0, 60.0)),
        y=Axis("∂c_T/∂c_t, all paths", "log", (1e-6, 10.0)),
        lines=(
            Line(lag, found, "all paths", color="lstm"),
            Line(lag, keep(bias) ** lag, "theory, the road", "theory", "lstm"),
        ),
        bands=(Band(LOW, HIGH, "the band at lag 60: 0.3 to 0.7"),),
    )


TUNE = Demo(
    id="lstm/tune",
    title="A forget bias for 60 steps",
    knobs=(Knob("bias", "forget bias b", 0.0, 8.0, 0.25, 1.0),),
    draw=draw_tune,
)
