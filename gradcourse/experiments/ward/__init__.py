"""Small networks, sick and healthy, as data: made, examined, treated and trained again."""

from gradcourse.experiments.ward.outcome import Outcome, outcome
from gradcourse.experiments.ward.patients import KINDS, Kind, admit, kind
from gradcourse.experiments.ward.recipe import Recipe
from gradcourse.experiments.ward.treatments import TREATMENTS, Treatment, treated

__all__ = [
    "KINDS",
    "TREATMENTS",
    "Kind",
    "Outcome",
    "Recipe",
    "Treatment",
    "admit",
    "kind",
    "outcome",
    "treated",
]
