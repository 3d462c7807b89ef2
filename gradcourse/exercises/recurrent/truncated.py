"""Backpropagation through time cut off, for one tanh unit."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.exercises.recurrent.scalar import (
    runs,
    state_gradients,
    states,
    summed,
    weight_gradient,
)


def truncated_gradient(w, x, y, window):
    """∂ℒ/∂w from the last ``window`` steps only, with the true states."""
    return summed(w, x, y, window)


def _windows(rng):
    return [(*run, window) for run, window in zip(runs(rng), (1, 2, 4), strict=True)]


TRUNCATED = CodeExercise(
    id="recurrent/truncated",
    title="Truncated backpropagation through time",
    functions=asks(
        truncated_gradient,
        "a float",
        {
            "the state is cut off, too": (
                lambda w, x, y, window: weight_gradient(w, np.asarray(x)[-window:], y),
                "You started the window from h = 0. Truncation cuts the backward pass only: "
                "the state that enters the window comes from all the steps before.",
            ),
            "the first steps instead of the last": (
                lambda w, x, y, window: weight_gradient(w, x, y) - summed(w, x, y, len(x) - window),
                "You summed the first steps. The gradient starts at the end, so it is the "
                "last steps that stay.",
            ),
            "one step too many": (
                lambda w, x, y, window: summed(w, x, y, window + 1),
                "You kept one step too many: window = 1 means the last use of w only.",
            ),
            "one step too few": (
                lambda w, x, y, window: summed(w, x, y, window - 1) if window > 1 else 0.0,
                "You kept one step too few: window = 1 means the last use of w, not none.",
            ),
            "the mean over the window": (
                lambda w, x, y, window: truncated_gradient(w, x, y, window) / window,
                "You took the mean over the window. Truncation leaves terms out of a sum, "
                "and the others stay as they are.",
            ),
            "scaled up to the whole run": (
                lambda w, x, y, window: truncated_gradient(w, x, y, window) * len(x) / window,
                "You scaled the sum up to the whole run. Truncated backpropagation just "
                "leaves the early terms out.",
            ),
            "one term only": (
                lambda w, x, y, window: (
                    summed(w, x, y, window) - summed(w, x, y, window - 1) if window > 1 else 0.0
                ),
                "You returned one term. All of the last `window` uses of w count.",
            ),
            "h_t in place of h_(t−1)": (
                lambda w, x, y, window: float(
                    np.sum(
                        (
                            state_gradients(w, x, y)
                            * (1.0 - states(w, x)[1:] ** 2)
                            * states(w, x)[1:]
                        )[-window:]
                    )
                ),
                "You multiplied by h_t. The weight stands before h_(t−1): that is what ∂z_t/∂w is.",
            ),
            "the slope at step t is missing": (
                lambda w, x, y, window: float(
                    np.sum((state_gradients(w, x, y) * states(w, x)[:-1])[-window:])
                ),
                "∂ℒ/∂h_t is the gradient behind tanh. To reach w it must pass tanh of step "
                "t, too: one more 1 − h_t².",
            ),
            "nothing is cut off": (
                lambda w, x, y, window: weight_gradient(w, x, y),
                "You returned the whole gradient. Terms from before the window must go.",
            ),
        },
    ),
    parts=(
        Part(
            title="3 random runs of 3 to 9 steps, windows 1, 2 and 4",
            points=2.0,
            cases=_windows,
            example=(0.5, np.array([1.0, -0.5, 0.25]), 0.0, 2),
            look_at="Which terms of the sum over steps belong to the last `window` steps?",
        ),
    ),
    hints=(
        "∂ℒ/∂w is a sum with one term for each step. Truncation keeps some of the terms.",
        "The states are the true ones, from a full run forwards. Keep the terms of the last "
        "`window` steps.",
        "np.sum((g·(1 − h[1:]²)·h[:-1])[-window:]), with g and h as in the first exercise.",
    ),
)
