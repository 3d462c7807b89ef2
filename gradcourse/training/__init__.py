"""The one training loop of the course."""

from gradcourse.training.history import History, accuracy
from gradcourse.training.loop import train
from gradcourse.training.omega import pascanu_omega
from gradcourse.training.shift import ShiftMeter

__all__ = ["History", "ShiftMeter", "accuracy", "pascanu_omega", "train"]
