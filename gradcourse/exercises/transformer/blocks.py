"""A Transformer block in both orders, and the gradient in its stream, on plain arrays."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks

# ---------------------------------------------------------------- the block


def _norm(x, axis=-1):
    x = x - x.mean(axis=axis, keepdims=True)
    return x / np.sqrt((x**2).mean(axis=axis, keepdims=True) + 1e-5)


def _feed_forward(x, up, down):
    return np.maximum(x @ up, 0.0) @ down


def _beside(x, branch, order, norm=_norm):
    return x + branch(norm(x)) if order == "pre" else norm(x + branch(x))


def _block(beside, feed_forward=_feed_forward):
    """A block whose two branches are put beside the stream by ``beside``."""

    def block(x, weights, up, down, order):
        x = beside(x, lambda h: weights @ h, order)
        return beside(x, lambda h: feed_forward(h, up, down), order)

    return block


def block(x, weights, up, down, order):
    """One block: attention with given weights, then the feed-forward branch."""
    return _block(_beside)(x, weights, up, down, order)


def _norm_on_the_stream(x, branch, order):
    if order == "pre":
        x = _norm(x)
        return x + branch(x)
    return _beside(x, branch, order)


def _norm_behind_the_branch(x, branch, order):
    return x + _norm(branch(x))


def _no_shortcut(x, branch, order):
    return branch(_norm(x)) if order == "pre" else _norm(branch(x))


def _both_from_x(x, weights, up, down, order):
    if order == "pre":
        h = _norm(x)
        return x + weights @ h + _feed_forward(h, up, down)
    return _norm(x + weights @ x + _feed_forward(x, up, down))


def _feed_forward_first(x, weights, up, down, order):
    x = _beside(x, lambda h: _feed_forward(h, up, down), order)
    return _beside(x, lambda h: weights @ h, order)


def _second_norm_missing(x, weights, up, down, order):
    if order == "post":
        return block(x, weights, up, down, order)
    x = x + weights @ _norm(x)
    return x + _feed_forward(x, up, down)


def _exchanged(x, branch, order):
    return _beside(x, branch, "post" if order == "pre" else "pre")


def _normed_by(norm):
    return _block(lambda x, branch, order: _beside(x, branch, order, norm))


def _keepers(order):
    def cases(rng):
        found = []
        for tokens, width in ((3, 4), (5, 6)):
            scores = np.tril(np.exp(rng.normal(size=(tokens, tokens))))
            weights = scores / scores.sum(axis=1, keepdims=True)
            up = rng.normal(size=(width, 2 * width)) / np.sqrt(width)
            down = rng.normal(size=(2 * width, width)) / np.sqrt(width)
            found.append((2.0 * rng.normal(size=(tokens, width)), weights, up, down, order))
        return found

    return cases


def _small(order):
    x = np.array([[1.0, -1.0, 3.0], [0.0, 2.0, 4.0]])
    weights = np.array([[1.0, 0.0], [0.5, 0.5]])
    return (x, weights, np.array([[1.0], [0.5], [0.0]]), np.array([[0.0, 1.0, -2.0]]), order)


BLOCK = CodeExercise(
    id="transformer/block",
    title="A block in two orders",
    functions=asks(
        block,
        "an array of the shape of x",
        {
            "the norm on the stream": (
                _block(_norm_on_the_stream),
                "In pre-LN you let the normed x go on along the stream. Only the branch reads "
                "it: x + F(norm(x)).",
            ),
            "the norm behind the branch": (
                _block(_norm_behind_the_branch),
                "You normed what the branch gives. Pre-LN norms what the branch reads, post-LN "
                "the sum.",
            ),
            "no shortcut": (
                _block(_no_shortcut),
                "You returned the branches alone. Each is added to the x that it was given.",
            ),
            "both branches read the same x": (
                _both_from_x,
                "Your feed-forward branch reads the x from before the attention. It comes after: "
                "it reads the sum.",
            ),
            "the feed-forward branch first": (
                _feed_forward_first,
                "You put the feed-forward branch before the attention. A block begins with the "
                "attention.",
            ),
            "the second norm is missing": (
                _second_norm_missing,
                "Your feed-forward branch reads the stream as it is. In pre-LN a norm stands "
                "before each of the two branches.",
            ),
            "pre and post exchanged": (
                _block(_exchanged),
                "You exchanged the two orders. In pre-LN the norm stands before the branch.",
            ),
            "normed over the tokens": (
                _normed_by(lambda h: _norm(h, axis=0)),
                "You normed each unit over the tokens. Layer norm takes each token by itself, "
                "over its units: axis −1.",
            ),
            "the mean is left in": (
                _normed_by(lambda h: h / np.sqrt((h**2).mean(axis=-1, keepdims=True) + 1e-5)),
                "Your norm does not take the mean away: that is RMS norm. Subtract each token's "
                "mean first.",
            ),
            "variance over n − 1": (
                _normed_by(
                    lambda h: (
                        (h - h.mean(axis=-1, keepdims=True))
                        / np.sqrt(h.var(axis=-1, ddof=1, keepdims=True) + 1e-5)
                    )
                ),
                "Your variance divides by n − 1. A norm divides by n.",
            ),
            "no ReLU": (
                _block(_beside, lambda h, up, down: h @ up @ down),
                "Your feed-forward branch has no ReLU between its two matrices.",
            ),
        },
    ),
    parts=(
        Part(
            title="pre-LN, two random blocks",
            points=1.0,
            cases=_keepers("pre"),
            example=_small("pre"),
            look_at="What does the stream carry past the branch?",
        ),
        Part(
            title="post-LN, two random blocks",
            points=1.0,
            cases=_keepers("post"),
            example=_small("post"),
            look_at="Mean and mean square of each row of the answer: should they be 0 and 1?",
        ),
    ),
    hints=(
        "Write a function for the norm first, over the last axis.",
        "Pre: x + F(norm(x)). Post: norm(x + F(x)). Do it for the attention, then for the "
        "feed-forward branch with the new x.",
        "The attention branch is weights @ h, the other np.maximum(h @ up, 0) @ down; h is norm(x) "
        "in pre-LN and x in post-LN.",
    ),
)

# ---------------------------------------------------------------- δ by block


def stream_gradients(jacobians, delta):
    """‖∂ℒ/∂x_l‖ for l = 0, …, L, where x_l = x_{l−1} + F_l(x_{l−1})."""
    norms = [np.linalg.norm(delta)]
    for jacobian in jacobians[::-1]:
        delta = delta + jacobian.T @ delta
        norms.append(np.linalg.norm(delta))
    return np.array(norms[::-1])


def _back(step, *, forwards=False):
    def answer(jacobians, delta):
        norms = [np.linalg.norm(delta)]
        for jacobian in jacobians if forwards else jacobians[::-1]:
            delta = step(jacobian, delta)
            norms.append(np.linalg.norm(delta))
        return np.array(norms[::-1])

    return answer


def _stacks(rng):
    return [
        (0.5 * rng.normal(size=(blocks, n, n)) / np.sqrt(n), rng.normal(size=n))
        for blocks, n in ((2, 3), (4, 5), (8, 4))
    ]


DELTA = CodeExercise(
    id="transformer/delta",
    title="δ in the stream, block by block",
    functions=asks(
        stream_gradients,
        "an array of shape (L + 1,)",
        {
            "the shortcut is missing": (
                _back(lambda j, d: j.T @ d),
                "You multiplied by Jᵀ only. The stream itself has the Jacobian I + J.",
            ),
            "not transposed": (
                _back(lambda j, d: d + j @ d),
                "You used J itself. A gradient goes back through the transpose.",
            ),
            "from the wrong end": (
                _back(lambda j, d: d + j.T @ d, forwards=True),
                "You began with block 1. The gradient comes from the last block.",
            ),
            "in the order of its way back": (
                lambda jacobians, delta: stream_gradients(jacobians, delta)[::-1],
                "Your array begins with x_L. It should begin with x_0.",
            ),
            "the end is missing": (
                lambda jacobians, delta: stream_gradients(jacobians, delta)[:-1],
                "Your array lacks ‖∂ℒ/∂x_L‖, the one that you were given: L blocks have L + 1 "
                "states.",
            ),
        },
    ),
    parts=(
        Part(
            title="stacks of 2, 4 and 8 blocks",
            points=1.0,
            cases=_stacks,
            example=(np.array([[[0.0, 1.0], [0.0, 0.0]]]), np.array([3.0, 4.0])),
            look_at="One block: is ∂ℒ/∂x_0 = δ + Jᵀδ = (3, 7)?",
        ),
    ),
    hints=(
        "What is the Jacobian of x + F(x)?",
        "δ_{l−1} = δ_l + J_lᵀ δ_l, from the last block to the first.",
        "Collect the norms on the way back, and reverse the list at the end.",
    ),
)
