"""Lesson 05: what the first weights do to a signal, a gradient, and the training after them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from gradcourse import theory
from gradcourse.experiments.common import through_layers_theory
from gradcourse.experiments.initialization import (
    DEEPEST,
    SIGMA_B,
    SIGMA_W,
    STEPS,
    TUNE_BIAS,
    TUNE_DEPTH,
    TUNE_WIDTH,
    WIDTH,
    awakening,
    edge,
    gradient_map,
    jacobian_factors,
    trained_at,
    two_ways,
)
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Picture, Plot

# ---------------------------------------------------------------- copies


def draw_symmetry(noise: float) -> Plot:
    """How fast the units of layer 1 become different from each other."""
    steps, values, right = awakening(noise)
    return Plot(
        title=f"Noise {noise:.0e}: {right:.0%} of the test digits right after {STEPS} steps",
        x=Axis("step", limits=(0.0, float(STEPS))),
        y=Axis("difference between the units of layer 1", "log", (1e-9, 10.0)),
        lines=(
            Line(steps, values, "difference, relative to the weights", "measured", "tanh"),
            Line([0, STEPS], [0.1, 0.1], "10 %: the units are different", "reference", "grey"),
        ),
    )


SYMMETRY = Demo(
    id="init/symmetry",
    title="How much noise makes copies different?",
    knobs=(Knob("noise", "standard deviation of the noise", -8.0, -1.0, 1.0, -4.0, log=True),),
    draw=draw_symmetry,
    linked=True,
)

# ---------------------------------------------------------------- one scale, many layers

RELU_DEPTH = 30
TANH_LAYERS = 200
_NAMED = (("PyTorch's default", 1 / math.sqrt(3)), ("Xavier", 1.0), ("He", math.sqrt(2)))


def draw_two_ways(sigma_w: float) -> Plot:
    """Size of the signal and of the gradient in a random ReLU network of 30 layers."""
    forward, backward = two_ways("relu", sigma_w, depth=RELU_DEPTH)
    expected_forward, expected_backward = through_layers_theory("relu", sigma_w, depth=RELU_DEPTH)
    layers = np.arange(1, RELU_DEPTH + 1)
    near = [name for name, value in _NAMED if abs(value - sigma_w) < 0.011]
    factor = sigma_w / math.sqrt(2)
    return Plot(
        title=f"σ_w = {sigma_w:.2f}{' (' + near[0] + ')' if near else ''}: × {factor:.2f} per "
        "layer, both ways",
        x=Axis("layer (1 is nearest the input)", limits=(1.0, float(RELU_DEPTH))),
        y=Axis("root mean square", "log", (1e-16, 1e10)),
        lines=(
            Line(layers, forward, "z forwards", "measured", "blue"),
            Line(layers, expected_forward, "theory, forwards", "theory", "blue"),
            Line(layers, backward, "δ backwards", "measured", "relu"),
            Line(layers, expected_backward, "theory, backwards", "theory", "relu"),
        ),
        bands=(Band(0.1, 10.0, "healthy: 0.1 to 10"),),
    )


TWO_WAYS = Demo(
    id="init/two-ways",
    title="30 ReLU layers, one scale of weights",
    knobs=(Knob("sigma_w", "σ_w, standard deviation × √fan_in", 0.4, 2.4, 0.02, 1.0),),
    draw=draw_two_ways,
)


def draw_tanh_depth(sigma_w: float) -> Plot:
    """Variance of z in a random tanh network of 200 layers, on a log axis of depth."""
    forward, _ = two_ways("tanh", sigma_w, depth=TANH_LAYERS, width=200, rows=8)
    expected, _ = through_layers_theory("tanh", sigma_w, depth=TANH_LAYERS)
    layers = np.arange(1, TANH_LAYERS + 1)
    return Plot(
        title=f"σ_w = {sigma_w:.2f}: variance {forward[-1] ** 2:.2g} in layer {TANH_LAYERS}",
        x=Axis("layer (1 is nearest the input)", "log", (1.0, float(TANH_LAYERS))),
        y=Axis("variance of z", "log", (1e-5, 3.0)),
        lines=(
            Line(layers, forward**2, "measured, one network", "measured", "tanh"),
            Line(layers, expected**2, "theory", "theory", "tanh"),
            Line(layers, 1 / (2 * layers), "1/(2l)", "reference", "grey"),
        ),
    )


TANH_DEPTH = Demo(
    id="init/tanh-depth",
    title="200 tanh layers around Xavier's scale",
    knobs=(Knob("sigma_w", "σ_w, 1 is Xavier", 0.9, 1.4, 0.01, 1.0),),
    draw=draw_tanh_depth,
)

# ---------------------------------------------------------------- the plane of σ_w and σ_b

CLIP = 3.0


def _cross(x: float, y: float) -> Line:
    """A plus sign; the gap keeps its two strokes apart."""
    return Line(
        [x - 0.07, x + 0.07, x, x, x],
        [y, y, math.nan, y - 0.035, y + 0.035],
        "the point",
        "measured",
        "black",
    )


def draw_map(sigma_w: float, sigma_b: float) -> Picture:
    """The map of the gradient, its edge of chaos, and the point with its χ and ξ."""
    chi = theory.chi("tanh", sigma_w, sigma_b)
    depth_scale = theory.depth_scale(chi)
    layers = f"{depth_scale:.3g}" if depth_scale < 1000 else "> 1000"
    return Picture(
        title=f"At ({sigma_w:.2f}, {sigma_b:.2f}): χ = {chi:.2f}, ξ = {layers} layers",
        x=Axis("σ_w, weights", limits=(0.35, 3.05)),
        y=Axis("σ_b, biases", limits=(-0.025, 1.225)),
        values=np.clip(gradient_map(), -CLIP, CLIP),
        rows=SIGMA_B,
        columns=SIGMA_W,
        color_label="measured: log₁₀ (δ₁ / δ₃₀)",
        lines=(
            Line(*edge(), "edge of chaos, theory", "theory", "tanh"),
            _cross(sigma_w, sigma_b),
        ),
        color_limits=(-CLIP, CLIP),
        signed=True,
    )


def draw_trained(sigma_w: float, sigma_b: float) -> Picture:
    """The same, after training the network that the point stands for."""
    figure = draw_map(sigma_w, sigma_b)
    right = trained_at(round(sigma_w, 6), round(sigma_b, 6))
    return replace(figure, title=f"{figure.title}, trained: {right:.0%} right")


EDGE_MAP = Demo(
    id="init/edge-map",
    title="Click a point: 30 tanh layers are trained from there",
    knobs=(
        Knob("sigma_w", "σ_w, weights", 0.4, 3.0, 0.02, 1.0),
        Knob("sigma_b", "σ_b, biases", 0.0, 1.2, 0.01, 0.8),
    ),
    draw=draw_map,
    click=("sigma_w", "sigma_b"),
    rest=draw_trained,
)

# ---------------------------------------------------------------- one knob, to tune


def draw_edge_knob(sigma_w: float) -> Plot:
    """δ layer by layer in one tanh network of 40 layers with biases, and its theory."""
    _, measured = two_ways("tanh", sigma_w, TUNE_BIAS, depth=TUNE_DEPTH, width=TUNE_WIDTH, rows=16)
    _, expected = through_layers_theory("tanh", sigma_w, TUNE_BIAS, depth=TUNE_DEPTH)
    layers = np.arange(1, TUNE_DEPTH + 1)
    return Plot(
        title=f"σ_w = {sigma_w:.2f}: δ in layer 1 is {measured[0]:.1e} times δ in layer 40",
        x=Axis("layer (1 is nearest the input)", limits=(1.0, float(TUNE_DEPTH))),
        y=Axis("size of δ, relative to layer 40", "log", (1e-8, 1e8)),
        lines=(
            Line(layers, measured, "tanh, measured", "measured", "tanh"),
            Line(layers, expected, "tanh, theory", "theory", "tanh"),
        ),
        bands=(Band(0.4, 2.5, "the band: 0.4 to 2.5"),),
    )


EDGE_KNOB = Demo(
    id="init/edge-knob",
    title="40 tanh layers with biases, σ_b = 0.3",
    knobs=(Knob("sigma_w", "σ_w, weights", 0.7, 2.5, 0.01, 1.0),),
    draw=draw_edge_knob,
)

# ---------------------------------------------------------------- the whole Jacobian


def draw_spectrum(depth: int, size: float = 0.1) -> Plot:
    """All singular values of the Jacobian of a deep network, for three kinds of weights."""
    from gradcourse.instrument import product_log_singular_values

    index = np.arange(1, WIDTH + 1)
    spectra = {
        kind: np.exp(product_log_singular_values(jacobian_factors(*kind, depth, size=size)))
        for kind in (("gaussian", "linear"), ("orthogonal", "linear"), ("orthogonal", "tanh"))
    }
    gaussian, linear, tanh = spectra.values()
    newman = np.exp(depth * theory.ginibre_exponents(WIDTH, 1 / math.sqrt(WIDTH)))
    return Plot(
        title=f"L = {depth}: smallest singular value {gaussian[-1]:.0e} Gaussian, "
        f"{linear[-1]:.2f} orthogonal, {tanh[-1]:.1g} with tanh",
        x=Axis("direction, from the strongest", limits=(1.0, float(WIDTH))),
        y=Axis("singular value of the Jacobian", "log", (1e-20, 1e3)),
        lines=(
            Line(index, gaussian, "Gaussian", "measured", "orange"),
            Line(index, newman, "theory", "theory", "orange"),
            Line(index, linear, "orthogonal", "measured", "linear"),
            Line(index, np.ones(WIDTH), "theory", "theory", "linear"),
            Line(index, tanh, "orthogonal, tanh", "measured", "tanh"),
        ),
    )


SPECTRUM = Demo(
    id="init/spectrum",
    title="What a deep network does to every direction",
    knobs=(
        Knob("depth", "layers L", 1, DEEPEST, 1, 30, integer=True),
        Knob("size", "size of the input, for tanh", -2.0, 0.5, 0.1, -1.0, log=True),
    ),
    draw=draw_spectrum,
)

DEMOS = (SYMMETRY, TWO_WAYS, TANH_DEPTH, EDGE_MAP, EDGE_KNOB, SPECTRUM)
