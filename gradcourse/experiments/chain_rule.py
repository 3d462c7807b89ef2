"""Lesson 01: long products, of numbers, of matrices, and of the layers of a network."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.experiments.common import Array, digits, trained
from gradcourse.support import GradcourseError

# ---------------------------------------------------------------- numbers


def running_product(factor: float, depth: int, dtype: str) -> Array:
    """Return 1, r, r·r, …: the product after 0 to ``depth`` factors, rounded after each.

    Parameters
    ----------
    factor : float
        It is rounded to the dtype first.
    depth : int
        Number of factors.
    dtype : str
        "float16", "bfloat16" or "float32".

    Returns
    -------
    numpy.ndarray, shape (depth + 1,), float64
        The values the dtype holds; exact, since all three are subsets of float64.

    Raises
    ------
    GradcourseError
        If the dtype is another.
    """
    if dtype == "bfloat16":
        return _running_product_bfloat16(factor, depth)
    if dtype not in ("float16", "float32"):
        raise GradcourseError(f"dtype is {dtype!r}; expected float16, bfloat16 or float32.")
    factors = np.full(depth + 1, factor, dtype=dtype)
    factors[0] = 1
    with np.errstate(all="ignore"):
        return np.multiply.accumulate(factors).astype(np.float64)


def _running_product_bfloat16(factor: float, depth: int) -> Array:
    import torch

    r = torch.tensor(factor, dtype=torch.bfloat16)
    products = [torch.ones((), dtype=torch.bfloat16)]
    for _ in range(depth):
        products.append(products[-1] * r)
    return torch.stack(products).double().numpy()


def coin_factors(seed: int, chains: int = 10_000, depth: int = 100) -> Array:
    """Factors 0.5 or 1.6 with equal chances, shape (chains, depth)."""
    return np.random.default_rng(seed).choice([0.5, 1.6], size=(chains, depth))


# ---------------------------------------------------------------- matrices


def gaussian_factors(n: int, depth: int, seed: int = 0) -> Array:
    """Matrices with entries of variance 1/n, shape (depth, n, n); the first do not depend on depth.

    On average each keeps the mean square of a vector.
    """
    return np.random.default_rng(seed).normal(0.0, 1 / math.sqrt(n), size=(depth, n, n))


def backward_growth(n: int, depth: int, seed: int) -> Array:
    """ln of the growth of a Gaussian vector at each factor that it goes through, shape (depth,)."""
    rng = np.random.default_rng(seed)
    delta, logs = rng.normal(size=n), []
    for _ in range(depth):
        before = np.linalg.norm(delta)
        delta = rng.normal(size=(n, n)) @ delta / math.sqrt(n)
        logs.append(math.log(np.linalg.norm(delta) / before))
    return np.array(logs)


def directions_left(log_singular_values: Array, share: float = 1e-3) -> int:
    """How many singular values lie above a share of the largest."""
    return int(np.sum(log_singular_values - log_singular_values[0] > math.log(share)))


# ---------------------------------------------------------------- layers

DEPTH = 50
WIDTH = 128
STEPS = 50


def linear_net_gradients(gain: float, depth: int = DEPTH, seed: int = 0) -> tuple[Array, Array]:
    """Return ‖δ_l‖ and ‖∂ℒ/∂W_l‖ of a deep linear net on one batch of digits.

    Parameters
    ----------
    gain : float
        Weights have standard deviation gain / √fan_in.
    depth : int
        Number of matrices; the last one has 10 outputs.
    seed : int
        Of the weights.

    Returns
    -------
    two numpy.ndarray, shape (depth,), float64
        From layer 1, nearest the input, to the last.
    """
    import torch

    from gradcourse.instrument import gradient_norm
    from gradcourse.nets import deep_linear

    net = deep_linear(depth, gain=gain, inputs=64, outputs=10, seed=seed)
    data = digits()
    outputs = []
    h = data.x_train[:64]
    for layer in net:
        h = layer(h)
        outputs.append(h)
    loss = torch.nn.functional.cross_entropy(h, data.y_train[:64])
    gradients = torch.autograd.grad(loss, [*outputs, *net.parameters()])
    norms = gradient_norm(gradients)
    return norms[:depth], norms[depth:]


def sloped_chain_norms(gain: float, seed: int = 0) -> Array:
    """Return the gradient's norm at layers 1 to 50, relative to layer 50.

    Going back one layer multiplies by a Gaussian matrix with entries of standard deviation
    gain / √128, then each component by its own slope, uniform between 0 and 1.

    Parameters
    ----------
    gain : float
    seed : int
        Of matrices and slopes.

    Returns
    -------
    numpy.ndarray, shape (50,), float64
    """
    rng = np.random.default_rng(seed)
    delta: Array = rng.standard_normal(WIDTH, dtype=np.float32)
    log_norms = [0.0]
    delta /= np.linalg.norm(delta)
    for _ in range(DEPTH - 1):
        matrix = rng.standard_normal((WIDTH, WIDTH), dtype=np.float32) / math.sqrt(WIDTH)
        delta = rng.random(WIDTH, dtype=np.float32) * (matrix @ delta)
        norm = float(np.linalg.norm(delta))
        log_norms.append(log_norms[-1] + math.log(gain * norm))
        delta /= norm
    return np.exp(log_norms[::-1])


def relative_changes(depth: int, activation: str, seed: int = 0) -> Array:
    """Return ‖W_t − W_0‖ / ‖W_0‖ of every layer after 50 updates on digits.

    Parameters
    ----------
    depth : int
        Number of hidden layers, 64 units each, weights of standard deviation 1/√fan_in.
    activation : str
        "linear" or "sigmoid".
    seed : int
        Of weights and batches.

    Returns
    -------
    numpy.ndarray, shape (depth + 1,), float64
    """
    from gradcourse.nets import mlp

    net = mlp(depth, activation=activation, init="lecun", seed=seed)
    return trained(net, STEPS, 0.05, seed=seed).relative_change[-1]
