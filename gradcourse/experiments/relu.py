"""Lesson 04: what a ReLU lets through, what its kin let through, and how units die."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gradcourse import theory
from gradcourse.experiments.common import (
    SEEDS,
    Array,
    accuracy,
    cross_entropy,
    delta_by_layer,
    digits,
    factor_per_layer,
    first_to_last,
    loss_lines,
    median,
    over_seeds,
    over_theory,
    per_layer,
    probed,
    through_layers,
    trained,
    unit_draws,
    weights_of,
)
from gradcourse.experiments.measurements import stored
from gradcourse.figures import Axis, Line, Plot
from gradcourse.figures.drawing import Arrow, Box, Curve, Drawing
from gradcourse.figures.scatter import Point, Scatter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import torch
    from torch import nn

    from gradcourse.training import History

DEPTH = 20
WIDTH = 128
TUNED_DEPTH, TUNED_GAIN = 50, 1.3

# ---------------------------------------------------------------- layer by layer


def through_leaky_layers(
    leak: float, gain: float, *, depth: int = DEPTH, seed: int = 0
) -> tuple[Array, Array]:
    """Sizes of z and of δ in each layer of a random leaky ReLU network.

    Weights are Gaussian with standard deviation gain/√128, inputs and the last δ Gaussian,
    biases 0.

    Parameters
    ----------
    leak : float
        Slope for z < 0: 0 is ReLU, 1 is linear, −1 is the absolute value.
    gain : float
        σ_w.

    Returns
    -------
    forward : numpy.ndarray, shape (depth,)
        Root mean square of z, relative to layer 1.
    backward : numpy.ndarray, shape (depth,)
        Root mean square of δ, relative to the last layer.
    """

    def layer(z: Array) -> tuple[Array, Array]:
        slope = np.where(z > 0, 1.0, leak)
        return z * slope, slope

    forward, backward = through_layers(unit_draws(depth, WIDTH, seed), layer, gain)
    return forward / forward[0], backward / backward[-1]


def factor_by_theory(leak: float, gain: float) -> float:
    """σ_w √((1 + a²)/2): the factor on z and on δ per layer."""
    return gain * math.sqrt((1 + leak**2) / 2)


def first_delta(leak: float = 0.0, depth: int = DEPTH) -> float:
    """Size of δ in layer 1 relative to the last layer at σ_w = 1, median over five networks."""
    return median(
        lambda seed: first_to_last(through_leaky_layers(leak, 1.0, depth=depth, seed=seed)[1])
    )


def end_to_end(seed: int, leak: float) -> float:
    """δ in layer 1 relative to layer 50, weights of σ_w = 1.3."""
    _, delta = through_leaky_layers(leak, TUNED_GAIN, depth=TUNED_DEPTH, seed=seed)
    return first_to_last(delta)


# ---------------------------------------------------------------- half is lost, on digits

LAW_WIDTH, LAW_NETWORKS = 256, 60


@cache
def halving(networks: int = LAW_NETWORKS, images: int = 128) -> tuple[Array, Array, Array]:
    """Mean squares of z and of δ by layer in ReLU networks of 20 layers of 256 units, σ_w = 1.

    Returns
    -------
    forward, backward : numpy.ndarray, shape (networks, 20)
        Relative to layer 1, and to layer 20.
    zeros : numpy.ndarray, shape (networks,)
        Share of activations that are 0.
    """
    from gradcourse.nets import mlp

    forward, backward, zeros = [], [], []
    for seed in range(networks):
        record = probed(mlp(DEPTH, LAW_WIDTH, "relu", init="lecun", seed=seed), images)
        linear = record.select("Linear")[:DEPTH]
        z, delta = record.activation_rms[0, linear], record.output_gradient_rms[0, linear]
        forward.append((z / z[0]) ** 2)
        backward.append((delta / delta[-1]) ** 2)
        zeros.append(record.zero_fraction[0, record.select("ReLU")].mean())
    return np.array(forward), np.array(backward), np.array(zeros)


def halving_plot() -> Plot:
    """Sizes of z and δ over 20 ReLU layers: root of the mean square over 60 networks."""
    forward, backward, _ = halving()
    layer = np.arange(1.0, DEPTH + 1)
    z, delta = (np.sqrt(square.mean(axis=0)) for square in (forward, backward))
    rate = per_layer(float(z[-1]), DEPTH - 1), per_layer(float(delta[0]), DEPTH - 1)
    return Plot(
        "Second moments halve, so sizes fall as 2^(−L/2)",
        Axis("layer (1 is nearest the input)", limits=(1.0, float(DEPTH))),
        Axis("size, relative to where it starts", "log"),
        over_theory(
            layer,
            {
                f"z, forwards {rate[0]}": (z, 2.0 ** (-(layer - 1) / 2), "blue"),
                f"δ, backwards {rate[1]}": (delta, 2.0 ** (-(DEPTH - layer) / 2), "relu"),
            },
            "theory, × √½ per layer",
        ),
    )


def depth_puzzle_plot(runs: Mapping[int, Iterable[History]]) -> Plot:
    """Losses of the puzzle's networks by depth, a line for each network."""
    lines = [
        line
        for (depth, found), color in zip(runs.items(), ("relu", "vermillion"), strict=True)
        for line in loss_lines(found, f"{depth} ReLU layers", color)
    ]
    lines.append(Line([10, 300], [math.log(10)] * 2, "ln 10, guessing", "reference"))
    axis = Axis("loss", limits=(0.0, 2.8))
    return Plot("Every line is one network", Axis("step"), axis, tuple(lines))


