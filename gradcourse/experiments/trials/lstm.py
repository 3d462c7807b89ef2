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

    return {
        f"factor per step on the road, forget bias {bias:g}": [factor(bias, seed) for seed in SEEDS]
        for bias in (0.0, 1.0, 50.0)
    }


def explodes() -> Values:
    """∂h/∂c over 100 steps of 100 cells, at two gains of the recurrent weights."""
    return {
        f"decades over 100 steps, gain {gain:g}": [
            math.log10(explosion(seed, gain)) for seed in SEEDS
        ]
        for gain in (1.0, 10.0)
    }


def forget_bias(rows: Rows) -> Values:
    """Updates until 60 steps of the adding problem are learned."""
    return {
        f"updates, {kind}": [
            math.inf if row["updates"] is None else float(row["updates"])
            for row in rows
            if row["kind"] == kind and row["steps"] == 60
        ]
        for kind in plateau.KINDS
    }


CLAIMS = (
    Claim(
        "lstm/claim-one",
        "claim-one",
        "The LSTM sets the recurrent weight to 1.",
        CONDITION,
        "It holds for the cell of 1997, and along the cell alone. Today the factor is the forget "
        "gate.",
        "32 cells, 100 steps, untrained.",
        road,
        (
            needs("factor per step on the road, forget bias 0", below=0.9),
            needs("factor per step on the road, forget bias 1", below=0.9),
            control("factor per step on the road, forget bias 50", above=0.99),
        ),
    ),
    Claim(
        "lstm/claim-two",
        "claim-two-measure",
        "Use an LSTM and exploding gradients are gone.",
        FAILS,
        "Gates were made against vanishing: a bound on one path is no bound on the sum.",
        "100 cells, untrained, 100 steps.",
        explodes,
        (
            needs("decades over 100 steps, gain 10", above=9.0),
            control("decades over 100 steps, gain 1", below=3.0),
        ),
    ),
    Claim(
        "lstm/claim-three",
        "claim-three-measure",
        "Start the forget bias at 1, and the LSTM remembers.",
        CONDITION,
        "It learns, given time, and hardly sooner than with torch's own biases; chrono biases "
        "are faster.",
        "Adding problem, 60 steps, 32 units, Adam at 0.015, 1200 updates at most.",
        forget_bias,
        (
            needs("updates, LSTM, forget bias 1", below=1200.0, every=True),
            control("updates, LSTM, chrono", below=400.0),
            needs("updates, LSTM, forget bias 1", above=400.0),
            control("updates, RNN", above=1200.0),
        ),
        map="forget",
        kept=Kept("plateau", plateau.KINDS),
    ),
)
