"""Lesson 09 and its assignment: clipping and weight regularization."""

from gradcourse.exercises.clipping.adaptive import ADAPTIVE
from gradcourse.exercises.clipping.angle import ANGLE
from gradcourse.exercises.clipping.global_norm import GLOBAL_NORM
from gradcourse.exercises.clipping.loop import STEP
from gradcourse.exercises.clipping.memory import MEMORY
from gradcourse.exercises.clipping.omega import OMEGA
from gradcourse.exercises.clipping.predictions import ACCIDENT, BY_VALUE, HUGE, PRESS, SMALLEST
from gradcourse.exercises.clipping.reading import CHOOSE, RETURNS, SHARDS
from gradcourse.exercises.clipping.threshold import THRESHOLD
from gradcourse.exercises.clipping.votes import CLAIM_DIRECTION, CLAIM_VANISHING, CLAIM_WEIGHTS
from gradcourse.exercises.clipping.weights import PENALTIES, TUNE_DECAY

EXERCISES = (
    BY_VALUE,
    SMALLEST,
    PRESS,
    HUGE,
    ACCIDENT,
    CLAIM_VANISHING,
    CLAIM_DIRECTION,
    CLAIM_WEIGHTS,
    GLOBAL_NORM,
    ANGLE,
    STEP,
    THRESHOLD,
    CHOOSE,
    ADAPTIVE,
    MEMORY,
    PENALTIES,
    TUNE_DECAY,
    OMEGA,
    RETURNS,
    SHARDS,
)

__all__ = ["EXERCISES"]