@cache
def thirty_layers(init: str, rate: float = 0.01) -> Array:
    """Test accuracy of 30 ReLU layers after 300 steps of plain gradient descent; three seeds."""
    from gradcourse.nets import mlp

    def right(seed: int) -> float:
        return accuracy(mlp(30, activation="relu", init=init, seed=seed), 300, rate, seed=seed)

    return over_seeds(right, range(3))


def leaky_factor(leak: float, seed: int) -> float:
    """Factor on δ per layer on digits: 20 layers of 128 units, σ_w = 1."""
    from torch import nn

    from gradcourse.nets import mlp, with_activation

    net = mlp(DEPTH, WIDTH, "relu", init="lecun", seed=seed)
    net = with_activation(net, lambda: nn.LeakyReLU(leak))
    return factor_per_layer(delta_by_layer(net, 256)[:-1])


# ---------------------------------------------------------------- the kin

KIN = ("sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu", "selu", "gelu", "silu")
KIN_DEPTH = 8


def kin_network(name: str, seed: int, depth: int = KIN_DEPTH) -> nn.Sequential:
    """Eight layers of 64 units, Xavier's weights; a PReLU begins at its 0.25."""
    from torch import nn

    from gradcourse.nets import mlp, with_activation

    if name == "prelu":
        return with_activation(mlp(depth, activation="relu", seed=seed), nn.PReLU)
    return mlp(depth, activation=name, seed=seed)


def kin_theory(name: str, depth: int = KIN_DEPTH) -> Array:
    """δ by layer from mean-field theory, relative to the last layer; shape (depth,)."""
    if name == "prelu":
        return math.sqrt((1 + 0.25**2) / 2) ** np.arange(depth - 1.0, -1.0, -1.0)
    q = theory.q_trajectory(name, 1.0, depth=depth)
    factors = [theory.gradient_decay(name, 1.0, value) for value in q[: depth - 1]]
    return np.append(np.cumprod(factors[::-1])[::-1], 1.0)


@cache
def kin_delta(name: str) -> Array:
    """δ by layer of five networks on all digits, relative to the last layer; (seeds, 8)."""
    found = [delta_by_layer(kin_network(name, seed))[:KIN_DEPTH] for seed in SEEDS]
    return np.array([delta / delta[-1] for delta in found])


def kin_factors(name: str) -> Array:
    """Factor on δ per layer of five networks, shape (seeds,)."""
    return np.asarray(kin_delta(name)[:, 0] ** (1 / (KIN_DEPTH - 1)))


def kin_plot(title: str, names: Iterable[str]) -> Plot:
    """δ by layer for some activations, in the geometric mean of five networks."""
    layer = np.arange(1.0, KIN_DEPTH + 1)
    found = {}
    for name in names:
        typical = np.exp(np.log(kin_delta(name)).mean(axis=0))
        label = f"{name.replace('_', ' ')} {per_layer(float(typical[0]), KIN_DEPTH - 1)}"
        found[label] = (typical, kin_theory(name), name)
    axis = Axis("size of δ, relative to layer 8", "log", (1e-5, 10.0))
    return Plot(title, Axis("layer (1 is nearest the input)"), axis, over_theory(layer, found))


@cache
def kin_training(name: str, seeds: int = 3, steps: int = 400) -> tuple[History, ...]:
    """Trainings of the eight layers at the lesson's rate."""
    return tuple(trained(kin_network(name, seed), steps, RATE, seed=seed) for seed in range(seeds))


