"""Lesson 12: the votes on its claims. Its cells measure them."""

from __future__ import annotations

from gradcourse.checking.question import claim

CLAIM_BFLOAT = claim(
    "precision/claim-bfloat",
    "training with bfloat16 tensors gives the same results as with float32 ones, “in the same "
    "number of iterations and with no changes to hyper-parameters” (Kalamkar et al. 2019).",
    "holds-only-if",
    "With a copy of the weights in float32 it does. Weights that are in bfloat16 themselves do not "
    "feel small updates.",
)
CLAIM_MUP = claim(
    "precision/claim-mup",
    "“optimal hyperparameters become stable across neural network sizes when we parametrize the "
    "model in maximal update parametrization (μP)” (the mup package, 2022).",
    "holds",
    "The best rate stays where it was, from 64 to 1024 units. That does not make the wide network "
    "better than one with a rate of its own.",
)
CLAIM_MUON = claim(
    "precision/claim-muon",
    "“for an orthogonalizing optimizer, magnitude clipping is semantically meaningless” (a change "
    "proposed to Megatron-LM, June 2026).",
    "fails",
    "The length of a step needs no clipping. The memory of the direction does.",
)
