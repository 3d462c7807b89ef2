"""An untrained residual network as arrays: states, branch Jacobians, paths."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Pair = tuple[Array, Array]

BLOCKS = 27
"""Two matrices per block, a stem and an output: the 56 layers of He et al. (2016a)."""


@cache
def matrices(
    blocks: int = BLOCKS, width: int = 64, seed: int = 0
) -> tuple[Array, tuple[Pair, ...]]:
    """The stem's matrix, and the two matrices of each block, of `nets.residual_mlp`."""
    from gradcourse.nets import residual_mlp

    parameters = residual_mlp(blocks, width, seed=seed).parameters()
    weights = [p.detach().double().numpy() for p in parameters if p.ndim == 2]
    return weights[0], tuple(zip(weights[1:-1:2], weights[2:-1:2], strict=True))


@cache
def images(count: int) -> Array:
    """The first training digits, shape (count, 64)."""
    from gradcourse.data import digits

    return digits().x_train[:count].double().numpy()


def branch(pair: Pair, x: Array) -> Array:
    """F(x) = W₂ relu(W₁ relu(x)) for rows x."""
    return np.maximum(np.maximum(x, 0.0) @ pair[0].T, 0.0) @ pair[1].T


def states(
    alpha: float, blocks: int = BLOCKS, rows: int = 64, width: int = 64, seed: int = 0
) -> Array:
    """x_0, x_1, …, x_L of the pre-activation network, shape (blocks + 1, rows, width)."""
    stem, pairs = matrices(blocks, width, seed)
    found = [images(rows) @ stem.T]
    for pair in pairs:
        found.append(found[-1] + alpha * branch(pair, found[-1]))
    return np.array(found)


def branch_jacobians(
    alpha: float, blocks: int = BLOCKS, image: int = 0, seed: int = 0
) -> list[Array]:
    """∂F_l/∂x_{l−1} of each block at one digit, in the order in which the blocks act."""
    stem, pairs = matrices(blocks, 64, seed)
    x, found = images(image + 1)[image] @ stem.T, []
    for first, last in pairs:
        u = first @ np.maximum(x, 0.0)
        found.append((last * (u > 0)) @ (first * (x > 0)))
        x = x + alpha * last @ np.maximum(u, 0.0)
    return found


def gradients_by_length(jacobians: list[Array], alpha: float, delta: Array) -> Array:
    """What paths of each length bring to ∂ℒ/∂x_0 from δ = ∂ℒ/∂x_L; shape (L + 1, n).

    Row k is the sum over all paths that go through k branches. The rows add up to the gradient.
    """
    parts = np.zeros((len(jacobians) + 1, len(delta)))
    parts[0] = delta
    for jacobian in reversed(jacobians):
        parts[1:] = parts[1:] + alpha * parts[:-1] @ jacobian
    return parts


def measured_shares(alpha: float, blocks: int = BLOCKS, seeds: int = 3) -> Array:
    """Share of the squared gradient that comes on paths of each length, mean over networks."""
    total = np.zeros(blocks + 1)
    for seed in range(seeds):
        jacobians = branch_jacobians(alpha, blocks, image=seed, seed=seed)
        delta = np.random.default_rng(seed).normal(size=64)
        squares = np.sum(gradients_by_length(jacobians, alpha, delta) ** 2, axis=1)
        total += squares / squares.sum() / seeds
    return total
