"""Lesson 02: slopes of σ and tanh, what they do to a deep network, and to its output."""

from __future__ import annotations

import itertools
import math
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse import theory
from gradcourse.experiments.common import (
    SEEDS,
    Array,
    cross_entropy,
    delta_by_layer,
    digits,
    first_to_last,
    layer_of,
    through_layers,
    through_layers_theory,
    trained,
    unit_draws,
    weights_of,
    window_means,
)
from gradcourse.experiments.eight_sigmoids import SETTINGS, trained_at
from gradcourse.experiments.measurements import stored
from gradcourse.figures import Axis, Line, Plot, SideBySide, side_by_side
from gradcourse.figures.drawing import Arrow, Box, Drawing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from torch import nn

    from gradcourse.training import History

DEEP = 8
STEPS = 1000
LEARNING_RATE = 0.5

# ---------------------------------------------------------------- random layers


def random_delta(
    activation: str, gain: float, *, depth: int = 20, width: int = 100, seed: int = 0
) -> Array:
    """Root mean square of δ in each layer of a random network, relative to the last layer.

    Weights are Gaussian with standard deviation gain/√width, inputs Gaussian, biases 0.

    Returns
    -------
    numpy.ndarray, shape (depth,), float64
        The last entry is 1.
    """
    _, delta = through_layers(unit_draws(depth, width, seed), layer_of(activation), gain)
    return delta / delta[-1]


def delta_theory(activation: str, gain: float, *, depth: int = 20) -> Array:
    """The same from mean-field theory."""
    return through_layers_theory(activation, gain, depth=depth)[1]


def end_to_end(seed: int, gain: float) -> float:
    """Size of δ in layer 1 relative to layer 20, sigmoid."""
    return first_to_last(random_delta("sigmoid", gain, seed=seed))


# ---------------------------------------------------------------- a deep network on digits


def deep_net(gain: float = 1.0, seed: int = 0, depth: int = DEEP) -> nn.Sequential:
    """The lesson's network: sigmoid layers of 64 units, Glorot's initialization times a gain."""
    from gradcourse.nets import mlp

    return mlp(depth, width=64, activation="sigmoid", gain=gain, seed=seed)


def relative_change(depth: int, seed: int = 0, steps: int = STEPS) -> tuple[Array, float]:
    """Train on digits; return ‖W_t − W_0‖/‖W_0‖ of each layer, and the test accuracy."""
    history = trained(deep_net(seed=seed, depth=depth), steps, LEARNING_RATE, seed=seed)
    return history.relative_change[-1], float(history.test_accuracy[-1])


def deep_delta(activation: str, gain: float, seed: int, depth: int = 20) -> Array:
    """Root mean square of δ in each hidden layer of an untrained network; (depth,)."""
    from gradcourse.nets import mlp

    return delta_by_layer(mlp(depth, activation=activation, gain=gain, seed=seed))[:depth]


def gradient_histogram(gain: float, exponents: Array) -> tuple[Array, Array]:
    """Where |∂ℒ/∂W| of each layer lies on a log₂ axis, before training.

    Returns
    -------
    shares : numpy.ndarray, shape (9, exponents)
        Percentage of the layer's entries; NaN where there are none.
    sizes : numpy.ndarray, shape (9,)
        Root mean square of the layer's entries.
    """
    from gradcourse.instrument import log2_histogram

    model = deep_net(gain=gain)
    cross_entropy(model, 64).backward()
    weights = weights_of(model)
    shares, sizes = np.full((len(weights), len(exponents)), np.nan), []
    for row, weight in zip(shares, weights, strict=True):
        assert weight.grad is not None
        sizes.append(float(weight.grad.double().square().mean().sqrt()))
        histogram = log2_histogram(weight.grad)
        for exponent, count in zip(histogram.exponents, histogram.counts, strict=True):
            if count and exponents[0] <= exponent <= exponents[-1]:
                row[exponent - exponents[0]] = 100.0 * count / histogram.total
    return shares, np.array(sizes)


def two_ways(gain: float, seed: int = 0, images: int = 256) -> tuple[Array, Array]:
    """Spread of the images in each layer, and size of δ in each layer.

    Returns
    -------
    spread : numpy.ndarray, shape (8,)
        Root mean square over units of the standard deviation of z over images.
    delta : numpy.ndarray, shape (8,)
        Root mean square of ∂ℒ/∂z over images and units.
    """
    import torch

    data = digits()
    h = data.x_train[:images].double()
    pre_activations = []
    for module in deep_net(gain, seed).double():
        h = module(h)
        if isinstance(module, torch.nn.Linear):
            h.retain_grad()
            pre_activations.append(h)
    torch.nn.functional.cross_entropy(h, data.y_train[:images]).backward()
    hidden = pre_activations[:-1]
    spread = [float(z.detach().var(0, correction=0).mean().sqrt()) for z in hidden]
    delta = [float(z.grad.square().mean().sqrt()) for z in hidden if z.grad is not None]
    return np.array(spread), np.array(delta)


