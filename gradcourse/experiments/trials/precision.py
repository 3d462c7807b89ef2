"""Lesson 12 on trial: weights in bfloat16, the rate of a wide network, Muon after an accident."""

from __future__ import annotations

import numpy as np

from gradcourse.experiments.claim import (
    CONDITION,
    FAILS,
    HOLDS,
    Claim,
    Kept,
    Rows,
    Values,
    control,
    needs,
)
from gradcourse.experiments.modern import formats, rates, spikes


def bfloat(rows: Rows) -> Values:
    """Loss after 2000 updates with weights in three formats, over that of float32."""
    end = {
        kind: np.array([row["loss"][-1] for row in rows if row["kind"] == kind])
        for kind in FORMATS.kinds
    }
    return {
        f"loss over that of float32, {kind}": (end[kind] / end[formats.WHOLE]).tolist()
        for kind in FORMATS.kinds[1:]
    }


def mup(rows: Rows) -> Values:
    """By how many powers of two the best rate moves from 64 to 1024 units."""
    narrow, *_, wide = rates.WIDTHS
    return {
        f"powers of two, {kind}": (
            rates.best_rates(rows, kind, wide) - rates.best_rates(rows, kind, narrow)
        ).tolist()
        for kind in (rates.STANDARD, rates.MUP)
    }


def muon(rows: Rows) -> Values:
    """Share of the test digits that is right 30 updates after the accident."""
    place = 50 // spikes.EVERY
    return {
        f"right after 50 updates, {kind}": [
            row["right"][place] for row in rows if row["kind"] == kind
        ]
        for kind in ACCIDENTS.kinds
    }


FORMATS = Kept("formats", (formats.WHOLE, formats.COPY, formats.ALONE))
WIDTHS = Kept("rates", ("width",))
ACCIDENTS = Kept("spikes", (spikes.NONE, spikes.ACCIDENT, spikes.CLIPPED, spikes.EMPTIED))

CLAIMS = (
    Claim(
        "precision/claim-bfloat",
        "claim-bfloat-measure",
        "Deep learning training using BFLOAT16 tensors achieves the same state-of-the-art (SOTA) "
        "results across domains as FP32 tensors in the same number of iterations and with no "
        "changes to hyper-parameters.",
        CONDITION,
        "With a copy of the weights in float32 it does. Weights that are in bfloat16 themselves "
        "do not feel small updates.",
        "Three layers of 64, Adam at 0.0001, 2000 updates.",
        bfloat,
        (
            needs(f"loss over that of float32, {formats.ALONE}", above=2.0, every=True),
            control(f"loss over that of float32, {formats.COPY}", below=1.1),
        ),
        source="Kalamkar et al., A study of BFLOAT16 for deep learning training",
        year=2019,
        kept=FORMATS,
    ),
    Claim(
        "precision/claim-mup",
        "claim-mup-measure",
        "Optimal hyperparameters become stable across neural network sizes when we parametrize "
        "the model in maximal update parametrization (μP).",
        HOLDS,
        "The best rate stays where it was, from 64 to 1024 units. That does not make the wide "
        "network better than one with a rate of its own.",
        "Three ReLU layers, widths 64 to 1024, 60 updates of Adam, no weight decay.",
        mup,
        (
            needs(f"powers of two, {rates.MUP}", above=-1.5, below=1.5),
            control(f"powers of two, {rates.STANDARD}", below=-1.5),
        ),
        source="first lines of the package mup, Microsoft",
        year=2022,
        kept=WIDTHS,
    ),
    Claim(
        "precision/claim-muon",
        "claim-muon-measure",
        "For an orthogonalizing optimizer, magnitude clipping is semantically meaningless.",
        FAILS,
        "The length of a step needs no clipping. The memory of the direction does.",
        "Eight ReLU layers, momentum 0.95, one gradient 10,000 times too large.",
        muon,
        (
            needs(f"right after 50 updates, {spikes.ACCIDENT}", below=0.5),
            control(f"right after 50 updates, {spikes.CLIPPED}", above=0.8),
            control(f"right after 50 updates, {spikes.EMPTIED}", above=0.8),
        ),
        source="a change proposed to Megatron-LM, pull request 5395",
        year=2026,
        kept=ACCIDENTS,
    ),
)
