"""Lesson 09: arrows that turn, a wall survived, a spike remembered, a matrix pressed down."""

from __future__ import annotations

import math
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse.experiments.common import Array, accuracy, digits, trained
from gradcourse.experiments.lstm import gradient_by_lag
from gradcourse.experiments.recurrent import LEARNING_RATE, loss_and_gradient

if TYPE_CHECKING:
    from torch import nn

# ---------------------------------------------------------------- what clipping does to an arrow


def angle(first: Array, second: Array) -> float:
    """Angle between two vectors, in degrees."""
    cosine = float(first @ second) / float(np.linalg.norm(first) * np.linalg.norm(second))
    return math.degrees(math.acos(min(1.0, cosine)))


def clipped_by_torch(value: float) -> float:
    """Norm of four float32 gradients after torch's clip_grad_norm_ to 1."""
    import torch

    weight = torch.zeros(4, requires_grad=True)
    weight.grad = torch.full((4,), value)
    torch.nn.utils.clip_grad_norm_([weight], 1.0)
    return float(weight.grad.double().norm())


# ---------------------------------------------------------------- lesson 03's cliff


def starts(count: int, seed: int) -> tuple[Array, Array]:
    """Random places on the plateau, below the wall, as in lesson 03."""
    w, b = np.random.default_rng(seed).random((2, count))
    return 1.35 + 0.25 * w, -0.1 + 0.2 * b


def descend(
    w: Array,
    b: Array,
    threshold: float | Array,
    updates: int = 300,
    rate: float = LEARNING_RATE,
) -> Array:
    """Gradient descent with the norm of (∂ℒ/∂w, ∂ℒ/∂b) clipped at a threshold.

    Parameters
    ----------
    w, b : numpy.ndarray, shape (n,)
        Where each run starts.
    threshold : float or array, shape (n,)
        ``inf``: no clipping.

    Returns
    -------
    numpy.ndarray, shape (updates + 1, 2, n)
        The points (w, b).
    """
    path = [np.stack([w, b])]
    for _ in range(updates):
        gradient = np.stack(loss_and_gradient(*path[-1])[1:])
        size = np.linalg.norm(gradient, axis=0)
        factor = np.minimum(1.0, threshold / np.maximum(size, 1e-30))
        path.append(path[-1] - rate * factor * gradient)
    return np.array(path)


def arrived(path: Array) -> Array:
    """Which runs end on the plain, with a loss below 0.01."""
    return loss_and_gradient(*path[-1])[0] < 0.01


def longest_step(path: Array) -> Array:
    """The longest step of each run."""
    return np.linalg.norm(np.diff(path, axis=0), axis=1).max(axis=0)


@cache
def share_that_arrives(
    threshold: float, seed: int = 0, count: int = 300, rate: float = LEARNING_RATE
) -> float:
    """Share of runs from lesson 03's plateau that end on the plain, after 300 clipped updates."""
    return float(arrived(descend(*starts(count, seed), threshold, rate=rate)).mean())


# ---------------------------------------------------------------- the mean of clipped gradients


def gradients_by_batch(batch: int, seed: int, count: int = 500) -> Array:
    """Gradients of one trained network, each of a random batch of training digits.

    Two tanh layers after 300 updates at a rate of 0.1.

    Returns
    -------
    numpy.ndarray, shape (count, parameters), float32
    """
    import torch

    net, data = _two_tanh_layers(seed), digits()
    parameters = list(net.parameters())
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(len(data.x_train), (count, batch), generator=generator)
    gradients = []
    for mine in rows:
        loss = torch.nn.functional.cross_entropy(net(data.x_train[mine]), data.y_train[mine])
        parts = torch.autograd.grad(loss, parameters)
        gradients.append(torch.cat([part.ravel() for part in parts]).numpy())
    return np.stack(gradients)


