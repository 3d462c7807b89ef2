"""Lesson 02: slopes of σ and tanh, what they do to a deep network, and to its output."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from gradcourse import theory
from gradcourse.experiments.common import (
    SEEDS,
    Array,
    cross_entropy,
    digits,
    first_to_last,
    layer_of,
    through_layers,
    through_layers_theory,
    trained,
    unit_draws,
    weights_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn

DEEP = 8
STEPS = 1000
LEARNING_RATE = 0.5

# ---------------------------------------------------------------- random layers


def random_delta(
    activation: str, gain: float, *, depth: int = 20, width: int = 100, seed: int = 0
) -> Array:
    """Root mean square of δ in each layer of a random network, relative to the last layer.

    Weights are Gaussian with standard deviation gain/√width, inputs Gaussian, biases 0.

    Returns
    -------
    numpy.ndarray, shape (depth,), float64
        The last entry is 1.
    """
    _, delta = through_layers(unit_draws(depth, width, seed), layer_of(activation), gain)
    return delta / delta[-1]


def delta_theory(activation: str, gain: float, *, depth: int = 20) -> Array:
    """The same from mean-field theory."""
    return through_layers_theory(activation, gain, depth=depth)[1]


def end_to_end(seed: int, gain: float) -> float:
    """Size of δ in layer 1 relative to layer 20, sigmoid."""
    return first_to_last(random_delta("sigmoid", gain, seed=seed))


# ---------------------------------------------------------------- a deep network on digits


def deep_net(gain: float = 1.0, seed: int = 0, depth: int = DEEP) -> nn.Sequential:
    """The lesson's network: sigmoid layers of 64 units, Glorot's initialization times a gain."""
    from gradcourse.nets import mlp

    return mlp(depth, width=64, activation="sigmoid", gain=gain, seed=seed)


def relative_change(depth: int, seed: int = 0, steps: int = STEPS) -> tuple[Array, float]:
    """Train on digits; return ‖W_t − W_0‖/‖W_0‖ of each layer, and the test accuracy."""
    history = trained(deep_net(seed=seed, depth=depth), steps, LEARNING_RATE, seed=seed)
    return history.relative_change[-1], float(history.test_accuracy[-1])


def gradient_histogram(gain: float, exponents: Array) -> tuple[Array, Array]:
    """Where |∂ℒ/∂W| of each layer lies on a log₂ axis, before training.

    Returns
    -------
    shares : numpy.ndarray, shape (9, exponents)
        Percentage of the layer's entries; NaN where there are none.
    sizes : numpy.ndarray, shape (9,)
        Root mean square of the layer's entries.
    """
    from gradcourse.instrument import log2_histogram

    model = deep_net(gain=gain)
    cross_entropy(model, 64).backward()
    weights = weights_of(model)
    shares, sizes = np.full((len(weights), len(exponents)), np.nan), []
    for row, weight in zip(shares, weights, strict=True):
        assert weight.grad is not None
        sizes.append(float(weight.grad.double().square().mean().sqrt()))
        histogram = log2_histogram(weight.grad)
        for exponent, count in zip(histogram.exponents, histogram.counts, strict=True):
            if count and exponents[0] <= exponent <= exponents[-1]:
                row[exponent - exponents[0]] = 100.0 * count / histogram.total
    return shares, np.array(sizes)


def two_ways(gain: float, seed: int = 0, images: int = 256) -> tuple[Array, Array]:
    """Spread of the images in each layer, and size of δ in each layer.

    Returns
    -------
    spread : numpy.ndarray, shape (8,)
        Root mean square over units of the standard deviation of z over images.
    delta : numpy.ndarray, shape (8,)
        Root mean square of ∂ℒ/∂z over images and units.
    """
    import torch

    data = digits()
    h = data.x_train[:images].double()
    pre_activations = []
    for module in deep_net(gain, seed).double():
        h = module(h)
        if isinstance(module, torch.nn.Linear):
            h.retain_grad()
            pre_activations.append(h)
    torch.nn.functional.cross_entropy(h, data.y_train[:images]).backward()
    hidden = pre_activations[:-1]
    spread = [float(z.detach().var(0, correction=0).mean().sqrt()) for z in hidden]
    delta = [float(z.grad.square().mean().sqrt()) for z in hidden if z.grad is not None]
    return np.array(spread), np.array(delta)


def saturated_share(gain: float = 1.0, seeds: Iterable[int] = SEEDS) -> float:
    """Share of units of the untrained network whose slope is below 5 % of σ's largest, ¼.

    Over all training digits, mean over layers and seeds.
    """
    import torch

    shares = []
    with torch.no_grad():
        for seed in seeds:
            h = digits().x_train
            for module in deep_net(gain, seed):
                h = module(h)
                if isinstance(module, torch.nn.Sigmoid):
                    a = h.double().numpy()
                    shares.append(float(np.mean(a - a**2 < 0.05 * 0.25)))
    return float(np.mean(shares))


def readout_accuracy(seed: int = 0) -> float:
    """Share of test digits that a linear readout of the untrained layer 8 gets right.

    The activations are standardised first, each unit by its mean and standard deviation over the
    training set; the readout is the least-squares fit to one-hot targets.
    """
    import torch

    data = digits()
    hidden = deep_net(seed=seed)[:-1].double()
    with torch.no_grad():
        train, test = hidden(data.x_train.double()), hidden(data.x_test.double())
    mean, std = train.mean(0), train.std(0)
    targets = torch.nn.functional.one_hot(data.y_train, 10).double()
    fit = torch.linalg.lstsq((train - mean) / std, targets - targets.mean(0)).solution
    scores = (test - mean) / std @ fit + targets.mean(0)
    return float((scores.argmax(1) == data.y_test).double().mean())


def first_deaf_layer(seed: int, depth: int = 20, learning_rate: float = 0.1) -> int:
    """The first deaf layer of an untrained σ network, counted from the output, which is 1.

    A layer is deaf when one step of gradient descent on 64 digits leaves more than half of its
    float32 weights exactly as they were; ``depth`` + 1 if none is.
    """
    import torch

    model = deep_net(seed=seed, depth=depth)
    weights = weights_of(model)
    gradients = torch.autograd.grad(cross_entropy(model, 64), weights)
    with torch.no_grad():
        unchanged = [
            float((w - learning_rate * g == w).double().mean())
            for w, g in zip(weights, gradients, strict=True)
        ]
    deaf = [k for k, share in enumerate(reversed(unchanged), start=1) if share > 0.5]
    return deaf[0] if deaf else depth + 1


def norm_ratio_with_decay(seed: int = 0, decay: float = 5e-3) -> tuple[float, float]:
    """‖W_t‖/‖W_0‖ of layer 1 after training with weight decay, and e^(−ηλt)."""
    import torch

    model = deep_net(seed=seed)
    first = weights_of(model)[0]
    before = float(first.detach().norm())
    sgd = partial(torch.optim.SGD, lr=LEARNING_RATE, weight_decay=decay)
    trained(model, STEPS, LEARNING_RATE, seed=seed, optimizer=sgd)
    expected = float(np.exp(-LEARNING_RATE * decay * STEPS))
    return float(first.detach().norm()) / before, expected


# ---------------------------------------------------------------- the output


def output_deltas(z: Array | float) -> tuple[Array, Array]:
    """|δ| of a σ output with target 1: squared error, and cross-entropy."""
    wrong = 1.0 - theory.sigmoid(z)
    return wrong * theory.slope("sigmoid", z), wrong
