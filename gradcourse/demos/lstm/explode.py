"""Large recurrent weights: what the direct path cannot do, the other paths do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gradcourse.demos.lstm.simulate import Run, cell_gradients, direct_path, keep, run
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot

LAGS = 100


def rest_growth(made: Run, forget_bias: float, input_bias: float = 0.0) -> float:
    """Growth of ∂c per step at rest (c = h = 0): the spectral radius of f I + i o W_g, o = ½."""
    width = made.cells.shape[1]
    block: NDArray[np.float64] = made.weights[2 * width : 3 * width]
    step = keep(forget_bias) * np.eye(width) + 0.5 * keep(input_bias) * block
    return float(np.abs(np.linalg.eigvals(step)).max())


def draw_explode(gain: float, bias: float) -> Plot:
    """All paths, the direct path, and the size of h, for weights of any size."""
    lag = np.arange(LAGS + 1)
    made = run(bias, gain=gain, strength=0.5, start=1.0, steps=2 * LAGS, width=64)
    late = Run(made.weights, made.gates[LAGS:], made.cells[LAGS:], made.states[LAGS:])
    whole = cell_gradients(late)
    rest = rest_growth(made, bias)
    size = np.sqrt(np.mean(late.states**2, axis=1))[::-1]
    return Plot(
        title=f"Gain {gain:.1f}, b = {bias:.1f}: at lag 100 {whole[-1]:.1e}; at rest × {rest:.2f}",
        x=Axis("lag T − t", limits=(0.0, float(LAGS))),
        y=Axis("relative size", "log", (1e-25, 1e25)),
        lines=(
            Line(lag, whole, "∂c_T/∂c_t, all paths", color="lstm"),
            Line(lag, rest ** lag.astype(float), "theory, at rest", "theory", "lstm"),
            Line(lag, direct_path(late), "the road only", color="sky"),
            Line(lag, size, "size of the state h_t", color="orange"),
        ),
        bands=(Band(0.1, 10.0, "healthy: 0.1 to 10"),),
    )


EXPLODE = Demo(
    id="lstm/explode",
    title="An LSTM with large recurrent weights",
    knobs=(
        Knob("gain", "gain of the recurrent weights", 0.2, 10.0, 0.2, 0.6),
        Knob("bias", "forget bias b", 0.0, 4.0, 0.5, 0.0),
    ),
    draw=draw_explode,
)
