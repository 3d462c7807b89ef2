"""Lesson 04: what a ReLU lets through, what its kin let through, and how units die."""

from gradcourse.demos.relu.dead import (
    ACCIDENT,
    ALARM,
    LARGE_STEP,
    RATE,
    SAME_ZEROS,
    after_accident,
    dead_units,
    same_zeros,
)
from gradcourse.demos.relu.depth import (
    DEPTH,
    KIN,
    LEAK,
    LEAK_KNOB,
    TUNED_DEPTH,
    TUNED_GAIN,
    TWO_WAYS,
    factor_by_theory,
    through_leaky_layers,
)

DEMOS = (TWO_WAYS, KIN, LEAK, LEAK_KNOB, LARGE_STEP, SAME_ZEROS)

__all__ = [
    "ACCIDENT",
    "ALARM",
    "DEMOS",
    "DEPTH",
    "KIN",
    "LARGE_STEP",
    "LEAK",
    "LEAK_KNOB",
    "RATE",
    "SAME_ZEROS",
    "TUNED_DEPTH",
    "TUNED_GAIN",
    "TWO_WAYS",
    "after_accident",
    "dead_units",
    "factor_by_theory",
    "same_zeros",
    "through_leaky_layers",
]
