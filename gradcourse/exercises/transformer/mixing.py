"""Many streams: a mixing whose rows and columns sum to 1."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def _rows(m):
    return m / m.sum(axis=1, keepdims=True)


def _columns(m):
    return m / m.sum(axis=0, keepdims=True)


def doubly_stochastic(scores, rounds):
    """exp of the scores, then rows and columns brought to sum 1, in turn (Sinkhorn)."""
    m = np.exp(scores)
    for _ in range(rounds):
        m = _columns(_rows(m))
    return m


def _both_at_once(scores, rounds):
    m = np.exp(scores)
    for _ in range(rounds):
        m = m / m.sum(axis=1, keepdims=True) / m.sum(axis=0, keepdims=True)
    return m


def _without_keepdims(scores, rounds):
    m = np.exp(scores)
    for _ in range(rounds):
        m = m / m.sum(axis=1)
        m = m / m.sum(axis=0)
    return m


def _columns_first(scores, rounds):
    m = np.exp(scores)
    for _ in range(rounds):
        m = _rows(_columns(m))
    return m


def _without_exp(scores, rounds):
    m = scores
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(rounds):
            m = _columns(_rows(m))
    return m


def _scores(rng):
    return [(1.5 * rng.normal(size=(n, n)), rounds) for n, rounds in ((3, 2), (4, 3), (5, 2))]


MIXING = CodeExercise(
    id="transformer/mixing",
    title="A mixing that cannot amplify",
    functions=asks(
        doubly_stochastic,
        "an array of the shape of the scores",
        {
            "rows only": (
                lambda scores, rounds: _rows(np.exp(scores)),
                "You made the rows sum to 1, a softmax. The columns need it as well, in turn with "
                "the rows.",
            ),
            "one round": (
                lambda scores, rounds: doubly_stochastic(scores, 1),
                "You did one round; all rounds of rows before all of columns come to the same. "
                "Bringing the columns to 1 spoils the rows: go on, in turn.",
            ),
            "both at once": (
                _both_at_once,
                "You divided by both sums, taken before. Divide by the rows' sums first, and take "
                "the columns' sums of what comes out.",
            ),
            "no keepdims": (
                _without_keepdims,
                "m / m.sum(axis=1) divides column j by the sum of row j. With keepdims=True each "
                "row is divided by its own sum.",
            ),
            "columns first": (
                _columns_first,
                "You began with the columns. It meets the same end after many rounds; here rows "
                "come first.",
            ),
            "no exponential": (
                _without_exp,
                "You divided the scores themselves. Some are below 0, so that a sum may be near 0: "
                "make every entry positive first.",
            ),
            "the size for the exponential": (
                lambda scores, rounds: _without_exp(np.abs(scores), rounds),
                "You took the scores' size. Their exponential makes every entry positive and "
                "keeps its order.",
            ),
            "one round too many": (
                lambda scores, rounds: doubly_stochastic(scores, rounds + 1),
                "You did one round more than `rounds`.",
            ),
        },
    ),
    parts=(
        Part(
            title="three random mixings, two or three rounds",
            points=2.0,
            cases=_scores,
            example=(np.log(np.array([[1.0, 3.0], [1.0, 1.0]])), 2),
            look_at="After one round, rows then columns, the example is [[1/3, 3/5], [2/3, 2/5]].",
        ),
    ),
    hints=(
        "Begin with the exponential of the scores.",
        "A round: divide each row by its sum, then each column of the result by its sum.",
        "m / m.sum(axis=1, keepdims=True), then m / m.sum(axis=0, keepdims=True), rounds times.",
    ),
)
