"""Clipping by the size of the weights, unit by unit."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def _rows(A):
    return np.linalg.norm(A, axis=1, keepdims=True)  # (rows, 1)


def _within(G, allowed):
    return G * np.minimum(1.0, allowed / np.maximum(_rows(G), 1e-30))


def adaptive_clip(G, W, limit, eps):
    """Scale each row of G so that ‖G_i‖ ≤ limit · max(‖W_i‖, eps)."""
    return _within(G, limit * np.maximum(_rows(W), eps))


def _clipped(size):
    """Entry by entry, at the limit for this size of a weight."""

    def answer(G, W, limit, eps):
        allowed = limit * np.maximum(size(W), eps)
        return np.clip(G, -allowed, allowed)

    return answer


def _whole(G, W, limit, eps):
    return adaptive_clip(np.ravel(G)[None], np.ravel(W)[None], limit, eps).reshape(np.shape(G))


def _without_keepdims(G, W, limit, eps):
    allowed = limit * np.maximum(np.linalg.norm(W, axis=1), eps)
    return np.asarray(G * np.minimum(1.0, allowed / np.maximum(np.linalg.norm(G, axis=1), 1e-30)))


def _one_factor(G, W, limit, eps):
    allowed = limit * np.maximum(np.linalg.norm(W, axis=1), eps)
    return np.asarray(G * min(1.0, float((allowed / np.linalg.norm(G, axis=1)).min())))


def _layers(rng):
    made = []
    for rows, columns in ((4, 3), (5, 4), (3, 6)):
        W = rng.normal(size=(rows, columns)) * rng.uniform(0.5, 2.0, (rows, 1))
        G = rng.normal(size=(rows, columns)) * rng.uniform(0.5, 2.0, (rows, 1))
        G[0] *= 0.02
        made.append((G, W, float(rng.uniform(0.1, 0.3)), 0.05))
    return made


def _zero_rows(rng):
    made = []
    for G, W, limit, eps in _layers(rng):
        W[1] = 0.0
        made.append((G, W, limit, eps))
    return made


ADAPTIVE = CodeExercise(
    id="clipping/adaptive",
    title="Adaptive clipping",
    functions=asks(
        adaptive_clip,
        "an array with the shape of G",
        {
            "one norm for the matrix": (
                _whole,
                "You compared whole matrices. In AGC each row, one unit with its incoming "
                "weights, has its own ratio: norms along axis 1.",
            ),
            "columns instead of rows": (
                lambda G, W, limit, eps: adaptive_clip(G.T, W.T, limit, eps).T,
                "You took the norms of the columns. A unit's incoming weights are a row.",
            ),
            "small gradients are enlarged": (
                lambda G, W, limit, eps: G * limit * np.maximum(_rows(W), eps) / _rows(G),
                "You scale every row to the limit, also those below it. The factor is never "
                "above 1.",
            ),
            "weights that are 0 stay 0": (
                lambda G, W, limit, eps: adaptive_clip(G, W, limit, 0.0),
                "A unit whose weights are 0 gets the limit 0 and can never leave it. Its norm "
                "counts as at least eps.",
            ),
            "a fixed limit": (
                lambda G, W, limit, eps: _within(G, limit),
                "You compared ‖G_i‖ with the limit itself. The limit is for the ratio ‖G_i‖/‖W_i‖.",
            ),
            "eps as the smallest limit": (
                lambda G, W, limit, eps: _within(G, np.maximum(limit * _rows(W), eps)),
                "You took max(limit · ‖W_i‖, eps). eps is a floor for ‖W_i‖: the limit "
                "multiplies it, too.",
            ),
            "entry by entry": (
                _clipped(_rows),
                "You cut single entries at the row's limit, which turns the row. Scale the "
                "row by one factor, so that its norm keeps the limit.",
            ),
            "entry with entry": (
                _clipped(np.abs),
                "You compared each entry of G with the same entry of W. Compare norms: a row "
                "of G with the same row of W.",
            ),
            "keepdims forgotten": (
                _without_keepdims,
                "np.linalg.norm(G, axis=1) has shape (rows,), and numpy lines it up with the "
                "columns. keepdims=True gives it the shape (rows, 1).",
            ),
            "one factor for all rows": (
                _one_factor,
                "You scaled all rows by the smallest factor. Each row has a factor of its "
                "own; a row within its limit stays as it is.",
            ),
            "eps is added": (
                lambda G, W, limit, eps: _within(G, limit * (_rows(W) + eps)),
                "You added eps to every norm. It is a floor: max(‖W_i‖, eps).",
            ),
        },
    ),
    parts=(
        Part(
            title="3 random layers",
            points=1.0,
            cases=_layers,
            example=(
                np.array([[6.0, 8.0], [0.1, 0.0]]),
                np.array([[3.0, 4.0], [1.0, 0.0]]),
                0.2,
                0.05,
            ),
            look_at="Row 1: ‖W‖ = 5, so ‖G‖ may be 1 and is 10. Row 2 is within its limit.",
        ),
        Part(
            title="3 random layers with a unit whose weights are all 0",
            points=1.0,
            cases=_zero_rows,
            example=(np.array([[3.0, 4.0]]), np.array([[0.0, 0.0]]), 0.2, 0.05),
            look_at="‖W‖ counts as 0.05, so ‖G‖ may be 0.01.",
        ),
    ),
    hints=(
        "One ratio per unit: the norm of its gradient to the norm of its weights.",
        "allowed = limit · max(‖W_i‖, eps). The factor of row i is min(1, allowed/‖G_i‖).",
        "np.linalg.norm(…, axis=1, keepdims=True) gives one norm per row, in a shape that "
        "multiplies G. np.maximum puts the floor under ‖W_i‖, np.minimum keeps the factor at 1 "
        "or below.",
    ),
)
