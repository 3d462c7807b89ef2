"""The direct path of a cell: what it keeps of its content, lag by lag."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def direct_path(f):
    """∂c_T/∂c_t along the cell alone, row k for lag k, from the forget gates f_1 … f_T."""
    f = np.asarray(f, dtype=np.float64)
    return np.concatenate([np.ones((1, f.shape[1])), np.cumprod(f[::-1], axis=0)])


def _last_gate_to_a_power(f):
    f = np.asarray(f)
    return np.asarray(f[-1] ** np.arange(len(f) + 1.0)[:, None])


def _first_gate_skipped(f):
    kept = direct_path(f)
    return np.concatenate([kept[:1], kept[:-1]])


def _minus_nothing(f):
    f = np.asarray(f)
    return np.array([np.prod(f[-k:], axis=0) for k in range(len(f) + 1)])


def _gates_themselves(f):
    f = np.asarray(f)
    return np.concatenate([np.ones((1, f.shape[1])), f[::-1]])


def _one_product(f):
    f = np.asarray(f)
    return np.concatenate([np.ones((1, f.shape[1])), np.cumprod(f[::-1]).reshape(f.shape)])


def _added(f):
    f = np.asarray(f)
    return np.concatenate([np.ones((1, f.shape[1])), np.cumsum(f[::-1], axis=0)])


def _along_the_cells(f):
    f = np.asarray(f)
    return np.concatenate([np.ones((1, f.shape[1])), np.cumprod(f[::-1], axis=1)])


def _gates(rng):
    return [(rng.uniform(0.2, 0.99, shape),) for shape in ((3, 2), (6, 4), (12, 3))]


DIRECT_PATH = CodeExercise(
    id="lstm/direct-path",
    title="The road",
    functions=asks(
        direct_path,
        "an array of shape (T + 1, n)",
        {
            "from the first step": (
                lambda f: direct_path(np.asarray(f)[::-1]),
                "You multiplied from the first step on. Lag counts from the end: lag 1 goes "
                "through the last forget gate, f_T.",
            ),
            "in the order of time": (
                lambda f: direct_path(f)[::-1],
                "Your products are right, in the order of time. Row k belongs to lag k, so row "
                "0 is 1.",
            ),
            "lag 0 left out": (
                lambda f: direct_path(f)[1:],
                "The row for lag 0 is missing: ∂c_T/∂c_T is 1.",
            ),
            "one lag too late": (
                _first_gate_skipped,
                "Your products come one row too late: lag 1 goes through one forget gate, "
                "f_T, and is not 1.",
            ),
            "f[-0:] is everything": (
                _minus_nothing,
                "All rows are right but that for lag 0: f[-0:] is f[0:], the whole array. "
                "Through no gate the derivative is 1.",
            ),
            "gates, not products": (
                _gates_themselves,
                "Each of your rows is one gate. The way from c_t to c_T leads through all "
                "gates between them: multiply.",
            ),
            "added instead of multiplied": (
                _added,
                "You added the gates up. Each step on the road is a factor: multiply.",
            ),
            "along the cells": (
                _along_the_cells,
                "You multiplied along the cells of one step: axis 1. Each cell has a road of its "
                "own through the steps, which are the rows.",
            ),
            "one product over all cells": (
                _one_product,
                "You multiplied through all cells in one row: np.cumprod without an axis. Each "
                "cell has a road of its own: axis=0.",
            ),
            "both axes turned": (
                lambda f: direct_path(np.asarray(f)[:, ::-1]),
                "You turned the cells round, too: np.flip(f) turns all axes. Turn the rows "
                "only, f[::-1].",
            ),
            "logarithms": (
                lambda f: np.log(direct_path(f)),
                "You returned the sum of the logs. The derivative is its exponential.",
            ),
            "the last gate to a power": (
                _last_gate_to_a_power,
                "You used f_T for every step. Each step has its own forget gate.",
            ),
            "let go instead of kept": (
                lambda f: direct_path(1.0 - np.asarray(f)),
                "You multiplied 1 − f. The forget gate is what is *kept*: f = 1 forgets nothing.",
            ),
            "mean over the units": (
                lambda f: direct_path(f).mean(axis=1),
                "You averaged over the units. Each cell has a path of its own: shape (T + 1, n).",
            ),
        },
    ),
    parts=(
        Part(
            title="3 random runs of 3 to 12 steps",
            points=2.0,
            cases=_gates,
            example=(np.array([[0.5, 1.0], [0.8, 0.5], [0.9, 0.9]]),),
            look_at="In the example, cell 1 has 1, then 0.9, then 0.9 · 0.8.",
        ),
    ),
    hints=(
        "c_t = f_t · c_(t−1) + …: one factor for each step back.",
        "Lag 1 is f_T, lag 2 is f_T · f_(T−1). Turn the rows round, then multiply cumulatively.",
        "np.cumprod(f[::-1], axis=0) has T rows, for lags 1 to T. What is the row for lag 0?",
    ),
)
