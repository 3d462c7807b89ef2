"""Lesson 05 and its assignment: initialization."""

from gradcourse.exercises.initialization.lsuv import LSUV
from gradcourse.exercises.initialization.meanfield import CHI
from gradcourse.exercises.initialization.orthogonal import ORTHOGONAL
from gradcourse.exercises.initialization.predictions import (
    BETTER_START,
    DEFAULT_DELTA,
    EDGE,
    EQUAL_START,
    HALF_RANDOM,
    STANDARD_NORMAL,
    TANH_HUNDRED,
    TANH_LAYER,
    WHERE_TRAINS,
)
from gradcourse.exercises.initialization.scales import XAVIER_HE

EXERCISES = (
    EQUAL_START,
    STANDARD_NORMAL,
    TANH_HUNDRED,
    WHERE_TRAINS,
    BETTER_START,
    HALF_RANDOM,
    XAVIER_HE,
    DEFAULT_DELTA,
    TANH_LAYER,
    CHI,
    EDGE,
    ORTHOGONAL,
    LSUV,
)

__all__ = ["EXERCISES"]
