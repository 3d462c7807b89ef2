"""Lesson 11 on trial: its trainings are stored, since each takes half a minute and more."""

from __future__ import annotations

import numpy as np

from gradcourse.experiments.claim import (
    CONDITION,
    FAILS,
    Claim,
    Kept,
    Rows,
    Values,
    control,
    needs,
)
from gradcourse.experiments.common import Array


def _of(rows: Rows, kind: str, key: str) -> Array:
    return np.array([row[key] for row in rows if row["kind"] == kind])


def vanishing(rows: Rows) -> Values:
    """δ in the stream behind block 1, relative to that behind block 16, after the training."""
    found = {}
    for kind in DEEP.kinds:
        delta = _of(rows, kind, "delta")
        found[f"decades back to block 1, {kind}"] = np.log10(delta[:, 0] / delta[:, -1]).tolist()
    return found


def norm(rows: Rows) -> Values:
    """The loss of four blocks with a norm, with a tanh in its place, with nothing."""
    found = {
        f"loss after 250 updates, {kind}": _of(rows, kind, "at 250").tolist()
        for kind in SHORT.kinds
    }
    return found | {"loss after 1250 updates, none": _of(rows, "none", "end").tolist()}


DEEP = Kept("transformers", ("pre", "post, warm-up", "post", "post, long"))
SHORT = Kept("transformers", ("layer", "tanh", "none"))

CLAIMS = (
    Claim(
        "transformer/claim-vanishing",
        "claim-vanishing-measure",
        "There is little to no gradient vanishing or explosion problem.",
        CONDITION,
        "Attention shortens the way through time. The way through the depth is as long as ever.",
        "16 blocks, width 48, Adam at 0.001, 250 and 1250 updates.",
        vanishing,
        (
            needs("decades back to block 1, post, long", below=-3.0),
            control("decades back to block 1, pre", above=-3.0, below=3.0),
            control("decades back to block 1, post, warm-up", above=-3.0, below=3.0),
        ),
        source="robotech.razzi.my, of Transformers, after an article on KDnuggets of 2019",
        year=2022,
        kept=DEEP,
    ),
    Claim(
        "transformer/claim-norm",
        "claim-norm-measure",
        "Normalization layers are ubiquitous in modern neural networks and have long been "
        "considered "
        "essential.",
        FAILS,
        "With a tanh in the same places the network learns in the same time. With nothing at all "
        "it takes longer.",
        "Four blocks, width 48, Adam at 0.001, 250 and 1250 updates, 24 tokens.",
        norm,
        (
            needs("loss after 250 updates, tanh", below=0.1, every=True),
            control("loss after 250 updates, none", above=0.5),
            control("loss after 250 updates, layer", below=0.1),
        ),
        source="Zhu et al., Transformers without normalization",
        year=2025,
        kept=SHORT,
    ),
)
