"""Lesson 10: the votes on its claims. Its cells measure them."""

from __future__ import annotations

from gradcourse.checking.question import claim

CLAIM_NORM = claim(
    "diagnosis/claim-norm",
    "“The error gradient values are consistently above 1.0 for each node and layer during "
    "training”, in a list of signs that confirm exploding gradients (Brownlee 2017).",
    "fails",
    "A norm has the units of the loss. Multiply the loss by 1000 and Adam takes the same steps.",
)
CLAIM_LOSS = claim(
    "diagnosis/claim-loss",
    "“The model has stuck in a local minima, […] since the performance of the model is "
    "basically equal to guessing randomly” (of a loss that stays at 2.30; PyTorch forum, thread "
    "43814, begun in 2019).",
    "fails",
    "A loss at ln C says that nothing was learned. It does not say why: most of these networks "
    "leave it with one change.",
)
