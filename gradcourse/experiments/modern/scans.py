"""Lesson 12: recurrent networks whose gates read the input only, on the adding problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

STEPS = 200
RATE, BATCH = 0.015, 32
EVERY = 20
"""Updates between two looks at the test error."""

LEFT = 0.5 / 6
"""Half of the error of the mean, as in lesson 08."""

MIN_GRU, GRU, CHRONO, RNN = "minGRU", "GRU", "LSTM, chrono", "RNN"
CAPS = {MIN_GRU: 800, GRU: 800, CHRONO: 800, RNN: 800}
"""Updates after which it is called "not within"."""

ITEMS = tuple((kind, seed) for kind in CAPS for seed in range(5))


def network(kind: str, seed: int) -> nn.Module:
    """32 units: two layers of minGRU, or one of another kind."""
    from gradcourse.nets import chrono_, recurrent
    from gradcourse.nets.min_gru import min_gru

    if kind == MIN_GRU:
        return min_gru(2, 32, 1, seed=seed)
    net = recurrent(kind.split(",")[0].lower(), 2, 32, 1, seed=seed)
    return chrono_(net, STEPS, seed) if kind == CHRONO else net


def updates_to_leave(kind: str, seed: int, cap: int | None = None) -> dict[str, Any]:
    """Train on the adding problem of 200 steps until the test error is below half of 1/6.

    Adam at one rate for all kinds, batches of 32, gradients clipped to norm 1.

    Returns
    -------
    dict
        ``updates``: a multiple of 20, or None where the cap was not enough; ``error``: the last.
    """
    import torch

    from gradcourse.data import adding_problem
    from gradcourse.instrument import clip_grad_norm_

    data, net = adding_problem(STEPS, train=4000, test=500, seed=seed), network(kind, seed)
    parameters = list(net.parameters())
    optimizer = torch.optim.Adam(parameters, lr=RATE)
    generator = torch.Generator().manual_seed(seed)
    squared = torch.nn.functional.mse_loss
    row = {"kind": kind, "seed": seed}
    error = float("nan")
    for update in range(1, (cap or CAPS[kind]) + 1):
        rows = torch.randint(len(data.x_train), (BATCH,), generator=generator)
        optimizer.zero_grad()
        squared(net(data.x_train[rows]), data.y_train[rows]).backward()
        clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        if update % EVERY == 0:
            with torch.no_grad():
                error = float(squared(net(data.x_test), data.y_test))
            if error < LEFT:
                return row | {"updates": update, "error": error}
    return row | {"updates": None, "error": error}
