"""Lesson 06: one batch, its gradient, its running statistics, its noise; and depth."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse import theory
from gradcourse.experiments.common import (
    SEEDS,
    Array,
    accuracy,
    digits,
    factor_per_layer,
    first_to_last,
    one_word_for_theory,
    trained,
)
from gradcourse.figures import Axis, Line, Plot, with_theory
from gradcourse.figures.drawing import Arrow, Box, Drawing

if TYPE_CHECKING:
    import torch
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


def share_plot() -> Plot:
    """The share of δ that comes through, against the size of the batch; √(1 − 2/B) dashed."""
    sizes = np.array([2, 3, 4, 6, 8, 16, 32, 64])
    found = [np.median([share_of_gradient(int(size), seed) for seed in SEEDS]) for size in sizes]
    lines = with_theory(sizes, found, np.sqrt(1 - 2 / sizes), "median of 5", "batch_norm")
    return Plot(
        "Share of δ that comes through batch norm",
        Axis("images in the batch", "log"),
        Axis("‖s ∂ℒ/∂u‖ / ‖δ‖", limits=(-0.05, 1.05)),
        one_word_for_theory(lines),
    )


def one_layer(seed: int = 0) -> tuple[torch.Tensor, nn.Module]:
    """W and torch's batch norm of a layer of 64 units, float64; γ and β are not 1 and 0."""
    import torch

    layer, norm, *_ = network("batch", 1, seed=seed).double()
    generator = torch.Generator().manual_seed(seed)
    gamma, beta = norm.parameters()
    with torch.no_grad():
        gamma.uniform_(0.5, 2.0, generator=generator)
        beta.normal_(generator=generator)
    return next(layer.parameters()).detach(), norm


# ---------------------------------------------------------------- which numbers share a mean

IMAGES, UNITS = 5, 6
SHARED = (
    ("batch norm", "batch_norm", "one unit,\nall images", range(IMAGES), range(2, 3)),
    ("layer norm", "layer_norm", "one image,\nall units", range(1, 2), range(UNITS)),
    ("group norm", "purple", "one image,\nhalf of its units", range(1, 2), range(3)),
    ("instance norm", "orange", "one image, one\nchannel: its pixels", range(1, 2), range(2, 3)),
)
"""Name, colour, words, and the images and units whose numbers share a mean and a variance."""


def axes_drawing() -> Drawing:
    """Batch, layer, group and instance normalization: which numbers share a mean."""
    boxes: list[Box] = []
    for place, (name, color, words, images_of, units_of) in enumerate(SHARED):
        left = 0.85 + 1.72 * place
        middle = left + 0.11 * (UNITS - 1)
        boxes.append(Box(middle, 0.27, 1.5, 0.36, name, color, True))
        for image in range(IMAGES):
            for unit in range(UNITS):
                inside = image in images_of and unit in units_of
                at = left + 0.22 * unit, 0.94 + 0.22 * image
                boxes.append(Box(*at, 0.18, 0.18, "", color if inside else "grey", inside))
        boxes.append(Box(middle, 2.36, 1.6, 0.5, words, color))
    arrows = (
        Arrow((0.18, 0.84), (0.18, 1.92), "images"),
        Arrow((0.75, 0.74), (2.06, 0.74), "units"),
    )
    words = (
        "Four tables of numbers, five images in rows and six units in columns. The numbers that "
        "share one mean and one variance are filled. Batch norm: one column, a unit over all "
        "images. Layer norm: one row, an image over all its units. Group norm: half a row. "
        "Instance norm: one entry, which in a convolutional network is a whole channel of pixels."
    )
    return Drawing(7.55, 2.7, tuple(boxes), arrows, words)


def paths_drawing() -> Drawing:
    """The three ways on which one u of the batch reaches the loss."""
    boxes = (
        Box(0.7, 1.2, 0.9, 0.45, "uᵢ", "blue", True),
        Box(2.9, 0.4, 1.0, 0.45, "μ", "vermillion"),
        Box(2.9, 2.0, 1.0, 0.45, "σ²", "purple"),
        Box(5.0, 1.2, 1.5, 0.45, "x̂ of all images", "batch_norm"),
        Box(6.9, 1.2, 0.8, 0.45, "loss", "grey"),
    )
    arrows = (
        Arrow((1.15, 1.2), (4.25, 1.2), "directly"),
        Arrow((1.15, 1.1), (2.4, 0.45)),
        Arrow((3.4, 0.45), (4.4, 0.97)),
        Arrow((1.15, 1.3), (2.4, 1.95)),
        Arrow((3.4, 1.95), (4.4, 1.43)),
        Arrow((5.75, 1.2), (6.5, 1.2)),
    )
    words = (
        "Three ways from the sum u of one image to the loss: directly through its own normalized "
        "value; through the batch's mean; and through the batch's variance. The last two reach the "
        "normalized values of all images."
    )
    return Drawing(7.5, 2.4, boxes, arrows, words)


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


