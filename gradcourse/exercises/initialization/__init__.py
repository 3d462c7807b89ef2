"""Lesson 05 and its assignment: initialization."""

from gradcourse.exercises.initialization.lsuv import LSUV
from gradcourse.exercises.initialization.meanfield import CHI
from gradcourse.exercises.initialization.orthogonal import ORTHOGONAL
from gradcourse.exercises.initialization.predictions import (
    ALIKE,
    DEFAULT_DELTA,
    EDGE,
    EDGE_VALUE,
    EQUAL_START,
    HALF_RANDOM,
    HUNDRED_LAYERS,
    STANDARD_NORMAL,
    TANH_HUNDRED,
    TANH_LAYER,
    WHERE_TRAINS,
)
from gradcourse.exercises.initialization.scales import XAVIER_HE
from gradcourse.exercises.initialization.torch_start import INITIALIZE
from gradcourse.exercises.initialization.votes import (
    CLAIM_GOOD_INIT,
    CLAIM_NORMAL,
    CLAIM_START,
    CLAIM_TANH,
)

EXERCISES = (
    EQUAL_START,
    STANDARD_NORMAL,
    TANH_HUNDRED,
    WHERE_TRAINS,
    HUNDRED_LAYERS,
    CLAIM_TANH,
    CLAIM_GOOD_INIT,
    CLAIM_NORMAL,
    CLAIM_START,
    HALF_RANDOM,
    XAVIER_HE,
    INITIALIZE,
    DEFAULT_DELTA,
    TANH_LAYER,
    ALIKE,
    CHI,
    EDGE_VALUE,
    EDGE,
    ORTHOGONAL,
    LSUV,
)

__all__ = ["EXERCISES"]
