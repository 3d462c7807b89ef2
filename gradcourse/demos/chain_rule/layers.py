"""The layers of a network: gradients on their way back, and which layers learn."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.figures import Axis, Band, Line, Plot
from gradcourse.figures.demo import Demo, Knob
from gradcourse.theory import gradient_decay, q_fixed_point

if TYPE_CHECKING:
    from gradcourse.data import Digits

Array = np.ndarray


@cache
def _digits() -> Digits:
    """Reading the images takes longer than a frame may."""
    from gradcourse.data import digits

    return digits()


DEPTH = 50


def linear_net_gradients(gain: float, depth: int = DEPTH, seed: int = 0) -> tuple[Array, Array]:
    """Return ‖δ_l‖ and ‖∂ℒ/∂W_l‖ of a deep linear net on one batch of digits.

    Parameters
    ----------
    gain : float
        Weights have standard deviation gain / √fan_in.
    depth : int
        Number of matrices; the last one has 10 outputs.
    seed : int
        Of the weights.

    Returns
    -------
    two numpy.ndarray, shape (depth,), float64
        From layer 1, nearest the input, to the last.
    """
    import torch

    from gradcourse.instrument import gradient_norm
    from gradcourse.nets import deep_linear

    net = deep_linear(depth, gain=gain, inputs=64, outputs=10, seed=seed)
    data = _digits()
    outputs = []
    h = data.x_train[:64]
    for layer in net:
        h = layer(h)
        outputs.append(h)
    loss = torch.nn.functional.cross_entropy(h, data.y_train[:64])
    gradients = torch.autograd.grad(loss, [*outputs, *net.parameters()])
    norms = gradient_norm(gradients)
    return norms[:depth], norms[depth:]


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

WIDTH = 128


def sloped_chain_norms(gain: float, seed: int = 0) -> Array:
    """Return the gradient's norm at layers 1 to 50, relative to layer 50.

    Going back one layer multiplies by a Gaussian matrix with entries of standard deviation
    gain / √128, then each component by its own slope, uniform between 0 and 1.

    Parameters
    ----------
    gain : float
    seed : int
        Of matrices and slopes.

    Returns
    -------
    numpy.ndarray, shape (50,), float64
    """
    rng = np.random.default_rng(seed)
    delta: Array = rng.standard_normal(WIDTH, dtype=np.float32)
    log_norms = [0.0]
    delta /= np.linalg.norm(delta)
    for _ in range(DEPTH - 1):
        matrix = rng.standard_normal((WIDTH, WIDTH), dtype=np.float32) / math.sqrt(WIDTH)
        delta = rng.random(WIDTH, dtype=np.float32) * (matrix @ delta)
        norm = float(np.linalg.norm(delta))
        log_norms.append(log_norms[-1] + math.log(gain * norm))
        delta /= norm
    return np.exp(log_norms[::-1])


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

STEPS = 50


def relative_changes(depth: int, activation: str, seed: int = 0) -> Array:
    """Return ‖W_t − W_0‖ / ‖W_0‖ of every layer after 50 updates on digits.

    Parameters
    ----------
    depth : int
        Number of hidden layers, 64 units each, weights of standard deviation 1/√fan_in.
    activation : str
        "linear" or "sigmoid".
    seed : int
        Of weights and batches.

    Returns
    -------
    numpy.ndarray, shape (depth + 1,), float64
    """
    from gradcourse.nets import mlp
    from gradcourse.training import train

    net = mlp(depth, activation=activation, init="lecun", seed=seed)
    history = train(net, _digits(), steps=STEPS, lr=0.05, seed=seed, every=STEPS)
    return history.relative_change[-1]


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