def saturated_by_layer(net: nn.Module) -> Array:
    """Share of a σ network's units whose slope is below 5 % of ¼, layer by layer; (layers,).

    Over all training digits.
    """
    import torch

    shares, h = [], digits().x_train
    with torch.no_grad():
        for module in net.children():
            h = module(h)
            if isinstance(module, torch.nn.Sigmoid):
                a = h.double().numpy()
                shares.append(float(np.mean(a - a**2 < 0.05 * 0.25)))
    return np.array(shares)


def saturated_share(gain: float = 1.0, seeds: Iterable[int] = SEEDS) -> float:
    """Share of saturated units in the untrained network, mean over layers and seeds."""
    return float(np.mean([saturated_by_layer(deep_net(gain, seed)) for seed in seeds]))


@cache
def activation_shares(gain: float, bins: int = 25) -> tuple[Array, Array]:
    """Where the activations of five untrained networks lie, layer by layer, over 256 digits.

    Returns
    -------
    middles : numpy.ndarray, shape (bins,)
        Of equal bins between 0 and 1.
    shares : numpy.ndarray, shape (8, bins)
        Percentage of the layer's activations.
    """
    import torch

    edges, shares = np.linspace(0.0, 1.0, bins + 1), np.zeros((DEEP, bins))
    with torch.no_grad():
        for seed in SEEDS:
            h, layer = digits().x_train[:256], 0
            for module in deep_net(gain, seed):
                h = module(h)
                if isinstance(module, torch.nn.Sigmoid):
                    counts, _ = np.histogram(h.double().numpy(), edges)
                    shares[layer] += 100.0 * counts / h.numel() / len(SEEDS)
                    layer += 1
    return (edges[1:] + edges[:-1]) / 2, shares


def readout_accuracy(seed: int = 0) -> float:
    """Share of test digits that a linear readout of the untrained layer 8 gets right.

    The activations are standardised first, each unit by its mean and standard deviation over the
    training set; the readout is the least-squares fit to one-hot targets.
    """
    import torch

    data = digits()
    hidden = deep_net(seed=seed)[:-1].double()
    with torch.no_grad():
        train, test = hidden(data.x_train.double()), hidden(data.x_test.double())
    mean, std = train.mean(0), train.std(0)
    targets = torch.nn.functional.one_hot(data.y_train, 10).double()
    fit = torch.linalg.lstsq((train - mean) / std, targets - targets.mean(0)).solution
    scores = (test - mean) / std @ fit + targets.mean(0)
    return float((scores.argmax(1) == data.y_test).double().mean())


@cache
def _features(seed: int, standardized: bool) -> Any:
    """The digits as the untrained layer 8 gives them, with their labels."""
    from types import SimpleNamespace

    import torch

    data, hidden = digits(), deep_net(seed=seed)[:-1]
    with torch.no_grad():
        train, test = hidden(data.x_train), hidden(data.x_test)
    if standardized:
        mean, std = train.double().mean(0), train.double().std(0)
        train, test = (((x.double() - mean) / std).float() for x in (train, test))
    return SimpleNamespace(x_train=train, y_train=data.y_train, x_test=test, y_test=data.y_test)


def output_only(seed: int, standardized: bool, steps: int = STEPS) -> float:
    """Share of test digits right when only the output layer is trained, by gradient descent.

    The eight hidden layers stay as they are drawn; the output sees their activations, raw or
    standardized unit by unit. The puzzle's rate.
    """
    from gradcourse.nets import mlp
    from gradcourse.training import train

    data = _features(seed, standardized)
    run = train(
        mlp(0, inputs=64, seed=seed), data, steps=steps, lr=LEARNING_RATE, seed=seed, every=steps
    )
    return float(run.test_accuracy[-1])


def _scaled_sigmoid() -> nn.Module:
    """The function 4(σ(z) − ½): as steep as tanh at 0, and 0 there."""
    import torch

    class Scaled(torch.nn.Module):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return 4.0 * (torch.sigmoid(z) - 0.5)

    return Scaled()


def scaled_net(seed: int) -> nn.Sequential:
    """The deep network with 4(σ(z) − ½) in place of σ(z); the same weights."""
    from torch import nn

    net = deep_net(seed=seed)
    for name, module in list(net.named_children()):
        if isinstance(module, nn.Sigmoid):
            setattr(net, name, _scaled_sigmoid())
    return net


