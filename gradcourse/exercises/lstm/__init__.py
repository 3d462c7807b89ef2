"""Lesson 08 and its assignment: LSTM and GRU."""

from gradcourse.exercises.lstm.at_rest import REST
from gradcourse.exercises.lstm.biases import CHRONO
from gradcourse.exercises.lstm.cells import LSTM_STEP
from gradcourse.exercises.lstm.gates import OPEN_GATE, WHICH_LINE
from gradcourse.exercises.lstm.gru import GRU_STEP
from gradcourse.exercises.lstm.memory import HALF_LIFE
from gradcourse.exercises.lstm.predictions import (
    AT_BIRTH,
    AT_MARKS,
    CAN_EXPLODE,
    DEFAULT_LSTM,
    FIFTY_STEPS,
    GRU_LEAVES,
    KEEP_BIAS,
    ONE_PERCENT,
    TUNE_BIAS,
)
from gradcourse.exercises.lstm.road import DIRECT_PATH
from gradcourse.exercises.lstm.votes import CLAIM_BIAS, CLAIM_CAROUSEL
from gradcourse.exercises.lstm.windows import DETACH

EXERCISES = (
    DEFAULT_LSTM,
    FIFTY_STEPS,
    GRU_LEAVES,
    CAN_EXPLODE,
    AT_BIRTH,
    AT_MARKS,
    CLAIM_CAROUSEL,
    CLAIM_BIAS,
    OPEN_GATE,
    LSTM_STEP,
    DIRECT_PATH,
    HALF_LIFE,
    ONE_PERCENT,
    CHRONO,
    GRU_STEP,
    KEEP_BIAS,
    REST,
    WHICH_LINE,
    TUNE_BIAS,
    DETACH,
)

__all__ = ["EXERCISES"]
