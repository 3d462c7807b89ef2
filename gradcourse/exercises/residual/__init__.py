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
from gradcourse.exercises.residual.starts import (
    LAST_GAMMA,
    SCALE_FIRST,
    SHORTCUTS_COST,
    THREE_CURVES,
)
from gradcourse.exercises.residual.votes import CLAIM_BYPASS, CLAIM_NECESSARY, CLAIM_VANISHING
from gradcourse.exercises.residual.zeros import BOTH_ZERO, FIXUP

EXERCISES = (
    SPAN,
    MEAN_LENGTH,
    FIRST_VARIANCE,
    CLAIM_BYPASS,
    CLAIM_VANISHING,
    SHATTERED,
    OPEN_ROAD,
    CLAIM_NECESSARY,
    BLOCK,
    PROJECTION,
    VARIANCE,
    SCALE_FIRST,
    SCALE,
    FIXUP,
    BOTH_ZERO,
    PATHS,
    BRANCHES,
    SHATTERING,
    LAST_GAMMA,
    THREE_CURVES,
    SHORTCUTS_COST,
)

__all__ = ["EXERCISES"]