def noise_plot() -> Plot:
    """How far the mean of a random batch is from that of all digits; the law dashed."""
    u = sums()
    u = (u - u.mean(0)) / u.std(0)
    rng, sizes = np.random.default_rng(0), 2 ** np.arange(1, 10)
    found = []
    for size in sizes:
        means = [u[rng.choice(len(u), size, replace=False)].mean(0) for _ in range(200)]
        found.append(np.sqrt(np.mean(np.square(means))))
    law = np.sqrt((len(u) - sizes) / (len(u) - 1) / sizes)
    return Plot(
        f"How far a batch's μ is from that of all {len(u)} digits",
        Axis("images in the batch", "log"),
        Axis("error of μ, in units of σ", "log"),
        one_word_for_theory(with_theory(sizes, found, law, "measured", "batch_norm")),
    )


# ---------------------------------------------------------------- depth


def differing(norm: str, seed: int) -> Array:
    """Spread of z over 512 images relative to its size, in 30 sigmoid layers; shape (30,)."""
    import torch

    h = digits().x_train[:512].double()
    shares = []
    with torch.no_grad():
        for part, module in deep_sigmoids(norm, 30, seed).double().named_children():
            h = module(h)
            if part.startswith("norm"):
                spread = h.var(0, correction=0).mean() / h.square().mean()
                shares.append(float(spread.sqrt()))
    return np.array(shares)


def differing_plot(seed: int = 0) -> Plot:
    """What differs between images, layer by layer, with three norms; the law of two dashed."""
    layer = np.arange(1, 31)
    found = {norm: differing(norm, seed) for norm in ("batch", "layer", "rms")}
    kept = theory.mean_squared_slope("sigmoid", 1.0) / theory.q_map("sigmoid", 1.0, 1.0)
    law = found["layer"][0] * kept ** ((layer - 1) / 2)
    slopes = {"batch": "level", "layer": f"× {kept**0.5:.2f} a layer", "rms": "the same"}
    lines = [
        Line(layer, values, f"{norm} norm, {slopes[norm]}", color=f"{norm}_norm")
        for norm, values in found.items()
    ]
    return Plot(
        "How much of z differs from image to image",
        Axis("layer (1 is nearest the input)"),
        Axis("spread of z / size of z", "log"),
        (*lines, Line(layer, law, "dashed: theory", "theory", "layer_norm")),
    )


def growth_plot(delta: dict[str, list[Array]]) -> Plot:
    """δ by layer in batch-normed networks, relative to the last layer; the law dashed.

    Parameters
    ----------
    delta : dict
        From an activation to δ by layer, one array for each seed.
    """
    lines: list[Line] = []
    for name, found in delta.items():
        layer = np.arange(1, len(found[0]) + 1)
        middle = np.median([d / d[-1] for d in found], axis=0)
        law = theory.normalized_gradient_growth(name)
        factor = np.median([factor_per_layer(d) for d in found])
        expected = law ** (layer[-1] - layer.astype(float))
        lines += with_theory(layer, middle, expected, f"{name}, × {factor:.2f} a layer", name)
    return Plot(
        "δ on its way back through 56 layers with batch norm, median of 5",
        Axis("layer (1 is nearest the input)"),
        Axis("size of δ, relative to layer 56", "log"),
        one_word_for_theory(lines),
    )


def bent(leak: float, seed: int, depth: int = 56) -> nn.Sequential:
    """Batch-normed layers whose activation has slope 1 on the right and ``leak`` on the left."""
    from torch import nn

    net = network("batch", depth, "leaky_relu", seed=seed)
    for module in net:
        if isinstance(module, nn.LeakyReLU):
            module.negative_slope = leak
    return net


def growth_with_leak(leak: float) -> float:
    """√(E[φ′²]/Var[φ]) of such an activation, for wide layers."""
    mean_square = (1 + leak**2) / 2
    return math.sqrt(mean_square / (mean_square - (1 - leak) ** 2 / (2 * math.pi)))


THREE = {"A": "layer", "B": "batch", "C": "none"}
"""The three networks of an exercise's picture, by their letters."""


def three_networks_plot(gain: float = 0.8, depth: int = 20) -> Plot:
    """δ by layer in three ReLU networks whose matrices were all multiplied by ``gain``."""
    layer = np.arange(1, depth + 1)
    lines: list[Line] = []
    for (letter, norm), color in zip(THREE.items(), ("blue", "orange", "purple"), strict=True):
        delta = deltas(network(norm, depth, gain=gain))
        lines.append(Line(layer, delta / delta[-1], letter, color=color))
    return Plot(
        f"Three networks, all matrices times {gain}",
        Axis("layer (1 is nearest the input)"),
        Axis(f"size of δ, relative to layer {depth}", "log"),
        tuple(lines),
    )


def which_of_three(gain: float = 0.8, depth: int = 20) -> str:
    """The letter of the network whose δ grows most towards layer 1, and of the one that falls."""
    ends = {k: first_to_last(deltas(network(n, depth, gain=gain))) for k, n in THREE.items()}
    ordered = sorted(ends, key=lambda letter: ends[letter])
    return f"{ordered[-1]}{ordered[0]}".lower()


