"""Random networks of one width in numpy: what comes through, forwards and backwards."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from gradcourse import theory

Array = NDArray[np.float64]


@cache
def normals(depth: int, width: int, rows: int, seed: int) -> tuple[NDArray[np.float32], ...]:
    """Standard normal weights, biases, inputs and last δ: σ_w and σ_b only scale the first two.

    Inputs have mean square 1, row by row, so every row follows the same theory.
    """
    rng = np.random.default_rng(seed)
    made = [
        rng.standard_normal(shape, dtype=np.float32)
        for shape in ((depth, width, width), (depth, width), (rows, width), (rows, width))
    ]
    made[2] /= np.sqrt(np.mean(made[2] ** 2, axis=1, keepdims=True))
    for array in made:
        array.setflags(write=False)
    return tuple(made)


def two_ways(
    name: str,
    sigma_w: float,
    sigma_b: float = 0.0,
    *,
    depth: int,
    width: int = 100,
    rows: int = 32,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Root mean square of z and of δ, layer by layer, in one random network.

    Weights are Gaussian with standard deviation σ_w/√width, biases with σ_b. δ in the last layer
    is a Gaussian vector times the slopes; every layer before has δ_l = φ′(z_l) ⊙ W_{l+1}ᵀ δ_{l+1}.

    Returns
    -------
    forward, backward : numpy.ndarray, shape (depth,)
        Root mean squares. ``backward`` is relative to the last layer.
    """
    weights, biases, a, last = normals(depth, width, rows, seed)
    scale = np.float32(sigma_w / np.sqrt(width))
    slopes, forward = [], []
    for w, b in zip(weights, biases, strict=True):
        z = scale * (a @ w.T) + np.float32(sigma_b) * b
        forward.append(_rms(z))
        a = np.asarray(theory.activation(name, z), dtype=np.float32)
        slopes.append(np.asarray(theory.slope(name, z), dtype=np.float32))
    delta = last * slopes[-1]
    backward = [_rms(delta)]
    for w, slope in zip(weights[:0:-1], slopes[-2::-1], strict=True):
        delta = scale * (delta @ w) * slope
        backward.append(_rms(delta))
    return np.array(forward), np.array(backward[::-1]) / backward[0]


def two_ways_theory(
    name: str, sigma_w: float, sigma_b: float = 0.0, *, depth: int
) -> tuple[Array, Array]:
    """The same from mean-field theory: √q_l, and the product of the √χ from the last layer."""
    q = theory.q_trajectory(name, sigma_w, sigma_b, depth=depth, mean_square=1.0)
    factors = [theory.gradient_decay(name, sigma_w, value) for value in q[:-1]]
    return np.sqrt(q), np.append(np.cumprod(factors[::-1])[::-1], 1.0)


def _rms(values: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(values.astype(np.float64) ** 2)))
