"""The plane of σ_w and σ_b: its map, its edge of chaos, and training at a point of it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from gradcourse import theory
from gradcourse.experiments.common import through_layers_theory
from gradcourse.experiments.initialization import (
    SIGMA_B,
    SIGMA_W,
    TUNE_BIAS,
    TUNE_DEPTH,
    TUNE_WIDTH,
    edge,
    gradient_map,
    trained_at,
    two_ways,
)
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Picture, Plot

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
        color_label="log₁₀ (δ in layer 1 / layer 30), measured",
        lines=(
            Line(*edge(), "edge of chaos, theory", "theory", "tanh"),
            _cross(sigma_w, sigma_b),
        ),
        color_limits=(-CLIP, CLIP),
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
