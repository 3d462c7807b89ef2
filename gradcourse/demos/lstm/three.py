"""All paths: what the input bias decides, and three kinds of networks on one axis."""

from __future__ import annotations

import numpy as np

from gradcourse.experiments.lstm import (
    LAGS,
    cell_gradients,
    direct_path,
    growth_at_rest,
    keep,
    relative_gradient,
    run,
    with_keep_bias,
)
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot
from gradcourse.figures.describe import number

KINDS = (("rnn", "RNN"), ("lstm", "LSTM"), ("gru", "GRU"))


def draw_whole(forget: float, entering: float) -> Plot:
    """The direct path and all paths, for any pair of forget and input bias."""
    lag = np.arange(LAGS + 1)
    made = run(forget, entering)
    whole, rest = cell_gradients(made), growth_at_rest(made, forget, entering)
    f, i = float(keep(forget)), float(keep(entering))
    return Plot(
        title=f"f = {f:.3f}, i = {i:.3f}: at lag 100 all paths leave {whole[-1]:.2g}",
        x=Axis("lag T − t", limits=(0.0, float(LAGS))),
        y=Axis("∂c_T/∂c_t", "log", (1e-20, 1e8)),
        lines=(
            Line(lag, whole, "all paths", color="lstm"),
            Line(lag, rest ** lag.astype(float), "theory, at rest", "theory", "lstm"),
            Line(lag, direct_path(made), "the road only", color="sky"),
        ),
        bands=(Band(0.1, 10.0, "healthy: 0.1 to 10"),),
    )


WHOLE = Demo(
    id="lstm/whole",
    title="All paths through an LSTM",
    knobs=(
        Knob("forget", "forget bias", 0.0, 6.0, 0.25, 0.0),
        Knob("entering", "input bias", -6.0, 0.0, 0.25, 0.0),
    ),
    draw=draw_whole,
)


def draw_three(bias: float) -> Plot:
    """RNN, LSTM and GRU as torch makes them, but for the gate that keeps."""
    from gradcourse.nets import recurrent

    lag = np.arange(LAGS + 1)
    found = {
        kind: relative_gradient(with_keep_bias(recurrent(kind, 2, 32, 1), bias))
        for kind, _ in KINDS
    }
    left = ", ".join(f"{name} {number(found[kind][-1], log=True)}" for kind, name in KINDS)
    return Plot(
        title=f"b = {bias:.2f}. At lag 100: {left}",
        x=Axis("lag T − t", limits=(0.0, float(LAGS))),
        y=Axis("gradient, relative to lag 0", "log", (1e-25, 1e5)),
        lines=(
            *(Line(lag, found[kind], name, "measured", kind) for kind, name in KINDS),
            Line(lag, keep(bias) ** lag, "σ(b)^lag, the road", "theory", "lstm"),
        ),
        bands=(Band(0.1, 10.0, "healthy: 0.1 to 10"),),
    )


THREE = Demo(
    id="lstm/three",
    title="RNN, LSTM and GRU, untrained",
    knobs=(Knob("bias", "bias b of the gate that keeps", 0.0, 6.0, 0.25, 0.0),),
    draw=draw_three,
    linked=True,
)
