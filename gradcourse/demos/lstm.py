"""Lesson 08: one cell, many time scales, three networks side by side, and an LSTM that explodes."""

from __future__ import annotations

import numpy as np

from gradcourse import theory
from gradcourse.experiments.lstm import (
    EVERY,
    LAGS,
    STEPS,
    UPDATES,
    cell_gradients,
    chrono_biases,
    direct_path,
    growth_at_rest,
    keep,
    late_run,
    relative_gradient,
    run,
    trained_by_lag,
    untrained_by_lag,
    with_keep_bias,
)
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot
from gradcourse.figures.describe import number

# ---------------------------------------------------------------- the direct path


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

# ---------------------------------------------------------------- all paths

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

# ---------------------------------------------------------------- while networks train

TRAINED = (("rnn", "RNN"), ("lstm", "LSTM, torch's biases"), ("gru", "GRU, torch's biases"))


def draw_training(updates: int) -> Plot:
    """Gradient against lag of three networks after so many updates."""
    lag, lines, losses = np.arange(STEPS), [], []
    for kind, name in TRAINED:
        if updates:
            kept, loss = trained_by_lag(kind)
            row, latest = kept[updates // EVERY], loss[updates - EVERY : updates].mean()
            losses.append(f"{kind.upper()} {latest:.3f}")
        else:
            row = untrained_by_lag(kind)
        lines.append(Line(lag, row, name, "measured", kind))
    after = "loss " + ", ".join(losses) if losses else "untrained"
    return Plot(
        title=f"{updates} updates; {after}",
        x=Axis("lag T − t", limits=(0.0, float(STEPS - 1))),
        y=Axis("‖∂ℒ/∂h_t‖, relative to lag 0", "log", (1e-20, 1e3)),
        lines=tuple(lines),
        bands=(Band(0.1, 10.0, "healthy: 0.1 to 10"),),
    )


TRAINING = Demo(
    id="lstm/training",
    title="The adding problem, 60 steps, while three networks learn it",
    knobs=(Knob("updates", "updates", 0.0, float(UPDATES), float(EVERY), 0.0, integer=True),),
    draw=draw_training,
    linked=True,
)

# ---------------------------------------------------------------- an LSTM that explodes


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

DEMOS = (CELL, CHRONO, WHOLE, THREE, TRAINING, EXPLODE, TUNE)
