"""Lesson 07 and its assignment: residual networks."""

from gradcourse.exercises.residual.blocks import BLOCK
from gradcourse.exercises.residual.paths import BRANCHES, PATHS
from gradcourse.exercises.residual.predictions import (
    FIRST_VARIANCE,
    MEAN_LENGTH,
    OPEN_ROAD,
    SHATTERED,
    SPAN,
)
from gradcourse.exercises.residual.projection import PROJECTION
from gradcourse.exercises.residual.scale import SCALE, VARIANCE
from gradcourse.exercises.residual.shattering import SHATTERING
from gradcourse.exercises.residual.zeros import BOTH_ZERO, FIXUP

EXERCISES = (
    SPAN,
    MEAN_LENGTH,
    FIRST_VARIANCE,
    OPEN_ROAD,
    SHATTERED,
    BLOCK,
    PROJECTION,
    VARIANCE,
    SCALE,
    FIXUP,
    BOTH_ZERO,
    PATHS,
    BRANCHES,
    SHATTERING,
)

__all__ = ["EXERCISES"]
