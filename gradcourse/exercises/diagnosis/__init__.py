"""Lesson 10 and its assignment: diagnosis and the emergency room."""

from gradcourse.exercises.diagnosis.emergency import EMERGENCY_ROOM
from gradcourse.exercises.diagnosis.first_loss import CONFIDENT, FIRST_LOSS
from gradcourse.exercises.diagnosis.histograms import THREE_HISTOGRAMS
from gradcourse.exercises.diagnosis.predictions import ALARMS, CAUSES, HITS, SURVIVOR
from gradcourse.exercises.diagnosis.triage import TRIAGE
from gradcourse.exercises.diagnosis.updates import UPDATE_RATIOS
from gradcourse.exercises.diagnosis.votes import CLAIM_LOSS, CLAIM_NORM
from gradcourse.exercises.diagnosis.who_trains import WHO_TRAINS

EXERCISES = (
    CAUSES,
    HITS,
    ALARMS,
    SURVIVOR,
    CLAIM_NORM,
    CLAIM_LOSS,
    FIRST_LOSS,
    CONFIDENT,
    WHO_TRAINS,
    UPDATE_RATIOS,
    TRIAGE,
    THREE_HISTOGRAMS,
    EMERGENCY_ROOM,
)

__all__ = ["EXERCISES"]
