"""Lesson 06 and its assignment: batch normalization."""

from gradcourse.exercises.batch_norm.backward import BACKWARD
from gradcourse.exercises.batch_norm.growth import GROWTH
from gradcourse.exercises.batch_norm.layer import FORWARD
from gradcourse.exercises.batch_norm.predict import PREDICT
from gradcourse.exercises.batch_norm.predictions import (
    ACCUMULATE,
    FIFTH_OF_THE_RATE,
    FIRST_DELTA,
    LARGE_WEIGHTS,
    OTHER_NORMS,
    SORTED_DIGITS,
    THOUSANDFOLD,
    TUNE_BETA,
    TWO_IMAGES,
)
from gradcourse.exercises.batch_norm.rows import LAYER_NORM
from gradcourse.exercises.batch_norm.running import RUNNING

EXERCISES = (
    LARGE_WEIGHTS,
    TWO_IMAGES,
    SORTED_DIGITS,
    OTHER_NORMS,
    FIRST_DELTA,
    FIFTH_OF_THE_RATE,
    FORWARD,
    BACKWARD,
    RUNNING,
    PREDICT,
    LAYER_NORM,
    ACCUMULATE,
    GROWTH,
    THOUSANDFOLD,
    TUNE_BETA,
)

__all__ = ["EXERCISES"]
