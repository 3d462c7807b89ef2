"""Lesson 01: long products, of numbers, of matrices, and of the layers of a network."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from gradcourse import theory
from gradcourse.experiments.common import (
    Array,
    accuracy,
    digits,
    probed,
    trained,
    weights_of,
)
from gradcourse.figures import Axis, Line, Plot, SideBySide, side_by_side
from gradcourse.figures.drawing import Arrow, Box, Curve, Drawing
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


def rates_plot(chains: int = 5, depth: int = 2000) -> Plot:
    """The log of a product of random factors, per factor: each chain tends to E[log r]."""
    length = np.arange(1, depth + 1)
    rates = np.cumsum(np.log(coin_factors(0, chains, depth)), axis=1) / length  # (chains, depth)
    law = theory.two_point_factors(0.5, 1.6)
    ends, colors = length[[0, -1]], ("blue", "vermillion", "green", "orange", "purple")
    return Plot(
        title=f"The rate of {chains} chains",
        x=Axis("depth L", "log"),
        y=Axis("log of the product, per factor"),
        lines=(
            *(Line(length, rates[k], f"chain {k + 1}", color=colors[k]) for k in range(chains)),
            Line(ends, [law.lyapunov_exponent] * 2, "theory, E[log r]", "theory", "black"),
            Line(ends, [law.log_mean] * 2, "log E[r]", "reference"),
        ),
    )


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


@cache
def spectra(n: int, depth: int, seeds: int = 8) -> Array:
    """ln of all singular values of Gaussian products, a row for each seed; shape (seeds, n)."""
    from gradcourse.instrument import product_log_singular_values

    return np.array(
        [product_log_singular_values(gaussian_factors(n, depth, seed)) for seed in range(seeds)]
    )


def predicted_rates(n: int) -> Array:
    """The Lyapunov exponents of the matrices of `gaussian_factors`, largest first; shape (n,)."""
    return theory.ginibre_exponents(n, 1 / math.sqrt(n))


def length_after(factors: Array) -> float:
    """Length of a vector of length 1 after it has gone through factors of shape (depth, n, n)."""
    n = factors.shape[-1]
    vector = np.full(n, 1 / math.sqrt(n))
    for factor in factors:
        vector = factor @ vector
    return float(np.linalg.norm(vector))


def norm_and_length(gain: float, seed: int, n: int = 64, depth: int = 50) -> tuple[float, float]:
    """The smallest norm of some Gaussian factors, and the length of a vector behind all of them."""
    factors = gain * gaussian_factors(n, depth, seed)
    return float(np.linalg.norm(factors, 2, axis=(1, 2)).min()), length_after(factors)


def typical_length(width: int, depth: int, chains: int = 200, seed: int = 0) -> float:
    """Median length of vectors of length 1, each through Gaussian matrices of variance 1/width."""
    rng = np.random.default_rng(seed)
    v = np.ones((chains, width, 1)) / math.sqrt(width)
    for _ in range(depth):
        v = rng.normal(size=(chains, width, width)) @ v / math.sqrt(width)
    return float(np.median(np.linalg.norm(v, axis=(1, 2))))


def orthogonal_rates(n: int, depth: int, seed: int = 0) -> Array:
    """ln of all singular values of a product of random orthogonal matrices, per factor; (n,)."""
    from gradcourse.instrument import product_log_singular_values

    q, r = np.linalg.qr(gaussian_factors(n, depth, seed))
    signs = np.sign(np.diagonal(r, axis1=-2, axis2=-1))  # without them Q is not uniform
    return product_log_singular_values(q * signs[:, None, :]) / depth


# ---------------------------------------------------------------- the circle

SHOWN = (0, 1, 2, 5, 20)
"""Numbers of random 2 × 2 matrices under which the circle is drawn."""


def circle_under(depth: int, seed: int = 0) -> tuple[Array, float]:
    """The unit circle under some random 2 × 2 matrices, and how thin it has become.

    Returns
    -------
    points : array, shape (2, 241)
        Scaled so that the longer half axis is 1.
    ratio : float
        The shorter half axis over the longer one, σ₂/σ₁.
    """
    product = np.eye(2)
    for factor in gaussian_factors(2, max(depth, 1), seed)[:depth]:
        product = factor @ product
    sigma = np.linalg.svd(product, compute_uv=False)
    angle = np.linspace(0.0, 2 * math.pi, 241)
    return product @ np.array([np.cos(angle), np.sin(angle)]) / sigma[0], sigma[1] / sigma[0]


def thinning(depth: int, products: int = 1000, seed: int = 0) -> Array:
    """How often σ₂/σ₁ is halved per factor, in products of random 2 × 2 matrices; (products,).

    σ₁σ₂ is the absolute determinant, so that no small σ₂ has to be computed.
    """
    factors = np.random.default_rng(seed).normal(size=(products, depth, 2, 2)) / math.sqrt(2)
    product = np.broadcast_to(np.eye(2), (products, 2, 2))
    for k in range(depth):
        product = factors[:, k] @ product
    first = np.log2(np.linalg.norm(product, 2, axis=(-2, -1)))
    determinant = np.log2(np.abs(np.linalg.det(factors))).sum(axis=1)
    return (2 * first - determinant) / depth


def circle_drawing() -> Drawing:
    """The unit circle under 0, 1, 2, 5 and 20 random matrices, each scaled to its longer axis."""
    boxes: list[Box] = []
    curves: list[Curve] = []
    for place, depth in enumerate(SHOWN):
        (x, y), ratio = circle_under(depth)
        middle = 0.8 + 1.47 * place
        curves.append(Curve(middle + 0.6 * x, 0.75 - 0.6 * y, "blue" if depth else "grey"))
        count = {0: "no matrix", 1: "1 matrix"}.get(depth, f"{depth} matrices")
        boxes.append(Box(middle, 1.72, 1.3, 0.52, f"{count}\nσ₂/σ₁ = {ratio:.2g}", "grey"))
    words = (
        "The unit circle, and what 1, 2, 5 and 20 random 2 by 2 matrices make of it, each scaled "
        "to its longer axis. It becomes an ellipse, a thin ellipse and then a line: "
        + ", ".join(f"σ₂/σ₁ = {circle_under(d)[1]:.2g} after {d}" for d in SHOWN[1:])
        + "."
    )
    return Drawing(7.5, 2.05, tuple(boxes), (), words, tuple(curves))


# ---------------------------------------------------------------- the chain, drawn


def chain_drawing() -> Drawing:
    """A chain of layers: h goes forward, the gradient comes back through the same factors."""
    names = ("× r₁", "× r₂", "…", r"× $r_L$", "loss ℒ")
    forward = ("$h_0$", "$h_1$", "$h_2$", r"$h_{L-1}$", "$h_L$")
    backward = tuple(rf"∂ℒ/∂{h}" for h in forward)
    boxes, arrows = [], []
    for place, name in enumerate(names):
        x = 1.35 + 1.52 * place
        last = place == len(names) - 1
        boxes.append(Box(x, 0.75, 0.62, 0.9, name, "grey", filled=last))
        arrows.append(Arrow((x - 1.21, 0.5), (x - 0.31, 0.5), forward[place], "blue"))
        arrows.append(Arrow((x - 0.31, 1.05), (x - 1.21, 1.05), "", "vermillion"))
        # A word stands at the middle of its arrow: this one has its own at the left end.
        arrows.append(Arrow((x - 0.95, 1.05), (x - 1.21, 1.05), backward[place], "vermillion"))
    words = (
        "A chain of L layers and a loss. Arrows to the right: h₀ goes in, each layer multiplies it "
        "by its factor r₁, r₂, …, and h_L meets the loss. Arrows to the left: the gradient ∂ℒ/∂h "
        "begins at the loss and goes back through the same factors in opposite order, to ∂ℒ/∂h₀."
    )
    return Drawing(7.8, 1.35, tuple(boxes), tuple(arrows), words)


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


# ---------------------------------------------------------------- which layers learn

UPDATED = 20
"""Weight matrices of the networks whose first update is compared."""

KINDS = ("linear", "sigmoid", "with biases")
"""Linear without biases and with gain 0.8; sigmoid; linear with biases, as the puzzle's."""


