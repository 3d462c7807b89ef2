"""Lesson 09: delayed recall with clipping, with Pascanu's Ω, and from an orthogonal start."""

from __future__ import annotations

from functools import partial
from typing import Any

KINDS: dict[str, dict[str, Any]] = {
    "start": {},
    "omega": {"weight": 1.0},
    "orthogonal": {"init": "orthogonal"},
    "start, clipped at 0.1": {"c": 0.1},
    "orthogonal, clipped at 0.1": {"c": 0.1, "init": "orthogonal"},
    "start, 1000 updates": {"updates": 1000},
    "start, clipped at 0.1, 1000 updates": {"c": 0.1, "updates": 1000},
}
"""What differs from torch's start, no Ω, clipped at 1, 200 updates."""


def recall(
    seed: int, weight: float = 0.0, c: float = 1.0, init: str = "default", updates: int = 200
) -> dict[str, Any]:
    """Recall a symbol after 20 silent steps: tanh, 32 units, gradient descent at 0.1.

    Parameters
    ----------
    seed : int
    weight : float
        Of Pascanu's Ω.
    c : float
        Threshold of clipping.
    init : str
        The start of W, as `gradcourse.nets.recurrent` has it.
    updates : int

    Returns
    -------
    dict
        ``right``: test accuracy; ``gradient``: ‖∂ℒ/∂h_t‖ by lag, relative to lag 0, 21 numbers;
        ``norm``: σ_max(W).
    """
    import torch

    from gradcourse.data import delayed_recall
    from gradcourse.instrument import clip_grad_norm_, lag_gradient
    from gradcourse.nets import recurrent
    from gradcourse.training import accuracy, pascanu_omega

    data = delayed_recall(20, noise=0.0, train=2000, test=500, seed=seed)
    net = recurrent("rnn", 3, 32, 2, init=init, seed=seed)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    generator = torch.Generator().manual_seed(seed)
    for rows in torch.randint(2000, (updates, 64), generator=generator):
        x = data.x_train[rows]
        loss = partial(torch.nn.functional.cross_entropy, target=data.y_train[rows])
        optimizer.zero_grad()
        loss(net(x)).backward()
        if weight:
            (weight * pascanu_omega(net, x, loss)).backward()
        clip_grad_norm_(net.parameters(), c)
        optimizer.step()
    (norms,) = lag_gradient(net, x, loss).values()
    weights: Any = net.rnn.weight_hh_l0
    return {
        "right": accuracy(net, data.x_test, data.y_test),
        "gradient": [float(norm) for norm in norms[::-1] / norms[-1]],
        "norm": float(torch.linalg.matrix_norm(weights.detach(), 2)),
    }


def recall_row(kind: str, seed: int) -> dict[str, Any]:
    """One stored run."""
    return {"kind": kind, "seed": seed, **recall(seed, **KINDS[kind])}


ITEMS = tuple((kind, seed) for kind in KINDS for seed in range(5))
