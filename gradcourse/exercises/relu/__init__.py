"""Lesson 04 and its assignment: ReLU and its kin."""

from gradcourse.exercises.relu.cure import RIGHT_CURE, WHICH
from gradcourse.exercises.relu.dead import DEAD_UNITS
from gradcourse.exercises.relu.depth import DEEP_LEAKY, GAIN, LEAK_VALUE, TUNE_LEAK
from gradcourse.exercises.relu.disease import DISEASE
from gradcourse.exercises.relu.predictions import (
    ACCIDENT,
    FADES_MOST,
    HALF,
    ONE_STEP,
    SMALL_LEAK,
    WHO_LEARNS,
)
from gradcourse.exercises.relu.slopes import PRELU
from gradcourse.exercises.relu.stack import MASKS
from gradcourse.exercises.relu.votes import (
    CLAIM_EXPLODE,
    CLAIM_LEAK,
    CLAIM_VANISH,
    CLAIM_ZEROS,
)

EXERCISES = (
    HALF,
    FADES_MOST,
    SMALL_LEAK,
    ACCIDENT,
    ONE_STEP,
    WHO_LEARNS,
    CLAIM_VANISH,
    CLAIM_ZEROS,
    CLAIM_LEAK,
    CLAIM_EXPLODE,
    PRELU,
    MASKS,
    GAIN,
    DEEP_LEAKY,
    LEAK_VALUE,
    TUNE_LEAK,
    DEAD_UNITS,
    WHICH,
    DISEASE,
    RIGHT_CURE,
)

__all__ = ["EXERCISES"]
