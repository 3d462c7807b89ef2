"""Lessons 06 and 07: what does not learn, with five times the steps, and beside it what does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse.experiments.common import Array
from gradcourse.support import spread

if TYPE_CHECKING:
    import torch
    from torch import nn

SEEDS = range(5)


@dataclass(frozen=True)
class Budget:
    """A network and the steps that its lesson gives it.

    Attributes
    ----------
    steps : int
        Of the lesson.
    build : callable
        From a seed to a network.
    rate : float
    batch : int
        Images in a batch.
    adam : bool
        Adam in place of plain gradient descent.
    times : int
        How many times the steps it is trained: 5 for what does not learn, 1 for its control.
    """

    steps: int
    build: Callable[[int], nn.Module]
    rate: float = 0.1
    batch: int = 64
    adam: bool = False
    times: int = 5


def _sigmoids(norm: str) -> Callable[[int], nn.Module]:
    def build(seed: int) -> nn.Module:
        from gradcourse.nets import mlp, normalized_mlp

        if norm == "none":
            return mlp(30, seed=seed)
        return normalized_mlp(30, 64, "sigmoid", norm, init="xavier", seed=seed)

    return build


def _normalized(depth: int, norm: str = "batch") -> Callable[[int], nn.Module]:
    def build(seed: int) -> nn.Module:
        from gradcourse.nets import normalized_mlp

        return normalized_mlp(depth, norm=norm, seed=seed)

    return build


def _four_sigmoids(seed: int) -> nn.Module:
    from gradcourse.nets import mlp

    return mlp(4, seed=seed)


def _hundredfold(seed: int) -> nn.Module:
    """Four batch-normed layers, their matrices 100 times as large."""
    import torch

    net = _normalized(4)(seed)
    with torch.no_grad():
        for name, module in net.named_children():
            if name.startswith("layer"):
                module.weight.mul_(100.0)  # type: ignore[operator]
    return net


def _residual(skip: bool) -> Callable[[int], nn.Module]:
    def build(seed: int) -> nn.Module:
        from gradcourse.nets import residual_mlp

        return residual_mlp(27, order="post", norm="batch", skip=skip, seed=seed)

    return build


def _plain_layers(start: str) -> Callable[[int], nn.Module]:
    def build(seed: int) -> nn.Module:
        from gradcourse.nets import mlp, near_identity_

        net = mlp(56, activation="relu", init="he", seed=seed)
        return near_identity_(net, 0.02, seed=seed) if start == "near I" else net

    return build


def _convolutions(skip: bool) -> Callable[[int], nn.Module]:
    def build(seed: int) -> nn.Module:
        from gradcourse.nets import residual_cnn

        return residual_cnn(9, 4, skip=skip, seed=seed)

    return build


def _behind_each_sum(factor: float) -> Callable[[int], nn.Module]:
    def build(seed: int) -> nn.Module:
        from torch import nn

        from gradcourse.nets import residual_mlp

        class Factor(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return factor * x

        net = residual_mlp(27, norm="batch", seed=seed)
        for number in range(1, 28):
            net[number].after = Factor()
        return net

    return build


BUDGETS = {
    "30 sigmoid layers, plain": Budget(200, _sigmoids("none")),
    "30 sigmoid layers, layer norm": Budget(200, _sigmoids("layer")),
    "30 sigmoid layers, RMS norm": Budget(200, _sigmoids("rms")),
    "30 sigmoid layers, batch norm": Budget(200, _sigmoids("batch"), times=1),
    "4 sigmoid layers, plain": Budget(300, _four_sigmoids),
    "batches of 2, batch norm": Budget(200, _normalized(4), 0.05, batch=2),
    "batches of 2, layer norm": Budget(200, _normalized(4, "layer"), 0.05, batch=2, times=1),
    "hidden weights × 100": Budget(300, _hundredfold),
    "56 ReLU layers": Budget(80, _normalized(56)),
    "10 ReLU layers": Budget(80, _normalized(10), times=1),
    "56 ReLU layers, rate 0.01": Budget(160, _normalized(56), 0.01),
    "10 ReLU layers, rate 0.01": Budget(160, _normalized(10), 0.01, times=1),
    "56 ReLU layers, Adam": Budget(100, _normalized(56), 0.001, adam=True),
    "10 ReLU layers, Adam": Budget(100, _normalized(10), 0.001, adam=True, times=1),
    "56 ReLU layers, layer norm": Budget(75, _normalized(56, "layer")),
    "10 ReLU layers, layer norm": Budget(75, _normalized(10, "layer"), times=1),
    "56 layers, plain": Budget(50, _residual(False)),
    "56 layers, residual": Budget(50, _residual(True), times=1),
    "56 layers, no norm, He": Budget(150, _plain_layers("He"), 0.02),
    "56 layers, no norm, near I": Budget(150, _plain_layers("near I"), 0.02, times=1),
    "convolutions, plain": Budget(30, _convolutions(False)),
    "convolutions, residual": Budget(30, _convolutions(True), times=1),
    "½ behind each sum": Budget(30, _behind_each_sum(0.5)),
    "nothing behind the sums": Budget(30, _behind_each_sum(1.0), times=1),
}
"""Each that does not learn, and after it its control."""

ITEMS = tuple((kind, seed) for kind in BUDGETS for seed in SEEDS)


def trained_on(kind: str, seed: int) -> dict[str, Any]:
    """Train one network; what it gets right after the lesson's steps and at the end.

    Returns
    -------
    dict
        ``right`` and ``right at last``: shares of the training digits, 0 where the loss is NaN.
    """
    import torch

    from gradcourse.data import digits
    from gradcourse.training import train

    budget = BUDGETS[kind]

    def adam(parameters: Any) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=budget.rate, fused=True)

    chosen = {"optimizer": adam} if budget.adam else {}
    run = train(
        budget.build(seed),
        digits(),
        steps=budget.times * budget.steps,
        lr=budget.rate,
        batch=budget.batch,
        seed=seed,
        every=budget.steps,
        **chosen,  # type: ignore[arg-type]
    )
    right = np.nan_to_num(run.train_accuracy)
    reached = right[1] if len(right) > 1 and run.steps[1] == budget.steps else 0.0
    return {
        "kind": kind,
        "seed": seed,
        "right": float(reached),
        "right at last": 0.0 if run.stopped else float(right[-1]),
    }


Rows = Sequence[Mapping[str, Any]]
"""As they are stored."""


def right(rows: Rows, kind: str, *, at_last: bool = False) -> Array:
    """Shares of training digits, after the lesson's steps or after five times as many; (seeds,)."""
    key = "right at last" if at_last else "right"
    return np.array([row[key] for row in rows if row["kind"] == kind])


def told(rows: Rows, *kinds: str) -> str:
    """Two lines for each kind that does not learn and one for a control, as a lesson prints it."""
    lines = []
    for kind in kinds:
        budget = BUDGETS[kind]
        lines.append(f"{kind:30} {budget.steps:4} steps: {spread(right(rows, kind))}")
        if budget.times > 1:
            steps = budget.times * budget.steps
            lines.append(f"{'':30} {steps:4} steps: {spread(right(rows, kind, at_last=True))}")
    return "\n".join(lines)