def first_deaf_layer(seed: int, depth: int = 20, learning_rate: float = 0.1) -> int:
    """The first deaf layer of an untrained σ network, counted from the output, which is 1.

    A layer is deaf when one step of gradient descent on 64 digits leaves more than half of its
    float32 weights exactly as they were; ``depth`` + 1 if none is.
    """
    import torch

    model = deep_net(seed=seed, depth=depth)
    weights = weights_of(model)
    gradients = torch.autograd.grad(cross_entropy(model, 64), weights)
    with torch.no_grad():
        unchanged = [
            float((w - learning_rate * g == w).double().mean())
            for w, g in zip(weights, gradients, strict=True)
        ]
    deaf = [k for k, share in enumerate(reversed(unchanged), start=1) if share > 0.5]
    return deaf[0] if deaf else depth + 1


def output_step(seed: int = 0, depth: int = 20, learning_rate: float = 0.1) -> float:
    """‖η ∂ℒ/∂W‖ / ‖W‖ of the output layer of the untrained network, on 64 digits."""
    import torch

    model = deep_net(seed=seed, depth=depth)
    weight = weights_of(model)[-1]
    (gradient,) = torch.autograd.grad(cross_entropy(model, 64), [weight])
    return learning_rate * float(gradient.norm() / weight.detach().norm())


def rate_for_layer_one() -> float:
    """The puzzle's learning rate, times what δ loses between layer 8 and layer 1."""
    return LEARNING_RATE / first_to_last(two_ways(1.0)[1])


def norm_ratio_with_decay(seed: int = 0, decay: float = 5e-3) -> tuple[float, float]:
    """‖W_t‖/‖W_0‖ of layer 1 after training with weight decay, and e^(−ηλt)."""
    import torch

    model = deep_net(seed=seed)
    first = weights_of(model)[0]
    before = float(first.detach().norm())
    sgd = partial(torch.optim.SGD, lr=LEARNING_RATE, weight_decay=decay)
    trained(model, STEPS, LEARNING_RATE, seed=seed, optimizer=sgd)
    expected = float(np.exp(-LEARNING_RATE * decay * STEPS))
    return float(first.detach().norm()) / before, expected


# ---------------------------------------------------------------- the output


def output_deltas(z: Array | float) -> tuple[Array, Array]:
    """|δ| of a σ output with target 1: squared error, and cross-entropy."""
    wrong = 1.0 - theory.sigmoid(z)
    return wrong * theory.slope("sigmoid", z), wrong


# ---------------------------------------------------------------- what is stored of long runs


def _stored(kind: str, look: int, key: str) -> Array:
    rows = [row for row in stored("eight_sigmoids").rows if row["kind"] == kind]
    return np.array([row["at"][str(look)][key] for row in rows])


def stored_right(kind: str, look: int) -> Array:
    """Per cent of the test digits right after so many updates; shape (seeds,).

    The kinds are those of `eight_sigmoids.SETTINGS`.
    """
    return 100.0 * _stored(kind, look, "right")


def stored_loss(kind: str, look: int) -> Array:
    """Mean loss of the last 100 batches after so many updates; shape (seeds,)."""
    return _stored(kind, look, "loss")


def stored_change(kind: str, look: int) -> Array:
    """‖W_t − W_0‖/‖W_0‖ after so many updates; shape (seeds, layers)."""
    return _stored(kind, look, "moved")


def right_now(kind: str, look: int, seed: int = 0) -> float:
    """Train one network of a stored kind now: per cent of the test digits right."""
    return 100.0 * float(trained_at(SETTINGS[kind], seed, (look,))[str(look)]["right"])


# ---------------------------------------------------------------- pictures


def loss_plot(runs: Mapping[int, Sequence[History]]) -> Plot:
    """The puzzle: training loss of networks of some depths, each line the mean of its runs."""
    step = np.arange(20, STEPS + 1, 20)
    lines = [
        Line(
            step,
            np.mean([window_means(run.loss, 20)[1] for run in runs[depth]], axis=0),
            f"{depth} hidden layers, mean of {len(runs[depth])}",
            color=color,
        )
        for depth, color in zip(runs, ("blue", "sigmoid"), strict=False)
    ]
    lines.append(Line([20, STEPS], [math.log(10)] * 2, "ln 10, a guess", "reference"))
    return Plot("Two layers learn, eight do not", Axis("step"), Axis("loss"), tuple(lines))


def slopes_plot(points: int = 25) -> Plot:
    """Slopes by automatic differentiation at some pre-activations of layer 1, on the rules."""
    import torch

    with torch.no_grad():
        z = deep_net()[0](digits().x_train).double().flatten().sort().values
    near = torch.searchsorted(z, torch.linspace(-3.5, 3.5, points, dtype=z.dtype))
    z = z[near.clamp(max=len(z) - 1)].requires_grad_()
    grid, lines = np.linspace(-4, 4, 161), []
    for name, symbol, rule, phi in (
        ("sigmoid", "σ′", "a − a²", torch.sigmoid),
        ("tanh", "tanh′", "1 − a²", torch.tanh),
    ):
        (slope,) = torch.autograd.grad(phi(z).sum(), z)
        lines.append(_dots(z.detach().numpy(), slope.numpy(), f"{symbol}, by autograd", name))
        lines.append(Line(grid, theory.slope(name, grid), f"{symbol} = {rule}", "theory", name))
    return Plot("The slope is a bump", Axis("pre-activation z"), Axis("slope"), tuple(lines))


