"""Lesson 01 and its assignment: products of the chain rule."""

from gradcourse.exercises.chain_rule.matrices import EIGENVALUES, MATRIX_BACKWARD, TUNE_GAIN
from gradcourse.exercises.chain_rule.predictions import LESSON_QUESTIONS
from gradcourse.exercises.chain_rule.scalar_backward import SCALAR_BACKWARD
from gradcourse.exercises.chain_rule.typical import LYAPUNOV, TYPICAL_PRODUCT
from gradcourse.exercises.chain_rule.underflow import UNDERFLOW_DEPTH

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

__all__ = ["EXERCISES"]