@cache
def _two_tanh_layers(seed: int) -> nn.Sequential:
    from gradcourse.nets import mlp

    net = mlp(2, activation="tanh", init="xavier", seed=seed)
    trained(net, 300, 0.1, seed=seed)
    return net


def mean_turned(gradients: Array, percent: float) -> float:
    """Degrees between the mean of gradients and the mean of the same ones, clipped.

    Parameters
    ----------
    gradients : numpy.ndarray, shape (count, parameters)
    percent : float
        The threshold is this percentile of their norms.
    """
    size = np.linalg.norm(gradients, axis=1, keepdims=True)
    clipped = gradients * np.minimum(1.0, np.percentile(size, percent) / size)
    return angle(gradients.mean(0, dtype=np.float64), clipped.mean(0, dtype=np.float64))


# ---------------------------------------------------------------- what Adam remembers

BETA = 0.999


def adam_rate(
    spike: float, threshold: float, *, before: int = 200, after: int = 3000, seed: int = 0
) -> Array:
    """1/√v̂ of Adam for gradients drawn from N(0, 1), one of them ``spike``, all clipped.

    Returns
    -------
    numpy.ndarray, shape (after,)
        From the update with the spike on; 1 would be the rate for gradients of size 1.
    """
    gradients = np.random.default_rng([9, seed]).standard_normal(before + after)
    gradients[before] = spike
    squares = np.minimum(np.abs(gradients), threshold) ** 2
    v, rates = 0.0, np.empty(before + after)
    for t, square in enumerate(squares):
        v = BETA * v + (1.0 - BETA) * float(square)
        rates[t] = ((1.0 - BETA ** (t + 1)) / v) ** 0.5
    return rates[before:]


def adam_rate_theory(
    spike: float, threshold: float, *, before: int = 200, after: int = 3000
) -> Array:
    """The same in expectation: v̂ = 1 + (1 − β₂) β₂^k (S² − 1)/(1 − β₂^t), S the clipped spike.

    For thresholds that leave ordinary gradients alone.
    """
    k = np.arange(after)
    size = min(spike, threshold)
    surplus = (1.0 - BETA) * BETA**k * (size**2 - 1.0) / (1.0 - BETA ** (before + k + 1.0))
    return np.asarray(1.0 / np.sqrt(1.0 + surplus))