def kin_loss_plot(names: Iterable[str] = ("sigmoid", "silu", "gelu", "relu", "selu")) -> Plot:
    """Losses of eight layers of several activations, a line for each network."""
    lines = [line for n in names for line in loss_lines(kin_training(n), n, n, mean_of=20)]
    lines.append(Line([20, 400], [math.log(10)] * 2, "ln 10, guessing", "reference"))
    return Plot("Eight layers, the same weights", Axis("step"), Axis("loss"), tuple(lines))


def factor_at(name: str, gain: float, seed: int) -> float:
    """Factor on δ per layer on 256 digits: 20 layers of 128 units, weights of size σ_w = gain."""
    from gradcourse.nets import mlp

    net = mlp(DEPTH, WIDTH, name, init="lecun", gain=gain, seed=seed)
    return factor_per_layer(delta_by_layer(net, 256)[:-1])


@cache
def learned_slope(init: str, seed: int, steps: int = 400) -> float:
    """Mean slope of eight PReLU layers after training; each begins at 0.25."""
    from torch import nn

    from gradcourse.nets import mlp, with_activation

    net = with_activation(mlp(KIN_DEPTH, activation="relu", init=init, seed=seed), nn.PReLU)
    trained(net, steps, RATE, seed=seed)
    return float(np.mean([m.weight.item() for m in net if isinstance(m, nn.PReLU)]))


# ---------------------------------------------------------------- units that die

RATE = 0.05
"""The learning rate that suits the lesson's ReLU networks."""

ACCIDENT = 1000 * RATE
"""The learning rate of the one step that goes wrong."""

ALARM = 0.9
"""A layer is called dead when more than this share of its units is silent on all data."""
SILENT, SHRINK = 0.75, 0.1


def _layer_1(seed: int) -> tuple[nn.Sequential, list[torch.Tensor]]:
    """A ReLU network with two hidden layers, and the gradient of layer 1's weight and bias."""
    import torch

    from gradcourse.nets import mlp

    net = mlp(2, activation="relu", init="he", seed=seed)
    return net, list(torch.autograd.grad(cross_entropy(net), list(net[0].parameters())))


def after_accident(seed: int = 0, rate: float = ACCIDENT) -> nn.Sequential:
    """A ReLU network whose first layer took one step of gradient descent at a large rate."""
    import torch

    net, gradients = _layer_1(seed)
    with torch.no_grad():
        for parameter, gradient in zip(net[0].parameters(), gradients, strict=True):
            parameter.sub_(gradient, alpha=rate)
    return net


def dead_units(net: nn.Sequential) -> list[int]:
    """How many units of each hidden layer have z ≤ 0 for every training digit."""
    import torch

    h, dead = digits().x_train, []
    with torch.no_grad():
        for module in list(net)[:-1]:
            if not isinstance(module, torch.nn.Linear):
                dead.append(int((h <= 0).all(0).sum()))
            h = module(h)
    return dead


class Trained(NamedTuple):
    """Dead units of 64 in both hidden layers after training, the share of test digits right, and
    the network itself."""

    dead: tuple[int, int]
    right: float
    net: nn.Sequential


@cache
def ordinary(rate: float, seed: int, steps: int = 300, optimizer: str = "sgd") -> Trained:
    """Two hidden ReLU layers from He's weights, trained on batches of 64 at one rate.

    ``optimizer``: "sgd", plain gradient descent, or "adam".
    """
    import torch

    from gradcourse.nets import mlp

    def adam(parameters: Iterable[nn.Parameter]) -> torch.optim.Adam:
        return torch.optim.Adam(parameters, lr=rate, fused=True)

    net = mlp(2, activation="relu", init="he", seed=seed)
    options = {"optimizer": adam} if optimizer == "adam" else {}
    right = accuracy(net, steps, rate, seed=seed, **options)
    first, second = dead_units(net)
    return Trained((first, second), right, net)


def ordinary_runs(
    rate: float, optimizer: str = "sgd", networks: int = 10
) -> tuple[Array, Array, Array]:
    """Dead units of layer 1, of layer 2, and test accuracy, of ten networks."""
    runs = [ordinary(rate, seed, optimizer=optimizer) for seed in range(networks)]
    dead = np.array([run.dead for run in runs])
    return dead[:, 0], dead[:, 1], np.array([run.right for run in runs])


