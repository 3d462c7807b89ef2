"""Lesson 03 and its assignment: the recurrent weight."""

from gradcourse.exercises.recurrent.lag import LAG_GRADIENT
from gradcourse.exercises.recurrent.lyapunov import LYAPUNOV
from gradcourse.exercises.recurrent.predictions import (
    FIRST_GROWS,
    LAG_FIFTY,
    OFF_THE_CLIFF,
    OVERFLOW,
    SIGMOID_BOUND,
    STRONG_INPUT,
    TUNE_GAIN,
    WINDOW,
)
from gradcourse.exercises.recurrent.reading import EDGE, THREE_LAGS
from gradcourse.exercises.recurrent.scalar import BPTT
from gradcourse.exercises.recurrent.size import RADIUS_AND_NORM
from gradcourse.exercises.recurrent.truncated import TRUNCATED
from gradcourse.exercises.recurrent.votes import CLAIM_ONE, CLAIM_THREE, CLAIM_TWO

EXERCISES = (
    LAG_FIFTY,
    FIRST_GROWS,
    STRONG_INPUT,
    OFF_THE_CLIFF,
    WINDOW,
    BPTT,
    RADIUS_AND_NORM,
    LAG_GRADIENT,
    LYAPUNOV,
    SIGMOID_BOUND,
    EDGE,
    TUNE_GAIN,
    OVERFLOW,
    TRUNCATED,
    THREE_LAGS,
    CLAIM_ONE,
    CLAIM_TWO,
    CLAIM_THREE,
)

__all__ = ["EXERCISES"]
