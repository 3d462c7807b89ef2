"""Lesson 07: singular spectra, paths by length, variance, the road, shattered gradients."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.experiments.common import Array, digits, trained

if TYPE_CHECKING:
    from torch import nn

Pair = tuple[Array, Array]

BLOCKS = 27
"""Two matrices per block, a stem and an output: the 56 layers of He et al. (2016a)."""

# ---------------------------------------------------------------- an untrained network as arrays


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
    return digits().x_train[:count].double().numpy()


def branch(pair: Pair, x: Array) -> Array:
    """F(x) = W₂ relu(W₁ relu(x)) for rows x."""
    return np.maximum(np.maximum(x, 0.0) @ pair[0].T, 0.0) @ pair[1].T


def states(
    alpha: float, blocks: int = BLOCKS, rows: int = 64, width: int = 64, seed: int = 0
) -> Array:
    """x_0, x_1, …, x_L of the pre-activation network, shape (blocks + 1, rows, width)."""
    stem, pairs = matrices(blocks, width, seed)
    x = [images(rows) @ stem.T]
    for pair in pairs:
        x.append(x[-1] + alpha * branch(pair, x[-1]))
    return np.array(x)


def mean_squares(
    alpha: float, blocks: int = BLOCKS, rows: int = 64, width: int = 64, seed: int = 0
) -> Array:
    """Mean square of x_0, …, x_L over digits and units, relative to that of x_0."""
    squares = np.square(states(alpha, blocks, rows, width, seed)).mean(axis=(1, 2))
    return squares / squares[0]


def growth(alpha: float, seed: int = 0) -> float:
    """Mean square of x_100 relative to x_0."""
    return float(mean_squares(alpha, 100, rows=32, width=96, seed=seed)[-1])


# ---------------------------------------------------------------- paths by length


def branch_jacobians(
    alpha: float, blocks: int = BLOCKS, image: int = 0, seed: int = 0
) -> list[Array]:
    """∂F_l/∂x_{l−1} of each block at one digit, in the order in which the blocks act."""
    stem, pairs = matrices(blocks, 64, seed)
    x, jacobians = images(image + 1)[image] @ stem.T, []
    for first, last in pairs:
        u = first @ np.maximum(x, 0.0)
        jacobians.append((last * (u > 0)) @ (first * (x > 0)))
        x = x + alpha * last @ np.maximum(u, 0.0)
    return jacobians


def squares_by_length(alpha: float, jacobians: list[Array], delta: Array) -> Array:
    """Squared norm of what the paths of each length bring to ∂ℒ/∂x_0; shape (L + 1,)."""
    parts = np.zeros((len(jacobians) + 1, len(delta)))  # (L + 1, n), by branches on the path
    parts[0] = delta
    for jacobian in reversed(jacobians):
        parts[1:] = parts[1:] + alpha * parts[:-1] @ jacobian
    return np.sum(parts**2, axis=1)


def measured_shares(alpha: float, blocks: int = BLOCKS, seeds: int = 3) -> Array:
    """Share of the squared gradient that comes on paths of each length, mean over networks."""
    total = np.zeros(blocks + 1)
    for seed in range(seeds):
        delta = np.random.default_rng(seed).normal(size=64)
        jacobians = branch_jacobians(alpha, blocks, image=seed, seed=seed)
        squares = squares_by_length(alpha, jacobians, delta)
        total += squares / squares.sum() / seeds
    return total


def mean_branches(alpha: float, blocks: int = BLOCKS, seeds: int = 3) -> float:
    """Branches on the gradient's path, weighted by its square, mean over networks."""
    return float(measured_shares(alpha, blocks, seeds) @ np.arange(blocks + 1))


# ---------------------------------------------------------------- the spectrum


@cache
def random_factors(depth: int = BLOCKS, width: int = 64, seed: int = 0) -> tuple[Array, ...]:
    """Matrices with N(0, 1/n) entries: on average each keeps the length of a vector."""
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=(width, width)) / np.sqrt(width) for _ in range(depth))


@cache
def decades(alpha: float | None, depth: int = BLOCKS, seed: int = 0) -> Array:
    """log₁₀ of the singular values of the product of I + αA, or of A where α is None."""
    from gradcourse.instrument import product_log_singular_values

    factors = random_factors(depth, seed=seed)
    if alpha is not None:
        factors = tuple(np.eye(len(a)) + alpha * a for a in factors)
    return product_log_singular_values(factors) / np.log(10)


# ---------------------------------------------------------------- the road


