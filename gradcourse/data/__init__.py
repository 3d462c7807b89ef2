"""Data that needs no download: real digits, and sequence tasks whose answer is known."""

from gradcourse.data.digits import Digits, digits
from gradcourse.data.sequences import Sequences, adding_problem, delayed_recall

__all__ = ["Digits", "Sequences", "adding_problem", "delayed_recall", "digits"]