@cache
def rate_after_spike(spike: float, later: int, seed: int = 0, before: int = 4000) -> float:
    """Adam's 1/√v̂, ``later`` updates after a spike, relative to the update before it.

    torch's own Adam on 64 weights, with gradients drawn from N(0, 1).
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    weight = torch.nn.Parameter(torch.zeros(64))
    optimizer = torch.optim.Adam([weight], lr=1e-6)

    def rate(gradient: torch.Tensor) -> float:
        weight.grad = gradient
        optimizer.step()
        state = optimizer.state[weight]
        corrected = state["exp_avg_sq"] / (1 - BETA ** float(state["step"]))
        return float(corrected.rsqrt().mean())

    rates = [rate(torch.randn(64, generator=generator)) for _ in range(before)]
    rate(torch.full((64,), spike))
    for _ in range(later):
        rates.append(rate(torch.randn(64, generator=generator)))
    return rates[-1] / float(np.mean(rates[before - 100 : before]))


ACCIDENT_AT = 20
ACCIDENT_SIZE = 1e4


@cache
def accuracy_after_accident(clipped: str, seed: int, steps: int = 100, forget: str = "") -> float:
    """Test accuracy of 8 ReLU layers on the digits with Adam, after one enormous gradient.

    Parameters
    ----------
    clipped : {"never", "only", "others"}
        "only" at the accident, "others": at every update but that one.
    seed, steps : int
    forget : {"", "m", "all"}
        What of Adam's memory is emptied in the update after the accident.
    """
    import torch

    from gradcourse.instrument import clip_grad_norm_
    from gradcourse.nets import mlp

    memory: Any = None
    count = 0

    def adam(parameters: Any) -> torch.optim.Adam:
        nonlocal memory
        optimizer = torch.optim.Adam(parameters, lr=0.001)
        memory = optimizer.state
        return optimizer

    def hook(parameters: list[Any]) -> None:
        nonlocal count
        count += 1
        now = count == ACCIDENT_AT
        for p in parameters:
            if now and p.grad is not None:
                p.grad *= ACCIDENT_SIZE
        if clipped == ("only" if now else "others"):
            clip_grad_norm_(parameters, 1.0)
        if count == ACCIDENT_AT + 1 and forget == "all":
            memory.clear()
        elif count == ACCIDENT_AT + 1 and forget == "m":
            for state in memory.values():
                state["exp_avg"].zero_()

    net = mlp(8, activation="relu", init="he", seed=seed)
    return accuracy(net, steps, 0.001, seed=seed, optimizer=adam, before_update=hook)


# ---------------------------------------------------------------- penalties on the weights

PRESSED_STEPS = 20
PRESSED_UPDATES = 150
PRESSED_RATE = 0.1
PRESSED_GAIN = 1.2


@cache
def decayed(seed: int, strength: float, kind: str = "l2") -> tuple[Array, Array]:
    """Train a tanh network on the adding problem while W is pressed towards 0.

    32 units, W orthogonal times 1.2 at the start; 150 updates, η = 0.1, gradient clipped at 1.
    Then λW ("l2") or λ sign W ("l1") is added to it.

    Returns
    -------
    weights : numpy.ndarray, shape (32, 32)
        W after training.
    norms : numpy.ndarray, shape (20,)
        ‖∂ℒ/∂h_t‖ after training, relative to the last step, by lag.
    """
    import torch

    from gradcourse.data import adding_problem
    from gradcourse.instrument import clip_grad_norm_
    from gradcourse.nets import recurrent
    from gradcourse.training import train

    data = adding_problem(PRESSED_STEPS, train=1000, test=10, seed=seed)
    net = recurrent("rnn", 2, 32, 1, init="orthogonal", gain=PRESSED_GAIN, seed=seed)
    weights = net.rnn.weight_hh_l0
    assert isinstance(weights, torch.Tensor)

    def press(parameters: list[torch.nn.Parameter]) -> None:
        clip_grad_norm_(parameters, 1.0)
        with torch.no_grad():
            assert weights.grad is not None
            weights.grad += strength * (weights if kind == "l2" else weights.sign())

    train(
        net,
        data,
        steps=PRESSED_UPDATES,
        lr=PRESSED_RATE,
        loss="mse",
        seed=seed,
        every=PRESSED_UPDATES,
        before_update=press,
    )
    return weights.detach().numpy(), gradient_by_lag(net, data.x_train[:64], data.y_train[:64])


def spectral_norm(seed: int, strength: float, kind: str = "l2") -> float:
    """σ_max(W) after that training."""
    return float(np.linalg.norm(decayed(seed, strength, kind)[0], 2))


def shrinkage(kind: str, strength: float, updates: int = 100) -> float:
    """How much is left of the weights that read a silent channel: no gradient but the penalty's.

    ``kind``: "sgd" (η = 0.1), "adam" or "adamw" (η = 0.001).
    """
    import torch

    from gradcourse.data import delayed_recall
    from gradcourse.nets import recurrent
    from gradcourse.training import train

    makes = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    rate = 0.1 if kind == "sgd" else 0.001
    data = delayed_recall(5, noise=0.0, train=2000, test=10)
    net = recurrent("rnn", 3, 32, 2, init="orthogonal")
    silent = net.rnn.weight_ih_l0
    assert isinstance(silent, torch.Tensor)
    before = silent.detach()[:, 2].norm()
    train(
        net,
        data,
        steps=updates,
        lr=rate,
        every=updates,
        optimizer=partial(makes[kind], lr=rate, weight_decay=strength),
    )
    return float(silent.detach()[:, 2].norm() / before)