def _dots(x: Array, y: Array, label: str, color: str) -> Line:
    """Points without a line between them."""
    gaps = np.stack([y, np.full(len(y), math.nan)], axis=1).ravel()
    return Line(np.repeat(x, 2), gaps, label, color=color)


def delta_plot(delta: Array, expected: Array) -> Plot:
    """δ by layer, relative to layer 8: some networks, theory, and ¼ per layer.

    Parameters
    ----------
    delta : numpy.ndarray, shape (networks, 8)
    expected : numpy.ndarray, shape (8,)
    """
    layer = np.arange(1, DEEP + 1)
    typical = np.exp(np.mean(np.log(delta / delta[:, -1:]), axis=0))
    factor = (typical[0] / typical[-1]) ** (1 / (DEEP - 1))
    return Plot(
        title=f"δ on its way back through 8 sigmoid layers: × {factor:.2f} a layer",
        x=Axis("layer (1 is nearest the input)"),
        y=Axis("size of δ, relative to layer 8", "log"),
        lines=(
            Line(layer, typical, "σ, mean of 5 networks", color="sigmoid"),
            Line(layer, expected, "dashed: theory", "theory", "sigmoid"),
            Line(layer, 0.25 ** (float(DEEP) - layer), "¼ a layer", "reference"),
        ),
    )


def activation_plot(gains: Sequence[float] = (1.0, 4.0, 10.0), names: str = "") -> SideBySide:
    """Where the activations of layers 1, 4 and 8 lie, at some gains (Glorot & Bengio 2010)."""
    plots = []
    for place, gain in enumerate(gains):
        at, shares = activation_shares(gain)
        lines = tuple(
            Line(at, shares[layer - 1], f"layer {layer}", color=color)
            for layer, color in ((1, "blue"), (4, "green"), (8, "vermillion"))
        )
        title = names[place] if names else f"gain {gain:.0f}"
        y = Axis("units, %", limits=(0.0, 45.0))
        plots.append(Plot(title, Axis("activation a", limits=(0.0, 1.0)), y, lines))
    return side_by_side(*plots)


STARTS = {"A": 10.0, "B": 1.0, "C": 4.0}
"""Gains of three networks whose activations are shown without their gains."""


def three_starts() -> SideBySide:
    """Where the activations of three untrained networks lie, which differ in the gain only."""
    return activation_plot(tuple(STARTS.values()), "".join(STARTS))


def unit_drawing() -> Drawing:
    """One sigmoid unit at z = 0 and at z = 6: what goes forwards, and what comes back."""
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    said = []
    for left, z, state, color in ((0.1, 0.0, "steep", "green"), (4.35, 6.0, "saturated", "orange")):
        a, slope = float(theory.sigmoid(z)), float(theory.slope("sigmoid", z))
        value, shown = f"{a:.2g}" if z == 0 else f"{a:.4f}", f"{slope:.2g}"
        boxes.append(Box(left + 2.0, 0.3, 3.9, 0.38, f"a {state} unit: z = {z:.0f}", color, True))
        forwards = (("z", 0.35, 0.55), ("σ", 1.95, 0.7), (f"a = {value}", 3.45, 1.05))
        back = ((shown, 0.42, 0.8), (f"× σ′(z) = {shown}", 1.95, 1.35), ("∂ℒ/∂a = 1", 3.45, 1.05))
        for y, row, hue in ((1.0, forwards, "blue"), (1.8, back, "sigmoid")):
            boxes += [Box(left + x, y, width, 0.42, text, hue) for text, x, width in row]
            for (_, x, width), (_, onward, wide) in itertools.pairwise(row):
                ends = (left + x + width / 2 + 0.03, y), (left + onward - wide / 2 - 0.03, y)
                arrows.append(Arrow(*(ends if hue == "blue" else ends[::-1])))
        said.append(
            f"at z = {z:.0f} the activation is {value}, and a gradient of 1 that comes back "
            f"leaves as {shown}"
        )
    words = (
        "One sigmoid unit, drawn twice. Forwards, from left to right, z becomes a = σ(z). "
        f"Backwards, from right to left, the gradient is multiplied by the slope: {said[0]}; "
        f"{said[1]}."
    )
    return Drawing(8.4, 2.15, tuple(boxes), tuple(arrows), words)
