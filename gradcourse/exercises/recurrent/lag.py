"""The gradient of a tanh network against lag, in decades, over runs of any length."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def lag_log_norms(W, h, delta):
    """log10 ‖∂ℒ/∂h_t‖ for lags 0 … T − 1, from delta = ∂ℒ/∂h_T and the states h_1 … h_T."""
    return _walk(np.asarray(W).T, np.asarray(h)[:0:-1], delta, 1.0 - np.asarray(h)[:0:-1] ** 2)


def _walk(back, states, delta, slopes):
    """One row of slopes for each step back; the gradient is kept at size 1, its log beside it."""
    gradient = np.asarray(delta, dtype=np.float64)
    size = np.linalg.norm(gradient)
    logs = [np.log10(size)]
    for slope in slopes[: len(states)]:
        gradient = back @ (slope * gradient / size)
        size = np.linalg.norm(gradient)
        logs.append(logs[-1] + np.log10(size))
    return np.array(logs)


def _not_transposed(W, h, delta):
    return _walk(np.asarray(W), np.asarray(h)[:0:-1], delta, 1.0 - np.asarray(h)[:0:-1] ** 2)


def _without_slope(W, h, delta):
    return _walk(np.asarray(W).T, np.asarray(h)[:0:-1], delta, np.ones_like(h)[1:])


def _slope_too_early(W, h, delta):
    return _walk(np.asarray(W).T, np.asarray(h)[:0:-1], delta, 1.0 - np.asarray(h)[-2::-1] ** 2)


def _slope_of_h(W, h, delta):
    states = np.asarray(h)[:0:-1]
    return _walk(np.asarray(W).T, states, delta, 1.0 - np.tanh(states) ** 2)


def _not_added_up(W, h, delta):
    logs = lag_log_norms(W, h, delta)
    return np.append(logs[0], np.diff(logs))


def _nothing_at_lag_0(W, h, delta):
    logs = lag_log_norms(W, h, delta)
    return np.append(0.0, logs[1:])


def _slope_after_w(W, h, delta):
    h, gradient = np.asarray(h), np.asarray(delta, dtype=np.float64)
    size = np.linalg.norm(gradient)
    logs = [np.log10(size)]
    for state in h[:0:-1]:
        gradient = (1.0 - state**2) * (np.asarray(W).T @ (gradient / size))
        size = np.linalg.norm(gradient)
        logs.append(logs[-1] + np.log10(size))
    return np.array(logs)


def _underflow(W, h, delta):
    gradient, norms = np.asarray(delta, dtype=np.float64), []
    for state in [*np.asarray(h)[:0:-1], None]:
        norms.append(np.linalg.norm(gradient))
        if state is not None:
            gradient = np.asarray(W).T @ ((1.0 - state**2) * gradient)
    with np.errstate(divide="ignore"):
        return np.log10(norms)


def _run(rng, steps, width, gain):
    weights = gain * rng.normal(size=(width, width)) / np.sqrt(width)
    h, states = np.zeros(width), []
    for u in rng.normal(0.0, 0.7, (steps, width)):
        h = np.tanh(weights @ h + u)
        states.append(h)
    return weights, np.array(states), rng.normal(size=width)


def _short_runs(rng):
    return [_run(rng, steps, 4, gain) for steps, gain in ((5, 0.8), (9, 1.5), (14, 2.0))]


def _long_runs(rng):
    return [_run(rng, steps, 5, 0.5) for steps in (900, 1000)]


_DECADES = 1e-3
"""In float32 a unit near ±1 has a slope 1 − h² of few digits, and the sum keeps what they cost."""

_EXAMPLE = (
    np.array([[0.5, 1.0], [0.0, 0.5]]),
    np.array([[0.6, 0.0], [0.0, 0.8], [0.5, -0.5]]),
    np.array([1.0, 0.0]),
)

LAG_GRADIENT = CodeExercise(
    id="recurrent/lag-gradient",
    title="The gradient against lag",
    functions=asks(
        lag_log_norms,
        "an array of shape (T,)",
        {
            "no transpose": (
                _not_transposed,
                "You multiplied by W. That is the way forwards; a gradient goes back through Wᵀ.",
            ),
            "the slope is missing": (
                _without_slope,
                "You multiplied by Wᵀ only. Each step back also passes tanh: first its slope "
                "1 − h_t², then Wᵀ.",
            ),
            "the slope of the step before": (
                _slope_too_early,
                "You used 1 − h_(t−1)² on the way from step t to t − 1. tanh made h_t, so its "
                "slope there is 1 − h_t².",
            ),
            "h taken for a pre-activation": (
                _slope_of_h,
                "You applied tanh once more. h_t is already the activation: its slope is 1 − h_t².",
            ),
            "not added up": (
                _not_added_up,
                "You divide by the norm after each step, which is right. But an entry is then "
                "one step's growth: the logarithms of all steps so far must be added up.",
            ),
            "relative to lag 0": (
                lambda W, h, delta: lag_log_norms(W, h, delta / np.linalg.norm(delta)),
                "Your values lack log10 ‖delta‖: you began at 0, or divided delta by its norm and "
                "did not count it. Begin with the logarithm of the norm that you are given.",
            ),
            "0 at lag 0": (
                _nothing_at_lag_0,
                "Your first entry is 0, and the others are right. Lag 0 is the last step itself, "
                "where the gradient is delta: which norm has it?",
            ),
            "first the matrix, then the slope": (
                _slope_after_w,
                "You applied Wᵀ first. tanh came last on the way forwards, so it is first on "
                "the way back.",
            ),
            "the natural logarithm": (
                lambda W, h, delta: lag_log_norms(W, h, delta) * np.log(10),
                "Your values are ln 10 times the right ones: decades are asked, log10.",
            ),
            "no logarithm": (
                lambda W, h, delta: 10.0 ** lag_log_norms(W, h, delta),
                "You returned the norms. Their logarithms are asked: log10, so that a run of "
                "1000 steps still has a number.",
            ),
            "the square of the norm": (
                lambda W, h, delta: 2.0 * lag_log_norms(W, h, delta),
                "Your values are twice the right ones: a sum of squares is the norm squared. "
                "The root is missing.",
            ),
            "in the order of time": (
                lambda W, h, delta: lag_log_norms(W, h, delta)[::-1],
                "Your values are right, and the wrong way round: lag 0, the last step, comes "
                "first.",
            ),
            "underflow": (
                _underflow,
                "Your rule is right, but a long run leaves float64: the gradient becomes 0 "
                "and its logarithm −∞. Divide by the norm after each step, and add up its log.",
            ),
        },
    ),
    parts=(
        Part(
            title="3 random runs of 5 to 14 steps",
            points=1.0,
            cases=_short_runs,
            example=_EXAMPLE,
            rtol=1e-5,
            atol=_DECADES,
            look_at="The first entry is log10 ‖delta‖. Go one step back on paper, with the last "
            "row of h.",
        ),
        Part(
            title="2 random runs of 900 and 1000 steps",
            points=1.0,
            cases=_long_runs,
            example=_EXAMPLE,
            rtol=1e-5,
            atol=_DECADES,
            look_at="A norm of 1e-400 is no float64. Its logarithm is.",
        ),
    ),
    hints=(
        "Undo the steps in reverse. Forwards a step is: times W, then tanh.",
        "One step back: multiply by the slope 1 − h_t² of each unit, then by Wᵀ. T rows of h give "
        "T − 1 steps back.",
        "delta = W.T @ ((1 − h[t]²)·delta) for t from T − 1 down to 1. After each step keep "
        "log10 of the norm in a running sum and divide delta by the norm.",
    ),
)
