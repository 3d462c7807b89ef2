"""Lesson 11: the votes on its claims. Its cells measure them."""

from __future__ import annotations

from gradcourse.checking.question import claim

CLAIM_VANISHING = claim(
    "transformer/claim-vanishing",
    "“There is little to no gradient vanishing or explosion problem”, of Transformers (a web page "
    "of February 2022, after an article of August 2019).",
    "holds-only-if",
    "Attention shortens the way through time. The way through the depth is as long as ever.",
)
CLAIM_NORM = claim(
    "transformer/claim-norm",
    "“Normalization layers are ubiquitous in modern neural networks and have long been "
    "considered essential” (Zhu et al. 2025).",
    "fails",
    "A tanh in the same places does as well here: what is needed is that something bounds what a "
    "branch reads.",
)