def factor_back(seed: int, gain: float = 1 / math.sqrt(3)) -> float:
    """The factor on ‖δ‖ per layer, from layer 49 back to layer 1 of a linear net of 50 layers."""
    deltas, _ = linear_net_gradients(gain, seed=seed)
    return float((deltas[0] / deltas[48]) ** (1 / 48))


@cache
def first_pass(kind: str, seed: int = 0, gain: float = 0.8) -> tuple[Array, Array]:
    """‖δ‖ and ‖∂ℒ/∂W‖/‖W‖ of each layer of an untrained network of `KINDS`; shape (20,) each.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    seed : int
    gain : float
        Of the linear one.
    """
    from gradcourse.instrument import gradient_norm
    from gradcourse.nets import deep_linear, mlp

    hidden = UPDATED - 1
    net = {
        "linear": lambda: deep_linear(UPDATED, gain=gain, inputs=64, outputs=10, seed=seed),
        "sigmoid": lambda: mlp(hidden, activation="sigmoid", init="lecun", seed=seed),
        "with biases": lambda: mlp(hidden, activation="linear", init="default", seed=seed),
    }[kind]()
    record = probed(net, 64)  # a batch, as in training
    deltas = record.output_gradient_norm[0, record.select("Linear")]
    return deltas, record.weight_gradient_norm[0] / gradient_norm(weights_of(net))


