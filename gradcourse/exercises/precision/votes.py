"""Lesson 12: the votes on its claims. Its cells measure them."""

from __future__ import annotations

from gradcourse.checking.question import vote_on
from gradcourse.experiments.trials.precision import CLAIMS

CLAIM_BFLOAT, CLAIM_MUP, CLAIM_MUON = map(vote_on, CLAIMS)
