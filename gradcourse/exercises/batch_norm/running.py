"""The running statistics that a batch norm keeps while it trains."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def update_running(mean, variance, u, momentum):
    """The running mean and the running variance after one more batch, shape (2, n)."""
    old = np.array([mean, variance], dtype=np.float64)
    return (1.0 - momentum) * old + momentum * np.array([np.mean(u, 0), np.var(u, 0, ddof=1)])


def _averaged(batch):
    def answer(mean, variance, u, momentum):
        return (1.0 - momentum) * np.array([mean, variance]) + momentum * np.array(batch(u))

    return answer


def _spread_about_the_new_mean(mean, variance, u, momentum):
    new, _ = update_running(mean, variance, u, momentum)
    spread = np.sum(np.square(u - new), 0) / (len(u) - 1)
    return np.array([new, (1.0 - momentum) * np.asarray(variance) + momentum * spread])


def _added(mean, variance, u, momentum):
    return np.array([mean, variance]) + momentum * np.array([np.mean(u, 0), np.var(u, 0, ddof=1)])


def _one_more_batch(rng):
    made = []
    for rows, units in ((4, 3), (8, 4), (3, 5)):
        u = rng.normal(rng.uniform(-3.0, 3.0, units), rng.uniform(1.5, 3.0, units), (rows, units))
        start = rng.normal(size=units), rng.uniform(0.2, 0.9, units)
        made.append((*start, u, float(rng.uniform(0.02, 0.3))))
    return made


RUNNING = CodeExercise(
    id="batch-norm/running",
    title="Running statistics",
    functions=asks(
        update_running,
        "an array of shape (2, n): mean, then variance",
        {
            "momentum the other way round": (
                lambda mean, variance, u, momentum: update_running(
                    mean, variance, u, 1.0 - momentum
                ),
                "You kept the share m of the old value. In torch's convention m is the weight "
                "of the new batch: m = 0.1 keeps 90 %.",
            ),
            "both conventions": (
                lambda mean, variance, u, momentum: _averaged(
                    lambda u: [np.mean(u, 0), np.var(u, 0)]
                )(mean, variance, u, 1.0 - momentum),
                "Two slips: m is the weight of the new batch, not of the old value; and the "
                "batch's variance is taken with B − 1.",
            ),
            "spread about the running mean": (
                _spread_about_the_new_mean,
                "You measured the batch's spread about the running mean. A batch's variance "
                "is the spread about its own mean.",
            ),
            "one number for all units": (
                _averaged(
                    lambda u: [
                        np.full(u.shape[1], np.mean(u)),
                        np.full(u.shape[1], np.var(u, ddof=1)),
                    ]
                ),
                "You took one mean and one variance of the whole batch. Each unit has its "
                "own: axis 0.",
            ),
            "variance with B": (
                _averaged(lambda u: [np.mean(u, 0), np.var(u, 0)]),
                "You used the batch's variance with B, which is too small on average by "
                "(B − 1)/B. The running estimate takes it with B − 1.",
            ),
            "(B − 1)/B the wrong way round": (
                _averaged(
                    lambda u: [np.mean(u, 0), np.var(u, 0) * (len(u) - 1) / len(u)],
                ),
                "You multiplied the batch's variance by (B − 1)/B. That makes smaller what was too "
                "small already: the running estimate divides the sum of squares by B − 1.",
            ),
            "mean square for the variance": (
                _averaged(lambda u: [np.mean(u, 0), np.mean(np.square(u), 0)]),
                "You averaged mean squares. A variance is the spread about the batch's mean, and "
                "divides by B − 1 here.",
            ),
            "standard deviation": (
                _averaged(lambda u: [np.mean(u, 0), np.std(u, 0, ddof=1)]),
                "You averaged standard deviations. What is kept is the variance.",
            ),
            "added instead of averaged": (
                _added,
                "You added m times the batch's value and let nothing go. The old value keeps "
                "the share 1 − m.",
            ),
            "the old value is forgotten": (
                lambda mean, variance, u, momentum: np.array([np.mean(u, 0), np.var(u, 0, ddof=1)]),
                "You returned the statistics of this batch. The old value keeps the share 1 − m.",
            ),
            "over the units": (
                _averaged(lambda u: [np.mean(u, 1), np.var(u, 1, ddof=1)]),
                "You took the statistics of each image over its units. Each unit has its own, "
                "over the batch: axis 0.",
            ),
        },
    ),
    parts=(
        Part(
            title="one more batch, 3 random cases",
            points=2.0,
            cases=_one_more_batch,
            example=(
                np.array([0.0, 0.0]),
                np.array([1.0, 1.0]),
                np.array([[1.0, 10.0], [3.0, 30.0]]),
                0.1,
            ),
            look_at="Start at mean 0 and variance 1, with m = 0.1: after the batch 1, 3 they are "
            "0.2 and 0.9 · 1 + 0.1 · 2 = 1.1.",
        ),
    ),
    hints=(
        "Two conventions to get right: which share m is, and what the variance is divided by.",
        "New = (1 − m)·old + m·batch; the batch's variance is the sum of squares over B − 1.",
        "u.var(0, ddof=1) divides by B − 1. Mix it with the old variance, and u.mean(0) with "
        "the old mean, by the same m; np.array([a, b]) puts one row below the other.",
    ),
)
