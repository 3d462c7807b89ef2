"""Lesson 10: one threshold on the gradient's norm, wherever one puts it."""

from __future__ import annotations

from functools import cache

import numpy as np

from gradcourse.experiments.diagnosis import Tally, tally, threshold_rule
from gradcourse.experiments.measurements import stored
from gradcourse.figures import Axis, Demo, Knob, Line, Plot

POWERS = np.arange(-6.0, 6.01, 0.25)
RIVAL = "update off"


@cache
def _counted() -> tuple[list[Tally], Tally]:
    rows = stored("signs").rows
    return [threshold_rule(rows, power) for power in POWERS], tally(rows)[RIVAL]


def draw_threshold(power: float) -> Plot:
    """False alarms against hits of "‖g‖ > c at every step", and of a scale-free sign."""
    curve, rival = _counted()
    now = curve[int(np.argmin(np.abs(POWERS - power)))]
    alarms, hits = (
        [100 * getattr(point, name) for point in curve] for name in ("false_alarms", "sensitivity")
    )
    return Plot(
        title=f"c = {10.0**power:.3g}: {100 * now.sensitivity:.0f} % of the sick, "
        f"{100 * now.false_alarms:.0f} % of the healthy",
        x=Axis("healthy networks with the sign, %", limits=(-3.0, 103.0)),
        y=Axis("sick networks with the sign, %", limits=(-3.0, 103.0)),
        lines=(
            Line([0.0, 100.0], [0.0, 100.0], "a coin", "reference", "grey"),
            Line(alarms, hits, "every c", color="vermillion"),
            Line(
                [100 * now.false_alarms] * 2,
                [100 * now.false_alarms, 100 * now.sensitivity],
                "this c, above a coin",
                color="black",
            ),
            Line([100 * rival.false_alarms], [100 * rival.sensitivity], "‖ΔW‖/‖W‖", color="blue"),
        ),
    )


THRESHOLD = Demo(
    id="diagnosis/threshold",
    title="A threshold on the norm of the gradient",
    knobs=(Knob("power", "threshold c, as a power of ten", -6.0, 6.0, 0.25, 0.0),),
    draw=draw_threshold,
)

DEMOS = (THRESHOLD,)
