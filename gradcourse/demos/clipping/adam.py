"""What Adam remembers of one enormous gradient."""

from __future__ import annotations

import numpy as np

from gradcourse.experiments.clipping import adam_rate, adam_rate_theory
from gradcourse.figures import Axis, Demo, Knob, Line, Plot

AFTER = 3000


def draw_spike(spike: float, threshold: float) -> Plot:
    """Adam's rate after a spike of 10^spike, with a threshold of 10^threshold."""
    k = np.arange(AFTER)
    rate = adam_rate(10.0**spike, 10.0**threshold)
    expected = adam_rate_theory(10.0**spike, 10.0**threshold)
    some = np.unique(np.append(np.arange(0, AFTER, 10), AFTER - 1))
    return Plot(
        title=f"Spike {10.0**spike:.3g}, c = {10.0**threshold:.3g}: Adam's rate falls to "
        f"{rate[0]:.2g}",
        x=Axis("updates since the spike", limits=(0.0, float(AFTER))),
        y=Axis("rate 1/√v, for gradients of size 1", "log", (1e-3, 10.0)),
        lines=(
            Line(k[some], rate[some], "Adam", color="blue"),
            Line(k[some], expected[some], "theory, Adam", "theory", "blue"),
            Line([0.0, AFTER], [1.0, 1.0], "without a spike", "reference", "grey"),
        ),
    )


SPIKE = Demo(
    id="clipping/spike",
    title="One enormous gradient, and Adam's memory of it",
    knobs=(
        Knob("spike", "size of the spike, as a power of ten", 0.0, 4.0, 0.1, 3.0),
        Knob("threshold", "threshold c, as a power of ten", 0.5, 4.0, 0.1, 4.0),
    ),
    draw=draw_spike,
)
