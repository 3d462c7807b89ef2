"""Lesson 06: one batch, its gradient, its running statistics, its noise; and depth."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse.experiments.common import (
    Array,
    accuracy,
    digits,
    factor_per_layer,
    first_to_last,
    trained,
)

if TYPE_CHECKING:
    from torch import nn

DEEP = 56

# ---------------------------------------------------------------- one unit, one batch

EPS = 1e-5


def standardised(u: Array) -> Array:
    """x̂ = (u − μ)/√(σ² + ε) over the first axis."""
    centred = u - u.mean(axis=0)
    return centred / np.sqrt(np.mean(centred**2, axis=0) + EPS)


def paths(u: Array, delta: Array) -> tuple[Array, Array, Array]:
    """∂ℒ/∂u of a batch, times √(σ² + ε): the direct path, with that of μ, with that of σ² too."""
    x = standardised(u)
    with_mean = delta - delta.mean(axis=0)
    return delta, with_mean, with_mean - x * np.mean(x * delta, axis=0)


def gradient_by_torch(u: Array, delta: Array) -> Array:
    """∂ℒ/∂u through torch's own batch norm."""
    import torch

    inputs = torch.tensor(u[:, None], requires_grad=True)
    outputs = torch.nn.functional.batch_norm(inputs, None, None, training=True, eps=EPS)
    outputs.backward(torch.tensor(delta[:, None]))
    assert inputs.grad is not None
    return inputs.grad[:, 0].numpy()


def share_of_gradient(images: int, seed: int = 0) -> float:
    """‖s ∂ℒ/∂u‖ / ‖δ‖ for random δ and real digits; 1 if there were the direct path only."""
    import torch

    data = digits()
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(data.x_train), generator=generator)[:images]
    u = network("batch", 1, seed=seed)[0](data.x_train[rows]).detach().double().requires_grad_()
    delta = torch.randn(u.shape, generator=generator, dtype=torch.float64)
    torch.nn.functional.batch_norm(u, None, None, training=True).backward(delta)
    size = (u.detach().var(0, correction=0) + EPS).sqrt()
    assert u.grad is not None
    return float((u.grad * size).norm() / delta.norm())


# ---------------------------------------------------------------- running statistics, and noise

BATCHES = 300
BATCH = 16
IMAGE_AT = 1.0
"""The x̂, among all digits, of the digit that is followed."""


@cache
def sums(seed: int = 0) -> Array:
    """u of the 64 units of a first layer, for all training digits; shape (1438, 64)."""
    from gradcourse.data import digits
    from gradcourse.nets import normalized_mlp

    layer = normalized_mlp(1, seed=seed)[0]
    return layer(digits().x_train).detach().double().numpy()


@cache
def batch_variances(seed: int = 0) -> tuple[Array, float]:
    """Unbiased variance of one unit in 300 random batches of 16, and over all digits."""
    u = sums(seed)
    unit = int(np.argmax(u.var(axis=0)))
    rng = np.random.default_rng(seed)
    drawn = [u[rng.choice(len(u), BATCH, replace=False), unit] for _ in range(BATCHES)]
    return np.array([batch.var(ddof=1) for batch in drawn]), float(u[:, unit].var())


def running(values: Array, momentum: float, start: float) -> Array:
    """running ← (1 − m)·running + m·value, from ``start``; shape (n + 1,)."""
    estimates = [start]
    for value in values:
        estimates.append((1.0 - momentum) * estimates[-1] + momentum * float(value))
    return np.array(estimates)


@cache
def followed() -> tuple[int, int, Array]:
    """The digit that is followed, the unit with the largest variance, and its x̂ of all digits."""
    u = sums()
    unit = int(np.argmax(u.var(axis=0)))
    whole = (u[:, unit] - u[:, unit].mean()) / u[:, unit].std()  # (1438,)
    return int(np.argmin(np.abs(whole - IMAGE_AT))), unit, whole


def normalized_among_strangers(size: int, draws: int = 60, seed: int = 0) -> tuple[Array, float]:
    """x̂ of one digit's unit in batches whose other images are random, and among all digits."""
    image, unit, whole = followed()
    column = sums()[:, unit]
    rng = np.random.default_rng([seed, size])
    among = []
    for _ in range(draws):
        others = rng.choice(len(column), size - 1, replace=False)
        batch = np.append(column[others], column[image])
        among.append((batch[-1] - batch.mean()) / np.sqrt(batch.var() + EPS))
    return np.array(among), float(whole[image])


# ---------------------------------------------------------------- depth


def network(
    norm: str,
    depth: int,
    activation: str = "relu",
    *,
    seed: int = 0,
    gain: float = 1.0,
    beta: float = 0.0,
) -> nn.Sequential:
    """A network with He's weights: plain ("none"), or with a normalization."""
    from gradcourse.nets import mlp, normalized_mlp

    if norm == "none":
        return mlp(depth, activation=activation, init="he", gain=gain, seed=seed)
    return normalized_mlp(depth, activation=activation, norm=norm, gain=gain, beta=beta, seed=seed)


def deltas(model: nn.Module, images: int = 128) -> Array:
    """Root mean square of ∂ℒ/∂z of each hidden layer, z being what the activation receives.

    Returns
    -------
    numpy.ndarray, shape (depth,), float64
        Layer 1 first. One batch of training digits, cross-entropy.
    """
    import torch

    data, received = digits(), []
    h = data.x_train[:images]
    modules = list(model.children())
    for module, after in zip(modules, [*modules[1:], None], strict=True):
        h = module(h)
        last_before_activation = after is not None and not list(after.parameters())
        if last_before_activation:
            h.retain_grad()
            received.append(h)
    torch.nn.functional.cross_entropy(h, data.y_train[:images]).backward()
    return np.array([float(z.grad.double().square().mean().sqrt()) for z in received])


