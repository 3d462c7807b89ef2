"""Lesson 09: the votes on its three claims. Its cells measure them."""

from __future__ import annotations

from gradcourse.checking.question import claim

CLAIM_VANISHING = claim(
    "clipping/claim-vanishing",
    "“Gradient clipping to prevent vanishing/exploding gradients” (a comment in many public "
    "training scripts).",
    "fails",
    "One factor for all of the gradient leaves the share of the early steps as it was, and it is "
    "that share which vanishes.",
)
CLAIM_DIRECTION = claim(
    "clipping/claim-direction",
    "“… the latter method [clipping by norm] has the advantage of guaranteeing that each step is "
    "still in the gradient direction …” (Goodfellow, Bengio & Courville 2016).",
    "holds-only-if",
    "It holds for one batch. The mean over many small batches turns, since the large gradients "
    "among them are cut.",
)
CLAIM_WEIGHTS = claim(
    "clipping/claim-weights",
    "“Using an L1 or L2 penalty on the recurrent weights can help with exploding gradients” "
    "(Pascanu, Mikolov & Bengio 2013).",
    "holds-only-if",
    "It helps if the norm of W is small already, and then the gradient vanishes. One step off a "
    "cliff is faster than any penalty.",
)
