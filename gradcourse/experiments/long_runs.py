"""Lessons 04 and 05: what does not learn within a budget gets five times as much."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from gradcourse.experiments.common import trained

if TYPE_CHECKING:
    import torch
    from torch import nn


class Run(NamedTuple):
    """A network by its seed, and how it is trained."""

    network: Callable[[int], nn.Module]
    steps: int
    rate: float
    options: dict[str, Any]


def momentum(parameters: Iterable[nn.Parameter]) -> torch.optim.SGD:
    """Gradient descent with momentum 0.9, at lesson 05's rate."""
    import torch

    return torch.optim.SGD(parameters, lr=0.003, momentum=0.9, fused=True)


def adam(parameters: Iterable[nn.Parameter]) -> torch.optim.Adam:
    """Adam at 0.001."""
    import torch

    return torch.optim.Adam(parameters, lr=1e-3, fused=True)


def _plain(depth: int, activation: str, **options: Any) -> Callable[[int], nn.Module]:
    def network(seed: int) -> nn.Module:
        from gradcourse.nets import mlp

        return mlp(depth, 64, activation, seed=seed, **options)

    return network


def _vanished(cure: str) -> Callable[[int], nn.Module]:
    """Lesson 04's network with 75 % zeros and a signal that falls by 10 a layer, treated."""

    def network(seed: int) -> nn.Module:
        from torch import nn

        from gradcourse.experiments.common import digits
        from gradcourse.nets import mlp, scaled, with_activation, with_zeros

        healthy = with_zeros(mlp(4, 64, "relu", init="he", seed=seed), digits().x_train, 0.75)
        net = scaled(healthy, 1.0 if cure == "weights" else 0.1)
        if cure == "leak":
            net = with_activation(net, lambda: nn.LeakyReLU(0.1))
        if cure == "biases":
            for name, parameter in net.named_parameters():
                if name.endswith("bias"):
                    nn.init.zeros_(parameter)
        return net

    return network


def _edge(sigma_w: float) -> Callable[[int], nn.Module]:
    return _plain(30, "tanh", init="lecun", gain=sigma_w, bias_std=0.3)


RUNS: dict[str, Run] = {
    "30 ReLU layers": Run(_plain(30, "relu"), 1500, 0.1, {}),
    "8 sigmoid layers": Run(_plain(8, "sigmoid"), 2000, 0.05, {}),
    "vanished": Run(_vanished("nothing"), 1500, 0.05, {}),
    "vanished, leak": Run(_vanished("leak"), 1500, 0.05, {}),
    "vanished, biases": Run(_vanished("biases"), 1500, 0.05, {}),
    "vanished, weights": Run(_vanished("weights"), 1500, 0.05, {}),
    "30 ReLU layers, Xavier": Run(_plain(30, "relu"), 1500, 0.003, {"optimizer": momentum}),
    "tanh, σ_w = 0.8": Run(_edge(0.8), 750, 0.003, {"optimizer": momentum}),
    "tanh, σ_w = 2.8": Run(_edge(2.8), 750, 0.003, {"optimizer": momentum}),
    "He × 1, Adam": Run(_plain(2, "relu", init="he"), 7500, 1e-3, {"optimizer": adam}),
    "He × 3, Adam": Run(_plain(2, "relu", init="he", gain=3.0), 7500, 1e-3, {"optimizer": adam}),
}
"""Five times the steps of the lesson's own run, and the controls beside them."""

ITEMS = tuple(
    (name, seed) for name in RUNS for seed in range(5 if name.startswith("vanished") else 2)
)


def long_run(name: str, seed: int) -> dict[str, Any]:
    """Train one network for five times the lesson's budget.

    Returns
    -------
    dict
        ``right``: share of the test digits; ``loss``: mean of the last 50 steps.
    """
    run = RUNS[name]
    history = trained(run.network(seed), run.steps, run.rate, seed=seed, **run.options)
    loss = float(history.loss[-50:].mean())
    right = 0.0 if history.stopped else float(history.test_accuracy[-1])
    return {"kind": name, "seed": seed, "right": right, "loss": loss if loss < 1e30 else None}
