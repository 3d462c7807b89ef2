"""Lesson 13: what it asks before its measurements, for no points."""

from gradcourse.exercises.ledger.predictions import ENCLOSED, HOLDING, TURNING

EXERCISES = (HOLDING, TURNING, ENCLOSED)

__all__ = ["EXERCISES"]
