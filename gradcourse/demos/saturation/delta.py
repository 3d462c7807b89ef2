"""δ through a random network, measured and by mean-field theory."""

from __future__ import annotations

from functools import cache

import numpy as np

from gradcourse import theory
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot


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
