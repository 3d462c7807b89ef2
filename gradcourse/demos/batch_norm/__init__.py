"""Lesson 06: one batch, its gradient, its running statistics, its noise; and depth."""

from gradcourse.demos.batch_norm.depth import BEND, DEPTH
from gradcourse.demos.batch_norm.layer import ONE_BATCH, PATHS
from gradcourse.demos.batch_norm.statistics import MOMENTUM, NOISE

DEMOS = (ONE_BATCH, PATHS, MOMENTUM, NOISE, DEPTH, BEND)

__all__ = ["DEMOS"]
