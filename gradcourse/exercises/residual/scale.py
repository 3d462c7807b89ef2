"""How large the branches may be: the variance of a stack, and a scale to tune."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gradcourse.checking.question import (
    CodeExercise,
    NamedValue,
    Part,
    Tuning,
    asks,
)
from gradcourse.demos.residual import BRANCH_SCALE
from gradcourse.experiments.residual import growth

Array = NDArray[np.float64]

# ---------------------------------------------------------------- mean squares


def mean_squares(alphas):
    """Mean square after 0, 1, …, L blocks: the product of 1 + α²."""
    return np.concatenate([[1.0], np.cumprod(1.0 + np.square(alphas))])


def _from_factors(factor):
    return lambda alphas: np.concatenate([[1.0], np.cumprod(factor(np.asarray(alphas)))])


def _stacks(rng):
    return [(rng.uniform(0.1, 1.4, blocks),) for blocks in (3, 8, 20)]


VARIANCE = CodeExercise(
    id="residual/variance",
    title="The size of the signal in a stack",
    functions=asks(
        mean_squares,
        "an array of shape (L + 1,)",
        {
            "sizes added": (
                _from_factors(lambda a: (1.0 + a) ** 2),
                "You added sizes, (1 + α)². x and F(x) are uncorrelated, so their mean "
                "squares add: 1 + α².",
            ),
            "1 + α": (
                _from_factors(lambda a: 1.0 + a),
                "You used 1 + α. Multiplying F by α multiplies its mean square by α².",
            ),
            "a sum where a product belongs": (
                lambda alphas: np.concatenate([[1.0], 1.0 + np.cumsum(np.square(alphas))]),
                "You added α² per block. That holds where a norm stands in front of the "
                "branch; without one, F(x) is as large as x, and the factors multiply.",
            ),
            "the shortcut is missing": (
                _from_factors(lambda a: a**2),
                "You multiplied by α² per block: that is the branch alone. The shortcut adds "
                "the mean square of x itself, so the factor is 1 + α².",
            ),
            "doubling whatever α": (
                _from_factors(lambda a: np.full(len(a), 2.0)),
                "You doubled in every block. That is α = 1; the branch's share is α².",
            ),
            "the root was taken": (
                lambda alphas: np.sqrt(mean_squares(alphas)),
                "You gave the size, the root of the mean square.",
            ),
            "the start is missing": (
                lambda alphas: mean_squares(alphas)[1:],
                "Your array lacks the 1 of x_0: L blocks have L + 1 states.",
            ),
        },
    ),
    parts=(
        Part(
            title="3 random stacks",
            points=1.0,
            cases=_stacks,
            example=(np.array([1.0, 0.5, 1.0]),),
            look_at="The example: 1, doubled to 2, then 2 · 1.25 = 2.5, then doubled to 5.",
        ),
    ),
    hints=(
        "x_l = x_{l−1} + α F(x_{l−1}). What is the mean square of a sum of two uncorrelated terms?",
        "Each block multiplies the mean square by 1 + α².",
        "np.cumprod(1 + alphas**2) holds the mean squares of x_1 to x_L. Which one stands "
        "before them?",
    ),
)

# ---------------------------------------------------------------- a scale to tune

SCALE = Tuning(
    id="residual/scale",
    title="A branch scale for 100 blocks",
    question="100 residual blocks without a norm. Choose α so that the mean square of x grows "
    "from the stem to block 100 by a factor between 1.7 and 5: the branches must have their "
    "say, and nothing may explode.",
    answers=("alpha",),
    demo=lambda: BRANCH_SCALE,
    measure=lambda seed, alpha: growth(alpha, seed),
    low=1.7,
    high=5.0,
    quantity="mean square in block 100, relative to the stem",
    reference={"alpha": 0.1},
    misconceptions=(
        NamedValue(
            "no scale",
            {"alpha": 1.0},
            "α = 1 doubles the mean square in each block: 2^100.",
        ),
        NamedValue(
            "one over L",
            {"alpha": 0.01},
            "α = 1/L is too careful: 100 times α² is 0.01, so all branches together change the "
            "signal by one per cent. Mean squares add, not sizes.",
        ),
        NamedValue(
            "a half",
            {"alpha": 0.5},
            "α = ½ multiplies the mean square by 1.25 in each block, and 1.25^100 is 5 · 10⁹.",
        ),
    ),
    hints=(
        "What does one block do to the mean square?",
        "(1 + α²)^100 ≈ exp(100 α²). For which α is that about e?",
        "α = 1/√100.",
    ),
    points=1.0,
    below="The branches hardly change the signal: 100 blocks are nearly the identity.",
    above="The mean square multiplies from block to block. The branches are too large.",
)
