"""How large an attention logit can become: with QK-norm, and by measurement."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, NamedValue, Part, Prediction, asks
from gradcourse.experiments.transformer import largest_logits


def _unit(x, axis=-1):
    return x / np.linalg.norm(x, axis=axis, keepdims=True)


def _logits(q, k, scale):
    return scale * q @ np.swapaxes(k, -1, -2)


def qk_logits(q, k):
    """Attention logits with q and k brought to length √d first, divided by √d."""
    return _logits(_unit(q), _unit(k), np.sqrt(q.shape[-1]))


def _heads(rng):
    return [
        tuple(rng.uniform(0.5, 30.0) * rng.normal(size=(2, heads, tokens, d)))
        for heads, tokens, d in ((2, 3, 4), (1, 4, 9), (3, 2, 12))
    ]


QK_NORM = CodeExercise(
    id="transformer/qk-norm",
    title="Logits that cannot grow",
    functions=asks(
        qk_logits,
        "an array of shape (heads, T, T)",
        {
            "no norm": (
                lambda q, k: _logits(q, k, q.shape[-1] ** -0.5),
                "These are the ordinary logits: they grow with q and k. Bring both to length √d "
                "first.",
            ),
            "the division is missing": (
                lambda q, k: _logits(_unit(q), _unit(k), float(q.shape[-1])),
                "You left out the division by √d: your bound is d.",
            ),
            "cosines": (
                lambda q, k: _logits(_unit(q), _unit(k), 1.0),
                "You brought q and k to length 1, so that these are cosines: no weight can "
                "become sharp. Length √d, divided by √d, leaves a factor √d.",
            ),
            "cosines, divided again": (
                lambda q, k: _logits(_unit(q), _unit(k), q.shape[-1] ** -0.5),
                "You brought q and k to length 1 and divided by √d besides. Their length is √d.",
            ),
            "only q is normed": (
                lambda q, k: _logits(_unit(q), k, 1.0),
                "You normed q only: a long k makes a large logit all the same.",
            ),
            "normed over the tokens": (
                lambda q, k: _logits(_unit(q, axis=-2), _unit(k, axis=-2), np.sqrt(q.shape[-1])),
                "You normed over the tokens, axis −2. Each q and each k is one vector over the "
                "last axis.",
            ),
        },
    ),
    parts=(
        Part(
            title="three sets of heads, q and k of any size",
            points=1.0,
            cases=_heads,
            example=(np.array([[[3.0, 4.0], [0.0, 2.0]]]), np.array([[[6.0, 8.0], [1.0, 0.0]]])),
            look_at="The first q and the first k point the same way: their logit is √2.",
        ),
    ),
    hints=(
        "What length has q after x / ‖x‖, and what length should it have?",
        "√d · q/‖q‖ for each vector of the last axis, the same for k; then q kᵀ / √d.",
        "np.linalg.norm(q, axis=-1, keepdims=True), and np.swapaxes(k, -1, -2) for kᵀ.",
    ),
)

BOUND = Prediction(
    id="transformer/bound",
    title="The largest logit under QK-norm",
    question="Width 48, 4 heads. q and k of every head are brought to length √d, and the logit is "
    "q·k/√d. The network is trained at a rate of 0.03, which drives the logits of the plain "
    "network to a thousand. What is the largest that is met, in the median over five networks?",
    answer="largest",
    measure=lambda: float(np.median(largest_logits("loud, QK-norm"))),
    within=0.2,
    low=0.0,
    high=60.0,
    log=False,
    points=1.0,
    explain="d is the width of one head, 48/4 = 12, and √12 = 3.46. Training goes right up to it.",
    misconceptions=(
        NamedValue("the width of the stream", 48**0.5, "d is the width of one head, not of all."),
        NamedValue("no root", 12.0, "‖q‖‖k‖ = d, and the logit is that divided by √d."),
        NamedValue("cosines", 1.0, "That is the bound where q and k have length 1."),
    ),
    hints=(
        "How wide is one head?",
        "|q·k| is at most ‖q‖ ‖k‖ = √d √d.",
        "Divide d = 12 by √12.",
    ),
)