def accident_plot(rates: Iterable[float] = (0.05, 0.5, 1.0)) -> Scatter:
    """Dead units of layer 1 against test accuracy, a point for each of ten networks a rate."""
    points, key = [], []
    for rate, color in zip(rates, ("blue", "orange", "vermillion"), strict=True):
        first, _, right = ordinary_runs(rate)
        key.append((color, f"rate {rate}"))
        named = {int(np.argmax(first)), int(np.argmax(np.where(first > 32, right, 0.0)))}
        for k, (dead, share) in enumerate(zip(first, right, strict=True)):
            name = f"{dead:.0f} dead, {share:.0%}" if rate == 1.0 and k in named else ""
            points.append(Point(float(dead), float(share), name, color))
    return Scatter(
        "Every point is one network after 300 steps",
        "dead units of 64 in layer 1",
        "right on the test digits",
        tuple(points),
        (-2.0, 66.0, 0.0, 1.05),
        tuple(key),
    )


@cache
def one_step(seed: int = 0) -> tuple[Array, Array]:
    """z of layer 1 before the step, and by how much a step with η = 1 lowers it, (1438, 64)."""
    import torch

    net, (weight, bias) = _layer_1(seed)
    x = digits().x_train
    with torch.no_grad():
        return net[0](x).double().numpy(), (x @ weight.T + bias).double().numpy()


@cache
def one_way(seed: int, outputs: float = 1.0) -> tuple[float, float, float]:
    """Loss at the start, and shares of units that fall, and that rise, on over 95 % of the digits.

    ``outputs`` multiplies the output weights.
    """
    import torch

    from gradcourse.nets import mlp

    x = digits().x_train
    net = mlp(2, activation="relu", init="he", seed=seed)
    with torch.no_grad():
        weights_of(net)[-1].mul_(outputs)
    loss = cross_entropy(net)
    weight, bias = torch.autograd.grad(loss, list(net[0].parameters()))
    fall = x @ weight.T + bias
    shares = [float(((way * fall > 0).double().mean(0) > 0.95).double().mean()) for way in (1, -1)]
    return float(loss.detach()), shares[0], shares[1]


def first_layer(net: nn.Sequential) -> tuple[float, float]:
    """Of the first ReLU layer on all training digits: share of zeros, share of dead units."""
    import torch

    with torch.no_grad():
        silent = net[0](digits().x_train) <= 0
    return float(silent.double().mean()), float(silent.all(0).double().mean())


class Aftermath(NamedTuple):
    """A network after the accident and 300 good steps."""

    net: nn.Sequential
    killed: tuple[int, int]
    later: tuple[int, int]
    moved: float
    right: float


@cache
def aftermath(seed: int, steps: int = 300) -> Aftermath:
    """After the accident, and after some good steps.

    ``killed`` and ``later`` count dead units of both layers, ``moved`` is the largest change of a
    weight of a unit of layer 1 that the accident killed. Whoever trains ``net`` copies it first.
    """
    import torch

    net, x = after_accident(seed), digits().x_train
    killed = tuple(dead_units(net))
    with torch.no_grad():
        dead = (net[0](x) <= 0).all(0)
    first_weight = weights_of(net)[0]
    before = first_weight.detach()[dead].clone()
    right = accuracy(net, steps, RATE, seed=seed)
    moved = float((first_weight.detach()[dead] - before).abs().max())
    first, second = dead_units(net)
    return Aftermath(net, (killed[0], killed[1]), (first, second), moved, right)


@cache
def revived(leak: float, seed: int, steps: int = 500) -> Trained:
    """The dead network with a leak in place of ReLU (0: without), and careful steps at 0.01."""
    from torch import nn

    from gradcourse.nets import with_activation

    net = with_activation(aftermath(seed).net, lambda: nn.LeakyReLU(leak))
    right = accuracy(net, steps, 0.01, seed=seed)
    first, second = dead_units(net)
    return Trained((first, second), right, net)


def of_five(measure: Callable[[int], Any], *fields: str) -> Array:
    """One number of what five networks gave: the fields by name or place, one after the other."""

    def one(seed: int) -> float:
        found = measure(seed)
        for name in fields:
            found = found[int(name)] if name.isdigit() else getattr(found, name)
        return float(found)

    return over_seeds(one)


# ---------------------------------------------------------------- the same zeros