def first_updates(kind: str, seed: int = 0, lr: float = 0.1) -> Array:
    """‖ΔW‖/‖W‖ of each layer in the first step of gradient descent; shape (20,)."""
    return lr * first_pass(kind, seed)[1]


def predicted_factors() -> dict[str, float]:
    """The factor per layer on the relative update that theory gives for each of `KINDS`."""
    q = theory.q_fixed_point("sigmoid", sigma_w=1.0)
    sigmoid = theory.gradient_decay("sigmoid", 1.0, q)
    return {"linear": 1.0, "sigmoid": sigmoid, "with biases": 1 / math.sqrt(3)}


def updates_plot(seed: int = 0) -> Plot:
    """The relative update of the first step, layer by layer, in three networks."""
    layer, inner = np.arange(1, UPDATED + 1), np.arange(8.0, UPDATED)
    lines = []
    for (kind, factor), color in zip(
        predicted_factors().items(), ("linear", "sigmoid", "purple"), strict=True
    ):
        update = first_updates(kind, seed)
        expected = update[18] * factor ** (19 - inner)
        measured = (update[7] / update[17]) ** (1 / 10)
        lines.append(Line(layer, update, f"{kind}, × {measured:.2f}", color=color))
        lines.append(Line(inner, expected, "" if len(lines) > 1 else "theory", "theory", color))
    return Plot(
        "Relative update of the first step, and its factor per layer back",
        Axis("layer (1 = nearest to the input)"),
        Axis("‖ΔW‖ / ‖W‖", "log"),
        tuple(lines),
    )


HEALTHY_RATE = 0.1


@cache
def healthy_updates(seed: int, steps: int = 200) -> tuple[float, float]:
    """The median ‖ΔW‖/‖W‖ of a network that learns, and the share of test digits it gets right.

    Two hidden ReLU layers of He's variance, gradient descent at 0.1, batches of 64; the median
    is over all updates and layers.
    """
    import torch

    from gradcourse.instrument.probe import probe
    from gradcourse.nets import mlp
    from gradcourse.training import accuracy as share_right

    data, net = digits(), mlp(2, activation="relu", init="he", seed=seed)
    optimizer = torch.optim.SGD(net.parameters(), lr=HEALTHY_RATE)
    rows = torch.Generator().manual_seed(seed)
    with probe(net, optimizer) as record:
        for _ in range(steps):
            batch = torch.randint(len(data.x_train), (64,), generator=rows)
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(
                net(data.x_train[batch]), data.y_train[batch]
            ).backward()
            optimizer.step()
    return float(np.nanmedian(record.update_ratio)), share_right(net, data.x_test, data.y_test)


# ---------------------------------------------------------------- three networks to tell apart

THREE = {"A": ("linear", 0.8), "B": ("linear", 1.0), "C": ("sigmoid", 0.8)}


def three_networks() -> SideBySide:
    """‖δ‖ and the relative update by depth in a sigmoid net and two linear ones, unnamed."""
    layer, plots = np.arange(1, UPDATED), []
    for name, (kind, gain) in THREE.items():
        deltas, updates = (values[:-1] for values in first_pass(kind, 0, gain))
        plots.append(
            Plot(
                name,
                Axis("layer"),
                Axis("relative to layer 19", "log", (1e-13, 1e2)),
                (
                    Line(layer, deltas / deltas[-1], "‖δ‖", color="blue"),
                    Line(layer, updates / updates[-1], "‖ΔW‖/‖W‖", color="vermillion"),
                ),
            )
        )
    return side_by_side(*plots)


