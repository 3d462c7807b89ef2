"""Pascanu's Ω on one sequence."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def _ratios(delta, slope, W):
    back = (np.asarray(delta)[1:] * slope) @ W
    return np.linalg.norm(back, axis=1) / np.linalg.norm(np.asarray(delta)[1:], axis=1)


def _slope(h):
    return np.asarray(1.0 - np.asarray(h) ** 2)


def omega(delta, h, W):
    """Mean over t = 2 … T of (‖δ_t diag(1 − h_t²) W‖ / ‖δ_t‖ − 1)²."""
    return float(np.mean((_ratios(delta, _slope(h)[1:], W) - 1.0) ** 2))


def _squared_norms(delta, h, W):
    return float(np.mean((_ratios(delta, _slope(h)[1:], W) ** 2 - 1.0) ** 2))


def _of_the_difference(delta, h, W):
    before = np.asarray(delta)[1:]
    moved = (before * _slope(h)[1:]) @ W - before
    return float(np.mean((moved**2).sum(axis=1) / (before**2).sum(axis=1)))


def _upside_down(delta, h, W):
    return float(np.mean((1.0 / _ratios(delta, _slope(h)[1:], W) - 1.0) ** 2))


def _after_the_matrix(delta, h, W):
    before = np.asarray(delta)[1:]
    back = (before @ W) * _slope(h)[1:]
    ratios = np.linalg.norm(back, axis=1) / np.linalg.norm(before, axis=1)
    return float(np.mean((ratios - 1.0) ** 2))


def _from_the_first(delta, h, W):
    with np.errstate(invalid="ignore"):
        return omega(np.vstack([delta[:1], delta]), np.vstack([h[:1], h]), W)


def _as_given(delta, h, W):
    size = np.linalg.norm(delta, axis=1)
    return float(np.mean((size[:-1] / size[1:] - 1.0) ** 2))


def _sequences(rng):
    made = []
    for steps, units in ((5, 3), (7, 4), (4, 5)):
        size = np.exp(rng.normal(-2.0, 2.0, (steps, 1)))
        h = np.tanh(rng.normal(0.0, 1.0, (steps, units)))
        W = rng.normal(size=(units, units)) * rng.uniform(0.5, 1.5)
        made.append((size * rng.normal(size=(steps, units)), h, W))
    return made


OMEGA = CodeExercise(
    id="clipping/omega",
    title="Pascanu's Ω",
    functions=asks(
        omega,
        "a float",
        {
            "the matrix transposed": (
                lambda delta, h, W: omega(delta, h, np.transpose(W)),
                "You went forwards: W δ. A row δ goes back through W as δ W.",
            ),
            "the slope is missing": (
                lambda delta, h, W: omega(delta, np.zeros_like(h), W),
                "You left out tanh's slope, 1 − h². One step back is slope times weight.",
            ),
            "1 − h as the slope": (
                lambda delta, h, W: float(
                    np.mean((_ratios(delta, 1.0 - np.asarray(h)[1:], W) - 1.0) ** 2)
                ),
                "You used 1 − h. The slope of tanh is 1 − h².",
            ),
            "the slope of the step before": (
                lambda delta, h, W: float(np.mean((_ratios(delta, _slope(h)[:-1], W) - 1.0) ** 2)),
                "You took the slope at t − 1. On its way from h_t to h_(t−1) the gradient "
                "passes the tanh that made h_t.",
            ),
            "without the 1": (
                lambda delta, h, W: float(np.mean(_ratios(delta, _slope(h)[1:], W) ** 2)),
                "You penalised the growth itself: smallest where the gradient vanishes. Ω "
                "wants the ratio to be 1.",
            ),
            "not squared": (
                lambda delta, h, W: float(np.mean(_ratios(delta, _slope(h)[1:], W) - 1.0)),
                "You averaged ratio − 1: too large and too small would cancel. Square it first.",
            ),
            "a ratio of squared norms": (
                _squared_norms,
                "Your ratio is one of squared norms. Ω divides the norms themselves, takes 1 away, "
                "and squares then.",
            ),
            "the norm of the difference": (
                _of_the_difference,
                "You took the norm of what one step back changes. Ω compares the lengths before "
                "and after: a gradient may turn at no cost.",
            ),
            "the absolute value": (
                lambda delta, h, W: float(np.mean(np.abs(_ratios(delta, _slope(h)[1:], W) - 1.0))),
                "You averaged |ratio − 1|. Ω averages its square.",
            ),
            "the slope after the matrix": (
                _after_the_matrix,
                "You multiplied by W first and by the slope then. Forwards tanh comes last, so on "
                "its way back the gradient meets the slope first: δ_t (1 − h_t²), then W.",
            ),
            "from t = 1 on": (
                _from_the_first,
                "Your mean includes t = 1. There is no step before it: t = 2 is the second "
                "row, index 1.",
            ),
            "divided by T": (
                lambda delta, h, W: omega(delta, h, W) * (len(delta) - 1) / len(delta),
                "You divided by T. From t = 2 to T there are T − 1 steps.",
            ),
            "the square of the mean": (
                lambda delta, h, W: float((np.mean(_ratios(delta, _slope(h)[1:], W)) - 1) ** 2),
                "You averaged first and squared then: too large and too small cancel. Square "
                "for each t.",
            ),
            "the rows of delta": (
                _as_given,
                "You divided ‖δ_(t−1)‖ by ‖δ_t‖. A loss at t − 1 adds to δ_(t−1), too; Ω "
                "looks at one step back through slope and W alone.",
            ),
            "sum instead of mean": (
                lambda delta, h, W: omega(delta, h, W) * (len(delta) - 1),
                "You added over the steps. Here Ω is the mean over the T − 1 steps.",
            ),
            "upside down": (
                _upside_down,
                "Your ratio is upside down: the norm after the step back stands above, the "
                "norm before it below.",
            ),
        },
    ),
    parts=(
        Part(
            title="3 random sequences",
            points=2.0,
            cases=_sequences,
            example=(
                np.array([[0.0, 0.0], [3.0, 4.0]]),
                np.array([[0.5, 0.5], [0.0, 0.0]]),
                np.array([[1.0, 1.0], [0.0, 1.0]]),
            ),
            look_at="Here T = 2 and the slope at t = 2 is 1: (3, 4) W = (3, 7), and "
            "(√58/5 − 1)² = 0.27.",
        ),
    ),
    hints=(
        "One step back, by chain rule: which slope, then which matrix?",
        "back = δ_t · (1 − h_t²), as a row times W. Take norms of rows, for t = 2 … T.",
        "(delta[1:] * (1 - h[1:]**2)) @ W is one step back for all t at once, a row for each. "
        "Its norms, row by row, stand above the norms of delta[1:].",
    ),
)
