"""The layers of a network: gradients on their way back, and which layers learn."""

from __future__ import annotations

import numpy as np

from gradcourse.experiments.chain_rule import (
    DEPTH,
    STEPS,
    linear_net_gradients,
    relative_changes,
    sloped_chain_norms,
)
from gradcourse.figures import Axis, Band, Line, Plot
from gradcourse.figures.demo import Demo, Knob
from gradcourse.theory import gradient_decay, q_fixed_point


def _backward(gain: float) -> Plot:
    deltas, weights = linear_net_gradients(gain)
    layer = np.arange(1, DEPTH + 1)
    # The last matrix is 64 → 10, so the rate starts at the last hidden layer.
    theory = deltas[-2] * gain ** (DEPTH - 1.0 - layer[:-1])
    return Plot(
        title=f"Gradients in a linear net of {DEPTH} layers, gain {gain:.2f}",
        x=Axis("layer"),
        y=Axis("gradient norm", "log"),
        lines=(
            Line(layer, deltas, "‖δ‖, at the layer's output", color="blue"),
            Line(layer, weights, "‖∂ℒ/∂W‖, of the layer's weights", color="vermillion"),
            Line(layer[:-1], theory, "one factor of the gain per layer", "theory", "blue"),
        ),
    )


BACKWARD = Demo(
    id="chain/backward",
    title="Backward through 50 linear layers",
    knobs=(Knob("gain", "gain: entries have std gain/√64", 0.4, 1.6, 0.02, 0.58),),
    draw=_backward,
)


def _sloped_chain(gain: float) -> Plot:
    layer = np.arange(1, DEPTH + 1)
    return Plot(
        title=f"Gain {gain:.2f}, slopes between 0 and 1",
        x=Axis("layer"),
        y=Axis("gradient norm, relative to layer 50", "log"),
        lines=(Line(layer, sloped_chain_norms(gain), "measured", color="blue"),),
        bands=(Band(0.05, 20.0, "wanted at layer 1: 0.05 to 20"),),
    )


SLOPED_CHAIN = Demo(
    id="chain/sloped-chain",
    title="50 layers with slopes",
    knobs=(Knob("gain", "gain", 0.5, 3.0, 0.01, 1.0),),
    draw=_sloped_chain,
)


def _learning(depth: int) -> Plot:
    layer = np.arange(1, depth + 2)
    sigmoid = relative_changes(depth, "sigmoid")
    lines = [
        Line(layer, relative_changes(depth, "linear"), "linear", color="linear"),
        Line(layer, sigmoid, "sigmoid", color="sigmoid"),
    ]
    # Layers 1 and 2 still feel the image itself; theory speaks of the layers behind them.
    inner = layer[2:-1]
    if len(inner) > 1:
        rate = gradient_decay("sigmoid", 1.0, q_fixed_point("sigmoid", 1.0))
        theory = sigmoid[-2] * rate ** (depth - inner)
        lines.append(Line(inner, theory, f"a factor {rate:.2f} per layer", "theory", "sigmoid"))
    return Plot(
        title=f"{depth} hidden layer{'s' if depth > 1 else ''} after {STEPS} updates",
        x=Axis("layer", limits=(0.5, 9.5)),
        y=Axis("relative change of the weights", "log", limits=(1e-7, 10.0)),
        lines=tuple(lines),
    )


LEARNING = Demo(
    id="chain/learning",
    title="Which layers move?",
    knobs=(Knob("depth", "hidden layers", 1, 8, 1, 2, integer=True),),
    draw=_learning,
    linked=True,
)
