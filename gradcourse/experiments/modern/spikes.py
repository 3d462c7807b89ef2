"""Lesson 12: one enormous gradient, and what Muon's memory makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse.experiments.clipping import ACCIDENT_AT, ACCIDENT_SIZE
from gradcourse.experiments.common import digits

if TYPE_CHECKING:
    import torch

MOMENTUM = 0.95
RATE = 0.02
UPDATES, EVERY = 300, 10
NONE, ACCIDENT, CLIPPED, EMPTIED = "no accident", "accident", "clipped", "emptied"
ITEMS = tuple((kind, seed) for kind in (NONE, ACCIDENT, CLIPPED, EMPTIED) for seed in range(5))


class Muon:
    """torch's own Muon on the matrices, and plain descent on the biases.

    Muon steps along the nearest orthogonal matrix to its momentum (Jordan et al. 2024), so that
    every step is equally long, whatever the gradient.
    """

    def __init__(self, parameters: Any) -> None:
        import torch

        every = list(parameters)
        matrices = [p for p in every if p.dim() == 2]
        self.muon = torch.optim.Muon(matrices, lr=RATE, momentum=MOMENTUM, weight_decay=0.0)
        self.plain = torch.optim.SGD([p for p in every if p.dim() != 2], lr=1e-3)

    def zero_grad(self) -> None:
        """Clear all gradients."""
        self.muon.zero_grad()
        self.plain.zero_grad()

    def step(self) -> None:
        """Update all parameters."""
        self.muon.step()
        self.plain.step()

    def memories(self) -> list[torch.Tensor]:
        """The running mean of the gradients of each matrix."""
        return [state["momentum_buffer"] for state in self.muon.state.values()]


def accident(kind: str, seed: int, updates: int = UPDATES) -> dict[str, Any]:
    """Eight ReLU layers on the digits with Muon; in update 20 the gradient is 10⁴ times itself.

    Parameters
    ----------
    kind : {"no accident", "accident", "clipped", "emptied"}
        "clipped": to norm 1, in that update only; "emptied": the memory, in the one after.
    seed, updates : int

    Returns
    -------
    dict
        ``right``: share of the test digits before update 1, 11, 21, …; ``returned``: updates after
        the accident until what it put into Muon's memory is outweighed by the rest, by norm over
        all matrices; None where it never weighed more, or to the end.
    """
    from gradcourse.instrument import clip_grad_norm_
    from gradcourse.nets import mlp
    from gradcourse.training import train

    optimizers: list[Muon] = []
    spikes: list[torch.Tensor] = []
    count = 0
    norms: list[tuple[float, float]] = []

    def muon(parameters: Any) -> Muon:
        optimizers.append(Muon(parameters))
        return optimizers[0]

    def hook(parameters: list[torch.Tensor]) -> None:
        nonlocal count
        count += 1
        if count > ACCIDENT_AT:
            norms.append(_parts(optimizers[0].memories(), spikes, count - ACCIDENT_AT - 1))
        if count == ACCIDENT_AT and kind != NONE:
            for p in parameters:
                p.grad *= ACCIDENT_SIZE  # type: ignore[operator,assignment]
            if kind == CLIPPED:
                clip_grad_norm_(parameters, 1.0)
            spikes.extend(p.grad.clone() for p in parameters if p.dim() == 2)  # type: ignore[union-attr]
        if count == ACCIDENT_AT + 1 and kind == EMPTIED:
            for memory in optimizers[0].memories():
                memory.zero_()

    net = mlp(8, activation="relu", init="he", seed=seed)
    run = train(
        net,
        digits(),
        steps=updates,
        lr=RATE,
        seed=seed,
        every=EVERY,
        optimizer=muon,
        before_update=hook,  # type: ignore[arg-type]
    )
    spike, rest = np.array(norms).T
    lighter = np.flatnonzero(rest > spike)
    return {
        "kind": kind,
        "seed": seed,
        "right": [float(share) for share in run.test_accuracy],
        "returned": int(lighter[0]) if len(lighter) and lighter[0] else None,
    }


def _parts(
    memories: list[torch.Tensor], spikes: list[torch.Tensor], later: int
) -> tuple[float, float]:
    """Norm of what the accident put into a memory, and of the rest of it, ``later`` updates on."""
    if not spikes:
        return 0.0, float(sum(m.double().square().sum() for m in memories)) ** 0.5
    share = (1 - MOMENTUM) * MOMENTUM**later
    mine = [share * s.double() for s in spikes]
    rest = [m.double() - s for m, s in zip(memories, mine, strict=True)]
    return tuple(float(sum(p.square().sum() for p in part)) ** 0.5 for part in (mine, rest))
