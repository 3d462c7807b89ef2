"""Lesson 09 and its assignment: clipping and weight regularization."""

from gradcourse.exercises.clipping.adaptive import ADAPTIVE
from gradcourse.exercises.clipping.angle import ANGLE
from gradcourse.exercises.clipping.global_norm import GLOBAL_NORM
from gradcourse.exercises.clipping.loop import STEP
from gradcourse.exercises.clipping.memory import MEMORY
from gradcourse.exercises.clipping.omega import OMEGA
from gradcourse.exercises.clipping.predictions import ACCIDENT, BY_VALUE, HUGE, PRESS, SMALLEST
from gradcourse.exercises.clipping.threshold import THRESHOLD
from gradcourse.exercises.clipping.weights import PENALTIES, TUNE_DECAY

EXERCISES = (
    BY_VALUE,
    SMALLEST,
    HUGE,
    ACCIDENT,
    PRESS,
    GLOBAL_NORM,
    ANGLE,
    STEP,
    THRESHOLD,
    ADAPTIVE,
    MEMORY,
    PENALTIES,
    TUNE_DECAY,
    OMEGA,
)

__all__ = ["EXERCISES"]
