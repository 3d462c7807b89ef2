"""Backpropagation through time by hand, for one tanh unit."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def states(w, x):
    """h_0 = 0, h_1, …, h_T."""
    h = [0.0]
    for value in np.asarray(x, dtype=np.float64):
        h.append(float(np.tanh(w * h[-1] + value)))
    return np.array(h)


def state_gradients(w, x, y):
    """∂ℒ/∂h_t for t = 1 … T, with ℒ = ½ (h_T − y)²."""
    h = states(w, x)
    gradient = [h[-1] - y]
    for state in h[:1:-1]:
        gradient.append(gradient[-1] * (1.0 - state**2) * w)
    return np.array(gradient[::-1])


def weight_gradient(w, x, y):
    """∂ℒ/∂w, summed over all steps."""
    return summed(w, x, y, len(x))


def summed(w, x, y, window):
    h, delta = states(w, x), state_gradients(w, x, y)
    terms = delta * (1.0 - h[1:] ** 2) * h[:-1]
    return float(terms[max(0, len(terms) - window) :].sum())


def _chain(factor):
    """∂ℒ/∂h_t where one step back from h_2 … h_T is another factor."""

    def answer(w, x, y):
        h = states(w, x)
        factors = np.append(factor(w, h), 1.0)
        return (h[-1] - y) * np.cumprod(factors[::-1])[::-1]

    return answer


def _one_step_back(w, x, y):
    """∂ℒ/∂h_0."""
    return float(state_gradients(w, x, y)[0] * (1.0 - states(w, x)[1] ** 2) * w)


def runs(rng):
    return [
        (
            float(rng.uniform(0.6, 1.8) * rng.choice([-1.0, 1.0])),
            rng.normal(0.0, 0.8, length),
            float(rng.uniform(-2.0, 2.0)),
        )
        for length in (3, 5, 9)
    ]


_EXAMPLE = (0.5, np.array([1.0, -0.5, 0.25]), 0.0)

BPTT = CodeExercise(
    id="recurrent/bptt",
    title="Backpropagation through time by hand",
    functions=(
        asks(
            state_gradients,
            "an array of shape (T,)",
            {
                "the slope is missing": (
                    _chain(lambda w, h: np.full(len(h) - 2, w)),
                    "You multiplied by w at each step, and left out the slope of tanh. One step "
                    "back is w·(1 − h²).",
                ),
                "w is missing": (
                    _chain(lambda w, h: 1.0 - h[2:] ** 2),
                    "You multiplied by the slope of tanh at each step, and left out w. One step "
                    "back is w·(1 − h²).",
                ),
                "the slope of the step before": (
                    _chain(lambda w, h: w * (1.0 - h[1:-1] ** 2)),
                    "You used the slope at h_(t−1) for the step from h_(t−1) to h_t. tanh was "
                    "applied at step t, so its slope is 1 − h_t².",
                ),
                "h taken for a pre-activation": (
                    _chain(lambda w, h: w * (1.0 - np.tanh(h[2:]) ** 2)),
                    "You applied tanh once more. h_t is already the activation: the slope is "
                    "1 − h_t².",
                ),
                "in the order of the backward pass": (
                    lambda w, x, y: state_gradients(w, x, y)[::-1],
                    "Your values are right, and the wrong way round: the last entry belongs to "
                    "h_T.",
                ),
                "at the pre-activation": (
                    lambda w, x, y: state_gradients(w, x, y) * (1.0 - states(w, x)[1:] ** 2),
                    "You returned ∂ℒ/∂z_t, the gradient before tanh (the δ of lessons 01 and 02). "
                    "∂ℒ/∂h_t is asked: one factor 1 − h_t² less.",
                ),
                "the wrong sign": (
                    lambda w, x, y: -state_gradients(w, x, y),
                    "The sign is turned around. The derivative of ½ (h_T − y)² is h_T − y.",
                ),
                "twice too large": (
                    lambda w, x, y: 2.0 * state_gradients(w, x, y),
                    "Yours is twice too large. The ½ of the loss cancels the 2 of the square.",
                ),
                "each state against the target": (
                    lambda w, x, y: states(w, x)[1:] - y,
                    "You compared each state with y. The loss knows h_T only: the others matter "
                    "because h_T depends on them.",
                ),
                "the loss in place of its derivative": (
                    lambda w, x, y: state_gradients(w, x, y) * 0.5 * (states(w, x)[-1] - y),
                    "You started with the loss itself. The chain starts with its derivative, h_T "
                    "− y.",
                ),
                "one step too far": (
                    lambda w, x, y: np.append(_one_step_back(w, x, y), state_gradients(w, x, y)),
                    "You went on to h_0. The question is h_1 … h_T, T entries.",
                ),
                "the loss is left out": (
                    lambda w, x, y: state_gradients(w, x, y) / (states(w, x)[-1] - y),
                    "You returned ∂h_T/∂h_t. The chain starts at the loss: ∂ℒ/∂h_T = h_T − y.",
                ),
            },
        )
        + asks(
            weight_gradient,
            "a float",
            {
                "the last step only": (
                    lambda w, x, y: summed(w, x, y, 1),
                    "You counted the last step only. w is used at every step, so every step adds "
                    "a term.",
                ),
                "h_t in place of h_(t−1)": (
                    lambda w, x, y: float(
                        (state_gradients(w, x, y) * (1.0 - states(w, x)[1:] ** 2))
                        @ states(w, x)[1:]
                    ),
                    "You multiplied by h_t. The weight stands before h_(t−1): that is what "
                    "∂z_t/∂w is.",
                ),
                "the slope at step t is missing": (
                    lambda w, x, y: float(state_gradients(w, x, y) @ states(w, x)[:-1]),
                    "∂ℒ/∂h_t is the gradient behind tanh. To reach w it must pass tanh of step t, "
                    "too: one more 1 − h_t².",
                ),
                "the mean over the steps": (
                    lambda w, x, y: weight_gradient(w, x, y) / len(x),
                    "You took the mean over the steps. The chain rule adds the paths: it is the "
                    "sum.",
                ),
                "a term for each step": (
                    lambda w, x, y: (
                        state_gradients(w, x, y) * (1.0 - states(w, x)[1:] ** 2) * states(w, x)[:-1]
                    ),
                    "You returned the term of each step. There is one w, used at every step: add "
                    "them up.",
                ),
                "twice too large": (
                    lambda w, x, y: 2.0 * weight_gradient(w, x, y),
                    "Yours is twice too large. The ½ of the loss cancels the 2 of the square.",
                ),
                "the wrong sign": (
                    lambda w, x, y: -weight_gradient(w, x, y),
                    "The sign is turned around. The derivative of ½ (h_T − y)² is h_T − y.",
                ),
                "h_(t−1) is missing": (
                    lambda w, x, y: float(
                        np.sum(state_gradients(w, x, y) * (1.0 - states(w, x)[1:] ** 2))
                    ),
                    "You added up ∂ℒ/∂z_t. w is multiplied by h_(t−1) at step t: that factor is "
                    "missing.",
                ),
                "only the state gradients": (
                    lambda w, x, y: float(np.sum(state_gradients(w, x, y))),
                    "You added up ∂ℒ/∂h_t. From h_t to w two factors are left: the slope 1 − "
                    "h_t², and h_(t−1).",
                ),
                "times w as well": (
                    lambda w, x, y: w * weight_gradient(w, x, y),
                    "You multiplied by w once more. ∂z_t/∂w is h_(t−1), without w.",
                ),
                "the inputs in place of the states": (
                    lambda w, x, y: float(
                        (state_gradients(w, x, y) * (1.0 - states(w, x)[1:] ** 2)) @ np.asarray(x)
                    ),
                    "You multiplied by x_t. That would be the gradient of an input weight; w "
                    "stands before h_(t−1).",
                ),
            },
        )
    ),
    parts=(
        Part(
            title="state_gradients on 3 random runs of 3 to 9 steps",
            points=1.5,
            cases=runs,
            function="state_gradients",
            example=_EXAMPLE,
            look_at="The last entry is h_T − y. What multiplies it on the way to the one before?",
        ),
        Part(
            title="weight_gradient on 3 random runs of 3 to 9 steps",
            points=1.5,
            cases=runs,
            function="weight_gradient",
            example=_EXAMPLE,
            look_at="How often is w used in a run of three steps, and what does it multiply?",
        ),
    ),
    hints=(
        "Run forwards first and keep every state. Then start at the end: ∂ℒ/∂h_T = h_T − y.",
        "One step back: ∂ℒ/∂h_(t−1) = ∂ℒ/∂h_t · (1 − h_t²) · w. The weight collects "
        "∂ℒ/∂h_t · (1 − h_t²) · h_(t−1) at each step.",
        "With h[0] = 0 and h[1:] the states, g[T−1] = h[T] − y and, going down, "
        "g[t−1] = g[t]·(1 − h[t+1]²)·w. Then np.sum(g·(1 − h[1:]²)·h[:-1]).",
    ),
)
