"""Lesson 03: the same matrix at every step, alone, with tanh, and on the edge of a cliff."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
from numpy.typing import ArrayLike

from gradcourse import theory
from gradcourse.experiments.common import Array

LAGS = 100

# ---------------------------------------------------------------- without an activation


def scalar_gradient(w: float, lag: int) -> float:
    """∂h_T/∂h_{T−lag} of a one-unit network without an activation, by automatic differentiation."""
    import torch

    first = torch.zeros((), dtype=torch.float64, requires_grad=True)
    h = first
    for _ in range(lag):
        h = w * h + 1.0
    (gradient,) = torch.autograd.grad(h, first)
    return float(gradient)


def overflow_step(w: float) -> int:
    """The first step at which h_t = w h_{t−1}, h_0 = 1, is infinite in float32."""
    h, step = np.float32(1.0), 0
    with np.errstate(over="ignore"):
        while np.isfinite(h):
            h, step = np.float32(h * np.float32(w)), step + 1
    return step


def two_unit_matrix(radius: float, coupling: float) -> Array:
    """Two units with feedback ``radius``; the second also drives the first."""
    return np.array([[radius, coupling], [0.0, radius]])


def two_unit_gradient(radius: float, coupling: float, lags: int = LAGS) -> Array:
    """Norm of ∂ℒ/∂h at each lag, if the loss reads the first unit only."""
    matrix, delta = two_unit_matrix(radius, coupling), np.array([1.0, 0.0])
    norms = [1.0]
    for _ in range(lags):
        delta = matrix.T @ delta
        norms.append(float(np.linalg.norm(delta)))
    return np.array(norms)


def two_unit_theory(radius: float, coupling: float, lags: int = LAGS) -> Array:
    """ρ^k √(1 + (k a/ρ)²): one path stays on unit 1, k paths cross to unit 2 once."""
    k = np.arange(lags + 1)
    return np.asarray(radius**k * np.sqrt(1.0 + (k * coupling / radius) ** 2))


# ---------------------------------------------------------------- with σ and tanh

WIDTH = 64
SETTLE = 100


def sigmoid_growth(strength: float, *, width: int = 32, steps: int = 50, seed: int = 0) -> float:
    """ln ‖∂h_T/∂h_0‖ of a σ network with W = 3 times an orthogonal matrix."""
    rng = np.random.default_rng(seed)
    weights = 3.0 * np.linalg.qr(rng.normal(size=(width, width)))[0]
    bias = -weights.sum(axis=1) / 2  # keeps σ near its steepest where there is no input
    h, jacobian = np.full(width, 0.5), np.eye(width)
    for u in strength * rng.normal(size=(steps, width)):
        h = theory.sigmoid(weights @ h + bias + u)
        jacobian = (h - h**2)[:, None] * weights @ jacobian
    return float(np.log(np.linalg.norm(jacobian, 2)))


@cache
def _normals(width: int, steps: int, seed: int) -> tuple[Array, Array, Array]:
    """A standard normal matrix over √width, a first state, and inputs: knobs only scale them."""
    rng = np.random.default_rng([3, seed])
    weights = rng.standard_normal((width, width)) / np.sqrt(width)
    return weights, rng.standard_normal(width), rng.standard_normal((steps, width))


def random_run(
    gain: float, strength: float, *, lags: int = 100, width: int = WIDTH, seed: int = 0
) -> tuple[Array, Array]:
    """Run h_t = tanh(W h_{t−1} + u_t) past its first 100 steps.

    Entries of W are Gaussian with standard deviation gain/√width, those of u_t with ``strength``.

    Returns
    -------
    weights : numpy.ndarray, shape (width, width)
    states : numpy.ndarray, shape (lags, width)
        The last ``lags`` states.
    """
    normal, h, inputs = _normals(width, SETTLE + lags, seed)
    weights = gain * normal
    states = np.empty((lags, width))
    for t, u in enumerate(inputs):
        h = np.tanh(weights @ h + strength * u)
        if t >= SETTLE:
            states[t - SETTLE] = h
    return weights, states


def lag_log_gradient(
    gain: float, strength: float, *, lags: int = 100, width: int = WIDTH, seed: int = 0
) -> Array:
    """Return ln of the gradient's typical growth over 0 to ``lags`` steps.

    That is ln(‖∂h_T/∂h_t‖_F / √width): the root mean square over all directions at T.
    """
    weights, states = random_run(gain, strength, lags=lags, width=width, seed=seed)
    jacobian, scale = np.eye(width), 0.0
    growth = [0.0]
    for h in states[::-1]:
        jacobian = (jacobian * (1.0 - h**2)) @ weights
        size = float(np.linalg.norm(jacobian)) / np.sqrt(width)
        jacobian /= size
        scale += float(np.log(size))
        growth.append(scale)
    return np.array(growth)


def gradient_theory(gain: float, strength: float, lags: int = 100) -> Array:
    """Mean-field theory of the same: lag · ½ ln χ, for a wide network."""
    return np.arange(lags + 1) * 0.5 * np.log(theory.chi("tanh", gain, strength))


FACTOR = 1000.0
"""How far from 1 the gradient may be after 200 steps in the tuning exercise."""


def growth_over_200(seed: int, gain: float) -> float:
    """The gradient at lag 200 relative to lag 0, at input strength 0.5."""
    return float(np.exp(lag_log_gradient(gain, 0.5, lags=200, seed=seed)[-1]))


# ---------------------------------------------------------------- the cliff

STEPS = 50
START = -0.5
TARGET = 0.7
LEARNING_RATE = 0.02


def loss_and_gradient(w: ArrayLike, b: ArrayLike) -> tuple[Array, Array, Array]:
    """ℒ = ½(h_50 − 0.7)² of h_t = tanh(w h_{t−1} + b), h_0 = −0.5, with ∂ℒ/∂w and ∂ℒ/∂b.

    Parameters
    ----------
    w, b : float or array
        Broadcast against each other.

    Returns
    -------
    loss, by_w, by_b : numpy.ndarray, float64
    """
    w, b = np.broadcast_arrays(np.asarray(w, dtype=float), np.asarray(b, dtype=float))
    h, by_w, by_b = np.full(w.shape, START), np.zeros(w.shape), np.zeros(w.shape)
    for _ in range(STEPS):
        before, h = h, np.tanh(w * h + b)
        slope = 1.0 - h**2
        by_w, by_b = slope * (before + w * by_w), slope * (1.0 + w * by_b)
    error = h - TARGET
    return 0.5 * error**2, error * by_w, error * by_b


def cliff_line(w: ArrayLike) -> Array:
    """The b of the cliff for w > 1: below it all ends low, above it high.

    It is where an unstable state h* = tanh(w h* + b) stands in the way. For w above 4/3 the start
    itself is that state, b = atanh(−0.5) + 0.5 w. Below, the start is caught by the low state until
    the two merge, where the slope w (1 − h*²) is 1: h* = −√(1 − 1/w).
    """
    w = np.asarray(w, dtype=float)
    state = np.maximum(START, -np.sqrt(np.maximum(1.0 - 1.0 / w, 0.0)))
    return np.asarray(np.arctanh(state) - w * state)


def one_step(w: float, b: float, learning_rate: float = LEARNING_RATE) -> tuple[float, float]:
    """Where one step of gradient descent lands."""
    _, by_w, by_b = loss_and_gradient(w, b)
    return float(w - learning_rate * by_w), float(b - learning_rate * by_b)


# ---------------------------------------------------------------- truncation

LAG = 12


def recall_accuracy(window: int, seed: int, *, blank: bool = True, steps: int = 400) -> float:
    """Share of symbols recalled after 12 silent steps, by a network with a cut backward pass.

    With ``blank`` the weights that read the symbol start at 0; otherwise they are random, as
    torch draws them.
    """
    import torch

    from gradcourse.data import delayed_recall
    from gradcourse.nets import Truncated, recurrent
    from gradcourse.training import train

    data = delayed_recall(LAG, noise=0.0, train=2000, test=500, seed=seed)
    net = recurrent("rnn", 3, 32, 2, init="orthogonal", seed=seed)
    if blank:
        with torch.no_grad():
            dict(net.rnn.named_parameters())["weight_ih_l0"][:, :2] = 0.0
    run = train(
        Truncated(net, window),
        data,
        steps=steps,
        lr=0.01,
        seed=seed,
        every=steps,
        optimizer=partial(torch.optim.Adam, lr=0.01),
    )
    return float(run.test_accuracy[-1])