def growth(model: nn.Module, images: int = 128) -> float:
    """Factor on δ per layer, from the last hidden layer to the first."""
    return factor_per_layer(deltas(model, images))


def layers_to_a_thousand(seed: int) -> float:
    """How many of 56 batch-normed ReLU layers δ crosses before it is 1000 times as large."""
    delta = deltas(network("batch", DEEP, seed=seed))
    logs = np.log(delta[::-1] / delta[-1])
    beyond = np.flatnonzero(logs > np.log(1000.0))
    if not len(beyond):
        return float(DEEP)
    k = int(beyond[0])
    return float(k - 1 + (np.log(1000.0) - logs[k - 1]) / (logs[k] - logs[k - 1]))


def end_to_end(seed: int, beta: float, images: int = 128) -> float:
    """Size of δ in layer 1 relative to layer 56 when every β starts there."""
    return first_to_last(deltas(network("batch", DEEP, seed=seed, beta=beta), images))


# ---------------------------------------------------------------- training


def accuracy_with_accumulation(
    norm: str, batch: int, pieces: int, seed: int = 0, updates: int = 120
) -> float:
    """Test accuracy of 4 ReLU layers when each update averages the gradients of ``pieces`` batches.

    Learning rate 0.1; the images of one update are ``batch`` times ``pieces``.
    """
    import torch

    from gradcourse.training import accuracy

    data, model = digits(), network(norm, 4, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(updates):
        optimizer.zero_grad()
        for _ in range(pieces):
            rows = torch.randperm(len(data.x_train), generator=generator)[:batch]
            loss = torch.nn.functional.cross_entropy(model(data.x_train[rows]), data.y_train[rows])
            (loss / pieces).backward()
        optimizer.step()
    return accuracy(model, data.x_test, data.y_test)


@cache
def _four_layers(seed: int) -> nn.Sequential:
    model = network("batch", 4, seed=seed)
    trained(model, 200, 0.1, seed=seed)
    return model


def accuracy_sorted(seed: int = 0, training: bool = True) -> float:
    """Test accuracy of a trained network when each batch holds one digit only."""
    import torch

    data, model = digits(), copy.deepcopy(_four_layers(seed))
    model.train(training)
    right = 0
    with torch.no_grad():
        for digit in range(10):
            mine = data.y_test == digit
            right += int((model(data.x_test[mine]).argmax(1) == digit).sum())
    return right / len(data.y_test)


def deep_sigmoids(norm: str, depth: int, seed: int, **options: Any) -> nn.Sequential:
    """Sigmoid layers of 64 units with one of the normalizations and Xavier's weights."""
    from gradcourse.nets import normalized_mlp

    return normalized_mlp(depth, 64, "sigmoid", norm, init="xavier", seed=seed, **options)


def deep_sigmoids_right(norm: str, seed: int, steps: int = 200) -> float:
    """Test accuracy of 30 sigmoid layers with one of the normalizations."""
    return accuracy(deep_sigmoids(norm, 30, seed), steps, 0.1)


def near_identity(seed: int, depth: int = 56) -> nn.Sequential:
    """ReLU layers of 64 units with batch norm; each matrix starts as I + 0.02 N(0, 1)."""
    from gradcourse.nets import near_identity_

    net = network("batch", depth, seed=seed)
    near_identity_(net, 0.02, seed=seed)
    return net


@dataclass(frozen=True)
class Equilibrium:
    """Where weight decay brings a normalized layer: root mean squares over the last updates.

    Attributes
    ----------
    weight, gradient : float
        ‖W‖ and ‖∂ℒ/∂W‖ of the second of four layers.
    largest_cosine : float
        Of W and ∂ℒ/∂W, in absolute value, over all updates.
    """

    weight: float
    gradient: float
    largest_cosine: float

    @property
    def ratio(self) -> float:
        """‖∂ℒ/∂W‖ / ‖W‖."""
        return self.gradient / self.weight


@cache
def equilibrium(rate: float, seed: int, *, decay: float = 0.1, updates: int = 1200) -> Equilibrium:
    """Train 4 batch-normed ReLU layers with weight decay on their matrices until ‖W‖ has settled.

    Three of ten labels are drawn anew at every update, so that there always is a gradient. The
    last third of the updates is measured. Theory is √(2 decay / rate) (van Laarhoven 2017).
    """
    import torch

    # The forward pass is the same for any gain; small weights settle soon.
    data, model = digits(), network("batch", 4, seed=seed, gain=0.1)
    matrices = [p for name, p in model.named_parameters() if name.startswith("layer")]
    rest = [p for name, p in model.named_parameters() if not name.startswith("layer")]
    groups: list[dict[str, Any]] = [{"params": matrices, "weight_decay": decay}, {"params": rest}]
    optimizer = torch.optim.SGD(groups, lr=rate)
    generator = torch.Generator().manual_seed(seed)
    watched, squares, cosine = matrices[1], [], 0.0
    for update in range(updates):
        rows = torch.randint(len(data.x_train), (32,), generator=generator)
        noise = torch.randint(10, (32,), generator=generator)
        kept = torch.rand(32, generator=generator) < 0.7
        labels = torch.where(kept, data.y_train[rows], noise)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(data.x_train[rows]), labels).backward()
        w, g = watched.detach(), watched.grad
        assert g is not None
        w2, g2 = float(w.square().sum()), float(g.square().sum())
        cosine = max(cosine, abs(float((w * g).sum())) / math.sqrt(w2 * g2))
        if update >= updates * 2 // 3:
            squares.append((w2, g2))
        optimizer.step()
    weight, gradient = np.sqrt(np.mean(squares, axis=0))
    return Equilibrium(float(weight), float(gradient), cosine)