def open_share(alpha: float, blocks: int = 60, rows: int = 128, seed: int = 0) -> Array:
    """Post-activation: share of units whose shortcuts alone let a gradient through l blocks.

    The slopes of the ReLUs that stand after the sums, multiplied, for each unit and digit; relative
    to the units that are on behind the stem. Shape (blocks + 1,), from 1 on.
    """
    stem, pairs = matrices(blocks, 64, seed)
    x = np.maximum(images(rows) @ stem.T, 0.0)
    start = x > 0
    is_open, shares = start, [1.0]
    for first, last in pairs:
        total = x + alpha * np.maximum(x @ first.T, 0.0) @ last.T
        is_open = is_open & (total > 0)
        shares.append(float(is_open.sum() / start.sum()))
        x = np.maximum(total, 0.0)
    return np.array(shares)


# ---------------------------------------------------------------- shattering

WALK_BLOCKS, WALK_WIDTH = 40, 128


def walk(first: Array, last: Array, steps: int = 201) -> tuple[Array, Array, Array]:
    """A walk along the arc between two images of equal length.

    Returns
    -------
    tuple of arrays
        The angles walked, shape (steps,); the images; and the direction of the walk at each,
        both of shape (steps, n).
    """
    length = np.linalg.norm(first)
    start = first / length
    across = last - (last @ start) * start
    across = across / np.linalg.norm(across)
    angle = np.linspace(0.0, np.arctan2(last @ across, last @ start), steps)[:, None]
    there = length * (np.cos(angle) * start + np.sin(angle) * across)
    return angle[:, 0], there, length * (np.cos(angle) * across - np.sin(angle) * start)


@cache
def slopes(shortcut: bool, seed: int = 0) -> Array:
    """∂f/∂(angle) after 1, 2, …, 40 blocks, root mean square 1; shape (40, steps).

    f is a random sum over the units of x_l. With the shortcut α = 1/√40.
    """
    stem, pairs = matrices(WALK_BLOCKS, WALK_WIDTH, seed)
    output = np.random.default_rng(seed).normal(size=WALK_WIDTH)
    _, x, tangent = walk(*images(2))
    x, tangent, rows = x @ stem.T, tangent @ stem.T, []  # (steps, n)
    for first, last in pairs:
        u, along = np.maximum(x, 0.0) @ first.T, (tangent * (x > 0)) @ first.T
        branch, branch_along = np.maximum(u, 0.0) @ last.T, (along * (u > 0)) @ last.T
        if shortcut:
            alpha = WALK_BLOCKS**-0.5
            x, tangent = x + alpha * branch, tangent + alpha * branch_along
        else:
            x, tangent = branch, branch_along
        f = tangent @ output
        rows.append(f / np.sqrt(np.mean(f**2)))
    return np.array(rows)


def gradient_cosine(shortcut: bool, angle: float = 0.35, seed: int = 0, width: int = 192) -> float:
    """Cosine of ∂f/∂x at two inputs ``angle`` apart on the way from one digit to another."""
    import torch

    from gradcourse.nets import residual_mlp

    whole = residual_mlp(BLOCKS, width, scale="inverse_sqrt", skip=shortcut, seed=seed)
    model = whole[:-2].double()
    angles, there, _ = walk(*images(2))
    rows = [0, int(np.argmin(np.abs(angles - angle)))]
    x = torch.tensor(there[rows], requires_grad=True)  # (2, 64)
    generator = torch.Generator().manual_seed(seed)
    output = torch.randn(width, generator=generator, dtype=torch.float64)
    (model(x) @ output).sum().backward()
    assert x.grad is not None
    return float(torch.nn.functional.cosine_similarity(x.grad[0], x.grad[1], dim=0))


# ---------------------------------------------------------------- two zeros


def moved_with_two_zeros(steps: int = 30, seed: int = 0) -> tuple[bool, bool]:
    """Whether any α moves, and anything else in a block, when α and the last matrix start at 0."""
    import torch

    from gradcourse.nets import residual_mlp

    model = residual_mlp(6, scale="skipinit", seed=seed)
    for name, parameter in model.named_parameters():
        if name.endswith("layer2.weight") and name.startswith("block"):
            torch.nn.init.zeros_(parameter)
    start = {name: p.detach().clone() for name, p in model.named_parameters()}
    trained(model, steps, 0.1, seed=seed)
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, start[name])}
    in_blocks = {name for name in moved if name.startswith("block")}
    alphas = {name for name in in_blocks if name.endswith("alpha")}
    return bool(alphas), bool(in_blocks - alphas)


def plain_layers(start: str, seed: int, depth: int = 56) -> nn.Sequential:
    """ReLU layers without norm and shortcut: He's weights, or I + 0.02 N(0, 1) ("near I")."""
    from gradcourse.nets import mlp, near_identity_

    net = mlp(depth, activation="relu", init="he", seed=seed)
    if start != "He":
        near_identity_(net, 0.02, seed=seed)
    return net
