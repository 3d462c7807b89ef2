"""Lesson 02: slopes of σ and tanh, what they do to a deep network, and to its output."""

from gradcourse.demos.saturation.delta import DECAY, GAIN, delta_by_layer, delta_theory
from gradcourse.demos.saturation.digits import (
    CHANGE,
    HISTOGRAM,
    LEARNING_RATE,
    STEPS,
    TWO_WAYS,
    deep_net,
    relative_change,
    two_ways,
)
from gradcourse.demos.saturation.unit import OUTPUT, TANGENT, output_deltas

DEMOS = (TANGENT, DECAY, GAIN, CHANGE, HISTOGRAM, TWO_WAYS, OUTPUT)

__all__ = [
    "CHANGE",
    "DECAY",
    "DEMOS",
    "GAIN",
    "HISTOGRAM",
    "LEARNING_RATE",
    "OUTPUT",
    "STEPS",
    "TANGENT",
    "TWO_WAYS",
    "deep_net",
    "delta_by_layer",
    "delta_theory",
    "output_deltas",
    "relative_change",
    "two_ways",
]
