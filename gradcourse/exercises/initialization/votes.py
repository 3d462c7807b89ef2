"""Lesson 05: the votes on its claims. Its cells measure them."""

from __future__ import annotations

from gradcourse.checking.question import claim

CLAIM_TANH = claim(
    "init/claim-tanh",
    "“Xavier initialization maintains the variance of activations and gradients approximately "
    "equal across all layers”, of tanh layers (slides of a university course, 2025).",
    "fails",
    "It was derived for layers without an activation. tanh takes away a little in each.",
)
CLAIM_GOOD_INIT = claim(
    "init/claim-good-init",
    "“All you need is a good init” (Mishkin & Matas 2016, a title).",
    "holds-only-if",
    "A start guarantees the first step. A rate that is too large for the depth destroys it.",
)
CLAIM_NORMAL = claim(
    "init/claim-normal",
    "“A possible simple solution is to set the weights to zero mean and one standard deviation” "
    "(a book for beginners).",
    "holds-only-if",
    "One layer bears it. Over 30 layers a factor of √32 each is too much for float32.",
)
CLAIM_START = claim(
    "init/claim-start",
    "the initialization matters for the start of a training only (often said).",
    "fails",
    "Two networks that fit all training digits differ on new ones by what they started from.",
)
