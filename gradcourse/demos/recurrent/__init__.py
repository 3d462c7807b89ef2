"""Lesson 03: the same matrix at every step, alone, with tanh, and on the edge of a cliff."""

from gradcourse.demos.recurrent.cliff import CLIFF, cliff_line, loss_and_gradient, one_step
from gradcourse.demos.recurrent.linear import SCALAR, TWO_UNITS, two_unit_gradient, two_unit_theory
from gradcourse.demos.recurrent.random import (
    GAIN,
    GAIN_200,
    gradient_theory,
    lag_log_gradient,
    random_run,
)

DEMOS = (SCALAR, TWO_UNITS, GAIN, CLIFF, GAIN_200)

__all__ = [
    "CLIFF",
    "DEMOS",
    "GAIN",
    "GAIN_200",
    "SCALAR",
    "TWO_UNITS",
    "cliff_line",
    "gradient_theory",
    "lag_log_gradient",
    "loss_and_gradient",
    "one_step",
    "random_run",
    "two_unit_gradient",
    "two_unit_theory",
]
