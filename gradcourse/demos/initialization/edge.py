"""The plane of σ_w and σ_b: its map, its edge of chaos, and training at a point of it."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from gradcourse import theory
from gradcourse.demos.initialization.random_net import normals, two_ways, two_ways_theory
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Picture, Plot

Array = NDArray[np.float64]

DEPTH = 30
STEPS = 150
LEARNING_RATE, MOMENTUM = 3e-3, 0.9
SIGMA_W = np.round(np.arange(0.4, 3.01, 0.1), 10)
SIGMA_B = np.round(np.arange(0.0, 1.21, 0.05), 10)
CLIP = 3.0


@cache
def gradient_map(seed: int = 0, width: int = 64, rows: int = 16) -> Array:
    """log₁₀ of δ in layer 1 over δ in layer 30, at each (σ_b, σ_w) of the map.

    One set of random numbers serves the whole map, so that it is smooth.

    Returns
    -------
    numpy.ndarray, shape (SIGMA_B, SIGMA_W)
    """
    weights, biases, inputs, last = normals(DEPTH, width, rows, seed)
    scale = (SIGMA_W / math.sqrt(width)).astype(np.float32)[:, None, None]
    logs = []
    for sigma_b in SIGMA_B.astype(np.float32):
        a, slopes = np.broadcast_to(inputs, (len(SIGMA_W), *inputs.shape)), []
        for w, b in zip(weights, biases, strict=True):
            a = np.tanh(scale * (a @ w.T) + sigma_b * b)
            slopes.append(1 - a * a)
        delta = last * slopes[-1]
        start = np.mean(delta.astype(np.float64) ** 2, axis=(1, 2))
        for w, slope in zip(weights[:0:-1], slopes[-2::-1], strict=True):
            delta = scale * (delta @ w) * slope
        logs.append(0.5 * np.log10(np.mean(delta.astype(np.float64) ** 2, axis=(1, 2)) / start))
    return np.array(logs)


@cache
def edge() -> tuple[Array, Array]:
    """The edge of chaos of tanh: σ_w and σ_b along it."""
    sigma_b = 1.2 * np.linspace(0.0, 1.0, 41) ** 2  # dense near 0, where the edge is steep
    return np.asarray(theory.edge_of_chaos("tanh", sigma_b)), sigma_b


@lru_cache(maxsize=512)
def trained(sigma_w: float, sigma_b: float, seed: int = 0, steps: int = STEPS) -> float:
    """Train 30 tanh layers of 64 units from this point; return the share of test digits right."""
    import torch

    from gradcourse.data import digits
    from gradcourse.nets import mlp
    from gradcourse.training import train

    net = mlp(DEPTH, 64, "tanh", init="lecun", gain=sigma_w, bias_std=sigma_b, seed=seed)
    run = train(
        net,
        digits(),
        steps=steps,
        lr=LEARNING_RATE,
        seed=seed,
        every=steps,
        optimizer=lambda p: torch.optim.SGD(p, lr=LEARNING_RATE, momentum=MOMENTUM, fused=True),
    )
    return float(run.test_accuracy[-1])


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
    right = trained(round(sigma_w, 6), round(sigma_b, 6))
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

TUNE_DEPTH, TUNE_BIAS, TUNE_WIDTH = 40, 0.3, 200


def end_to_end(seed: int, sigma_w: float) -> float:
    """Size of δ in layer 1 relative to layer 40, tanh, σ_b = 0.3."""
    _, backward = two_ways(
        "tanh", sigma_w, TUNE_BIAS, depth=TUNE_DEPTH, width=TUNE_WIDTH, rows=16, seed=seed
    )
    return float(backward[0])


def draw_edge_knob(sigma_w: float) -> Plot:
    """δ layer by layer in one tanh network of 40 layers with biases, and its theory."""
    _, measured = two_ways("tanh", sigma_w, TUNE_BIAS, depth=TUNE_DEPTH, width=TUNE_WIDTH, rows=16)
    _, expected = two_ways_theory("tanh", sigma_w, TUNE_BIAS, depth=TUNE_DEPTH)
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
