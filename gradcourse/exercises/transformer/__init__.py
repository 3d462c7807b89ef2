"""Lesson 11 and its assignment: depth today, the Transformer."""

from gradcourse.exercises.transformer.blocks import BLOCK, DELTA
from gradcourse.exercises.transformer.cut import CUT
from gradcourse.exercises.transformer.growth import EXPONENT
from gradcourse.exercises.transformer.logits import BOUND, QK_NORM
from gradcourse.exercises.transformer.mixing import MIXING
from gradcourse.exercises.transformer.predictions import GAIN, LOGIT, RATIO, THIRD
from gradcourse.exercises.transformer.votes import CLAIM_NORM, CLAIM_VANISHING

EXERCISES = (
    RATIO,
    THIRD,
    LOGIT,
    GAIN,
    CLAIM_VANISHING,
    CLAIM_NORM,
    BLOCK,
    DELTA,
    EXPONENT,
    QK_NORM,
    BOUND,
    MIXING,
    CUT,
)

__all__ = ["EXERCISES"]
