"""Lesson 04: the votes on its claims. Its cells measure them."""

from __future__ import annotations

from gradcourse.checking.question import claim

CLAIM_VANISH = claim(
    "relu/claim-vanish",
    "“Gradient is 1 for positive inputs, enabling deep network training”, of ReLU (slides of a "
    "university course, 2025).",
    "holds-only-if",
    "The slope is 1 for half of the units. The weights must pay for the other half.",
)
CLAIM_ZEROS = claim(
    "relu/claim-zeros",
    "dying ReLUs are seen in (activations == 0).float().mean() of each layer (a page on common "
    "problems, 2026).",
    "fails",
    "A zero on this digit is no zero on the next. Dead is zero on all of them.",
)
CLAIM_LEAK = claim(
    "relu/claim-leak",
    "leaky ReLU “helps deal with vanishing gradients” (Dawani 2020).",
    "holds-only-if",
    "What counts is the mean squared slope, (1 + a²)/2: with a = 0.01 still one half. A larger "
    "leak helps in the long run.",
)
CLAIM_EXPLODE = claim(
    "relu/claim-explode",
    "gradients explode more easily with sigmoid and tanh than with ReLU (often said).",
    "holds-only-if",
    "Saturation holds a gradient back. Only near σ_w = 1.4 does δ grow with tanh, not with ReLU.",
)