def share_between_digits(z: torch.Tensor) -> float:
    """Of all spread in z, shape (1024, n), the share that lies between the ten digits."""
    import torch

    labels = digits().y_train[: len(z)]
    share = torch.bincount(labels) / len(labels)
    means = torch.stack([z[labels == k].mean(0) for k in range(10)])
    between = (share[:, None] * (means - z.mean(0)).square()).sum()
    return float(between / z.var(0, correction=0).sum())


def shares_between_digits(activation: str, seed: int) -> Array:
    """The same for what layers 1, 10, 30 and 56 of a batch-normed network receive."""
    import torch

    h, found = digits().x_train[:1024], []
    with torch.no_grad():
        for part, module in network("batch", DEEP, activation, seed=seed).named_children():
            h = module(h)
            if part in ("norm1", "norm10", "norm30", "norm56"):
                found.append(share_between_digits(h))
    return np.array(found)


def growth_of_a_difference(activation: str, seed: int, depth: int = 30) -> float:
    """Factor per layer on the difference of nearly equal images, behind batch norm."""
    import torch

    x, rng = digits().x_train[:1024].double(), torch.Generator().manual_seed(seed)
    h = torch.cat([x, x + 1e-6 * torch.randn(x.shape, generator=rng, dtype=x.dtype)])
    sizes = []
    with torch.no_grad():
        for part, module in (
            network("batch", depth, activation, seed=seed).double().named_children()
        ):
            h = module(h)
            if part.startswith("norm"):
                sizes.append(float((h[len(x) :] - h[: len(x)]).norm()))
    return (sizes[-1] / sizes[0]) ** (1 / (depth - 1))


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


def decades(norm: str, activation: str, gain: float, seed: int, depth: int = 30) -> float:
    """log₁₀ of δ in layer 1 over δ in the last hidden layer, at the start."""
    model = network(norm, depth, activation, seed=seed, gain=gain)
    return math.log10(first_to_last(deltas(model)))


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
def _four_layers(seed: int, momentum: float = 0.1) -> nn.Sequential:
    from gradcourse.nets import normalized_mlp

    model = normalized_mlp(4, momentum=momentum, seed=seed)
    trained(model, 200, 0.1, seed=seed)
    return model


def accuracy_sorted(seed: int = 0, training: bool = True) -> float:
    """Test accuracy of a trained network when each batch holds one digit only."""
    import torch

    data, model = digits(), copy.deepcopy(_four_layers(seed, 0.1))
    model.train(training)
    right = 0
    with torch.no_grad():
        for digit in range(10):
            mine = data.y_test == digit
            right += int((model(data.x_test[mine]).argmax(1) == digit).sum())
    return right / len(data.y_test)


def accuracy_mixed(seed: int = 0, training: bool = True, momentum: float = 0.1) -> float:
    """Test accuracy of a trained network when the whole test set is one batch."""
    import torch

    data, model = digits(), copy.deepcopy(_four_layers(seed, momentum))
    model.train(training)
    with torch.no_grad():
        return float((model(data.x_test).argmax(1) == data.y_test).double().mean())


def hidden_weights_times(factor: float, seed: int, depth: int = 4) -> nn.Sequential:
    """Batch-normed ReLU layers, the hidden matrices multiplied by a factor."""
    import torch

    net = network("batch", depth, seed=seed)
    with torch.no_grad():
        for name, module in net.named_children():
            if name.startswith("layer"):
                next(module.parameters()).mul_(factor)
    return net


def first_step(net: nn.Module, seed: int) -> float:
    """‖ΔW‖/‖W‖ of layer 1 in one update at a rate of 0.1."""
    return float(trained(net, 1, 0.1, seed=seed).relative_change[-1][0])


def first_relative_step(factor: float, seed: int) -> float:
    """‖ΔW‖/‖W‖ of layer 1 in the first update, its matrices multiplied by a factor."""
    return first_step(hidden_weights_times(factor, seed), seed)


def variance_after_dropout(share: float = 0.5, seed: int = 0) -> float:
    """Variance of z in evaluation mode: dropout in front of a batch norm that saw 50 batches."""
    import torch
    from torch import nn

    generator = torch.Generator().manual_seed(seed)
    norm = nn.BatchNorm1d(64, momentum=None)  # the plain mean over all batches
    for _ in range(50):
        h = torch.randn(256, 64, generator=generator)
        kept = torch.rand(256, 64, generator=generator) >= share
        norm(h * kept / (1 - share))
    norm.eval()
    with torch.no_grad():
        return float(norm(torch.randn(4096, 64, generator=generator)).var())


def four_sigmoids(kind: str, seed: int) -> nn.Sequential:
    """Four sigmoid layers: "plain", "batch norm", or "batch norm + jumps" after each norm."""
    from gradcourse.nets import mlp

    if kind == "plain":
        return mlp(4, seed=seed)
    return deep_sigmoids("batch", 4, seed, noise=0.55 if kind.endswith("jumps") else 0.0)


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
