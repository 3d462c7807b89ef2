"""Assignment 01: backpropagation through a chain of numbers."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def _signals(w, x):
    """h_0 … h_{L-1}: what enters each factor."""
    return float(x) * np.concatenate([[1.0], np.cumprod(w[:-1])])


def _deltas(w, upstream):
    """Gradient at the output of each factor."""
    return float(upstream) * np.concatenate([np.cumprod(w[:0:-1])[::-1], [1.0]])


def chain_gradient(w, x, upstream):
    """Gradient of the loss with respect to every factor of h_L = w_L … w_1 x."""
    return _deltas(w, upstream) * _signals(w, x)


def _divided(w, x, upstream):
    with np.errstate(all="ignore"):
        return upstream * x * np.prod(w) / w


def _chain(rng):
    length = int(rng.integers(4, 9))
    signs = rng.choice([-1.0, 1.0], size=length)
    return (
        signs * rng.uniform(0.4, 1.8, size=length),
        float(rng.uniform(1.5, 3.0)),
        float(rng.uniform(-0.9, -0.3)),
    )


def _chains(rng):
    return [_chain(rng) for _ in range(6)]


def _chains_with_zero(rng):
    cases = []
    for _ in range(4):
        w, x, upstream = _chain(rng)
        w[1] = 0.0  # never in the middle: a reversed answer must look different
        cases.append((w, x, upstream))
    return cases


SCALAR_BACKWARD = CodeExercise(
    id="chain/scalar-backward",
    title="Backward through a chain of numbers",
    functions=asks(
        chain_gradient,
        "an array of shape (L,)",
        {
            "whole product divided by the factor": (
                _divided,
                "You divided the whole product by each factor. With a factor 0 that is 0/0, "
                "while the gradient is a plain number: multiply the parts before and after.",
            ),
            "0/0 taken for 0": (
                lambda w, x, upstream: np.nan_to_num(_divided(w, x, upstream)),
                "You divided the whole product by each factor and called 0/0, or the whole "
                "product at a factor 0, a gradient of 0. The factor 0 itself has a gradient: "
                "the product of all the others.",
            ),
            "signal forgotten": (
                lambda w, x, upstream: _deltas(w, upstream),
                "You returned the gradient at each factor's output, delta. The gradient of "
                "w[l] is delta times the signal that entered factor l.",
            ),
            "x in place of the signal": (
                lambda w, x, upstream: _deltas(w, upstream) * x,
                "You multiplied every delta by x. Only w[0] meets x: what enters factor l is "
                "x times the factors before it.",
            ),
            "later factors forgotten": (
                lambda w, x, upstream: _signals(w, x) * upstream,
                "You took the signal that enters each factor times upstream. On the way back "
                "upstream passes the factors after l first: multiply by those, too.",
            ),
            "gradient of the signals": (
                lambda w, x, upstream: _deltas(w, upstream) * w,
                "You returned the gradient with respect to what enters each factor. The "
                "question is the gradient with respect to the factors w.",
            ),
            "own factor kept": (
                lambda w, x, upstream: chain_gradient(w, x, upstream) * w,
                "You left the factor itself inside its own gradient, so every entry is the "
                "whole product. The derivative of w * h with respect to w is h, without w.",
            ),
            "upstream forgotten": (
                lambda w, x, upstream: chain_gradient(w, x, 1.0),
                "You computed the derivative of the output. The loss arrives with the gradient "
                "`upstream`: backpropagation starts from it, not from 1.",
            ),
            "input forgotten": (
                lambda w, x, upstream: chain_gradient(w, 1.0, upstream),
                "You started the forward pass at 1. What enters the first factor is x.",
            ),
            "order reversed": (
                lambda w, x, upstream: chain_gradient(w, x, upstream)[::-1],
                "You have the right numbers in the wrong order, last factor first. Entry 0 "
                "belongs to w[0], the factor that meets the input.",
            ),
        },
    ),
    parts=(
        Part(
            title="6 random chains, no factor 0",
            points=1.0,
            cases=_chains,
            example=(np.array([2.0, 3.0, 5.0]), 7.0, 0.1),
            look_at="The gradient of w[l] is upstream, times every factor after l, times every "
            "factor before l, times x.",
        ),
        Part(
            title="4 chains with one factor 0",
            points=1.0,
            cases=_chains_with_zero,
            example=(np.array([2.0, 0.0, 5.0]), 7.0, 0.1),
            look_at="With one factor 0, that factor alone has a gradient other than 0. It is the "
            "product of all the others.",
        ),
    ),
    hints=(
        "Two passes: one forward that keeps what enters each factor, one backward.",
        "Forward: h[0] = x and h[l+1] = w[l] * h[l]. Backward: delta starts as upstream, and is "
        "multiplied by w[l] after it has been used at l.",
        "At factor l, coming down from the last: the gradient is delta * h[l], and only then does "
        "delta pass w[l]. Which h belongs to w[0]?",
    ),
)
