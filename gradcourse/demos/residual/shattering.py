"""The slope of a deep network along a walk from one digit to another."""

from __future__ import annotations

from gradcourse.experiments.residual import images, slopes, walk
from gradcourse.figures import Axis, Demo, Knob, Line, Plot


def draw_shattering(blocks: int) -> Plot:
    """Slope of a plain and of a residual network of the same depth."""
    angle = walk(*images(2))[0]
    return Plot(
        title=f"{blocks} block{'s' if blocks > 1 else ''} of two layers",
        x=Axis("angle walked from one digit to another", limits=(0.0, float(angle[-1]))),
        y=Axis("slope of f, relative to its rms", limits=(-5.0, 6.5)),
        lines=(
            Line(angle, slopes(False)[blocks - 1], "plain", color="plain"),
            Line(angle, slopes(True)[blocks - 1], "residual, α = 1/√40", color="residual"),
        ),
    )


SHATTERING = Demo(
    id="residual/shattering",
    title="The slope along a walk between two digits",
    knobs=(Knob("blocks", "blocks", 1.0, 40.0, 1.0, 1.0, integer=True),),
    draw=draw_shattering,
)
