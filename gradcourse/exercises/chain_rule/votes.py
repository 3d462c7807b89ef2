"""Lesson 01: the votes on its two claims. Its cells measure them."""

from __future__ import annotations

from gradcourse.checking.question import claim

CLAIM_FACTORS = claim(
    "chain/claim-factors",
    "“If all the gradient terms on the right-hand side are between 0 and 1 then the gradient will "
    "become less and less”, and greater than 1, more and more (AI Stack Exchange, 2021). Meant are "
    "the factors that layers put into the chain rule.",
    "holds-only-if",
    "It holds for numbers. A matrix has no one size: its norm is the largest stretch, its "
    "eigenvalues need not multiply. The Lyapunov exponents decide.",
)
CLAIM_DEEPER = claim(
    "chain/claim-deeper",
    "“The deeper the network, the higher the chances of picking those complex features” (Machine "
    "Learning Quick Reference, 2019).",
    "fails",
    "A deep linear net is one matrix, and a deep network learns only what its gradients let it.",
)
