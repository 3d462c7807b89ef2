"""Lesson 03: the votes on its three claims. Its cells measure them."""

from __future__ import annotations

from gradcourse.checking.question import claim

CLAIM_ONE = claim(
    "recurrent/claim-one",
    "“Any eigenvalues that are not near an absolute value of 1 will either explode if they are "
    "greater than 1 in magnitude or vanish if they are less than 1” (Goodfellow, Bengio & "
    "Courville 2016), of recurrent networks.",
    "holds-only-if",
    "It holds without an activation. Otherwise the product of slope and weight should be near 1, "
    "over the lags that the task needs.",
)
CLAIM_TWO = claim(
    "recurrent/claim-two",
    "ReLUs “can have very large outputs so they might be expected to be far more likely to explode "
    "than units that have bounded values” (Le, Jaitly & Hinton 2015, who go on to show otherwise).",
    "holds-only-if",
    "It holds for large weights. At gain 1.2 ReLU's gradient fades while tanh's stays. And a "
    "bounded state can have an exploding gradient, a growing state a level one.",
)
CLAIM_THREE = claim(
    "recurrent/claim-three",
    "“The exploding gradient problem is mostly caused by using large weight values in combination "
    "with using a large number of layers” (a blog, June 2019).",
    "holds-only-if",
    "Large has to be measured against the slope: weights that explode without an activation "
    "vanish with σ.",
)
