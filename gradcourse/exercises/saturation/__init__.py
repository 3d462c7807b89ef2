"""Lesson 02 and its assignment: saturation."""

from gradcourse.exercises.saturation.bounds import GRADIENT_BOUND
from gradcourse.exercises.saturation.logits import LOSS_FROM_LOGITS
from gradcourse.exercises.saturation.output import OUTPUT_DELTA
from gradcourse.exercises.saturation.predictions import (
    DEAF_LAYER,
    DELTA_RATIO,
    EARLY_WEIGHTS,
    FIRST_DELTA,
    FROZEN_READOUT,
    SLOPE_AT_SIX,
    TUNE_GAIN,
    WEIGHT_DECAY,
    WHO_IS_SATURATED,
)
from gradcourse.exercises.saturation.share import SATURATED_FRACTION
from gradcourse.exercises.saturation.units import SLOPES

EXERCISES = (
    SLOPE_AT_SIX,
    WHO_IS_SATURATED,
    FIRST_DELTA,
    EARLY_WEIGHTS,
    FROZEN_READOUT,
    DELTA_RATIO,
    SLOPES,
    GRADIENT_BOUND,
    SATURATED_FRACTION,
    DEAF_LAYER,
    OUTPUT_DELTA,
    LOSS_FROM_LOGITS,
    TUNE_GAIN,
    WEIGHT_DECAY,
)

__all__ = ["EXERCISES"]
