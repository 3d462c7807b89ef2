"""The gradient, sorted by the length of its paths."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gradcourse.checking.question import (
    CodeExercise,
    NamedValue,
    Part,
    Prediction,
    asks,
)
from gradcourse.experiments.residual import mean_branches

Array = NDArray[np.float64]


def gradients_by_length(jacobians, alpha, delta):
    """What paths through k branches bring to ∂ℒ/∂x_0; shape (L + 1, n)."""
    parts = np.zeros((len(jacobians) + 1, len(delta)))
    parts[0] = delta
    for jacobian in reversed(jacobians):
        parts[1:] = parts[1:] + alpha * parts[:-1] @ jacobian
    return parts


def _not_transposed(jacobians, alpha, delta):
    return gradients_by_length([np.transpose(j) for j in jacobians], alpha, delta)


def _already_updated(jacobians, alpha, delta):
    """The loop over k runs upwards in one array, so a branch is taken twice."""
    parts = np.zeros((len(jacobians) + 1, len(delta)))
    parts[0] = delta
    for jacobian in reversed(jacobians):
        for k in range(1, len(parts)):
            parts[k] = parts[k] + alpha * parts[k - 1] @ jacobian
    return parts


def _no_shortcut(jacobians, alpha, delta):
    parts = np.zeros((len(jacobians) + 1, len(delta)))
    parts[0] = delta
    for jacobian in reversed(jacobians):
        parts[1:] = alpha * parts[:-1] @ jacobian
    return parts


def _by_block(jacobians, alpha, delta):
    """δ after each block, on all paths."""
    rows = [np.asarray(delta)]
    for jacobian in reversed(jacobians):
        rows.append(rows[-1] + alpha * rows[-1] @ jacobian)
    return np.array(rows)


def _one_path(jacobians, alpha, delta):
    """Of each length only the path through the last k branches."""
    rows = [np.asarray(delta)]
    for jacobian in reversed(jacobians):
        rows.append(alpha * rows[-1] @ jacobian)
    return np.array(rows)


def _alpha_once(jacobians, alpha, delta):
    parts = gradients_by_length(jacobians, 1.0, delta)
    parts[1:] *= alpha
    return parts


def _stacks(rng):
    made = []
    for depth, width in ((2, 3), (4, 2), (6, 3)):
        jacobians = rng.normal(size=(depth, width, width))
        made.append((jacobians, float(rng.uniform(0.3, 0.8)), rng.normal(size=width)))
    return made


PATHS = CodeExercise(
    id="residual/paths",
    title="The gradient, sorted by length",
    functions=asks(
        gradients_by_length,
        "an array of shape (L + 1, n)",
        {
            "one branch taken twice": (
                _already_updated,
                "Your loop reads a row that it has already updated for this block, so a path "
                "takes the same branch several times. Use the old rows: count k downwards, or "
                "update all at once.",
            ),
            "from the first block on": (
                lambda jacobians, alpha, delta: gradients_by_length(jacobians[::-1], alpha, delta),
                "You started at block 1. δ comes from the output: block L is the first that it "
                "meets.",
            ),
            "no transpose": (
                _not_transposed,
                "You multiplied by J. Backwards it is Jᵀ: J.T @ v, or v @ J.",
            ),
            "paths that take the shortcut are lost": (
                _no_shortcut,
                "You overwrote row k. A path of length k may also take the shortcut here: "
                "keep what was there, and add.",
            ),
            "sorted by block": (
                _by_block,
                "Your row k is δ behind k blocks, on all paths together. Keep one row for "
                "each number of *branches*: at each block a path takes the branch or not.",
            ),
            "one path of each length": (
                _one_path,
                "Your row k is one path only, that through the last k branches. Paths of "
                "length k may take any k of the L branches: add them all.",
            ),
            "longest paths first": (
                lambda *case: gradients_by_length(*case)[::-1],
                "Your rows stand in the wrong order: row 0 is the path through no branch, the "
                "last row that through all.",
            ),
            "α forgotten": (
                lambda jacobians, alpha, delta: gradients_by_length(jacobians, 1.0, delta),
                "You left α out: the block is x + α F(x), so a branch is α J.",
            ),
            "α only once": (
                _alpha_once,
                "You multiplied each row by one α. A path through k branches has α to the k.",
            ),
        },
    ),
    parts=(
        Part(
            title="3 random stacks",
            points=3.0,
            cases=_stacks,
            example=(
                np.array([[[1.0, 2.0], [0.0, 1.0]], [[0.0, 1.0], [3.0, 0.0]]]),
                0.5,
                np.array([1.0, 0.0]),
            ),
            look_at="Row 0 is δ itself. The rows add up to (I + αJ₁ᵀ)(I + αJ₂ᵀ) δ: check that "
            "first.",
        ),
    ),
    hints=(
        "Carry one vector per length through the blocks, from the last to the first.",
        "At each block a path of length k either was one of length k and takes the shortcut, or "
        "was one of length k − 1 and takes the branch: v_k ← v_k + α Jᵀ v_{k−1}.",
        "Start with δ in row 0 and zeros below. At each block, from the last: new row k = old "
        "row k + α Jᵀ times old row k − 1.",
    ),
)


BRANCHES = Prediction(
    id="residual/branches",
    title="How many branches does the gradient take?",
    question="An untrained residual network of 50 blocks, two ReLU layers each, He's weights, "
    "α = 0.4, no norm. Sort the gradient by the number of branches on its path and weight each "
    "length by its squared share. How many branches is that on average? The check takes the mean "
    "of eight networks.",
    answer="branches",
    measure=lambda: mean_branches(0.4, 50, seeds=8),
    within=1.15,
    low=0.1,
    high=50.0,
    unit="branches",
    explain="Each block gives α² to its branch and 1 to its shortcut: 50 · 0.16/1.16 = 6.9.",
    misconceptions=(
        NamedValue(
            "half of the blocks",
            25.0,
            "You took half of the blocks. Most *paths* go through half of them, but a path through "
            "25 branches carries α to the 25.",
        ),
        NamedValue(
            "α itself as the share",
            20.0,
            "You took α for the branch's share, 50 · 0.4. The shares are of the *squared* "
            "gradient, and they add up to 1: α²/(1 + α²).",
        ),
        NamedValue(
            "shares that add up to more than 1",
            8.0,
            "You took α² for the branch's share, 50 · 0.16. α² is what it carries for each 1 on "
            "the shortcut; its share of both together is α²/(1 + α²).",
        ),
        NamedValue(
            "sizes instead of squares",
            14.3,
            "You weighed α against 1. Contributions of random paths add as squares: α² against 1.",
        ),
        NamedValue(
            "all of them",
            50.0,
            "You took all 50. Only one of the 2^50 paths goes through all branches.",
        ),
    ),
    hints=(
        "In each block, which share of the squared gradient takes the branch?",
        "α²/(1 + α²).",
        "50 · 0.16/1.16.",
    ),
    points=1.0,
)
