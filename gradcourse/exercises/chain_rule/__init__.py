"""Lesson 01 and its assignment: products of the chain rule."""

from gradcourse.exercises.chain_rule.lesson import LESSON_QUESTIONS
from gradcourse.exercises.chain_rule.matrices import EIGENVALUES, MATRIX_BACKWARD, TUNE_GAIN
from gradcourse.exercises.chain_rule.scalars import (
    LYAPUNOV,
    SCALAR_BACKWARD,
    TYPICAL_PRODUCT,
    UNDERFLOW_DEPTH,
)

ASSIGNMENT = "01"
EXERCISES = (
    *LESSON_QUESTIONS,
    UNDERFLOW_DEPTH,
    SCALAR_BACKWARD,
    LYAPUNOV,
    TYPICAL_PRODUCT,
    MATRIX_BACKWARD,
    TUNE_GAIN,
    EIGENVALUES,
)

__all__ = ["ASSIGNMENT", "EXERCISES"]
