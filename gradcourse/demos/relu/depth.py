"""What ReLU, its leaky kin and the smooth ones let through, layer by layer."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from gradcourse.demos.saturation import delta_by_layer, delta_theory
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot

DEPTH = 20
WIDTH = 128
HEALTHY = Band(0.1, 10.0, "healthy: 0.1 to 10")


@cache
def _normals(depth: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Standard normal weights, inputs and last δ: a gain only scales the first."""
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((depth, WIDTH, WIDTH)) / math.sqrt(WIDTH)
    return weights, rng.standard_normal((32, WIDTH)), rng.standard_normal((32, WIDTH))


def _size(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def through_leaky_layers(
    leak: float, gain: float, *, depth: int = DEPTH, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
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
    weights, h, delta = _normals(depth, seed)
    slopes, forward = [], []
    for w in weights:
        z = gain * (h @ w.T)
        forward.append(_size(z))
        slopes.append(np.where(z > 0, 1.0, leak))
        h = z * slopes[-1]
    delta = delta * slopes[-1]
    backward = [_size(delta)]
    for w, slope in zip(weights[:0:-1], slopes[-2::-1], strict=True):
        delta = gain * (delta @ w) * slope
        backward.append(_size(delta))
    return np.array(forward) / forward[0], np.array(backward[::-1]) / backward[0]


def factor_by_theory(leak: float, gain: float) -> float:
    """σ_w √((1 + a²)/2): the factor on z and on δ per layer."""
    return gain * math.sqrt((1 + leak**2) / 2)


def draw_two_ways(gain: float) -> Plot:
    """The signal forwards and δ backwards through 20 ReLU layers."""
    layers = np.arange(1, DEPTH + 1)
    forward, backward = through_leaky_layers(0.0, gain)
    factor = factor_by_theory(0.0, gain)
    return Plot(
        title=f"σ_w = {gain:.2f}: each ReLU layer multiplies the size by {factor:.2f}",
        x=Axis("layer (1 is nearest the input)", limits=(1.0, float(DEPTH))),
        y=Axis("relative size", "log", (1e-7, 1e5)),
        lines=(
            Line(layers, forward, "z, from layer 1", "measured", "blue"),
            Line(layers, factor ** (layers - 1.0), "z, theory", "theory", "blue"),
            Line(layers, backward, "δ, from layer 20", "measured", "relu"),
            Line(layers, factor ** (DEPTH - layers * 1.0), "δ, theory", "theory", "relu"),
        ),
        bands=(HEALTHY,),
    )


TWO_WAYS = Demo(
    id="relu/two-ways",
    title="Twenty ReLU layers, forwards and backwards",
    knobs=(Knob("gain", "size of the weights, σ_w", 0.7, 2.0, 0.05, 1.0),),
    draw=draw_two_ways,
)

KIN_SHOWN = (("relu", "ReLU"), ("elu", "ELU"), ("selu", "SELU"), ("gelu", "GELU"))


def draw_kin(gain: float) -> Plot:
    """δ through 20 random layers of four activations."""
    layers = np.arange(1, DEPTH + 1)
    lines: list[Line] = []
    words: list[str] = []
    for name, word in KIN_SHOWN:
        measured = delta_by_layer(name, gain)
        words.append(f"{word} {measured[0] ** (1 / (DEPTH - 1)):.2f}")
        lines.append(Line(layers, measured, word, "measured", name))
        lines.append(Line(layers, delta_theory(name, gain), f"{word} theory", "theory", name))
    return Plot(
        title=f"σ_w = {gain:.2f}, per layer: " + ", ".join(words),
        x=Axis("layer (1 is nearest the input)", limits=(1.0, float(DEPTH))),
        y=Axis("size of δ, relative to layer 20", "log", (1e-10, 1e6)),
        lines=tuple(lines),
        bands=(HEALTHY,),
    )


KIN = Demo(
    id="relu/kin",
    title="Four activations, one gain",
    knobs=(Knob("gain", "size of the weights, σ_w", 0.7, 2.0, 0.05, 1.0),),
    draw=draw_kin,
)


def _leaky_plot(leak: float, gain: float, depth: int) -> Plot:
    layers = np.arange(1, depth + 1)
    _, backward = through_leaky_layers(leak, gain, depth=depth)
    factor = factor_by_theory(leak, gain)
    return Plot(
        title=f"a = {leak:.2f}, σ_w = {gain:.2f}: factor {factor:.3f} per layer",
        x=Axis("layer (1 is nearest the input)", limits=(1.0, float(depth))),
        y=Axis(f"size of δ, relative to layer {depth}", "log", (1e-6, 1e6)),
        lines=(
            Line(layers, backward, "δ, measured", "measured", "leaky_relu"),
            Line(layers, factor ** (depth - layers * 1.0), "δ, theory", "theory", "leaky_relu"),
        ),
        bands=(HEALTHY,),
    )


def draw_leak(leak: float, gain: float) -> Plot:
    """δ through 20 leaky layers, for a leak and a gain."""
    return _leaky_plot(leak, gain, DEPTH)


LEAK = Demo(
    id="relu/leak",
    title="A slope for the other side",
    knobs=(
        Knob("leak", "slope for z < 0, a", -1.0, 1.0, 0.05, 0.0),
        Knob("gain", "size of the weights, σ_w", 0.7, 2.0, 0.05, 1.0),
    ),
    draw=draw_leak,
)

TUNED_DEPTH, TUNED_GAIN = 50, 1.3


def draw_leak_knob(leak: float) -> Plot:
    """δ through 50 leaky layers with weights of σ_w = 1.3."""
    return _leaky_plot(leak, TUNED_GAIN, TUNED_DEPTH)


LEAK_KNOB = Demo(
    id="relu/leak-knob",
    title="50 layers whose weights are given",
    knobs=(Knob("leak", "slope for z < 0, a", 0.0, 1.0, 0.01, 0.0),),
    draw=draw_leak_knob,
)
