"""What the experiments of more than one lesson do: one pass, one run, some seeds, random layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradcourse import theory
from gradcourse.figures import Axis, Line, Plot
from gradcourse.lifesign import counted

if TYPE_CHECKING:
    import torch
    from torch import nn

    from gradcourse.data import Digits
    from gradcourse.instrument import Record
    from gradcourse.training import History

Array = NDArray[Any]
SEEDS = range(5)
"""Five networks, where one alone would say little."""


@cache
def digits() -> Digits:
    """The digits, read once: reading them takes longer than a frame of a demo may."""
    from gradcourse.data import digits

    return digits()


def over_seeds(measure: Callable[[int], float], seeds: Iterable[int] = SEEDS) -> Array:
    """One number for each seed, shape (seeds,)."""
    which = list(seeds)
    return np.array([measure(seed) for seed in counted(which, "network", len(which))])


def median(measure: Callable[[int], float], seeds: Iterable[int] = SEEDS) -> float:
    """The median of a measurement over some seeds."""
    return float(np.median(over_seeds(measure, seeds)))


def first_to_last(delta: Array) -> float:
    """δ in layer 1 relative to the last layer, from δ by layer."""
    return float(delta[0] / delta[-1])


def factor_per_layer(delta: Array) -> float:
    """The factor on δ per layer, from the last layer of a line to its first."""
    return float((delta[0] / delta[-1]) ** (1.0 / (len(delta) - 1)))


# ---------------------------------------------------------------- torch networks on digits


def cross_entropy(model: nn.Module, images: int | None = None) -> torch.Tensor:
    """The loss on the first training digits, by default on all."""
    import torch

    x, y = digits().x_train[:images], digits().y_train[:images]
    return torch.nn.functional.cross_entropy(model(x), y)


def probed(model: nn.Module, images: int | None = None) -> Record:
    """What one forward and backward pass on the first training digits gives, by default on all."""
    from gradcourse.instrument import probe

    with probe(model) as record:
        cross_entropy(model, images).backward()
    return record


def delta_by_layer(model: nn.Module, images: int | None = None) -> Array:
    """Root mean square of ∂ℒ/∂z of each linear layer, the output last; shape (layers,)."""
    record = probed(model, images)
    return record.output_gradient_rms[0, record.select("Linear")]


def trained(model: nn.Module, steps: int, lr: float, *, seed: int = 0, **options: Any) -> History:
    """Train a model in place on the digits; recorded at the start and at the end."""
    from gradcourse.training import train

    return train(model, digits(), steps=steps, lr=lr, seed=seed, every=steps, **options)


def accuracy(model: nn.Module, steps: int, lr: float, *, seed: int = 0, **options: Any) -> float:
    """Share of test digits that a model gets right after training in place."""
    return float(trained(model, steps, lr, seed=seed, **options).test_accuracy[-1])


def window_means(loss: ArrayLike, window: int) -> tuple[Array, Array]:
    """Steps, and the mean loss over the steps up to each; what fills no whole window is left out.

    Parameters
    ----------
    loss : array, shape (steps + 1,)
        The first is the loss before any step, and counts in no mean.
    window : int
    """
    after = np.asarray(loss)[1:]
    means = after[: len(after) // window * window].reshape(-1, window).mean(axis=1)
    return window * np.arange(1.0, len(means) + 1), means


def loss_plot(
    runs: Mapping[str, Sequence[Array]], title: str, window: int, scale: Literal["linear", "log"]
) -> Plot:
    """Training losses against steps, each the mean over a window, in the median over the seeds.

    Parameters
    ----------
    runs : mapping
        From a name, which is also that of a colour ("batch norm"), to a loss curve for each seed.
    title : str
    window : int
        Steps that are averaged.
    scale : {"linear", "log"}
        Of the loss.
    """
    lines = []
    for name, curves in runs.items():
        steps, means = zip(*(window_means(curve, window) for curve in curves), strict=True)
        step = steps[0]
        lines.append(Line(step, np.median(means, axis=0), name, color=name.replace(" ", "_")))
    guess = Line([0.0, float(step[-1])], [math.log(10)] * 2, "ln 10, a guess", "reference")
    return Plot(title, Axis("step"), Axis("training loss", scale), (*lines, guess))


def one_word_for_theory(lines: Iterable[Line]) -> tuple[Line, ...]:
    """The same lines, with a single legend entry, "dashed: theory", for all that are dashed."""
    given = list(lines)
    first = next((line for line in given if line.role == "theory"), None)
    return tuple(
        replace(line, label="dashed: theory" if line is first else "")
        if line.role == "theory"
        else line
        for line in given
    )


def weights_of(model: nn.Module) -> list[nn.Parameter]:
    """The weight matrices of a model, without biases."""
    return [p for p in model.parameters() if p.dim() > 1]


# ---------------------------------------------------------------- random layers in NumPy


class Draws(NamedTuple):
    """Standard normals that σ_w and σ_b only scale, so that a line moves smoothly with a knob.

    Attributes
    ----------
    weights : array, shape (depth, n, n)
    biases : array, shape (depth, n)
    inputs, last : array, shape (rows, n)
        What enters layer 1, and δ behind the last layer.
    """

    weights: Array
    biases: Array
    inputs: Array
    last: Array


@cache
def unit_draws(depth: int, width: int, seed: int) -> Draws:
    """Weights of variance 1/width, no biases, 32 rows; float64."""
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((depth, width, width)) / math.sqrt(width)
    rows = rng.standard_normal((32, width)), rng.standard_normal((32, width))
    return Draws(weights, np.zeros((depth, width)), *rows)


def through_layers(
    draws: Draws,
    layer: Callable[[Array], tuple[Array, Array]],
    sigma_w: float | np.float32,
    sigma_b: float | np.float32 = 0.0,
) -> tuple[Array, Array]:
    """Root mean square of z and of δ, layer by layer, in one random network.

    δ in the last layer is a Gaussian vector times the slopes; every layer before has
    δ_l = φ′(z_l) ⊙ W_{l+1}ᵀ δ_{l+1}.

    Parameters
    ----------
    draws : Draws
    layer : callable
        From z to φ(z) and φ′(z).
    sigma_w, sigma_b : float
        They multiply the draws' weights and biases.

    Returns
    -------
    forward, backward : numpy.ndarray, shape (depth,), float64
    """
    weights, biases, a, last = draws
    slopes, forward = [], []
    for w, b in zip(weights, biases, strict=True):
        z = sigma_w * (a @ w.T) + sigma_b * b  # (rows, n)
        forward.append(_rms(z))
        a, slope = layer(z)
        slopes.append(slope)
    delta = last * slopes[-1]  # (rows, n)
    backward = [_rms(delta)]
    for w, slope in zip(weights[:0:-1], slopes[-2::-1], strict=True):
        delta = sigma_w * (delta @ w) * slope
        backward.append(_rms(delta))
    return np.array(forward), np.array(backward[::-1])


def layer_of(activation: str) -> Callable[[Array], tuple[Array, Array]]:
    """From z to φ(z) and φ′(z), in the dtype of z, for an activation of `gradcourse.theory`."""

    def layer(z: Array) -> tuple[Array, Array]:
        a, slope = theory.activation(activation, z), theory.slope(activation, z)
        return np.asarray(a, dtype=z.dtype), np.asarray(slope, dtype=z.dtype)

    return layer


def through_layers_theory(
    activation: str, sigma_w: float, sigma_b: float = 0.0, *, depth: int
) -> tuple[Array, Array]:
    """The same from mean-field theory, for inputs of mean square 1.

    Returns
    -------
    forward, backward : numpy.ndarray, shape (depth,), float64
        √q_l, and the product of σ_w √E[φ′(√q z)²] from the last layer, which has 1.
    """
    q = theory.q_trajectory(activation, sigma_w, sigma_b, depth=depth, mean_square=1.0)
    factors = [theory.gradient_decay(activation, sigma_w, value) for value in q[:-1]]
    return np.sqrt(q), np.append(np.cumprod(factors[::-1])[::-1], 1.0)


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values.astype(np.float64) ** 2)))


# ---------------------------------------------------------------- measured, and theory over it


def over_theory(
    x: Array, measured: Mapping[str, tuple[Array, Array, str]], theory: str = "theory"
) -> tuple[Line, ...]:
    """Measured lines and their theories, all dashed and black under one name.

    Parameters
    ----------
    x : array, shape (n,)
    measured : mapping
        From a label to what was measured, what theory says, and a colour.
    theory : str
        What the legend calls the dashed lines.
    """
    lines: list[Line] = []
    for label, (found, expected, color) in measured.items():
        lines.append(Line(x, found, label, color=color))
        lines.append(Line(x, expected, theory, "theory", "black"))
    return tuple(lines)


def per_layer(ends: float, layers: int) -> str:
    """Say what factor per layer leads over some layers to a ratio: "× 0.71 per layer"."""
    return f"× {ends ** (1.0 / layers):.2f} per layer"


def loss_lines(
    histories: Iterable[History], label: str, color: str, mean_of: int = 10
) -> tuple[Line, ...]:
    """Losses of some runs, each the mean over a few steps; a thin line for each, one label."""
    lines = []
    for k, history in enumerate(histories):
        step, means = window_means(history.loss, mean_of)
        lines.append(Line(step, means, label if k == 0 else "", color=color))
    return tuple(lines)
