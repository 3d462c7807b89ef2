"""Lesson 02: slopes of σ and tanh, what they do to a deep network, and to its output."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gradcourse import theory
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Picture, Plot

if TYPE_CHECKING:
    from torch import nn

    from gradcourse.data import Digits

SATURATED = 0.05
"""A unit is saturated when its slope is below this share of the activation's largest slope."""

LARGEST_SLOPE = {"sigmoid": 0.25, "tanh": 1.0}
DEEP = 8
STEPS = 1000
LEARNING_RATE = 0.5

# ---------------------------------------------------------------- one unit


def draw_tangent(z: float) -> Plot:
    """σ and tanh with their tangents at one pre-activation."""
    x = np.linspace(-8.0, 8.0, 241)
    lines: list[Line] = []
    words: list[str] = []
    for name, symbol in (("sigmoid", "σ"), ("tanh", "tanh")):
        slope = float(theory.slope(name, z))
        flat = slope < SATURATED * LARGEST_SLOPE[name]
        tangent = float(theory.activation(name, z)) + slope * (x - z)
        tangent[np.abs(x - z) > 2.5] = np.nan
        words.append(f"{symbol}′ = {slope:.2g}" + (" (saturated)" if flat else ""))
        lines.append(Line(x, theory.activation(name, x), symbol, "measured", name))
        lines.append(Line(x, tangent, f"tangent of {symbol}", "theory", name))
    return Plot(
        title=f"At z = {z:.1f}: " + ", ".join(words),
        x=Axis("pre-activation z", limits=(-8.0, 8.0)),
        y=Axis("activation φ(z)", limits=(-1.4, 1.4)),
        lines=tuple(lines),
    )


TANGENT = Demo(
    id="saturation/tangent",
    title="A tangent you can drag",
    knobs=(Knob("z", "pre-activation z", -7.0, 7.0, 0.1, 0.0),),
    draw=draw_tangent,
)

# ---------------------------------------------------------------- δ through a random network


