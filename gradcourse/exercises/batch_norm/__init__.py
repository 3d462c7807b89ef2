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
from gradcourse.exercises.batch_norm.sizes import DROPOUT, HALF_THE_WEIGHTS, THREE_NETWORKS
from gradcourse.exercises.batch_norm.votes import CLAIM_BOTH, CLAIM_INIT, CLAIM_SHIFT

EXERCISES = (
    OTHER_NORMS,
    TWO_IMAGES,
    SORTED_DIGITS,
    FIRST_DELTA,
    CLAIM_BOTH,
    CLAIM_SHIFT,
    CLAIM_INIT,
    LARGE_WEIGHTS,
    FIFTH_OF_THE_RATE,
    FORWARD,
    BACKWARD,
    RUNNING,
    PREDICT,
    LAYER_NORM,
    HALF_THE_WEIGHTS,
    DROPOUT,
    ACCUMULATE,
    GROWTH,
    THOUSANDFOLD,
    THREE_NETWORKS,
    TUNE_BETA,
)

__all__ = ["EXERCISES"]
