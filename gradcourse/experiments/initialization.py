"""Lesson 05: what the first weights do to a signal, a gradient, and the training after them."""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gradcourse import theory
from gradcourse.experiments.common import (
    SEEDS,
    Array,
    Draws,
    accuracy,
    cross_entropy,
    delta_by_layer,
    digits,
    first_to_last,
    layer_of,
    loss_lines,
    over_theory,
    per_layer,
    probed,
    through_layers,
    trained,
    weights_of,
)
from gradcourse.experiments.isometry import DEPTH as HUNDRED
from gradcourse.experiments.isometry import KINDS, RATES, start
from gradcourse.experiments.isometry import STEPS as FEW
from gradcourse.experiments.measurements import stored
from gradcourse.figures import Axis, Line, Plot
from gradcourse.figures.drawing import Arrow, Box, Drawing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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


def jacobian_factors(
    weights: str, activation: str, depth: int, seed: int = 0, size: float = 1.0
) -> list[Array]:
    """The Jacobian of each layer, diag(φ′(z)) W, at σ_w = 1 and one Gaussian input.

    ``weights`` is "gaussian" or "orthogonal", ``size`` the root mean square of the input. Their
    product, the last one leftmost, is the Jacobian of the network.
    """
    matrices = _orthogonal(seed) if weights == "orthogonal" else _gaussian(seed) / math.sqrt(WIDTH)
    h = size * np.random.default_rng([seed, 1]).standard_normal(WIDTH)
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


def default_delta(seed: int, depth: int = 10, activation: str = "tanh") -> float:
    """δ in layer 1 relative to the last hidden layer, nn.Linear's own initialization."""
    from gradcourse.nets import mlp

    net = mlp(depth, 64, activation, init="default", seed=seed)
    return first_to_last(delta_by_layer(net)[:depth])


def level_sigma_w() -> float:
    """σ_w at which δ is as large in layer 1 as in layer 40, median of five tanh networks."""
    low, high = 1.0, 2.0
    for _ in range(10):
        middle = (low + high) / 2
        small = float(np.median([end_to_end(seed, middle) for seed in SEEDS])) < 1.0
        low, high = (middle, high) if small else (low, middle)
    return (low + high) / 2


LETTERED = (2.0, 0.8, 1.4)
"""σ_w of the networks A, B and C of an exercise."""


def three_starts_plot() -> Plot:
    """δ by layer in three tanh networks with σ_b = 0.3, without names."""
    layer = np.arange(1.0, DEPTH + 1)
    lines = []
    for letter, sigma_w, color in zip("ABC", LETTERED, ("blue", "purple", "olive"), strict=True):
        _, delta = two_ways("tanh", sigma_w, 0.3, depth=DEPTH, width=200)
        lines.append(Line(layer, delta, letter, color=color))
    return Plot(
        "Three tanh networks before training",
        Axis("layer (1 is nearest the input)"),
        Axis("size of δ, relative to layer 30", "log"),
        tuple(lines),
    )


# ---------------------------------------------------------------- what the lesson shows of it

RECIPES: dict[str, tuple[str | float, float]] = {
    "N(0, 1)": (1.0, 1.0),
    "N(0, 0.01²)": (0.01, 1e-4),
    "Xavier": ("xavier", 1 / 64),
    "He": ("he", 2 / 64),
    "PyTorch": ("default", 1 / (3 * 64)),
}
"""What `mlp` is told, and the variance of a weight between layers of 64 units."""

COLORS = {"N(0, 1)": "sky", "He": "blue", "Xavier": "vermillion", "PyTorch": "orange"}


def start_plot(runs: Mapping[str, Iterable[History]]) -> Plot:
    """Losses of 30 ReLU layers by recipe, a line for each network."""
    colors = {"xavier": "vermillion", "he": "blue", "lsuv": "green"}
    words = {"xavier": "Xavier, √(1/64)", "he": "He, √(2/64)", "lsuv": "LSUV"}
    lines = [
        line
        for init, found in runs.items()
        for line in loss_lines(found, words[init], colors[init])
    ]
    lines.append(Line([10, 300], [math.log(10)] * 2, "ln 10, guessing", "reference"))
    axis = Axis("loss", limits=(0.0, 3.0))
    return Plot("Every line is one network of 30 layers", Axis("step"), axis, tuple(lines))


