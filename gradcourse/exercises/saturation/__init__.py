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
from gradcourse.exercises.saturation.reading import EDGE, LARGER_RATE, THREE_STARTS
from gradcourse.exercises.saturation.share import SATURATED_FRACTION
from gradcourse.exercises.saturation.units import LOG_SLOPE, SLOPES
from gradcourse.exercises.saturation.votes import CLAIM_ADAM, CLAIM_DEEP, CLAIM_TANH, CLAIM_ZERO

EXERCISES = (
    SLOPE_AT_SIX,
    WHO_IS_SATURATED,
    FIRST_DELTA,
    EARLY_WEIGHTS,
    FROZEN_READOUT,
    DELTA_RATIO,
    SLOPES,
    LOG_SLOPE,
    GRADIENT_BOUND,
    SATURATED_FRACTION,
    DEAF_LAYER,
    OUTPUT_DELTA,
    LOSS_FROM_LOGITS,
    EDGE,
    TUNE_GAIN,
    THREE_STARTS,
    WEIGHT_DECAY,
    LARGER_RATE,
    CLAIM_ADAM,
    CLAIM_TANH,
    CLAIM_ZERO,
    CLAIM_DEEP,
)

__all__ = ["EXERCISES"]
