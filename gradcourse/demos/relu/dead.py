"""Units that die, and the three networks that have the same share of zeros."""

from __future__ import annotations

import copy
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.figures import Axis, Demo, Knob, Line, Plot

if TYPE_CHECKING:
    import torch
    from torch import nn

    from gradcourse.data import Digits

RATE = 0.05
"""The learning rate that suits the lesson's ReLU networks."""

ACCIDENT = 1000 * RATE
"""The learning rate of the one step that goes wrong."""

ALARM = 0.9
"""A layer is called dead when more than this share of its units is silent on all data."""


@cache
def _digits() -> Digits:
    from gradcourse.data import digits

    return digits()


def _layer_1(seed: int) -> tuple[nn.Sequential, list[torch.Tensor]]:
    """A ReLU network with two hidden layers, and the gradient of layer 1's weight and bias."""
    import torch

    from gradcourse.nets import mlp

    data = _digits()
    net = mlp(2, activation="relu", init="he", seed=seed)
    loss = torch.nn.functional.cross_entropy(net(data.x_train), data.y_train)
    return net, list(torch.autograd.grad(loss, list(net[0].parameters())))


def after_accident(seed: int = 0, rate: float = ACCIDENT) -> nn.Sequential:
    """A ReLU network whose first layer took one step of gradient descent at a large rate."""
    import torch

    net, gradients = _layer_1(seed)
    with torch.no_grad():
        for parameter, gradient in zip(net[0].parameters(), gradients, strict=True):
            parameter.sub_(gradient, alpha=rate)
    return net


def dead_units(net: nn.Sequential) -> list[int]:
    """How many units of each hidden layer have z ≤ 0 for every training digit."""
    import torch

    h, dead = _digits().x_train, []
    with torch.no_grad():
        for module in list(net)[:-1]:
            if not isinstance(module, torch.nn.Linear):
                dead.append(int((h <= 0).all(0).sum()))
            h = module(h)
    return dead


@cache
def _one_step(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """z of layer 1 before the step, and by how much a step with η = 1 lowers it, (1438, 64)."""
    import torch

    net, (weight, bias) = _layer_1(seed)
    x = _digits().x_train
    with torch.no_grad():
        return net[0](x).double().numpy(), (x @ weight.T + bias).double().numpy()


def draw_large_step(rate: float) -> Plot:
    """Highest and lowest z of each of 64 units over all digits, after one step."""
    z, fall = _one_step()
    after = z - rate * fall
    after /= np.sqrt(np.mean(after**2))
    order = np.argsort(after.max(axis=0))
    highest, lowest = after.max(axis=0)[order], after.min(axis=0)[order]
    unit = np.arange(1, 65)
    dead = int((highest <= 0).sum())
    return Plot(
        title=f"After one step with η = {rate:.2g}: {dead} of 64 units are dead",
        x=Axis("unit (layer 1, sorted by highest z)", limits=(0.0, 65.0)),
        y=Axis("z over all 1438 digits (rms of all z = 1)", limits=(-6.0, 6.0)),
        lines=(
            Line(unit, highest, "its highest z", "measured", "relu"),
            Line(unit, lowest, "its lowest z", "measured", "grey"),
            Line([0.0, 65.0], [0.0, 0.0], "below: silent", "reference", "grey"),
        ),
    )


LARGE_STEP = Demo(
    id="relu/large-step",
    title="One step of gradient descent, and who survives",
    knobs=(Knob("rate", "learning rate η of the step", -1.3, 1.7, 0.05, -1.3, log=True),),
    draw=draw_large_step,
)

# ---------------------------------------------------------------- the same zeros

SILENT = 0.75
SHRINK = 0.1


def same_zeros(kind: str, seed: int = 0) -> nn.Sequential:
    """One of three ReLU networks with 4 hidden layers in which 75 % of the outputs are 0.

    Parameters
    ----------
    kind : str
        - "healthy": each unit is silent on 75 % of the digits
        - "vanished": the same network, layer l scaled by 0.1ˡ; the same entries are 0
        - "dead": units of layers 1 to 3 are silent on two thirds, those of layer 4 on all
    seed : int
    """
    return copy.deepcopy(_prepared(kind, seed))  # whoever gets it may train it


@cache
def _prepared(kind: str, seed: int) -> nn.Sequential:
    from gradcourse.nets import mlp, scaled, with_zeros

    net, x = mlp(4, activation="relu", init="he", seed=seed), _digits().x_train
    if kind == "dead":
        return with_zeros(net, x, [2 / 3, 2 / 3, 2 / 3, 1.0])
    healthy = with_zeros(net, x, SILENT)
    return scaled(healthy, SHRINK) if kind == "vanished" else healthy


def sizes_and_zeros(net: nn.Sequential) -> tuple[np.ndarray, float]:
    """Root mean square output of each ReLU layer on all digits, and the share of zeros."""
    import torch

    h, sizes, zeros = _digits().x_train, [], []
    with torch.no_grad():
        for module in list(net)[:-1]:
            h = module(h)
            if isinstance(module, torch.nn.ReLU):
                sizes.append(float(h.square().mean().sqrt()))
                zeros.append(float((h == 0).float().mean()))
    return np.array(sizes), float(np.mean(zeros))


def draw_same_zeros(factor: float) -> Plot:
    """Size of the outputs by layer, when layer l is scaled by a factor to the power l."""
    from gradcourse.nets import scaled

    layers = np.arange(1.0, 5.0)
    sizes, zeros = sizes_and_zeros(scaled(_prepared("healthy", 0), factor))
    dead, dead_zeros = sizes_and_zeros(_prepared("dead", 0))
    return Plot(
        title=f"Weights × {factor:.2g}: {zeros:.0%} zeros. Layer 4 dead: {dead_zeros:.0%} zeros",
        x=Axis("layer (1 is nearest the input)", limits=(0.8, 4.2)),
        y=Axis("size of the layer's output", "log", (1e-8, 100.0)),
        lines=(
            Line(layers, sizes, "scaled network", "measured", "relu"),
            Line(layers, factor**layers, "scaled network, theory", "theory", "relu"),
            Line(layers, dead, "network with layer 4 dead", "measured", "vermillion"),
        ),
    )


SAME_ZEROS = Demo(
    id="relu/same-zeros",
    title="What a count of zeros does not see",
    knobs=(Knob("factor", "factor on the weights", -2.0, 0.0, 0.05, 0.0, log=True),),
    draw=draw_same_zeros,
)
