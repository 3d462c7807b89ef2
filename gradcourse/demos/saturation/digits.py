"""A deep sigmoid network on digits: its gradients, its images, and how far its weights get."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.demos.saturation.delta import delta_theory
from gradcourse.figures import Axis, Demo, Knob, Line, Picture, Plot

if TYPE_CHECKING:
    from torch import nn

    from gradcourse.data import Digits

DEEP = 8
STEPS = 1000
LEARNING_RATE = 0.5


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