@cache
def recipe_sizes(name: str) -> tuple[Array, Array]:
    """Sizes of z and of δ by layer, all training digits; shapes (5, 30)."""
    found = []
    for seed in SEEDS:
        record = probed(start_net(RECIPES[name][0], seed))
        layers = record.select("Linear")[:DEPTH]
        found.append((record.activation_rms[0, layers], record.output_gradient_rms[0, layers]))
    z, delta = zip(*found, strict=True)
    return np.array(z), np.array(delta)


def recipe_factors(name: str) -> tuple[Array, Array, float]:
    """Factors per layer on z and on δ of five networks, and √(64 v/2)."""
    z, delta = recipe_sizes(name)
    forwards, backwards = z[:, -1] / z[:, 0], delta[:, 0] / delta[:, -1]
    expected = math.sqrt(64 * RECIPES[name][1] / 2)
    return forwards ** (1 / (DEPTH - 1)), backwards ** (1 / (DEPTH - 1)), expected


def recipe_plot() -> Plot:
    """δ by layer for four recipes, in the geometric mean of five networks."""
    layer = np.arange(1.0, DEPTH + 1)
    found = {}
    for name, color in COLORS.items():
        _, delta = recipe_sizes(name)
        mean = np.exp(np.log(delta / delta[:, -1:]).mean(axis=0))
        expected = math.sqrt(64 * RECIPES[name][1] / 2) ** (DEPTH - layer)
        found[f"{name} {per_layer(float(mean[0]), DEPTH - 1)}"] = (mean, expected, color)
    return Plot(
        "δ through 30 ReLU layers, mean of 5 networks",
        Axis("layer (1 is nearest the input)"),
        Axis("size of δ, relative to layer 30", "log"),
        over_theory(layer, found, "theory, √(64 v/2) per layer"),
    )


@cache
def gradient_ratio(seed: int) -> float:
    """Largest ratio of ‖∂ℒ/∂W‖, Xavier's over He's, of the 31 matrices before training."""
    norms = []
    for init in ("xavier", "he"):
        net = start_net(init, seed)
        cross_entropy(net).backward()
        found = [p.grad for p in weights_of(net) if p.grad is not None]
        norms.append(np.array([float(gradient.norm()) for gradient in found]))
    return float((norms[0] / norms[1]).max())


def first_loss(init: str | float, seed: int, outputs: float = 1.0, depth: int = 2) -> float:
    """Loss before training, with the output weights multiplied by a factor."""
    import torch

    net = start_net(init, seed, depth)
    with torch.no_grad():
        weights_of(net)[-1].mul_(outputs)
        return float(cross_entropy(net))


def sizes_and_differences(init: str | float, seed: int) -> tuple[float, float]:
    """Size of z in layer 30, and how much z differs from image to image; float64."""
    import torch

    net = start_net(init, seed)[:-2].double()
    with torch.no_grad():
        z = net(digits().x_train.double())  # what float32 cannot tell apart
    return float(z.square().mean().sqrt()), float(z.var(0, correction=0).mean().sqrt())


def size_at_the_end(net: nn.Sequential) -> float:
    """Size of z in the last hidden layer on all training digits."""
    import torch

    with torch.no_grad():
        return float(net[:-2](digits().x_train).double().square().mean().sqrt())


# ---------------------------------------------------------------- copies, with their ranks


class Copies(NamedTuple):
    """Ranks of the three gradients, different units of layer 1 after training, test accuracy."""

    ranks: tuple[int, ...]
    units: int
    right: float


@cache
def copies(value: float | str, seed: int, steps: int = 300) -> Copies:
    """Two hidden tanh layers of 32 units, all weights one value, or "random" (Xavier)."""
    import torch

    from gradcourse.nets import constant_, mlp

    net = mlp(2, 32, "tanh", seed=seed)
    if not isinstance(value, str):
        constant_(net, value)
    cross_entropy(net).backward()
    ranks = tuple(
        int(torch.linalg.matrix_rank(p.grad.double(), rtol=1e-5))
        for p in net.parameters()
        if p.dim() == 2 and p.grad is not None
    )
    right = accuracy(net, steps, 0.1, seed=seed)
    rows = next(net.parameters()).detach().round(decimals=3)
    return Copies(ranks, len(torch.unique(rows, dim=0)), right)


# ---------------------------------------------------------------- tanh over a hundred layers

IMAGES = 64


