"""The one training loop of the course."""

from gradcourse.training.history import History, accuracy
from gradcourse.training.loop import train

__all__ = ["History", "accuracy", "train"]