def told_apart() -> str:
    """Which of A, B and C is the sigmoid net, which has gain 0.8, which gain 1: "08-1-sigmoid"."""
    words = []
    for kind, gain in THREE.values():
        deltas, updates = (values[0] / values[-2] for values in first_pass(kind, 0, gain))
        words.append("1" if deltas > 0.1 else "08" if updates > 0.1 else "sigmoid")
    return "-".join(words)


# ---------------------------------------------------------------- deeper, and no better


@cache
def sigmoid_accuracy(depth: int, seed: int, steps: int = 300) -> float:
    """Share of test digits that a sigmoid net gets right after some updates at a rate of 0.5."""
    from gradcourse.nets import mlp

    return accuracy(mlp(depth, activation="sigmoid", seed=seed), steps, 0.5, seed=seed)


@cache
def relu_accuracy(depth: int, seed: int, steps: int = 300) -> float:
    """The same of a ReLU net with He's weights, whose gradients arrive, at a rate of 0.1."""
    from gradcourse.nets import mlp

    net = mlp(depth, activation="relu", init="he", seed=seed)
    return accuracy(net, steps, HEALTHY_RATE, seed=seed)


@cache
def distance_from_one_matrix(depth: int, seed: int, steps: int = 300) -> tuple[float, float]:
    """How far a trained linear net is from the product of its matrices, and what it gets right.

    The distance is relative to the outputs on the test digits.
    """
    import torch

    from gradcourse.nets import deep_linear

    net = deep_linear(depth, inputs=64, outputs=10, seed=seed)
    right = accuracy(net, steps, 0.02, seed=seed)
    x = digits().x_test
    with torch.no_grad():
        product = torch.eye(64)
        for matrix in net.parameters():
            product = matrix @ product
        outputs = net(x)
        return float((outputs - x @ product.T).norm() / outputs.norm()), right


PUZZLE_RATE = 0.003
"""Learning rate of the puzzle. With weights of gain 1 its net diverges at 0.1, and depends on the
seventh digit of its start at 0.01."""


def puzzle_update(seed: int) -> float:
    """‖ΔW‖/‖W‖ of layer 1 in the first step of the puzzle's net."""
    from gradcourse.instrument import gradient_norm
    from gradcourse.nets import mlp

    net = mlp(49, activation="linear", init="default", seed=seed)
    gradient = probed(net, 64).weight_gradient_norm[0, 0]
    return float(PUZZLE_RATE * gradient / gradient_norm(weights_of(net)[0])[0])


@cache
def puzzle_run(scale: float, seed: int, steps: int = 200) -> tuple[int, float]:
    """Train the puzzle's net with its starting weights, not its biases, times a number.

    Returns
    -------
    changed : int
        How many of layer 1's 4096 weights are not what they were.
    right : float
        Share of the test digits.
    """
    import torch

    from gradcourse.nets import mlp

    net = mlp(49, activation="linear", init="default", seed=seed)
    with torch.no_grad():
        for matrix in weights_of(net):
            matrix.mul_(scale)
    first = weights_of(net)[0]
    before = first.detach().clone()
    right = accuracy(net, steps, PUZZLE_RATE, seed=seed)
    return int(torch.ne(first, before).sum()), right


@cache
def in_format(dtype: str, seed: int, steps: int = 200) -> tuple[float, float]:
    """‖∂ℒ/∂W_1‖ of the puzzle's untrained net in a number format, and what it gets right.

    Parameters
    ----------
    dtype : {"float32", "float64"}
    seed, steps : int
    """
    from dataclasses import replace

    import torch

    from gradcourse.instrument import gradient_norm
    from gradcourse.nets import mlp
    from gradcourse.training import train

    kind = getattr(torch, dtype)
    x_train, x_test = digits().x_train.to(kind), digits().x_test.to(kind)
    data = replace(digits(), x_train=x_train, x_test=x_test)
    net = mlp(49, activation="linear", init="default", seed=seed).to(kind)
    torch.nn.functional.cross_entropy(net(x_train), data.y_train).backward()
    found = weights_of(net)[0].grad
    assert found is not None
    gradient = gradient_norm(found)[0]
    history = train(net, data, steps=steps, lr=PUZZLE_RATE, seed=seed, every=steps)
    return float(gradient), float(history.test_accuracy[-1])
