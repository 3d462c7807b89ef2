"""A recurrent matrix under weight decay: its norm, and the gradient against lag."""

from __future__ import annotations

import numpy as np

from gradcourse.experiments.clipping import PRESSED_STEPS, decayed, spectral_norm
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot
from gradcourse.figures.describe import number


def draw_decay(strength: float) -> Plot:
    """The gradient against lag after training with L2, and the bound σ_max^lag."""
    _, norms = decayed(0, strength)
    norm, lag = spectral_norm(0, strength), np.arange(PRESSED_STEPS)
    return Plot(
        title=f"λ = {strength:.3f}: σ_max(W) = {norm:.2f}, gradient at lag 19: "
        f"{number(norms[-1], log=True)}",
        x=Axis("lag T − t", limits=(0.0, PRESSED_STEPS - 1.0)),
        y=Axis("‖∂ℒ/∂h_t‖, relative to lag 0", "log", (1e-7, 1e3)),
        lines=(
            Line(lag, norms, "after 150 updates", color="rnn"),
            Line(lag, norm**lag, "bound, σ_max^lag", "theory", "rnn"),
        ),
        bands=(Band(0.1, 10.0, "healthy: 0.1 to 10"),),
    )


DECAY = Demo(
    id="clipping/decay",
    title="Weight decay on the recurrent matrix",
    knobs=(Knob("strength", "strength λ of the decay", 0.0, 0.06, 0.005, 0.0),),
    draw=draw_decay,
    linked=True,
)
