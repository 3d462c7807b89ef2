"""Lesson 01: long products, of numbers, of matrices, and of the layers of a network."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.figures.demo import Demo, Knob
from gradcourse.figures.plot import Axis, Band, Line, Picture, Plot
from gradcourse.support import GradcourseError
from gradcourse.theory import ginibre_exponents, gradient_decay, q_fixed_point, two_point_factors

if TYPE_CHECKING:
    from gradcourse.data import Digits

Array = np.ndarray


@cache
def _digits() -> Digits:
    """Reading the images takes longer than a frame may."""
    from gradcourse.data import digits

    return digits()


# ── Products of numbers ──────────────────────────────────────────────────────────────────────────


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


def _scalar_product(factor: float, depth: int) -> Plot:
    length = np.arange(depth + 1)
    exact = np.exp(np.clip(length * math.log(factor), -690.0, 690.0))
    measured = tuple(
        Line(length, running_product(factor, depth, dtype), dtype, color=dtype)
        for dtype in ("float32", "bfloat16", "float16")
    )
    return Plot(
        title=f"{factor:.2f} multiplied L times",
        x=Axis("depth L"),
        y=Axis("product", "log"),
        lines=(*measured, Line(length, exact, "exact: r^L", "theory", "float64")),
    )


SCALAR_PRODUCT = Demo(
    id="chain/scalar-product",
    title="One factor, many times",
    knobs=(
        Knob("factor", "factor r", 0.05, 1.5, 0.01, 0.25),
        Knob("depth", "most factors shown", 50, 1000, 50, 100, integer=True),
    ),
    draw=_scalar_product,
)

CHAINS = 2000


def _random_factors(high: float) -> Plot:
    law = two_point_factors(0.5, high)
    factors = law.sample(np.random.default_rng(0), (CHAINS, 100))
    # Even lengths only: the median of an odd number of coin throws jumps between two values.
    products = np.exp(np.cumsum(np.log(factors), axis=1))[:, 1::2]
    length = np.arange(2, 101, 2)
    median, top = np.quantile(products, [0.5, 0.95], axis=0)
    return Plot(
        title=f"Factors 0.5 or {high:.2f}, with equal chances: mean {math.exp(law.log_mean):.3f}",
        x=Axis("depth L"),
        y=Axis("product", "log"),
        lines=(
            Line(length, top, "95 % of chains lie below", "reference"),
            Line(length, products.mean(axis=0), f"mean of {CHAINS:,} chains", color="vermillion"),
            Line(length, median, "median chain", color="blue"),
            Line(length, np.exp(law.log_mean * length), "E[r]^L", "theory", "vermillion"),
            Line(length, np.exp(law.lyapunov_exponent * length), "exp(λL)", "theory", "blue"),
        ),
    )


RANDOM_FACTORS = Demo(
    id="chain/random-factors",
    title="Random factors: the mean and the typical chain",
    knobs=(Knob("high", "larger factor (the other is 0.5)", 1.0, 3.0, 0.05, 1.6),),
    draw=_random_factors,
)

# ── Products of matrices ─────────────────────────────────────────────────────────────────────────


def _gaussian_factors(n: int, depth: int, seed: int = 0) -> list[Array]:
    """Matrices with entries of variance 1/n; the first ones do not depend on the depth."""
    rng = np.random.default_rng(seed)
    return [rng.normal(0.0, 1 / math.sqrt(n), size=(n, n)) for _ in range(depth)]


def _spectrum(depth: int, n: int = 64) -> Plot:
    from gradcourse.instrument import product_log_singular_values

    logs = product_log_singular_values(_gaussian_factors(n, depth))
    theory = depth * ginibre_exponents(n, 1 / math.sqrt(n))
    index = np.arange(1, n + 1)
    kept = int(np.sum(logs - logs[0] > math.log(1e-3)))
    return Plot(
        title=f"L = {depth}: {kept} of {n} directions above σ₁/1000",
        x=Axis("direction"),
        y=Axis("singular value", "log"),
        lines=(
            Line(index, np.exp(logs), "measured", color="blue"),
            Line(index, np.exp(theory), "Newman 1986: exp(λᵢ L)", "theory", "blue"),
        ),
    )


SPECTRUM = Demo(
    id="chain/spectrum",
    title="All singular values of a product",
    knobs=(Knob("depth", "number of matrices L", 1, 80, 1, 1, integer=True),),
    draw=_spectrum,
)


def _rank_one(depth: int, n: int = 12) -> Picture:
    product = np.eye(n)
    for factor in _gaussian_factors(n, depth):
        product = factor @ product
        product /= np.abs(product).max()
    sigma = np.linalg.svd(product, compute_uv=False)
    index = np.arange(1.0, n + 1)
    return Picture(
        title=f"L = {depth}: second singular value {sigma[1] / sigma[0]:.2g} of the first",
        x=Axis("input"),
        y=Axis("output"),
        values=product,
        rows=index,
        columns=index,
        color_label="entry, relative to the largest",
    )


RANK_ONE = Demo(
    id="chain/rank-one",
    title="A product of 12 × 12 matrices, entry by entry",
    knobs=(Knob("depth", "number of matrices L", 1, 100, 1, 1, integer=True),),
    draw=_rank_one,
)

# ── The layers of a network ──────────────────────────────────────────────────────────────────────

DEPTH = 50


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
    data = _digits()
    outputs = []
    h = data.x_train[:64]
    for layer in net:
        h = layer(h)
        outputs.append(h)
    loss = torch.nn.functional.cross_entropy(h, data.y_train[:64])
    gradients = torch.autograd.grad(loss, [*outputs, *net.parameters()])
    norms = gradient_norm(gradients)
    return norms[:depth], norms[depth:]


def _backward(gain: float) -> Plot:
    deltas, weights = linear_net_gradients(gain)
    layer = np.arange(1, DEPTH + 1)
    # The last matrix is 64 → 10, so the rate starts at the last hidden layer.
    theory = deltas[-2] * gain ** (DEPTH - 1.0 - layer[:-1])
    return Plot(
        title=f"Gradients in a linear net of {DEPTH} layers, gain {gain:.2f}",
        x=Axis("layer"),
        y=Axis("gradient norm", "log"),
        lines=(
            Line(layer, deltas, "‖δ‖, at the layer's output", color="blue"),
            Line(layer, weights, "‖∂ℒ/∂W‖, of the layer's weights", color="vermillion"),
            Line(layer[:-1], theory, "one factor of the gain per layer", "theory", "blue"),
        ),
    )


BACKWARD = Demo(
    id="chain/backward",
    title="Backward through 50 linear layers",
    knobs=(Knob("gain", "gain: entries have std gain/√64", 0.4, 1.6, 0.02, 0.58),),
    draw=_backward,
)

WIDTH = 128


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


def _sloped_chain(gain: float) -> Plot:
    layer = np.arange(1, DEPTH + 1)
    return Plot(
        title=f"Gain {gain:.2f}, slopes between 0 and 1",
        x=Axis("layer"),
        y=Axis("gradient norm, relative to layer 50", "log"),
        lines=(Line(layer, sloped_chain_norms(gain), "measured", color="blue"),),
        bands=(Band(0.05, 20.0, "wanted at layer 1: 0.05 to 20"),),
    )


SLOPED_CHAIN = Demo(
    id="chain/sloped-chain",
    title="50 layers with slopes",
    knobs=(Knob("gain", "gain", 0.5, 3.0, 0.01, 1.0),),
    draw=_sloped_chain,
)

# ── Learning ─────────────────────────────────────────────────────────────────────────────────────

STEPS = 50


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
    from gradcourse.training import train

    net = mlp(depth, activation=activation, init="lecun", seed=seed)
    history = train(net, _digits(), steps=STEPS, lr=0.05, seed=seed, every=STEPS)
    return history.relative_change[-1]


def _learning(depth: int) -> Plot:
    layer = np.arange(1, depth + 2)
    sigmoid = relative_changes(depth, "sigmoid")
    # Layers 1 and 2 still see the image itself; theory speaks of the layers behind them.
    inner = layer[2:-1] if depth > 3 else layer[:-1]
    rate = gradient_decay("sigmoid", 1.0, q_fixed_point("sigmoid", 1.0))
    return Plot(
        title=f"{depth} hidden layers after {STEPS} updates",
        x=Axis("layer", limits=(0.5, 9.5)),
        y=Axis("relative change of the weights", "log", limits=(1e-7, 10.0)),
        lines=(
            Line(layer, relative_changes(depth, "linear"), "linear", color="linear"),
            Line(layer, sigmoid, "sigmoid", color="sigmoid"),
            Line(
                inner,
                sigmoid[-2] * rate ** (depth - inner),
                f"a factor {rate:.2f} per layer",
                "theory",
                "sigmoid",
            ),
        ),
    )


LEARNING = Demo(
    id="chain/learning",
    title="Which layers move?",
    knobs=(Knob("depth", "hidden layers", 1, 8, 1, 2, integer=True),),
    draw=_learning,
    linked=True,
)

DEMOS = (SCALAR_PRODUCT, RANDOM_FACTORS, SPECTRUM, RANK_ONE, BACKWARD, SLOPED_CHAIN, LEARNING)
