"""Lesson 08 on trial."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.experiments import plateau
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
from gradcourse.experiments.common import SEEDS
from gradcourse.experiments.lstm import direct_path, explosion, run


def road() -> Values:
    """The factor per step along the cell alone, for three forget biases."""

    def factor(bias: float, seed: int) -> float:
        kept = direct_path(run(bias, seed=seed))
        return float(np.exp(np.log(np.asarray(kept)[-1]).mean() / 100))

    found = {
        f"factor per step on the road, forget bias {bias:g}": [factor(bias, seed) for seed in SEEDS]
        for bias in (0.0, 1.0, 50.0)
    }
    whole = [math.log10(explosion(seed, 10.0)) for seed in SEEDS]
    return found | {"decades over 100 steps, all paths, gain 10": whole}


def forget_bias(rows: Rows) -> Values:
    """Of the updates that torch's LSTM needs beyond a GRU, the share that is left; 60 steps."""

    def updates(kind: str) -> list[float]:
        chosen = [row for row in rows if row["kind"] == kind and row["steps"] == 60]
        return [float(row["updates"] or plateau.CAP) for row in chosen]

    fast, slow = (float(np.median(updates(k))) for k in (plateau.GRU, plateau.AS_IT_COMES))
    return {
        f"share of the gap that is left, {name}": [
            (u - fast) / (slow - fast) for u in updates(kind)
        ]
        for name, kind in (("forget bias 1", plateau.BIAS_ONE), ("chrono", plateau.CHRONO))
    }


CLAIMS = (
    Claim(
        "lstm/claim-carousel",
        "claim-one",
        "Each memory cell contains an internal state, i.e., a node with a self-connected "
        "recurrent edge of fixed weight 1, ensuring that the gradient can pass across many time "
        "steps without vanishing or exploding.",
        CONDITION,
        "It holds for the cell of 1997, on the path through the cells alone. Today's factor is "
        "the forget gate, and the other paths can grow.",
        "32 cells, 100 steps, untrained.",
        road,
        (
            needs("factor per step on the road, forget bias 0", below=0.9),
            needs("factor per step on the road, forget bias 1", below=0.9),
            control("factor per step on the road, forget bias 50", above=0.99),
            needs("decades over 100 steps, all paths, gain 10", above=9.0),
        ),
        source="Dive into deep learning (Zhang, Lipton, Li & Smola)",
        year=2023,
    ),
    Claim(
        "lstm/claim-bias",
        "claim-three-measure",
        "We found that adding a bias of 1 to the LSTM's forget gate closes the gap between the "
        "LSTM and the GRU.",
        FAILS,
        "On the adding problem a bias of 1, a half-life of 2.2 steps, leaves most of the gap; "
        "chrono's biases close it.",
        "Adding problem, 60 steps, 32 units, Adam at 0.015, five networks.",
        forget_bias,
        (
            needs("share of the gap that is left, forget bias 1", above=0.5),
            control("share of the gap that is left, chrono", below=0.5),
        ),
        source="Jozefowicz, Zaremba & Sutskever, abstract",
        year=2015,
        kept=Kept("plateau", plateau.KINDS),
    ),
)
