"""Equal weights, and how little noise makes them different."""

from __future__ import annotations

from gradcourse.experiments.initialization import STEPS, awakening
from gradcourse.figures import Axis, Demo, Knob, Line, Plot


def draw_symmetry(noise: float) -> Plot:
    """How fast the units of layer 1 become different from each other."""
    steps, values, right = awakening(noise)
    return Plot(
        title=f"Noise {noise:.0e}: {right:.0%} of the test digits right after {STEPS} steps",
        x=Axis("step", limits=(0.0, float(STEPS))),
        y=Axis("difference between the units of layer 1", "log", (1e-9, 10.0)),
        lines=(
            Line(steps, values, "difference, relative to the weights", "measured", "tanh"),
            Line([0, STEPS], [0.1, 0.1], "10 %: the units are different", "reference", "grey"),
        ),
    )


SYMMETRY = Demo(
    id="init/symmetry",
    title="How much noise makes copies different?",
    knobs=(Knob("noise", "standard deviation of the noise", -8.0, -1.0, 1.0, -4.0, log=True),),
    draw=draw_symmetry,
    linked=True,
)
