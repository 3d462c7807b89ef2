"""How residual blocks start: a scale by formula, the last γ at 0, what shortcuts cost, a plot."""

from __future__ import annotations

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction
from gradcourse.experiments.common import median
from gradcourse.experiments.residual import (
    bent_one,
    growth_with_last_gamma,
    parameters_of_the_shortcuts,
    scale_for_e,
)

SCALE_FIRST = Prediction(
    id="residual/scale-first",
    title="The formula's α for 100 blocks",
    question="100 residual blocks without a norm, He's weights, all with the same α. At which α "
    "does the mean square of x grow from the stem to block 100 by a factor of e = 2.72? The check "
    "looks for it in three networks and takes the median.",
    answer="alpha_for_e",
    measure=scale_for_e,
    within=1.25,
    low=0.001,
    high=3.0,
    explain="(1 + α²)^100 ≈ exp(100 α²) is e at α = 1/√100.",
    misconceptions=(
        NamedValue(
            "one over L",
            0.01,
            "You let the sizes add: 1/L. Random branches add as squares, so 100 α² has to be 1.",
        ),
        NamedValue(
            "no scale", 1.0, "α = 1 doubles the mean square in every block, a hundred times."
        ),
        NamedValue(
            "e in every block",
            1.31,
            "You solved 1 + α² = e: that is the factor of one block. There are 100.",
        ),
    ),
    hints=(
        "What does one block do to the mean square?",
        "(1 + α²)^100 ≈ exp(100 α²).",
        "100 α² = 1.",
    ),
    points=1.0,
)

LAST_GAMMA = Prediction(
    id="residual/last-gamma",
    title="The last γ at 0",
    question="27 blocks of the order of 2015, with batch norm: the branch is matrix, norm, ReLU, "
    "matrix, norm, and a ReLU follows the sum. The γ of each branch's *last* norm starts at 0 "
    "(Goyal et al. 2017), everything else as usual. How large is the mean square of x after block "
    "27, relative to that after the stem's ReLU, before training?",
    answer="growth",
    measure=lambda: median(lambda seed: growth_with_last_gamma(seed=seed)),
    within=1.3,
    low=1e-9,
    high=1e10,
    unit="times",
    explain="Every branch gives 0, so every block starts as the identity: x is positive after a "
    "ReLU, and the ReLU after the sum changes nothing.",
    misconceptions=(
        NamedValue(
            "doubled in every block",
            2.0**27,
            "That is α = 1 without a norm. Here each branch ends in a norm whose γ is 0.",
        ),
        NamedValue(
            "one more in every block",
            28.0,
            "That is a branch whose γ is 1: it adds 1. With γ = 0 and β = 0 it adds nothing.",
        ),
        NamedValue(
            "the ReLUs halve it",
            0.5**27,
            "You let each ReLU after a sum close half of the units. x is positive already: they "
            "close none.",
        ),
        NamedValue(
            "no longer there",
            1e-9,
            "γ = 0 makes the *branch* 0. x itself goes on through the shortcut.",
        ),
    ),
    hints=(
        "What does a branch give whose last γ and β are 0?",
        "x_l = relu(x_{l−1} + 0), and x_{l−1} comes from a ReLU.",
        "Every block is the identity.",
    ),
    points=1.0,
)


def _cost():
    return {0: "none", 27: "numbers"}.get(parameters_of_the_shortcuts(), "matrices")


SHORTCUTS_COST = Choice(
    id="residual/shortcuts-cost",
    title="What shortcuts cost",
    question="Twenty-seven shortcuts are added to a plain network, all of them identities, with α "
    "= 1. How many more parameters has it to learn?",
    answer="cost",
    options=(
        Option(
            "matrices",
            "a matrix for each shortcut: 27 · 64 · 64",
            "That would be a projection for each. Only where the shape changes is one needed.",
        ),
        Option(
            "numbers",
            "one number for each: 27",
            "That would be a learned α, as in ReZero. Here it is 1 and fixed.",
        ),
        Option("none", "none", "The identity has nothing to learn, and an addition neither."),
    ),
    measure=_cost,
    explain="What differs is the product that the gradient goes through, not the number of "
    "parameters.",
    hints=(
        "What does an identity have to learn?",
        "A projection and a learned α would have parameters. Is either of them here?",
        "x + F(x): all parameters are those of F.",
    ),
    points=1.0,
)

THREE_CURVES = Choice(
    id="residual/three-curves",
    title="Three depth pictures",
    question="The picture shows δ by block in three untrained networks of 27 blocks: plain with "
    "batch norm; residual with batch norm in the branches; residual with α = 1/√27 and no norm. "
    "Which curve is the residual network with batch norm?",
    answer="curve",
    options=(
        Option(
            "a",
            "A",
            "A straight line on this axis: the same factor in every block. That is a product "
            "without shortcuts.",
        ),
        Option(
            "b",
            "B",
            "It bends: late blocks add little to a long x, early ones much to a short one.",
        ),
        Option(
            "c",
            "C",
            "Nearly level: each block changes |δ|² by 1/27. Batch norm's first blocks change it "
            "more.",
        ),
    ),
    measure=bent_one,
    explain="With batch norm a block multiplies |δ|² by about 1 + 2.15/q, and q grows by 1 in "
    "each block.",
    hints=(
        "What does a product of equal factors look like on a log axis?",
        "With a norm in the branch, what is the share of a late block in x?",
        "Its share is large in the first blocks and falls: the line must bend there.",
    ),
    points=1.0,
)