@cache
def _normals(depth: int, width: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Standard normal weights, inputs and last δ: a gain only scales the first."""
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((depth, width, width)) / np.sqrt(width)
    return weights, rng.standard_normal((32, width)), rng.standard_normal((32, width))


def delta_by_layer(
    activation: str, gain: float, *, depth: int = 20, width: int = 100, seed: int = 0
) -> np.ndarray:
    """Root mean square of δ in each layer of a random network, relative to the last layer.

    Weights are Gaussian with standard deviation gain/√width, inputs Gaussian, biases 0. The δ of
    the last layer is Gaussian too; each layer before has δ_l = φ′(z_l) ⊙ W_{l+1}ᵀ δ_{l+1}.

    Returns
    -------
    numpy.ndarray, shape (depth,), float64
        The last entry is 1.
    """
    weights, a, delta = _normals(depth, width, seed)
    slopes = []
    for w in weights:
        z = gain * (a @ w.T)
        a = theory.activation(activation, z)
        slopes.append(theory.slope(activation, z))
    delta = delta * slopes[-1]
    size = [float(np.sqrt(np.mean(delta**2)))]
    for w, slope in zip(weights[:0:-1], slopes[-2::-1], strict=True):
        delta = gain * (delta @ w) * slope
        size.append(float(np.sqrt(np.mean(delta**2))))
    return np.array(size[::-1]) / size[0]


def delta_theory(activation: str, gain: float, *, depth: int = 20) -> np.ndarray:
    """The same from mean-field theory: δ_l / δ_{l+1} = σ_w √E[φ′(√q_l z)²]."""
    q = theory.q_trajectory(activation, gain, depth=depth, mean_square=1.0)
    factors = np.array([theory.gradient_decay(activation, gain, value) for value in q[:-1]])
    return np.append(np.cumprod(factors[::-1])[::-1], 1.0)


def draw_decay(gain: float) -> Plot:
    """δ layer by layer in 20-layer random networks, with mean-field theory."""
    layers = np.arange(1, 21)
    lines: list[Line] = []
    words: list[str] = []
    for name, symbol in (("sigmoid", "σ"), ("tanh", "tanh")):
        measured = delta_by_layer(name, gain)
        words.append(f"{symbol} × {measured[0] ** (1 / 19):.2f}")
        lines.append(Line(layers, measured, f"{symbol}, measured", "measured", name))
        lines.append(Line(layers, delta_theory(name, gain), f"{symbol}, theory", "theory", name))
    return Plot(
        title=f"Gain {gain:.1f}, factor per layer: " + ", ".join(words),
        x=Axis("layer (1 is nearest the input)", limits=(1.0, 20.0)),
        y=Axis("size of δ, relative to layer 20", "log", (1e-14, 1e10)),
        lines=tuple(lines),
        bands=(Band(0.1, 10.0, "healthy: 0.1 to 10"),),
    )


DECAY = Demo(
    id="saturation/decay",
    title="δ from layer 20 back to layer 1",
    knobs=(Knob("gain", "gain of the weights, σ_w", 0.5, 14.0, 0.5, 1.0),),
    draw=draw_decay,
)


def draw_sigmoid_decay(gain: float) -> Plot:
    """δ layer by layer in one 20-layer sigmoid network, with mean-field theory."""
    layers = np.arange(1, 21)
    measured = delta_by_layer("sigmoid", gain)
    return Plot(
        title=f"Gain {gain:.2f}: δ in layer 1 is {measured[0]:.1e} times δ in layer 20",
        x=Axis("layer (1 is nearest the input)", limits=(1.0, 20.0)),
        y=Axis("size of δ, relative to layer 20", "log", (1e-18, 1e5)),
        lines=(
            Line(layers, measured, "σ, measured", "measured", "sigmoid"),
            Line(layers, delta_theory("sigmoid", gain), "σ, theory", "theory", "sigmoid"),
        ),
        bands=(Band(0.1, 10.0, "the band: 0.1 to 10"),),
    )


GAIN = Demo(
    id="saturation/gain-knob",
    title="20 sigmoid layers, one gain",
    knobs=(Knob("gain", "gain of the weights, σ_w", 0.5, 20.0, 0.25, 1.0),),
    draw=draw_sigmoid_decay,
)

# ---------------------------------------------------------------- trained on digits


@cache
def _digits() -> Digits:
    from gradcourse.data import digits

    return digits()


def deep_net(gain: float = 1.0, seed: int = 0, depth: int = DEEP) -> nn.Sequential:
    """The lesson's network: sigmoid layers of 64 units, Glorot's initialization times a gain."""
    from gradcourse.nets import mlp

    return mlp(depth, width=64, activation="sigmoid", gain=gain, seed=seed)


def relative_change(depth: int, seed: int = 0, steps: int = STEPS) -> tuple[np.ndarray, float]:
    """Train on digits; return ‖W_t − W_0‖/‖W_0‖ of each layer, and the test accuracy."""
    from gradcourse.training import train

    history = train(
        deep_net(seed=seed, depth=depth),
        _digits(),
        steps=steps,
        lr=LEARNING_RATE,
        seed=seed,
        every=steps,
    )
    return history.relative_change[-1], float(history.test_accuracy[-1])


def draw_change(depth: int) -> Plot:
    """How far each weight matrix moved in 1000 steps, and whether the network learned."""
    change, right = relative_change(int(depth))
    layers = np.arange(1, len(change) + 1)
    hidden = "1 hidden layer" if depth == 1 else f"{depth} hidden layers"
    return Plot(
        title=f"{hidden}, {STEPS} steps: {right:.0%} of the test digits right",
        x=Axis("layer (1 is nearest the input, the last is the output)", limits=(0.5, 9.5)),
        y=Axis("‖W_t − W_0‖ / ‖W_0‖", "log", (1e-4, 10.0)),
        lines=(
            Line(layers, change, "relative change of the weights", "measured", "sigmoid"),
            Line([0.5, 9.5], [1e-2, 1e-2], "moved by 1 %", "reference", "grey"),
        ),
    )


CHANGE = Demo(
    id="saturation/weight-change",
    title="How far do the weights of each layer get?",
    knobs=(Knob("depth", "hidden layers", 1, 8, 1, 2, integer=True),),
    draw=draw_change,
    linked=True,
)


def draw_histogram(gain: float) -> Picture:
    """Histogram of |∂ℒ/∂W| by layer, on a log₂ axis, before training."""
    import torch

    from gradcourse.instrument import log2_histogram

    data = _digits()
    model = deep_net(gain=gain)
    loss = torch.nn.functional.cross_entropy(model(data.x_train[:64]), data.y_train[:64])
    loss.backward()
    columns = np.arange(-40, 16)
    weights = [p for p in model.parameters() if p.dim() > 1]
    values = np.full((len(weights), len(columns)), np.nan)
    for row, weight in enumerate(weights):
        assert weight.grad is not None
        histogram = log2_histogram(weight.grad)
        for exponent, count in zip(histogram.exponents, histogram.counts, strict=True):
            if count and columns[0] <= exponent <= columns[-1]:
                values[row, exponent - columns[0]] = 100.0 * count / histogram.total
    return Picture(
        title=f"Gradients of the 9 weight matrices, gain {gain:.1f}",
        x=Axis("log₂ |∂ℒ/∂W|"),
        y=Axis("layer (9 is the output)"),
        lines=(_expected_exponents(gain, weights[DEEP - 1]),),
        values=values,
        rows=np.arange(1, len(weights) + 1),
        columns=columns,
        color_label="share of the layer's entries (%)",
    )


def _expected_exponents(gain: float, last: nn.Parameter) -> Line:
    """log₂ of the typical gradient by theory, from its measured size in the last hidden layer."""
    assert last.grad is not None
    start = np.log2(float(last.grad.double().square().mean().sqrt()))
    exponents = start + np.log2(delta_theory("sigmoid", gain, depth=DEEP))
    return Line(exponents, np.arange(1, DEEP + 1), "theory, √χ", "theory", "sigmoid")


HISTOGRAM = Demo(
    id="saturation/gradient-histogram",
    title="Where on the log axis do the gradients lie?",
    knobs=(Knob("gain", "gain of the weights, σ_w", 0.5, 12.0, 0.5, 1.0),),
    draw=draw_histogram,
)

# ---------------------------------------------------------------- forwards and backwards


def two_ways(gain: float, seed: int = 0, images: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Spread of the images in each layer, and size of δ in each layer.

    Returns
    -------
    spread : numpy.ndarray, shape (8,)
        Root mean square over units of the standard deviation of z over images.
    delta : numpy.ndarray, shape (8,)
        Root mean square of ∂ℒ/∂z over images and units.
    """
    import torch

    data = _digits()
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


def draw_two_ways(gain: float) -> Plot:
    """What is left of the input at each layer, and of the gradient."""
    spread, delta = two_ways(gain)
    layers = np.arange(1, DEEP + 1)
    expected = delta_theory("sigmoid", gain, depth=DEEP)
    forwards = expected[0] / expected
    return Plot(
        title=f"Gain {gain:.1f}: the images forwards, the gradient backwards",
        x=Axis("layer (1 is nearest the input)", limits=(1.0, float(DEEP))),
        y=Axis("relative size", "log", (1e-6, 100.0)),
        lines=(
            Line(layers, spread / spread[0], "spread of the images, from layer 1", color="blue"),
            Line(layers, forwards, "theory, forwards", "theory", "blue"),
            Line(layers, delta / delta[-1], "size of δ, from layer 8", color="sigmoid"),
            Line(layers, expected, "theory, backwards", "theory", "sigmoid"),
        ),
    )


TWO_WAYS = Demo(
    id="saturation/two-ways",
    title="The image fades forwards as the gradient fades backwards",
    knobs=(Knob("gain", "gain of the weights, σ_w", 0.5, 12.0, 0.5, 1.0),),
    draw=draw_two_ways,
)

# ---------------------------------------------------------------- the output


def output_deltas(z: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """|δ| of a σ output with target 1: squared error, and cross-entropy."""
    wrong = 1.0 - theory.sigmoid(z)
    return wrong * theory.slope("sigmoid", z), wrong


def draw_output(z: float) -> Plot:
    """|∂ℒ/∂z| of two losses against the output's pre-activation."""
    x = np.linspace(-12.0, 12.0, 241)
    squared, crossed = output_deltas(x)
    here_squared, here_crossed = (float(d) for d in output_deltas(z))
    return Plot(
        title=(
            f"z = {z:.1f}, target 1: squared error {here_squared:.2g}, "
            f"cross-entropy {here_crossed:.2g}"
        ),
        x=Axis("pre-activation z", limits=(-12.0, 12.0)),
        y=Axis("|∂ℒ/∂z|", "log", (1e-10, 10.0)),
        lines=(
            Line(x, squared, "squared error", color="vermillion"),
            Line(x, crossed, "cross-entropy", color="blue"),
            Line([z, z], [1e-10, 10.0], "the output you hold", "reference", "grey"),
        ),
    )


OUTPUT = Demo(
    id="saturation/output",
    title="An output that should be 1",
    knobs=(Knob("z", "pre-activation z of the output", -12.0, 12.0, 0.5, -6.0),),
    draw=draw_output,
)

DEMOS = (TANGENT, DECAY, GAIN, CHANGE, HISTOGRAM, TWO_WAYS, OUTPUT)
