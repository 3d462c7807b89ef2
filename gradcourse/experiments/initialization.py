"""Lesson 05: what the first weights do to a signal, a gradient, and the training after them."""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from gradcourse import theory
from gradcourse.experiments.common import (
    SEEDS,
    Array,
    Draws,
    accuracy,
    delta_by_layer,
    digits,
    first_to_last,
    layer_of,
    probed,
    through_layers,
    trained,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch
    from torch import nn

    from gradcourse.training import History

DEPTH = 30
LEARNING_RATE, MOMENTUM = 3e-3, 0.9

# ---------------------------------------------------------------- random layers


@cache
def normals(depth: int, width: int, rows: int, seed: int) -> Draws:
    """Standard normals in float32 that σ_w and σ_b only scale.

    Inputs have mean square 1, row by row, so every row follows the same theory.
    """
    rng = np.random.default_rng(seed)
    shapes = ((depth, width, width), (depth, width), (rows, width), (rows, width))
    draws = Draws(*(rng.standard_normal(shape, dtype=np.float32) for shape in shapes))
    inputs = draws.inputs
    inputs /= np.sqrt(np.mean(inputs**2, axis=1, keepdims=True))
    for array in draws:
        array.setflags(write=False)
    return draws


def two_ways(
    activation: str,
    sigma_w: float,
    sigma_b: float = 0.0,
    *,
    depth: int,
    width: int = 100,
    rows: int = 32,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Root mean square of z and of δ, layer by layer, in one random network.

    Weights are Gaussian with standard deviation σ_w/√width, biases with σ_b.

    Returns
    -------
    forward, backward : numpy.ndarray, shape (depth,)
        ``backward`` is relative to the last layer.
    """
    scale = np.float32(sigma_w / np.sqrt(width))
    draws = normals(depth, width, rows, seed)
    forward, backward = through_layers(draws, layer_of(activation), scale, np.float32(sigma_b))
    return forward, backward / backward[-1]


def tanh_variance(seeds: Iterable[int] = SEEDS, depth: int = 100) -> Array:
    """Variance of z by layer, tanh with σ_w = 1, mean over networks of 200 units."""
    runs = [
        two_ways("tanh", 1.0, depth=depth, width=200, rows=16, seed=seed)[0] ** 2 for seed in seeds
    ]
    return np.mean(runs, axis=0)


# ---------------------------------------------------------------- the plane of σ_w and σ_b

SIGMA_W = np.round(np.arange(0.4, 3.01, 0.1), 10)
SIGMA_B = np.round(np.arange(0.0, 1.21, 0.05), 10)


@cache
def gradient_map(seed: int = 0, width: int = 64, rows: int = 16) -> Array:
    """log₁₀ of δ in layer 1 over δ in layer 30, at each (σ_b, σ_w) of the map.

    One set of random numbers serves the whole map, so that it is smooth.

    Returns
    -------
    numpy.ndarray, shape (SIGMA_B, SIGMA_W)
    """
    weights, biases, inputs, last = normals(DEPTH, width, rows, seed)
    scale = (SIGMA_W / math.sqrt(width)).astype(np.float32)[:, None, None]
    logs = []
    for sigma_b in SIGMA_B.astype(np.float32):
        a, slopes = np.broadcast_to(inputs, (len(SIGMA_W), *inputs.shape)), []
        for w, b in zip(weights, biases, strict=True):
            a = np.tanh(scale * (a @ w.T) + sigma_b * b)
            slopes.append(1 - a * a)
        delta = last * slopes[-1]
        start = np.mean(delta.astype(np.float64) ** 2, axis=(1, 2))
        for w, slope in zip(weights[:0:-1], slopes[-2::-1], strict=True):
            delta = scale * (delta @ w) * slope
        logs.append(0.5 * np.log10(np.mean(delta.astype(np.float64) ** 2, axis=(1, 2)) / start))
    return np.array(logs)


@cache
def edge() -> tuple[Array, Array]:
    """The edge of chaos of tanh: σ_w and σ_b along it."""
    sigma_b = 1.2 * np.linspace(0.0, 1.0, 41) ** 2  # dense near 0, where the edge is steep
    return np.asarray(theory.edge_of_chaos("tanh", sigma_b)), sigma_b


def momentum(parameters: Iterable[nn.Parameter]) -> torch.optim.SGD:
    """Gradient descent with momentum 0.9 and η = 0.003."""
    import torch

    return torch.optim.SGD(parameters, lr=LEARNING_RATE, momentum=MOMENTUM, fused=True)


@lru_cache(maxsize=512)
def trained_at(sigma_w: float, sigma_b: float, seed: int = 0, steps: int = 150) -> float:
    """Train 30 tanh layers of 64 units from this point; return the share of test digits right."""
    from gradcourse.nets import mlp

    net = mlp(DEPTH, 64, "tanh", init="lecun", gain=sigma_w, bias_std=sigma_b, seed=seed)
    return accuracy(net, steps, LEARNING_RATE, seed=seed, optimizer=momentum)


TUNE_DEPTH, TUNE_BIAS, TUNE_WIDTH = 40, 0.3, 200


def end_to_end(seed: int, sigma_w: float) -> float:
    """Size of δ in layer 1 relative to layer 40, tanh, σ_b = 0.3."""
    _, delta = two_ways(
        "tanh", sigma_w, TUNE_BIAS, depth=TUNE_DEPTH, width=TUNE_WIDTH, rows=16, seed=seed
    )
    return first_to_last(delta)


# ---------------------------------------------------------------- the whole Jacobian

WIDTH, DEEPEST = 64, 50


@cache
def _gaussian(seed: int) -> Array:
    return np.random.default_rng(seed).standard_normal((DEEPEST, WIDTH, WIDTH))


@cache
def _orthogonal(seed: int) -> Array:
    q, r = np.linalg.qr(_gaussian(seed))
    return np.asarray(q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None, :])


def jacobian_factors(weights: str, activation: str, depth: int, seed: int = 0) -> list[Array]:
    """The Jacobian of each layer, diag(φ′(z)) W, at σ_w = 1 and one Gaussian input.

    ``weights`` is "gaussian" or "orthogonal". Their product, the last one leftmost, is the
    Jacobian of the network.
    """
    matrices = _orthogonal(seed) if weights == "orthogonal" else _gaussian(seed) / math.sqrt(WIDTH)
    h = np.random.default_rng([seed, 1]).standard_normal(WIDTH)
    factors = []
    for w in matrices[:depth]:
        z = w @ h
        h = np.asarray(theory.activation(activation, z))
        factors.append(np.asarray(theory.slope(activation, z))[:, None] * w)
    return factors


# ---------------------------------------------------------------- copies

CONSTANT = 0.1
STEPS, CHUNK = 800, 20


def noisy_constant(noise: float, seed: int = 0) -> nn.Sequential:
    """Two hidden tanh layers of 32 units; every weight is 0.1 plus Gaussian noise."""
    import torch

    from gradcourse.nets import constant_, mlp

    net = mlp(2, 32, "tanh")
    constant_(net, CONSTANT)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in net.parameters():
            if p.dim() > 1:
                p.add_(torch.randn(p.shape, generator=generator), alpha=noise)
    return net


def difference(weight: torch.Tensor) -> float:
    """How much the units (rows) of a matrix differ, relative to the matrix."""
    w = weight.detach().double()
    return float((w - w.mean(0)).norm() / w.norm())


@cache
def awakening(noise: float, seed: int = 0, steps: int = STEPS) -> tuple[Array, Array, float]:
    """Train; return steps, the difference between the units of layer 1, and the test accuracy."""
    net = noisy_constant(noise, seed)
    first = next(net.parameters())
    values, right = [difference(first)], 0.0
    for chunk in range(steps // CHUNK):
        right = accuracy(net, CHUNK, 0.3, seed=100 * seed + chunk)
        values.append(difference(first))
    return np.arange(0, steps + 1, CHUNK), np.array(values), right


@cache
def distinct_units(constant: float, seed: int = 0, steps: int = 300) -> int:
    """How many different units layer 1 has after training from equal weights."""
    import torch

    from gradcourse.nets import constant_, mlp

    net = mlp(2, 32, "tanh")
    constant_(net, constant)
    trained(net, steps, 0.1, seed=seed)
    return len(torch.unique(next(net.parameters()).detach().round(decimals=3), dim=0))


def half_random(start: str, seed: int) -> nn.Sequential:
    """One hidden ReLU layer of 32 units, started in one of four half-random ways.

    ``start``: hidden weights 0.1 ("first"), output weights 0.1 ("last"), both, with random biases
    ("biases"), or hidden weights 0 ("zero").
    """
    import torch

    from gradcourse.nets import mlp

    net = mlp(1, 32, "relu", seed=seed)
    first, bias, last, _ = net.parameters()
    with torch.no_grad():
        if start in ("first", "biases"):
            first.fill_(0.1)
        if start in ("last", "biases"):
            last.fill_(0.1)
        if start == "biases":
            bias.normal_(generator=torch.Generator().manual_seed(seed))
        if start == "zero":
            first.zero_()
    return net


@cache
def half_random_accuracy(start: str, seed: int, steps: int = 600) -> float:
    """Test accuracy after training from a half-random start."""
    return accuracy(half_random(start, seed), steps, 0.1, seed=seed)


# ---------------------------------------------------------------- ReLU layers, by recipe


def start_net(init: str | float, seed: int, depth: int = DEPTH) -> nn.Sequential:
    """The lesson's ReLU network: 64 units per layer, started by a recipe of the lesson.

    ``init``: what `gradcourse.nets.mlp` takes, "orthogonal" or "lsuv".
    """
    from gradcourse.nets import lsuv_, mlp, orthogonal_

    net = mlp(depth, 64, "relu", init="he" if init in ("orthogonal", "lsuv") else init, seed=seed)
    if init == "orthogonal":
        orthogonal_(net, math.sqrt(2), seed=seed)
    if init == "lsuv":
        lsuv_(net, digits().x_train[:256], seed=seed)
    return net


@cache
def trained_from(init: str | float, seed: int, steps: int = 300) -> tuple[nn.Sequential, History]:
    """30 ReLU layers after training on digits: momentum 0.9 and η = 0.003."""
    net = start_net(init, seed)
    return net, trained(net, steps, LEARNING_RATE, seed=seed, optimizer=momentum)


def late_loss(init: str | float, seed: int) -> float:
    """Mean loss of the last 50 of 300 steps; rounding alone can double that of a single run."""
    return float(trained_from(init, seed)[1].loss[-50:].mean())


def relu_growth(init: str | float, seed: int, depth: int = DEPTH) -> tuple[float, float]:
    """Size of z in the last hidden layer relative to the first, and of δ the other way."""
    record = probed(start_net(init, seed, depth))
    layers = record.select("Linear")
    z, delta = record.activation_rms[0, layers], record.output_gradient_rms[0, layers]
    return float(z[depth - 1] / z[0]), float(delta[0] / delta[depth - 1])


def default_delta(seed: int, depth: int = 10) -> float:
    """δ in layer 1 relative to the last hidden layer, ReLU, nn.Linear's own initialization."""
    from gradcourse.nets import mlp

    return first_to_last(delta_by_layer(mlp(depth, 64, "relu", init="default", seed=seed))[:depth])
