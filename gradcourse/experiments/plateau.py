"""Lesson 08: how many updates it takes to leave the plateau of the adding problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradcourse.nets.recurrent import Recurrent

RATE = 0.015
BATCH = 32
CAP = 1200
"""Updates after which it is called "not within", for all kinds."""

EVERY = 20
"""Updates between two looks at the test error."""

LEFT = 0.5 / 6
"""Half of the error of the mean."""

RNN = "RNN"
GRU = "GRU"
AS_IT_COMES = "LSTM, torch's biases"
BIAS_ONE = "LSTM, forget bias 1"
CHRONO = "LSTM, chrono"
KINDS = (RNN, AS_IT_COMES, BIAS_ONE, CHRONO, GRU)


def build(kind: str, steps: int, seed: int) -> Recurrent:
    """32 units of one kind; the LSTMs have the same weights and differ in their biases."""
    from gradcourse.nets import chrono_, recurrent

    if kind == BIAS_ONE:
        return recurrent("lstm", 2, 32, 1, forget_bias=1.0, seed=seed)
    net = recurrent(kind.split(",")[0].lower(), 2, 32, 1, seed=seed)
    return chrono_(net, steps, seed) if kind == CHRONO else net  # type: ignore[return-value]


def updates_to_leave(kind: str, steps: int, seed: int) -> dict[str, Any]:
    """Train on the adding problem until the test error is below half of 1/6, or for 1200 updates.

    Adam at one rate for all kinds, batches of 32, gradients clipped to norm 1.

    Returns
    -------
    dict
        ``updates``: a multiple of 20, or None where 1200 did not do; ``error``: the last one.
    """
    import torch

    from gradcourse.data import adding_problem
    from gradcourse.instrument import clip_grad_norm_

    data, net = adding_problem(steps, train=4000, test=500, seed=seed), build(kind, steps, seed)
    parameters = list(net.parameters())
    optimizer = torch.optim.Adam(parameters, lr=RATE)
    generator = torch.Generator().manual_seed(seed)
    squared = torch.nn.functional.mse_loss
    row = {"kind": kind, "steps": steps, "seed": seed}
    error = float("nan")
    for update in range(1, CAP + 1):
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


ITEMS = (
    *((kind, 60, seed) for kind in KINDS for seed in range(5)),
    *((kind, 100, seed) for kind in KINDS[1:] for seed in range(3)),
)


def by_kind(rows: Sequence[Mapping[str, Any]], steps: int) -> dict[str, list[str]]:
    """From stored rows to what each network needed, in words, by kind."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["steps"] == steps:
            words = f"more than {CAP}" if row["updates"] is None else str(row["updates"])
            found.setdefault(row["kind"], []).append(words)
    return found


def median_updates(rows: Sequence[Mapping[str, Any]], kind: str, steps: int = 60) -> float:
    """Median of the updates that a kind needed; infinity counts for those that did not leave."""
    needed = [
        float("inf") if row["updates"] is None else float(row["updates"])
        for row in rows
        if row["kind"] == kind and row["steps"] == steps
    ]
    return median(needed)
