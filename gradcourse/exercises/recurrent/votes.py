"""Lesson 03: the votes on its three claims. Its cells measure them."""

from __future__ import annotations

from gradcourse.checking.question import claim

CLAIM_ONE = claim(
    "recurrent/claim-one",
    "the recurrent weight must equal 1.",
    "holds-only-if",
    "It holds for a linear unit and a lag without an end. Otherwise the product of slope and "
    "weight should be near 1, over the lags that the task needs.",
)
CLAIM_TWO = claim(
    "recurrent/claim-two",
    "exploding outputs and exploding gradients are the same.",
    "fails",
    "A bounded state can have an exploding gradient, and a growing state a level one.",
)
CLAIM_THREE = claim(
    "recurrent/claim-three",
    "it is the weights, not the activation.",
    "fails",
    "The same matrices vanish with σ, explode slowly with tanh, and fast without an activation.",
)