@cache
def tanh_sizes() -> tuple[Array, Array]:
    """Sizes of z and of δ in 100 tanh layers of 200 units, Xavier, 64 digits; shapes (5, 100)."""
    from gradcourse.nets import mlp

    found = []
    for seed in SEEDS:
        record = probed(mlp(100, width=200, activation="tanh", seed=seed), IMAGES)
        layers = record.select("Linear")[:100]
        found.append((record.activation_rms[0, layers], record.output_gradient_rms[0, layers]))
    z, delta = zip(*found, strict=True)
    return np.array(z), np.array(delta)


def tanh_theory() -> Array:
    """Variance of z by layer from mean-field theory, from these digits on; shape (100,)."""
    # Xavier's rule sees 64 pixels and 200 units in layer 1, so its v is 2/264 there.
    first = 64 * 2 / 264 * float((digits().x_train[:IMAGES] ** 2).mean())
    return theory.q_trajectory("tanh", 1.0, depth=100, mean_square=first)


def tanh_plot() -> Plot:
    """Variance of z over 100 tanh layers with Xavier's weights, on two log axes."""
    layer = np.arange(1.0, 101)
    variance = (tanh_sizes()[0] ** 2).mean(axis=0)
    lines = over_theory(layer, {"tanh": (variance, tanh_theory(), "tanh")})
    return Plot(
        "tanh with Xavier's weights, mean of 5 networks",
        Axis("layer (1 is nearest the input)", "log"),
        Axis("variance of z", "log"),
        (*lines, Line(layer, 1 / (2 * layer), "1/(2ℓ)", "reference")),
    )


def left_after(activation: str, layers: int = 100) -> Array:
    """Variance of z in layer 100 over layer 1, Xavier's weights, of five networks; (seeds,)."""
    if activation == "tanh":
        z = tanh_sizes()[0]
        return np.asarray((z[:, layers - 1] / z[:, 0]) ** 2)
    from gradcourse.nets import mlp

    found = []
    for seed in SEEDS:
        record = probed(mlp(layers, width=200, activation=activation, seed=seed), IMAGES)
        z = record.activation_rms[0, record.select("Linear")]
        found.append((z[layers - 1] / z[0]) ** 2)
    return np.array(found)


# ---------------------------------------------------------------- what becomes of two images

MAP_BIAS = 0.3
NAMED = {0.8: "vermillion", 1.4: "green", 2.8: "blue"}
"""The three places of the map that the lesson looks at."""


@cache
def image_cosines(sigma_w: float, seed: int, images: int = 40, width: int = 256) -> Array:
    """Mean cosine of z of two digits, by layer, in 30 tanh layers with σ_b = 0.3; shape (30,)."""
    import torch
    from torch import nn

    from gradcourse.nets import mlp

    net = mlp(DEPTH, width, "tanh", init="lecun", gain=sigma_w, bias_std=MAP_BIAS, seed=seed)
    h, found = digits().x_train[:images], []
    with torch.no_grad():
        for module in list(net)[:-1]:
            h = module(h)
            if isinstance(module, nn.Linear):
                z = nn.functional.normalize(h.double(), dim=1)
                found.append(float(((z @ z.T).sum() - images) / (images * (images - 1))))
    return np.array(found)


def cosine_theory(sigma_w: float) -> Array:
    """The same from mean-field theory, from the measured first layer on; shape (30,).

    Two images' z are Gaussian with variance q and covariance q c (Poole et al. 2016).
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    c = float(np.mean([image_cosines(sigma_w, seed)[0] for seed in SEEDS]))
    pixels = float((digits().x_train[:40] ** 2).mean())
    q, found = sigma_w**2 * pixels + MAP_BIAS**2, [c]
    for _ in range(DEPTH - 1):
        one = np.tanh(math.sqrt(q) * nodes)  # (60,)
        mixed = c * nodes[:, None] + math.sqrt(max(1 - c * c, 0.0)) * nodes  # (60, 60)
        both = weights @ (one[:, None] * np.tanh(math.sqrt(q) * mixed)) @ weights
        q = sigma_w**2 * float(weights @ one**2) + MAP_BIAS**2
        c = min((sigma_w**2 * float(both) + MAP_BIAS**2) / q, 1.0)
        found.append(c)
    return np.array(found)


def cosine_plot() -> Plot:
    """Cosine of two images' z by layer at three places of the map, mean of five networks."""
    layer = np.arange(1.0, DEPTH + 1)
    found = {
        f"σ_w = {w}": (
            np.mean([image_cosines(w, seed) for seed in SEEDS], axis=0),
            cosine_theory(w),
            color,
        )
        for w, color in NAMED.items()
    }
    return Plot(
        "What becomes of two images",
        Axis("layer (1 is nearest the input)"),
        Axis("cosine of their z", limits=(0.0, 1.05)),
        over_theory(layer, found, "theory (Poole et al. 2016)"),
    )


