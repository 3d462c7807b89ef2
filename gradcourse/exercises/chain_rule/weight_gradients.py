"""Assignment 01: the gradient of every matrix of a chain."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def _signals(weights, x):
    """h_0 … h_{L-1}: what enters each matrix."""
    h = [x]
    for weight in weights[:-1]:
        h.append(weight @ h[-1])
    return h


def _deltas(weights, upstream):
    """δ at the output of each matrix, from the first to the last."""
    deltas = [upstream]
    for weight in reversed(weights[1:]):
        deltas.insert(0, weight.T @ deltas[0])
    return deltas


def _backward_untransposed(weights, upstream):
    deltas = [upstream]
    for weight in reversed(weights[1:]):
        deltas.insert(0, weight @ deltas[0])
    return deltas


def _output(weights, x):
    return weights[-1] @ _signals(weights, x)[-1]


def weight_gradients(weights, x, upstream):
    """Gradient of the loss with respect to every matrix: δ times the signal that entered it."""
    return _products(_deltas(weights, upstream), _signals(weights, x))


def _products(deltas, signals):
    return [np.outer(delta, h) for delta, h in zip(deltas, signals, strict=True)]


def _chains(shapes):
    def cases(rng):
        made = []
        for _ in range(3):
            widths = shapes(rng)
            weights = [rng.normal(size=(int(n_out), int(n_in))) for n_in, n_out in pairwise(widths)]
            made.append((weights, rng.normal(size=widths[0]), rng.normal(size=widths[-1])))
        return made

    return cases


def _equal(rng):
    return [int(rng.integers(2, 5))] * int(rng.integers(4, 6))


def _different(rng):
    return [int(n) for n in rng.permutation(np.arange(2, 7))[:4]]


WEIGHT_GRADIENTS = CodeExercise(
    id="chain/weight-gradients",
    title="The gradient of every matrix",
    functions=asks(
        weight_gradients,
        "a list of arrays, each of the shape of its matrix",
        {
            "transposed": (
                lambda weights, x, upstream: [g.T for g in weight_gradients(weights, x, upstream)],
                "You wrote h δᵀ. A gradient has the shape of its matrix, outputs by inputs: δ hᵀ.",
            ),
            "entry by entry": (
                lambda weights, x, upstream: [
                    delta * h
                    for delta, h in zip(
                        _deltas(weights, upstream), _signals(weights, x), strict=True
                    )
                ],
                "You multiplied δ and h entry by entry. Each output has a weight for each input, "
                "so each entry of δ meets each entry of h: np.outer(δ, h).",
            ),
            "a number for each matrix": (
                lambda weights, x, upstream: [
                    delta @ h
                    for delta, h in zip(
                        _deltas(weights, upstream), _signals(weights, x), strict=True
                    )
                ],
                "You have δᵀh, a number, if the shapes fit at all. `.T` does nothing to an array "
                "of one axis: np.outer(δ, h) is the column times the row, δ hᵀ.",
            ),
            "x for every layer": (
                lambda weights, x, upstream: _products(
                    _deltas(weights, upstream), [x] * len(weights)
                ),
                "You multiplied each δ by x. Only W_1 meets x: what enters W_l is "
                "h_{l-1} = W_{l-1} … W_1 x.",
            ),
            "upstream for every layer": (
                lambda weights, x, upstream: _products(
                    [upstream] * len(weights), _signals(weights, x)
                ),
                "You used the gradient at the output for every matrix. On its way back to layer l "
                "it goes through the transposes of all matrices after W_l.",
            ),
            "no transpose on the way back": (
                lambda weights, x, upstream: _products(
                    _backward_untransposed(weights, upstream), _signals(weights, x)
                ),
                "You went back through W itself. W maps inputs to outputs; the gradient goes the "
                "other way, through the transpose.",
            ),
            "what comes out of the layer": (
                lambda weights, x, upstream: _products(
                    _deltas(weights, upstream), [*_signals(weights, x)[1:], _output(weights, x)]
                ),
                "You multiplied by what comes out of W_l. The derivative of W h with respect to W "
                "is h, what goes in.",
            ),
            "one transpose too many": (
                lambda weights, x, upstream: _products(
                    [w.T @ d for w, d in zip(weights, _deltas(weights, upstream), strict=True)],
                    _signals(weights, x),
                ),
                "Your δ had already gone back through W_l itself. Its gradient needs δ at the "
                "output of layer l: take the product first, then the transpose.",
            ),
            "last layer first": (
                lambda weights, x, upstream: weight_gradients(weights, x, upstream)[::-1],
                "You have the right matrices in the order of the backward pass. The first entry "
                "belongs to W_1, which meets x.",
            ),
        },
    ),
    parts=(
        Part(
            title="3 chains of square matrices",
            points=1.0,
            cases=_chains(_equal),
            example=(
                [np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([[0.0, 1.0], [3.0, 0.0]])],
                np.array([1.0, 10.0]),
                np.array([1.0, 100.0]),
            ),
            look_at="W_2's gradient is upstream times the row W_1 x. For W_1, bring upstream back "
            "through W_2 first.",
        ),
        Part(
            title="3 chains of rectangular matrices",
            points=1.0,
            cases=_chains(_different),
            example=(
                [np.array([[1.0, 2.0]]), np.array([[3.0], [4.0], [5.0]])],
                np.array([1.0, -1.0]),
                np.array([1.0, 2.0, 3.0]),
            ),
            look_at="Each gradient has the shape of its matrix: (1, 2) and (3, 1) here.",
        ),
    ),
    hints=(
        "One pass forward that keeps what enters each matrix, one pass back.",
        "The gradient of W_l is a column times a row: δ_l, and what entered W_l.",
        "Going back: np.outer(delta, h[l]) first, then delta = weights[l].T @ delta. In which "
        "order do the results come, and in which are they asked?",
    ),
)
