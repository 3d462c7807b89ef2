"""One scale of weights, many layers: ReLU forwards and backwards, and the slow decay of tanh."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.experiments.common import through_layers_theory
from gradcourse.experiments.initialization import two_ways
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot

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
