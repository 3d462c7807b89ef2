"""Lesson 04: what a ReLU lets through, what its kin let through, and how units die."""

from __future__ import annotations

import copy
import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.experiments.common import (
    Array,
    accuracy,
    cross_entropy,
    digits,
    first_to_last,
    median,
    through_layers,
    unit_draws,
)

if TYPE_CHECKING:
    import torch
    from torch import nn

DEPTH = 20
WIDTH = 128
TUNED_DEPTH, TUNED_GAIN = 50, 1.3

# ---------------------------------------------------------------- layer by layer


def through_leaky_layers(
    leak: float, gain: float, *, depth: int = DEPTH, seed: int = 0
) -> tuple[Array, Array]:
    """Sizes of z and of δ in each layer of a random leaky ReLU network.

    Weights are Gaussian with standard deviation gain/√128, inputs and the last δ Gaussian,
    biases 0.

    Parameters
    ----------
    leak : float
        Slope for z < 0: 0 is ReLU, 1 is linear, −1 is the absolute value.
    gain : float
        σ_w.

    Returns
    -------
    forward : numpy.ndarray, shape (depth,)
        Root mean square of z, relative to layer 1.
    backward : numpy.ndarray, shape (depth,)
        Root mean square of δ, relative to the last layer.
    """

    def layer(z: Array) -> tuple[Array, Array]:
        slope = np.where(z > 0, 1.0, leak)
        return z * slope, slope

    forward, backward = through_layers(unit_draws(depth, WIDTH, seed), layer, gain)
    return forward / forward[0], backward / backward[-1]


def factor_by_theory(leak: float, gain: float) -> float:
    """σ_w √((1 + a²)/2): the factor on z and on δ per layer."""
    return gain * math.sqrt((1 + leak**2) / 2)


def first_delta(leak: float = 0.0, depth: int = DEPTH) -> float:
    """Size of δ in layer 1 relative to the last layer at σ_w = 1, median over five networks."""
    return median(
        lambda seed: first_to_last(through_leaky_layers(leak, 1.0, depth=depth, seed=seed)[1])
    )


def end_to_end(seed: int, leak: float) -> float:
    """δ in layer 1 relative to layer 50, weights of σ_w = 1.3."""
    _, delta = through_leaky_layers(leak, TUNED_GAIN, depth=TUNED_DEPTH, seed=seed)
    return first_to_last(delta)


# ---------------------------------------------------------------- units that die

RATE = 0.05
"""The learning rate that suits the lesson's ReLU networks."""

ACCIDENT = 1000 * RATE
"""The learning rate of the one step that goes wrong."""

ALARM = 0.9
"""A layer is called dead when more than this share of its units is silent on all data."""
SILENT, SHRINK = 0.75, 0.1


def _layer_1(seed: int) -> tuple[nn.Sequential, list[torch.Tensor]]:
    """A ReLU network with two hidden layers, and the gradient of layer 1's weight and bias."""
    import torch

    from gradcourse.nets import mlp

    net = mlp(2, activation="relu", init="he", seed=seed)
    return net, list(torch.autograd.grad(cross_entropy(net), list(net[0].parameters())))


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

    h, dead = digits().x_train, []
    with torch.no_grad():
        for module in list(net)[:-1]:
            if not isinstance(module, torch.nn.Linear):
                dead.append(int((h <= 0).all(0).sum()))
            h = module(h)
    return dead


@cache
def one_step(seed: int = 0) -> tuple[Array, Array]:
    """z of layer 1 before the step, and by how much a step with η = 1 lowers it, (1438, 64)."""
    import torch

    net, (weight, bias) = _layer_1(seed)
    x = digits().x_train
    with torch.no_grad():
        return net[0](x).double().numpy(), (x @ weight.T + bias).double().numpy()


# ---------------------------------------------------------------- the same zeros


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
    return copy.deepcopy(prepared(kind, seed))  # whoever gets it may train it


@cache
def prepared(kind: str, seed: int) -> nn.Sequential:
    from gradcourse.nets import mlp, scaled, with_zeros

    net, x = mlp(4, activation="relu", init="he", seed=seed), digits().x_train
    if kind == "dead":
        return with_zeros(net, x, [2 / 3, 2 / 3, 2 / 3, 1.0])
    healthy = with_zeros(net, x, SILENT)
    return scaled(healthy, SHRINK) if kind == "vanished" else healthy


def sizes_and_zeros(net: nn.Sequential) -> tuple[Array, float]:
    """Root mean square output of each ReLU layer on all digits, and the share of zeros."""
    import torch

    h, sizes, zeros = digits().x_train, [], []
    with torch.no_grad():
        for module in list(net)[:-1]:
            h = module(h)
            if isinstance(module, torch.nn.ReLU):
                sizes.append(float(h.square().mean().sqrt()))
                zeros.append(float((h == 0).float().mean()))
    return np.array(sizes), float(np.mean(zeros))


def accuracy_after(kind: str, seed: int = 0, steps: int = 300) -> float:
    """Test accuracy of one of the three networks with 75 % zeros, after training."""
    return accuracy(same_zeros(kind, seed), steps, RATE, seed=seed)


def accuracy_with_cure(kind: str, cure: str, seed: int = 0, steps: int = 300) -> float:
    """Test accuracy of one of the networks with 75 % zeros after a cure and training.

    Parameters
    ----------
    kind : str
        As for `same_zeros`.
    cure : {"leak", "weights", "biases", "rate"}
        A leak of 0.1, weights ten times larger, biases 0, or a rate ten times larger.
    seed, steps : int
    """
    import torch
    from torch import nn

    from gradcourse.nets import scaled, with_activation

    net = same_zeros(kind, seed)
    if cure == "leak":
        net = with_activation(net, lambda: nn.LeakyReLU(0.1))
    if cure == "weights":
        net = scaled(net, 10.0)
    if cure == "biases":
        for name, parameter in net.named_parameters():
            if name.endswith("bias"):
                torch.nn.init.zeros_(parameter)
    return accuracy(net, steps, 10 * RATE if cure == "rate" else RATE, seed=seed)
