"""Lesson 12 and its assignment: precision, width, and the recurrent weight's return."""

from gradcourse.exercises.precision.diagonal import SCAN
from gradcourse.exercises.precision.flushed import FLUSHED
from gradcourse.exercises.precision.forgetting import FORGOTTEN
from gradcourse.exercises.precision.master import MASTER, STANDS_STILL
from gradcourse.exercises.precision.predictions import (
    BEST_RATE,
    RETURN,
    STUCK,
    UPDATES,
    WINDOW,
)
from gradcourse.exercises.precision.scaler import SCALER
from gradcourse.exercises.precision.votes import CLAIM_BFLOAT, CLAIM_MUON, CLAIM_MUP
from gradcourse.exercises.precision.width import MULTIPLIERS, WHICH_WIDTH

EXERCISES = (
    STUCK,
    WINDOW,
    BEST_RATE,
    UPDATES,
    RETURN,
    CLAIM_BFLOAT,
    CLAIM_MUP,
    CLAIM_MUON,
    STANDS_STILL,
    MASTER,
    FLUSHED,
    SCALER,
    MULTIPLIERS,
    WHICH_WIDTH,
    SCAN,
    FORGOTTEN,
)

__all__ = ["EXERCISES"]
