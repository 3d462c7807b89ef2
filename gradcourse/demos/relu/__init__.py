"""Lesson 04: what a ReLU lets through, what its kin let through, and how units die."""

from gradcourse.demos.relu.dead import LARGE_STEP, SAME_ZEROS
from gradcourse.demos.relu.depth import KIN, LEAK, LEAK_KNOB, TWO_WAYS

DEMOS = (TWO_WAYS, KIN, LEAK, LEAK_KNOB, LARGE_STEP, SAME_ZEROS)

__all__ = ["DEMOS"]
