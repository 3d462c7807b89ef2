"""Lesson 07: the votes on its claims. Its cells measure them."""

from __future__ import annotations

from gradcourse.checking.question import claim

CLAIM_BYPASS = claim(
    "residual/claim-bypass",
    "“An advantage of ResNets is that the gradient can flow directly through the identity function "
    "from later layers to the earlier layers” (Huang et al. 2017).",
    "holds-only-if",
    "There always is such a way. Where the branches are as large as x, almost nothing takes it.",
)
CLAIM_VANISHING = claim(
    "residual/claim-vanishing",
    "“Residual networks avoid the vanishing gradient problem by introducing short paths which can "
    "carry gradient throughout the extent of very deep networks” (Veit et al. 2016).",
    "fails",
    "The plain networks that do not learn have no vanishing gradient to be avoided.",
)
CLAIM_NECESSARY = claim(
    "residual/claim-necessary",
    "“Skip connections made the training of very deep networks possible and have become an "
    "indispensable component in a variety of neural architectures” (Orhan & Pitkow 2018).",
    "fails",
    "Matrices that start near the identity make 56 layers learn without any shortcut.",
)
