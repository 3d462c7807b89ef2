"""Lesson 02: eight sigmoid layers under plain gradient descent and under Adam, for long."""

from __future__ import annotations

from typing import Any, NamedTuple

from gradcourse.experiments.common import digits


class Setting(NamedTuple):
    """How a network is built and trained.

    Attributes
    ----------
    depth : int
        Hidden sigmoid layers of 64 units.
    gain : float
        Multiplies Glorot's weights.
    optimizer : {"sgd", "adam"}
    rate : float
        The learning rate.
    steps : int
        In all.
    """

    depth: int
    gain: float
    optimizer: str
    rate: float
    steps: int


SETTINGS: dict[str, Setting] = {
    "SGD 0.5": Setting(8, 1.0, "sgd", 0.5, 20_000),
    "SGD 5": Setting(8, 1.0, "sgd", 5.0, 5000),
    "Adam 0.001": Setting(8, 1.0, "adam", 1e-3, 5000),
    "Adam 0.003": Setting(8, 1.0, "adam", 3e-3, 5000),
    "Adam 0.003, 2 layers": Setting(2, 1.0, "adam", 3e-3, 5000),
    "Adam 0.003, gain 4": Setting(8, 4.0, "adam", 3e-3, 5000),
    "SGD 0.5, gain 4": Setting(8, 4.0, "sgd", 0.5, 5000),
    "Adam 0.003, 16 layers": Setting(16, 1.0, "adam", 3e-3, 5000),
    "Adam 0.003, 16 layers, gain 4": Setting(16, 4.0, "adam", 3e-3, 1000),
}
"""Eight layers under four optimizers, three controls, and sixteen layers with a control."""

LOOKS = (100, 1000, 3000, 5000, 20_000)
"""Updates after which a run is looked at."""

ITEMS = tuple((kind, seed) for kind in SETTINGS for seed in range(5))


def trained_at(setting: Setting, seed: int, looks: tuple[int, ...] = LOOKS) -> dict[str, Any]:
    """Train one network on batches of 64 digits, and look at it now and then.

    Returns
    -------
    dict
        For each look, as a string, ``loss`` (mean of the last 100 batches), ``right`` (share of
        test digits) and ``moved`` (‖W_t − W_0‖/‖W_0‖ by layer, the output last).
    """
    import torch

    from gradcourse.nets import mlp
    from gradcourse.training import accuracy

    data = digits()
    model = mlp(setting.depth, activation="sigmoid", gain=setting.gain, seed=seed)
    start = [p.detach().clone() for p in model.parameters() if p.dim() > 1]
    optimizers = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
    optimizer = optimizers[setting.optimizer](model.parameters(), lr=setting.rate)
    generator = torch.Generator().manual_seed(seed)
    row: dict[str, Any] = {}
    losses: list[torch.Tensor] = []
    for step in range(1, min(setting.steps, max(looks)) + 1):
        rows = torch.randint(len(data.x_train), (64,), generator=generator)
        loss = torch.nn.functional.cross_entropy(model(data.x_train[rows]), data.y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
        if step in looks:
            weights = [p.detach() for p in model.parameters() if p.dim() > 1]
            moved = [float((w - s).norm() / s.norm()) for w, s in zip(weights, start, strict=True)]
            row[str(step)] = {
                "loss": round(float(torch.stack(losses[-100:]).mean()), 5),
                "right": round(accuracy(model, data.x_test, data.y_test), 5),
                "moved": [float(f"{value:.3g}") for value in moved],
            }
    return row


def measure(kind: str, seed: int) -> dict[str, Any]:
    """One row of what is stored."""
    return {"kind": kind, "seed": seed, "at": trained_at(SETTINGS[kind], seed)}
