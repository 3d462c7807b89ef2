"""Lesson 09: arrows that turn, a wall survived, a spike remembered, a matrix pressed down."""

from gradcourse.demos.clipping.adam import SPIKE
from gradcourse.demos.clipping.arrows import ARROWS
from gradcourse.demos.clipping.cliff import SURVIVE
from gradcourse.demos.clipping.decay import DECAY

DEMOS = (ARROWS, SURVIVE, SPIKE, DECAY)

__all__ = ["DEMOS"]
