"""Lesson 04 and its assignment: ReLU and its kin."""

from gradcourse.exercises.relu.cure import RIGHT_CURE
from gradcourse.exercises.relu.dead import DEAD_UNITS
from gradcourse.exercises.relu.depth import DEEP_LEAKY, GAIN, TUNE_LEAK
from gradcourse.exercises.relu.disease import DISEASE
from gradcourse.exercises.relu.predictions import (
    FADES_MOST,
    HALF,
    ONE_STEP,
    SMALL_LEAK,
    WHO_LEARNS,
)
from gradcourse.exercises.relu.slopes import PRELU
from gradcourse.exercises.relu.stack import MASKS

EXERCISES = (
    HALF,
    FADES_MOST,
    SMALL_LEAK,
    ONE_STEP,
    WHO_LEARNS,
    PRELU,
    MASKS,
    GAIN,
    DEEP_LEAKY,
    TUNE_LEAK,
    DEAD_UNITS,
    DISEASE,
    RIGHT_CURE,
)

__all__ = ["EXERCISES"]
