"""Large recurrent weights: what the direct path cannot do, the other paths do."""

from __future__ import annotations

import numpy as np

from gradcourse.experiments.lstm import LAGS, cell_gradients, direct_path, growth_at_rest, late_run
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot


def draw_explode(gain: float, bias: float) -> Plot:
    """All paths, the direct path, and the size of h, for weights of any size."""
    lag = np.arange(LAGS + 1)
    late = late_run(gain, bias, width=64)
    whole = cell_gradients(late)
    rest = growth_at_rest(late, bias)
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
