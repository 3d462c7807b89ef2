"""Small networks, sick and healthy, as data: made, examined, treated and trained again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gradcourse.experiments.ward.outcome import Outcome, outcome
from gradcourse.experiments.ward.patients import KINDS, NAMES, Kind, admit, kind
from gradcourse.experiments.ward.recipe import Recipe
from gradcourse.experiments.ward.treatments import TREATMENTS, Treatment, treated, treatment

__all__ = [
    "KINDS",
    "NAMES",
    "TREATMENTS",
    "Kind",
    "Outcome",
    "Recipe",
    "Treatment",
    "admit",
    "kind",
    "network",
    "outcome",
    "treated",
    "treatment",
]


def network(key: str, seed: int, probed: bool = False, **changes: Any) -> Outcome:
    """Train one network of a kind, with changes of its recipe: ``network("loud", 0, rate=0.1)``.

    Parameters
    ----------
    key : str
        Of its `Kind`.
    seed : int
    probed : bool
        Whether a probe watches.
    **changes
        Fields of `Recipe`.
    """
    return outcome(replace(admit(key, seed), **changes), probed)
