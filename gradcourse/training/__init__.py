"""The one training loop of the course."""

from gradcourse.training.loop import History, accuracy, train

__all__ = ["History", "accuracy", "train"]
