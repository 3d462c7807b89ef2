"""How far back the loss can teach, while the network trains."""

from __future__ import annotations

import numpy as np

from gradcourse.experiments.lstm import EVERY, STEPS, UPDATES, trained_by_lag, untrained_by_lag
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot

KINDS = (("rnn", "RNN"), ("lstm", "LSTM, torch's biases"), ("gru", "GRU, torch's biases"))


def draw_training(updates: int) -> Plot:
    """Gradient against lag of three networks after so many updates."""
    lag, lines, losses = np.arange(STEPS), [], []
    for kind, name in KINDS:
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
