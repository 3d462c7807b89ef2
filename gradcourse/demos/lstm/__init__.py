"""Lesson 08: one cell, many time scales, three networks side by side, and an LSTM that explodes."""

from gradcourse.demos.lstm.cell import CELL, CHRONO, TUNE, whole_at_60
from gradcourse.demos.lstm.explode import EXPLODE, rest_growth
from gradcourse.demos.lstm.simulate import Run, cell_gradients, direct_path, run
from gradcourse.demos.lstm.three import THREE, WHOLE, relative_gradient, with_keep_bias
from gradcourse.demos.lstm.training import (
    TRAINING,
    gradient_by_lag,
    moves_at_marks,
    train_on_adding,
)

DEMOS = (CELL, CHRONO, WHOLE, THREE, TRAINING, EXPLODE, TUNE)

__all__ = [
    "CELL",
    "CHRONO",
    "DEMOS",
    "EXPLODE",
    "THREE",
    "TRAINING",
    "TUNE",
    "WHOLE",
    "Run",
    "cell_gradients",
    "direct_path",
    "gradient_by_lag",
    "moves_at_marks",
    "relative_gradient",
    "rest_growth",
    "run",
    "train_on_adding",
    "whole_at_60",
    "with_keep_bias",
]
