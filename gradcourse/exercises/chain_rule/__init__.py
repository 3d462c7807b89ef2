"""Lesson 01 and its assignment: products of the chain rule."""

from gradcourse.exercises.chain_rule.matrices import (
    EIGENVALUES,
    KEEPING_GAIN,
    MATRIX_BACKWARD,
    TUNE_GAIN,
)
from gradcourse.exercises.chain_rule.pictures import THREE_PICTURES
from gradcourse.exercises.chain_rule.predictions import LESSON_QUESTIONS
from gradcourse.exercises.chain_rule.probe import WRITE_PROBE
from gradcourse.exercises.chain_rule.scalar_backward import SCALAR_BACKWARD
from gradcourse.exercises.chain_rule.spectrum import LAYERS_TO_A_LINE
from gradcourse.exercises.chain_rule.typical import LYAPUNOV, TYPICAL_PRODUCT
from gradcourse.exercises.chain_rule.underflow import UNDERFLOW_DEPTH
from gradcourse.exercises.chain_rule.votes import CLAIM_DEEPER, CLAIM_FACTORS
from gradcourse.exercises.chain_rule.weight_gradients import WEIGHT_GRADIENTS

EXERCISES = (
    *LESSON_QUESTIONS,
    CLAIM_FACTORS,
    CLAIM_DEEPER,
    SCALAR_BACKWARD,
    MATRIX_BACKWARD,
    WEIGHT_GRADIENTS,
    WRITE_PROBE,
    THREE_PICTURES,
    LYAPUNOV,
    TYPICAL_PRODUCT,
    LAYERS_TO_A_LINE,
    EIGENVALUES,
    KEEPING_GAIN,
    TUNE_GAIN,
    UNDERFLOW_DEPTH,
)

__all__ = ["EXERCISES"]