PAIRS = (
    (0.8, 0.1),
    (0.8, 0.5),
    (1.2, 0.3),
    (1.2, 0.8),
    (1.6, 0.1),
    (1.6, 0.8),
    (2.0, 0.1),
    (2.5, 0.3),
)
"""Eight points (σ_w, σ_b) of the map."""


@cache
def at_point(sigma_w: float, sigma_b: float) -> tuple[Array, Array]:
    """Sizes of z and of δ in 30 tanh layers of 256 units, 64 digits; shapes (5, 30)."""
    from gradcourse.nets import mlp

    found = []
    for seed in SEEDS:
        net = mlp(DEPTH, 256, "tanh", init="lecun", gain=sigma_w, bias_std=sigma_b, seed=seed)
        record = probed(net, IMAGES)
        layers = record.select("Linear")[:DEPTH]
        found.append((record.activation_rms[0, layers], record.output_gradient_rms[0, layers]))
    z, delta = zip(*found, strict=True)
    return np.array(z), np.array(delta)


def chi_measured(sigma_w: float, sigma_b: float) -> Array:
    """χ from the slope of δ between layers 30 and 10, of five networks; shape (seeds,)."""
    _, delta = at_point(sigma_w, sigma_b)
    layers = np.arange(10, DEPTH + 1)
    return np.array([math.exp(-2 * np.polyfit(layers, np.log(d)[9:], 1)[0]) for d in delta])


def chi_plot() -> Plot:
    """δ by layer at four points of the map, in the geometric mean of five networks."""
    layer = np.arange(1.0, DEPTH + 1)
    colors = {(0.8, 0.5): "vermillion", (1.2, 0.3): "orange", (1.6, 0.8): "green"}
    found = {}
    for pair, color in (colors | {(2.0, 0.1): "blue"}).items():
        _, delta = at_point(*pair)
        mean = np.exp(np.log(delta / delta[:, -1:]).mean(axis=0))
        expected = math.sqrt(theory.chi("tanh", *pair)) ** (DEPTH - layer)
        found[f"({pair[0]}, {pair[1]}) {per_layer(float(mean[0]), DEPTH - 1)}"] = (
            mean,
            expected,
            color,
        )
    return Plot(
        "δ at four points (σ_w, σ_b), mean of 5 networks",
        Axis("layer (1 is nearest the input)"),
        Axis("size of δ, relative to layer 30", "log"),
        over_theory(layer, found, "theory, √χ per layer"),
    )


# ---------------------------------------------------------------- claims


def long(name: str, key: str = "") -> Array:
    """A stored run of five times the budget: one number for each seed.

    ``name``: "Xavier" (the loss of 30 ReLU layers), or a kind of `long_runs`.
    """
    kind = f"30 ReLU layers, {name}" if name == "Xavier" else name
    key = key or ("loss" if kind != name else "right")
    return np.array([row[key] for row in stored("long_runs").rows if row["kind"] == kind])


@cache
def standard_normal(depth: int, seed: int) -> float:
    """Test accuracy from weights N(0, 1): 30 layers as the puzzle's, one layer at 0.01."""
    if depth == 1:
        return accuracy(start_net(1.0, seed, 1), 600, 0.01, seed=seed)
    run = trained(start_net(1.0, seed, depth), 300, LEARNING_RATE, seed=seed, optimizer=momentum)
    return 0.0 if run.stopped else float(run.test_accuracy[-1])


class Fitted(NamedTuple):
    """Shares right on the training and the test digits, and how far the weights moved."""

    train: float
    right: float
    moved: float


@cache
def fitted(gain: float, seed: int, steps: int = 1500) -> Fitted:
    """Two hidden ReLU layers from He's weights times a gain, trained by Adam at 0.001."""
    import torch

    from gradcourse.nets import mlp

    def adam(parameters: Iterable[nn.Parameter]) -> torch.optim.Adam:
        return torch.optim.Adam(parameters, lr=1e-3, fused=True)

    net = mlp(2, activation="relu", init="he", gain=gain, seed=seed)
    run = trained(net, steps, 1e-3, seed=seed, optimizer=adam)
    right = float(run.train_accuracy[-1]), float(run.test_accuracy[-1])
    return Fitted(*right, float(run.relative_change[-1].mean()))


