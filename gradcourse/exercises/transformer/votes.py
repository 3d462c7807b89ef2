"""Lesson 11: the votes on its claims. Its cells measure them."""

from __future__ import annotations

from gradcourse.checking.question import vote_on
from gradcourse.experiments.trials.transformer import CLAIMS

CLAIM_VANISHING, CLAIM_NORM = map(vote_on, CLAIMS)
