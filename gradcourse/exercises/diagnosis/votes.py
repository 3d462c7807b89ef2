"""Lesson 10: the votes on its claims. Its cells measure them."""

from __future__ import annotations

from gradcourse.checking.question import vote_on
from gradcourse.experiments.trials.diagnosis import CLAIMS

CLAIM_NORM, CLAIM_LOSS = map(vote_on, CLAIMS)
