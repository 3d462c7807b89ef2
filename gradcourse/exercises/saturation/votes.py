"""Lesson 02: the votes on its four claims. Its cells measure them."""

from __future__ import annotations

from gradcourse.checking.question import claim

CLAIM_ADAM = claim(
    "saturation/claim-adam",
    "“if the first layer has gradient much smaller than the last layer, each update to the weight "
    "should be still similar in magnitude, right? Then why do we need other methods”, of Adam "
    "(stats.stackexchange.com, 2017).",
    "holds-only-if",
    "The updates are alike, and eight layers learn in the end. Sixteen do not.",
)
CLAIM_TANH = claim(
    "saturation/claim-tanh",
    "“we cannot prevent that because each derivative is smaller than one, except for x = 0”, of "
    "vanishing with tanh (datascience.stackexchange.com, 2019).",
    "holds-only-if",
    "The slopes are as it says. The gradient is multiplied by weight times slope, and at gain 2 "
    "that makes it grow.",
)
CLAIM_ZERO = claim(
    "saturation/claim-zero",
    "“When the gradient is too small, it continues to become smaller, updating the weight "
    "parameters until they become insignificant—i.e. 0.” (IBM Cloud Education 2020)",
    "fails",
    "Without a gradient nothing pulls at a weight. It keeps its first value.",
)
CLAIM_DEEP = claim(
    "saturation/claim-deep",
    "“For shallow network with only a few layers that use these activations, this isn't a big "
    "problem.” (Wang 2019, of vanishing gradients and sigmoids)",
    "holds-only-if",
    "Two hidden layers learned. One output that is sure and wrong does not, under a loss that "
    "leaves its slope in.",
)
