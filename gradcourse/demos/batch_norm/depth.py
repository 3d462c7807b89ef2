"""δ through deep networks with and without normalization."""

from __future__ import annotations

import numpy as np

from gradcourse import theory
from gradcourse.experiments.batch_norm import DEEP, deltas, network
from gradcourse.experiments.common import factor_per_layer, first_to_last
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot

LAYERS = 20


STYLES = (
    ("none", "plain", "plain"),
    ("batch", "batch norm", "batch_norm"),
    ("layer", "layer norm", "layer_norm"),
)


def draw_depth(gain: float) -> Plot:
    """δ layer by layer, plain against normalized, for weights that are too large or too small."""
    layers = np.arange(1, LAYERS + 1)
    lines: list[Line] = []
    factors: list[str] = []
    for norm, name, color in STYLES:
        delta = deltas(network(norm, LAYERS, gain=gain), 96)
        factors.append(f"{factor_per_layer(delta):.2f} {name}")
        lines.append(Line(layers, delta / delta[-1], name, "measured", color))
    rate = theory.batch_norm_gradient_growth()
    lines.append(
        Line(layers, rate ** (LAYERS - layers), "theory, batch norm", "theory", "batch_norm")
    )
    return Plot(
        title="Per layer: × " + ", × ".join(factors),
        x=Axis("layer (1 is nearest the input)", limits=(1.0, float(LAYERS))),
        y=Axis("size of δ, relative to layer 20", "log", (1e-6, 1e6)),
        lines=tuple(lines),
    )


DEPTH = Demo(
    id="batch-norm/depth",
    title="20 ReLU layers, weights of any size",
    knobs=(Knob("gain", "all weights times", -0.3, 0.3, 0.02, 0.0, log=True),),
    draw=draw_depth,
    linked=True,
)


def draw_bend(beta: float) -> Plot:
    """δ in 56 batch-normed ReLU layers whose units all start with the same β."""
    layers = np.arange(1, DEEP + 1)
    delta = deltas(network("batch", DEEP, beta=beta))
    rate = theory.normalized_gradient_growth("relu", beta=beta)
    return Plot(
        title=f"β = {beta:.2f}: δ in layer 1 is {first_to_last(delta):.2g} times δ in layer 56",
        x=Axis("layer (1 is nearest the input)", limits=(1.0, float(DEEP))),
        y=Axis("size of δ, relative to layer 56", "log", (1e-1, 1e6)),
        lines=(
            Line(layers, delta / delta[-1], "batch norm", "measured", "batch_norm"),
            Line(layers, rate ** (DEEP - layers), "theory, wide layers", "theory", "batch_norm"),
        ),
        bands=(Band(4.0, 60.0, "the band: 4 to 60"),),
    )


BEND = Demo(
    id="batch-norm/bend",
    title="56 ReLU layers with batch norm, one β",
    knobs=(Knob("beta", "first value of every β", 0.0, 4.0, 0.25, 0.0),),
    draw=draw_bend,
    linked=True,
)
