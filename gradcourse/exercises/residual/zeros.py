"""Matrices that start at 0: Fixup, and Fixup with SkipInit."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import Choice, CodeExercise, Option, Part, asks
from gradcourse.drivers.residual import drive_fixup
from gradcourse.experiments.residual import moved_with_two_zeros

# ---------------------------------------------------------------- Fixup


def fixup(matrices, blocks):
    """The matrices of one branch, the last at 0 and the others scaled."""
    factor = blocks ** (-1.0 / (2 * len(matrices) - 2))
    return [*(factor * np.asarray(m) for m in matrices[:-1]), np.zeros(np.shape(matrices[-1]))]


def _with_exponent(exponent):
    def answer(matrices, blocks):
        factor = blocks ** exponent(len(matrices))
        return [*(factor * np.asarray(m) for m in matrices[:-1]), np.zeros(np.shape(matrices[-1]))]

    return answer


def _in_place(matrices, blocks):
    for matrix, new in zip(matrices, fixup(matrices, blocks), strict=True):
        matrix[:] = new
    return list(matrices)


def _no_zero(matrices, blocks):
    factor = blocks ** (-1.0 / (2 * len(matrices) - 2))
    return [factor * np.asarray(m) for m in matrices]


def _branches(rng):
    made = []
    for count in (2, 3, 4):
        made.append((list(rng.normal(size=(count, 3, 3))), int(rng.integers(5, 200))))
    return made


FIXUP = CodeExercise(
    id="residual/fixup",
    title="Fixup",
    functions=asks(
        fixup,
        "a list of arrays, in the same order",
        {
            "1/√L for any number of matrices": (
                _with_exponent(lambda m: -0.5),
                "You scaled by 1/√L whatever the number m of matrices. That is right for "
                "m = 2; with more the scale is shared among m − 1 of them.",
            ),
            "shared among all m": (
                _with_exponent(lambda m: -0.5 / m),
                "Your exponent is −1/(2m). The last matrix starts at 0 and is not scaled, so "
                "m − 1 matrices share the scale: −1/(2m − 2).",
            ),
            "the 2 is missing": (
                _with_exponent(lambda m: -1.0 / (m - 1)),
                "Your exponent is −1/(m − 1). Together the scaled matrices make 1/√L, not "
                "1/L: −1/(2m − 2).",
            ),
            "no brackets in the exponent": (
                _with_exponent(lambda m: -0.5 * m - 2.0),
                "Your exponent is (−1/2)·m − 2: in Python -1 / 2 * m - 2 is read from left to "
                "right. Put the whole denominator, 2m − 2, into brackets.",
            ),
            "the sign of the exponent": (
                _with_exponent(lambda m: 0.5 / (m - 1)),
                "Your matrices grow with L. The exponent is negative: more blocks, smaller "
                "matrices.",
            ),
            "in place": (
                _in_place,
                "Your list is right, but the matrices that you were given are changed. *= and "
                "[:] = work in place, and a copy of the list copies no matrix: make new ones.",
            ),
            "the last matrix is not 0": (
                _no_zero,
                "You scaled the last matrix too. It starts at 0, so that each block starts as "
                "the identity.",
            ),
            "the first matrix is 0": (
                lambda matrices, blocks: fixup(matrices[::-1], blocks)[::-1],
                "You set the first matrix to 0. Then the ReLU behind it gives 0 to all that "
                "follows, and no matrix gets a gradient. It is the last that starts at 0.",
            ),
            "only the zero": (
                _with_exponent(lambda m: 0.0),
                "You set the last matrix to 0 and left the others. They are scaled down so "
                "that the first updates of L branches do not add up to too much.",
            ),
        },
        driver=drive_fixup,
        inputs=("matrices", "blocks"),
    ),
    parts=(
        Part(
            title="3 random branches of 2, 3 and 4 matrices",
            points=1.0,
            cases=_branches,
            example=([np.eye(2), 2.0 * np.eye(2), np.ones((2, 2))], 16),
            look_at="In the example L = 16 and m = 3, so the factor is 16^(−1/4) = 1/2.",
        ),
    ),
    hints=(
        "Two things: which matrix starts at 0, and by how much the others shrink.",
        "The last one is 0; the m − 1 others are multiplied by L^(−1/(2m − 2)).",
        "-1 / (2 * m - 2) is the exponent, m = len(matrices). factor * W makes a new matrix; "
        "np.zeros_like makes the last one.",
    ),
)

# ---------------------------------------------------------------- two zeros


def _both_zero():
    return {
        (True, True): "all",
        (True, False): "alpha",
        (False, True): "matrices",
        (False, False): "nothing",
    }[moved_with_two_zeros()]


BOTH_ZERO = Choice(
    id="residual/both-zero",
    title="Twice careful",
    question="SkipInit starts with α = 0, learned. To be twice careful you also start the last "
    "matrix of every branch at 0, as Fixup does. What in the blocks moves in 30 steps of gradient "
    "descent?",
    answer="both_zero",
    options=(
        Option(
            "all",
            "Everything, a little later.",
            "Either zero alone would let everything move. Two of them wait for each other.",
        ),
        Option(
            "alpha",
            "α first, then the matrices.",
            "So it is with α = 0 alone. Here ∂ℒ/∂α is δ times F(x), and F(x) is 0.",
        ),
        Option(
            "matrices",
            "The last matrices first, then the rest.",
            "So it is with the zero matrix alone. Here its gradient has the factor α, which is 0.",
        ),
        Option(
            "nothing",
            "Nothing at all.",
            "∂ℒ/∂α has the factor F(x) = 0, every gradient in the branch the factor α = 0.",
        ),
    ),
    measure=_both_zero,
    explain="α W at α = 0 and W = 0 is a saddle: both derivatives are 0, and gradient descent "
    "never leaves it.",
    hints=(
        "Write down ∂ℒ/∂α and ∂ℒ/∂W₂ of x + α W₂ relu(…).",
        "∂ℒ/∂α = δ · F(x). The gradient of W₂ is α times something.",
        "Both are 0, and stay 0.",
    ),
    points=1.0,
)
