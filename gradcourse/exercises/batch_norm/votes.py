"""Lesson 06: the votes on its claims. Its cells measure them."""

from __future__ import annotations

from gradcourse.checking.question import claim

CLAIM_BOTH = claim(
    "batch-norm/claim-both",
    "“In traditional deep networks, too-high learning rate may result in the gradients that "
    "explode or vanish […]. Batch Normalization helps address these issues” (Ioffe & Szegedy "
    "2015).",
    "holds-only-if",
    "It keeps a gradient from vanishing. With random weights every layer that bends makes it grow.",
)
CLAIM_SHIFT = claim(
    "batch-norm/claim-shift",
    "“By fixing the distribution of the layer inputs x as the training progresses, we expect to "
    "improve the training speed” (Ioffe & Szegedy 2015).",
    "fails",
    "With the shift put back behind batch norm, the network learns all the same.",
)
CLAIM_INIT = claim(
    "batch-norm/claim-init",
    "“Batch Normalization allows us to use much higher learning rates and be less careful about "
    "initialization” (Ioffe & Szegedy 2015).",
    "holds-only-if",
    "The size of the weights cancels forwards. Backwards it divides the gradient, and a relative "
    "step by its square.",
)