def same_zeros(kind: str, seed: int = 0) -> nn.Sequential:
    """One of three ReLU networks with 4 hidden layers in which 75 % of the outputs are 0.

    Parameters
    ----------
    kind : str
        - "healthy": each unit is silent on 75 % of the digits
        - "vanished": the same network, layer l scaled by 0.1ˡ; the same entries are 0
        - "dead": units of layers 1 to 3 are silent on two thirds, those of layer 4 on all
    seed : int
    """
    return copy.deepcopy(prepared(kind, seed))  # whoever gets it may train it


@cache
def prepared(kind: str, seed: int) -> nn.Sequential:
    from gradcourse.nets import mlp, scaled, with_zeros

    net, x = mlp(4, activation="relu", init="he", seed=seed), digits().x_train
    if kind == "dead":
        return with_zeros(net, x, [2 / 3, 2 / 3, 2 / 3, 1.0])
    healthy = with_zeros(net, x, SILENT)
    return scaled(healthy, SHRINK) if kind == "vanished" else healthy


@cache
def selective(seed: int, share: float = 0.9) -> nn.Sequential:
    """Two ReLU layers whose units are each silent on 90 % of the digits. Copy it to train it."""
    from gradcourse.nets import mlp, with_zeros

    return with_zeros(mlp(2, activation="relu", init="he", seed=seed), digits().x_train, share)


@cache
def selective_learn(steps: int = 300) -> Array:
    """Test accuracy of the selective networks after training; shape (seeds,)."""
    return over_seeds(lambda k: accuracy(copy.deepcopy(selective(k)), steps, RATE, seed=k))


def sizes_and_zeros(net: nn.Sequential) -> tuple[Array, float]:
    """Root mean square output of each ReLU layer on all digits, and the share of zeros."""
    import torch

    h, sizes, zeros = digits().x_train, [], []
    with torch.no_grad():
        for module in list(net)[:-1]:
            h = module(h)
            if isinstance(module, torch.nn.ReLU):
                sizes.append(float(h.square().mean().sqrt()))
                zeros.append(float((h == 0).float().mean()))
    return np.array(sizes), float(np.mean(zeros))


def accuracy_after(kind: str, seed: int = 0, steps: int = 300) -> float:
    """Test accuracy of one of the three networks with 75 % zeros, after training."""
    return accuracy(same_zeros(kind, seed), steps, RATE, seed=seed)


def accuracy_with_cure(kind: str, cure: str, seed: int = 0, steps: int = 300) -> float:
    """Test accuracy of one of the networks with 75 % zeros after a cure and training.

    Parameters
    ----------
    kind : str
        As for `same_zeros`.
    cure : {"leak", "weights", "biases", "rate"}
        A leak of 0.1, weights ten times larger, biases 0, or a rate ten times larger.
    seed, steps : int
    """
    import torch
    from torch import nn

    from gradcourse.nets import scaled, with_activation

    net = same_zeros(kind, seed)
    if cure == "leak":
        net = with_activation(net, lambda: nn.LeakyReLU(0.1))
    if cure == "weights":
        net = scaled(net, 10.0)
    if cure == "biases":
        for name, parameter in net.named_parameters():
            if name.endswith("bias"):
                torch.nn.init.zeros_(parameter)
    return accuracy(net, steps, 10 * RATE if cure == "rate" else RATE, seed=seed)


@cache
def after_cure(kind: str, cure: str) -> Array:
    """Test accuracy of five of the networks with 75 % zeros after a cure and 300 steps; (seeds,).

    ``cure``: as for `accuracy_with_cure`, or "nothing".
    """
    if cure == "nothing":
        return over_seeds(lambda seed: accuracy_after(kind, seed))
    return over_seeds(lambda seed: accuracy_with_cure(kind, cure, seed))


def long(name: str, key: str = "right") -> Array:
    """A stored run of five times the budget: one number for each seed."""
    return np.array([row[key] for row in stored("long_runs").rows if row["kind"] == name])


LETTERS = ("A", "B", "C")
SHUFFLED = ("vanished", "dead", "healthy")
"""What the networks A, B and C of the exercise are."""


def three_networks_plot() -> Plot:
    """δ by layer in three networks with 75 % zeros each, without names."""
    layers = np.arange(1.0, 6.0)
    lines = [
        Line(layers, delta_by_layer(prepared(kind, 0)), letter, color=color)
        for letter, kind, color in zip(
            LETTERS, SHUFFLED, ("blue", "vermillion", "purple"), strict=True
        )
    ]
    return Plot(
        "Three networks with 75 % zeros each",
        Axis("layer (5 is the output)", limits=(0.8, 5.2)),
        Axis("size of δ", "log"),
        tuple(lines),
    )


