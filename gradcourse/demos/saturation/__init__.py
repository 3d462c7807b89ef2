"""Lesson 02: slopes of σ and tanh, what they do to a deep network, and to its output."""

from gradcourse.demos.saturation.delta import DECAY, GAIN
from gradcourse.demos.saturation.digits import CHANGE, HISTOGRAM, TWO_WAYS
from gradcourse.demos.saturation.unit import OUTPUT, TANGENT

DEMOS = (TANGENT, DECAY, GAIN, CHANGE, HISTOGRAM, TWO_WAYS, OUTPUT)

__all__ = ["DEMOS"]
