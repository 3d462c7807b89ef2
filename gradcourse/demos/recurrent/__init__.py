"""Lesson 03: the same matrix at every step, alone, with tanh, and on the edge of a cliff."""

from gradcourse.demos.recurrent.cliff import CLIFF
from gradcourse.demos.recurrent.linear import SCALAR, TWO_UNITS
from gradcourse.demos.recurrent.random import GAIN, GAIN_200

DEMOS = (SCALAR, TWO_UNITS, GAIN, CLIFF, GAIN_200)

__all__ = ["DEMOS"]
