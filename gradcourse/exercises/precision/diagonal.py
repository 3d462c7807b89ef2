"""A diagonal recurrence and its gradient: the recurrent weight, one for each unit and step."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def scan(keep, value):
    """h_t = f_t h_{t−1} + (1 − f_t) v_t, from h_0 = 0; all h, shape (T, n)."""
    h, found = np.zeros(value.shape[1]), []
    for f, v in zip(keep, value, strict=True):
        h = f * h + (1 - f) * v
        found.append(h)
    return np.array(found)


def scan_gradient(keep, delta):
    """∂ℒ/∂v_t from δ = ∂ℒ/∂h_T; shape (T, n)."""
    road = np.ones_like(keep)
    for t in range(len(keep) - 2, -1, -1):
        road[t] = road[t + 1] * keep[t + 1]
    return delta * (1 - keep) * road


def _scan(step):
    def answer(keep, value):
        h, found = np.zeros(value.shape[1]), []
        for f, v in zip(keep, value, strict=True):
            h = step(f, h, v)
            found.append(h)
        return np.array(found)

    return answer


def _from_t_on(keep):
    return np.cumprod(keep[::-1], axis=0)[::-1]


def _sequences(rng):
    found = []
    for steps, n in ((4, 2), (7, 3), (12, 1)):
        keep = rng.uniform(0.2, 0.95, (steps, n))
        found.append((keep, rng.normal(size=(steps, n))))
    return found


def _gradients(rng):
    return [(keep, rng.normal(size=keep.shape[1])) for keep, _ in _sequences(rng)]


SCAN = CodeExercise(
    id="precision/scan",
    title="A diagonal recurrence",
    functions=asks(
        scan,
        "an array of shape (T, n)",
        {
            "the gate exchanged": (
                _scan(lambda f, h, v: (1 - f) * h + f * v),
                "You kept 1 − f of the state. Here f is the share that is kept.",
            ),
            "the value is not weighted": (
                _scan(lambda f, h, v: f * h + v),
                "You added v whole: the state grows. It is weighted with 1 − f.",
            ),
            "the last state only": (
                lambda keep, value: scan(keep, value)[-1],
                "You returned h_T. Return the states of all steps.",
            ),
            "every row is the last state": (
                lambda keep, value: np.tile(scan(keep, value)[-1], (len(value), 1)),
                "All your rows are h_T. If h is changed in place, with *= or +=, a list of h's "
                "holds one array many times: make a new array at each step.",
            ),
            "with the state before": (
                lambda keep, value: np.concatenate(
                    [np.zeros((1, value.shape[1])), scan(keep, value)]
                )[:-1],
                "Your first row is h_0. The rows are h_1, …, h_T.",
            ),
        },
    )
    + asks(
        scan_gradient,
        "an array of shape (T, n)",
        {
            "its own gate as well": (
                lambda keep, delta: delta * (1 - keep) * _from_t_on(keep),
                "Your product begins with f_t. v_t comes in after f_t: the product is of f_{t+1}, "
                "…, f_T.",
            ),
            "the way in is missing": (
                lambda keep, delta: scan_gradient(keep, delta) / (1 - keep),
                "That is ∂ℒ/∂h_t. v_t enters h_t with the factor 1 − f_t.",
            ),
            "from the wrong end": (
                lambda keep, delta: scan_gradient(keep[::-1], delta)[::-1],
                "Your product is of the gates before t. A gradient comes from the end.",
            ),
            "the gates up to t": (
                lambda keep, delta: delta * (1 - keep) * np.cumprod(keep, axis=0),
                "Your product is of f_1, …, f_t. What the last state feels of v_t goes through the "
                "gates *after* t.",
            ),
            "one step only": (
                lambda keep, delta: (
                    delta * (1 - keep) * np.concatenate([keep[1:], np.ones((1, keep.shape[1]))])
                ),
                "You multiplied by one gate. Every gate after t is a factor.",
            ),
        },
    ),
    parts=(
        Part(
            title="three sequences, forwards",
            points=1.0,
            cases=_sequences,
            function="scan",
            example=(np.array([[0.5], [0.5]]), np.array([[2.0], [4.0]])),
            look_at="h_1 = 1, and h_2 = ½ + 2 = 2.5.",
        ),
        Part(
            title="three sequences, backwards",
            points=1.0,
            cases=_gradients,
            function="scan_gradient",
            example=(np.array([[0.5], [0.25]]), np.array([8.0])),
            look_at="∂ℒ/∂v_2 = 8 · ¾ = 6, and ∂ℒ/∂v_1 = 8 · ¼ · ½ = 1.",
        ),
    ),
    hints=(
        "It is lesson 03's scalar recurrence, with another weight at every step.",
        "∂h_T/∂h_t is the product of f_{t+1}, …, f_T, and v_t enters with 1 − f_t.",
        "Go backwards from road = 1: the gradient is delta · (1 − f_t) · road, then road *= f_t.",
    ),
)