@cache
def accuracy_of_default(cure: str, seed: int = 0, steps: int = 300) -> float:
    """Test accuracy of twelve ReLU layers as nn.Linear makes them, after a cure and training.

    ``cure``: "nothing", "leak" (0.1), "weights" (√6 times larger), "biases" (0), "rate" (× 10).
    """
    import torch
    from torch import nn

    from gradcourse.nets import mlp, with_activation

    gain = math.sqrt(6) if cure == "weights" else 1.0
    net = mlp(12, activation="relu", init="default", gain=gain, seed=seed)
    if cure == "leak":
        net = with_activation(net, lambda: nn.LeakyReLU(0.1))
    if cure == "biases":
        for name, parameter in net.named_parameters():
            if name.endswith("bias"):
                torch.nn.init.zeros_(parameter)
    return accuracy(net, steps, 10 * RATE if cure == "rate" else RATE, seed=seed)


def level_leak() -> float:
    """The leak at which δ is as large in layer 1 as in layer 50, median of five networks."""
    low, high = 0.0, 1.0
    for _ in range(12):
        leak = (low + high) / 2
        small = median(lambda seed, leak=leak: end_to_end(seed, leak)) < 1.0  # type: ignore[misc]
        low, high = (leak, high) if small else (low, leak)
    return (low + high) / 2


# ---------------------------------------------------------------- a unit, drawn

SLOPES = (
    ("leaky_relu", "leaky ReLU", "slope a or 1"),
    ("elu", "ELU", "slope 1 at 0"),
    ("selu", "SELU", "1.76 or 1.05"),
    ("gelu", "GELU", "slope ½ at 0"),
    ("silu", "SiLU", "slope ½ at 0"),
)


def unit_drawing() -> Drawing:
    """One ReLU unit, forwards and backwards, and its kin with their slopes near 0."""
    boxes = [
        Box(0.95, 0.35, 1.3, 0.42, "one unit", "grey", True),
        *(
            Box(0.5, 1.0 + 0.55 * k, 0.5, 0.4, text, "blue")
            for k, text in enumerate(["h", "h", "h"])
        ),
        Box(2.2, 1.55, 1.5, 0.5, "z = W h + b", "blue"),
        Box(4.0, 1.55, 1.1, 0.5, "relu(z)", "relu", True),
        Box(3.1, 2.65, 3.3, 0.42, "back: δ = (0 or 1) · what arrives", "vermillion"),
    ]
    arrows = [Arrow((0.77, 1.0 + 0.55 * k), (1.43, 1.47 + 0.08 * k)) for k in range(3)]
    arrows += [
        Arrow((2.97, 1.55), (3.43, 1.55)),
        Arrow((4.57, 1.55), (5.05, 1.55), "h"),
        Arrow((5.05, 1.85), (1.0, 2.2), color="vermillion"),
    ]
    curves = _axes_and_curve("relu", 6.3, 1.75, 1.0)
    boxes.append(Box(6.3, 0.35, 1.9, 0.42, "slope 0 | slope 1", "relu"))
    for k, (name, word, slopes) in enumerate(SLOPES):
        middle = 0.85 + 1.48 * k
        boxes.append(Box(middle, 3.3, 1.36, 0.36, word, name, True))
        boxes.append(Box(middle, 4.95, 1.36, 0.36, slopes, name))
        curves += _axes_and_curve(name, middle, 4.2, 0.55)
    words = (
        "A unit adds up its inputs to z and gives relu(z): 0 for z below 0, z itself above. On "
        "the way back δ is multiplied by the slope, 0 on the left and 1 on the right. Beside it "
        "the kin as curves: leaky ReLU has the slope a on the left; ELU has slope 1 on both "
        "sides of 0; "
        "SELU 1.76 on the left and 1.05 on the right; GELU and SiLU one half at 0."
    )
    return Drawing(7.6, 5.25, tuple(boxes), tuple(arrows), words, tuple(curves))


def _axes_and_curve(name: str, x: float, y: float, size: float) -> list[Curve]:
    """Two grey axes that cross at (x, y), and an activation from −2 to 2; in inches."""
    z = np.linspace(-2.0, 2.0, 81)
    value = np.where(z > 0, z, 0.2 * z) if name == "leaky_relu" else theory.activation(name, z)
    scale = size / 2.0
    return [
        Curve([x - size, x + size], [y, y], "grey"),
        Curve([x, x], [y + 0.45 * size, y - size], "grey"),
        Curve(x + scale * z, y - scale * np.asarray(value), name),
    ]
