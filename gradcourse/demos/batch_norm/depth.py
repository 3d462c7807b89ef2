"""δ through deep networks with and without normalization."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gradcourse import theory
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot

if TYPE_CHECKING:
    from torch import nn

    from gradcourse.data import Digits

Array = NDArray[np.float64]
LAYERS = 20
DEEP = 56


@cache
def _digits() -> Digits:
    from gradcourse.data import digits

    return digits()


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

    data, found = _digits(), []
    h = data.x_train[:images]
    modules = list(model.children())
    for module, after in zip(modules, [*modules[1:], None], strict=True):
        h = module(h)
        last_before_activation = after is not None and not list(after.parameters())
        if last_before_activation:
            h.retain_grad()
            found.append(h)
    torch.nn.functional.cross_entropy(h, data.y_train[:images]).backward()
    return np.array([float(z.grad.double().square().mean().sqrt()) for z in found])


def growth(model: nn.Module, images: int = 128) -> float:
    """Factor on δ per layer, from the last hidden layer to the first."""
    found = deltas(model, images)
    return float((found[0] / found[-1]) ** (1.0 / (len(found) - 1)))


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
        found = deltas(network(norm, LAYERS, gain=gain), 96)
        factors.append(f"{(found[0] / found[-1]) ** (1 / (LAYERS - 1)):.2f} {name}")
        lines.append(Line(layers, found / found[-1], name, "measured", color))
    rate = theory.normalized_gradient_growth("relu")
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
    found = deltas(network("batch", DEEP, beta=beta))
    rate = theory.normalized_gradient_growth("relu", beta=beta)
    return Plot(
        title=f"β = {beta:.2f}: δ in layer 1 is {found[0] / found[-1]:.2g} times δ in layer 56",
        x=Axis("layer (1 is nearest the input)", limits=(1.0, float(DEEP))),
        y=Axis("size of δ, relative to layer 56", "log", (1e-1, 1e6)),
        lines=(
            Line(layers, found / found[-1], "batch norm", "measured", "batch_norm"),
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