# ---------------------------------------------------------------- a hundred layers, trained


def hundred(kind: str, rate: float, steps: int = FEW) -> Array:
    """Stored test accuracies of 100 tanh layers; shape (seeds,)."""
    wanted = (kind, rate, steps)
    rows = stored("isometry").rows
    return np.array(
        [row["right"] for row in rows if (row["kind"], row["rate"], row["steps"]) == wanted]
    )


def hundred_plot() -> Plot:
    """Stored accuracies against the rate, a line for each of five seeds."""
    lines = []
    for kind, color in zip(KINDS, ("orange", "tanh"), strict=True):
        each = np.array([hundred(kind, rate) for rate in RATES])  # (rates, seeds)
        for k, right in enumerate(each.T):
            label = ("Gaussian" if kind == KINDS[0] else kind) if k == 0 else ""
            lines.append(Line(list(RATES), right, label, color=color))
    lines.append(Line([RATES[0], RATES[-1]], [0.1, 0.1], "guessing", "reference"))
    return Plot(
        "100 tanh layers after 300 steps: every line is one seed",
        Axis("learning rate", "log"),
        Axis("right on the test digits", limits=(0.0, 1.05)),
        tuple(lines),
    )


@cache
def directions(kind: str, seed: int, depth: int = HUNDRED) -> tuple[float, float]:
    """The Jacobian of the 100 layers on the first digit, before training.

    Returns
    -------
    spread, alive : float
        log₁₀ of the largest over the smallest singular value, and the share of the 64 that lie
        above a thousandth of the largest.
    """
    import torch
    from torch import nn

    from gradcourse.instrument import product_log_singular_values

    net, factors = start(kind, seed, depth).double(), []
    h = digits().x_train[0].double()
    with torch.no_grad():
        for layer in list(net)[:-1]:
            if isinstance(layer, nn.Linear):
                z = layer(h)
                h = torch.tanh(z)
                factors.append(((1 - h**2)[:, None] * layer.weight).numpy())
    logs = np.asarray(product_log_singular_values(factors)) / math.log(10)
    return float(logs[0] - logs[-1]), float((logs > logs[0] - 3).mean())


# ---------------------------------------------------------------- fan_in and fan_out, drawn


def fan_drawing() -> Drawing:
    """A unit with fan_in arrows in and fan_out arrows out, and the way back below it."""
    boxes, arrows = [], []
    for top, color, names, words in (
        (0.9, "blue", ("h", "h"), "forwards: z adds up fan_in products"),
        (3.5, "vermillion", ("δ", "δ"), "back: δ adds up fan_out products"),
    ):
        boxes.append(Box(3.7, top - 0.5, 4.2, 0.4, words, color, True))
        for k in range(4):
            y = top + 0.5 * k
            boxes.append(Box(0.7, y, 0.6, 0.36, names[0], color))
        for k in range(3):
            y = top + 0.25 + 0.5 * k
            boxes.append(Box(6.7, y, 0.6, 0.36, names[1] if top > 2 else "z", color))
        middle = top + 0.75
        boxes.append(Box(3.7, middle, 1.2, 0.6, "one unit", color))
        for k in range(4):
            left, right = (1.03, top + 0.5 * k), (3.07, middle + 0.08 * (k - 1.5))
            if top < 2:
                arrows.append(Arrow(left, right, "W" if k == 0 else "", color))
            else:
                arrows.append(Arrow(right, left, "", color))
        for k in range(3):
            left, right = (4.33, middle + 0.1 * (k - 1)), (6.37, top + 0.25 + 0.5 * k)
            if top < 2:
                arrows.append(Arrow(left, right, "", color))
            else:
                arrows.append(Arrow(right, left, "W" if k == 0 else "", color))
    words = (
        "One unit in the middle of a network, drawn twice. Forwards, arrows from each of the units "
        "of the layer before run into it: it adds up fan_in products of a weight and an h. Back, "
        "arrows from each of the units of the layer after it run into it: its δ adds up fan_out "
        "products of a weight and a δ."
    )
    return Drawing(7.4, 5.6, tuple(boxes), tuple(arrows), words)
