"""Lesson 09: arrows that turn, a wall survived, a spike remembered, a matrix pressed down."""

from gradcourse.demos.clipping.adam import SPIKE, adam_rate, adam_rate_theory
from gradcourse.demos.clipping.arrows import ARROWS, angle
from gradcourse.demos.clipping.cliff import SURVIVE, descend
from gradcourse.demos.clipping.decay import DECAY, decayed

DEMOS = (ARROWS, SURVIVE, SPIKE, DECAY)

__all__ = [
    "ARROWS",
    "DECAY",
    "DEMOS",
    "SPIKE",
    "SURVIVE",
    "adam_rate",
    "adam_rate_theory",
    "angle",
    "decayed",
    "descend",
]
