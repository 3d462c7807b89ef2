"""Lesson 08: one cell, many time scales, three networks side by side, and an LSTM that explodes."""

from gradcourse.demos.lstm.cell import CELL, CHRONO, TUNE
from gradcourse.demos.lstm.explode import EXPLODE
from gradcourse.demos.lstm.three import THREE, WHOLE
from gradcourse.demos.lstm.training import TRAINING

DEMOS = (CELL, CHRONO, WHOLE, THREE, TRAINING, EXPLODE, TUNE)

__all__ = ["DEMOS"]
