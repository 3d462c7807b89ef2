"""The loss of one tanh unit after 50 steps: a plain, a wall, and a step off it."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from gradcourse.experiments.recurrent import LEARNING_RATE, cliff_line, loss_and_gradient, one_step
from gradcourse.figures import Axis, Demo, Knob, Line, Picture

WEIGHTS = np.linspace(0.5, 2.0, 76)
BIASES = np.linspace(-0.5, 1.0, 76)


@cache
def _surface() -> np.ndarray:
    return loss_and_gradient(WEIGHTS[None, :], BIASES[:, None])[0]


def _cross(w: float, b: float) -> Line:
    """Where you stand: most steps are too short to be seen."""
    arm = 0.04
    x, y = [w - arm, w + arm, w, w, w], [b, b, math.nan, b - arm, b + arm]
    return Line(x, y, "the point", color="black")


def _arrow(w: float, b: float, learning_rate: float) -> Line:
    """From here to where one step lands, cut at the edge of the picture."""
    to_w, to_b = one_step(w, b, learning_rate)
    share = 1.0
    for here, there, values in ((w, to_w, WEIGHTS), (b, to_b, BIASES)):
        for edge in (values[0], values[-1]):
            if (there - edge) * (here - edge) < 0:
                share = min(share, (edge - here) / (there - here))
    way = np.linspace(0.0, share, 2)
    return Line(w + way * (to_w - w), b + way * (to_b - b), "one step", color="vermillion")


def surface(w: float, b: float, learning_rate: float = LEARNING_RATE) -> Picture:
    """The loss over (w, b), the cliff by theory, and one step from a point."""
    _, by_w, by_b = loss_and_gradient(w, b)
    length = learning_rate * float(np.hypot(by_w, by_b))
    title = f"w = {w:.2f}, b = {b:.3f}: gradient {np.hypot(by_w, by_b):.2g}, step {length:.2g}"
    return over_the_loss(title, _cross(w, b), _arrow(w, b, learning_rate))


def over_the_loss(title: str, *lines: Line) -> Picture:
    """Lines over the loss and the cliff by theory."""
    walls = WEIGHTS[WEIGHTS >= 1]
    return Picture(
        title=title,
        x=Axis("recurrent weight w", limits=(0.49, 2.01)),
        y=Axis("bias b", limits=(-0.51, 1.01)),
        values=_surface(),
        rows=BIASES,
        columns=WEIGHTS,
        color_label="loss after 50 steps",
        lines=(Line(walls, cliff_line(walls), "cliff, theory", "theory", "black"), *lines),
        color_limits=(0.0, 1.45),
    )


CLIFF = Demo(
    id="recurrent/cliff",
    title="A loss with a wall in it",
    knobs=(
        Knob("w", "recurrent weight w", 0.5, 2.0, 0.02, 1.5),
        Knob("b", "bias b", -0.3, 0.7, 0.005, 0.0),
    ),
    draw=surface,
)
