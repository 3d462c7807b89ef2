"""Lesson 03: the same matrix at every step, alone, with tanh, and on the edge of a cliff."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gradcourse import theory
from gradcourse.experiments.common import SEEDS, Array

if TYPE_CHECKING:
    import torch
    from torch import nn

    from gradcourse.data import Sequences
    from gradcourse.instrument import PostMortem
    from gradcourse.training import History

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


UNNAMED = {"A": (0.95, 0.0), "B": (0.95, 1.0), "C": (1.02, 0.0)}
"""Radius and coupling of three networks that are shown without their names."""

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


RATE = 0.003
"""Of Adam. At 0.01 one run in forty forgets what it has learned; which one, the kernels decide."""


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
        lr=RATE,
        seed=seed,
        every=steps,
        optimizer=partial(torch.optim.Adam, lr=RATE),
    )
    return float(run.test_accuracy[-1])


def recall(window: int, seed: int, *, blank: bool = True) -> tuple[float, float]:
    """The same task, looked at every 20 updates.

    Returns
    -------
    right : float
        Per cent of the symbols recalled, median of the last ten looks: a run can stumble for some
        updates after it has learned.
    moved : float
        Largest change of a weight that reads the symbol.
    """
    import torch

    from gradcourse.data import delayed_recall
    from gradcourse.nets import Truncated, recurrent
    from gradcourse.training import train

    data = delayed_recall(LAG, noise=0.0, train=2000, test=500, seed=seed)
    net = recurrent("rnn", 3, 32, 2, init="orthogonal", seed=seed)
    reading = dict(net.rnn.named_parameters())["weight_ih_l0"].detach()[:, :2]  # a view
    reading *= 0.0 if blank else 1.0
    before, cut = reading.clone(), Truncated(net, window)
    adam = partial(torch.optim.Adam, lr=RATE)
    run = train(cut, data, steps=400, lr=RATE, every=20, seed=seed, optimizer=adam)
    right = 100.0 * float(np.median(run.test_accuracy[-10:]))
    return right, float((reading - before).abs().max())


# ---------------------------------------------------------------- products along a real nn.RNN


def growth(jacobians: Sequence[Array]) -> Array:
    """Spectral norm of the product of the last 1, 2, … of some Jacobians; shape (steps,)."""
    product, norms = np.eye(len(jacobians[0])), []
    for jacobian in jacobians[::-1]:
        product = product @ jacobian
        norms.append(np.linalg.norm(product, 2))
    return np.array(norms)


@cache
def log_gradient(init: str, gain: float, strength: float, seed: int) -> tuple[float, Array]:
    """Run a tanh network of 100 units for 201 steps, and follow the gradient back from the last.

    The inputs have standard deviation ``strength`` on each pre-activation.

    Returns
    -------
    norm : float
        σ_max of W.
    logs : numpy.ndarray, shape (101,)
        ln ‖∂h_T/∂h_t‖ (Frobenius, over √n) for lags 0 to 100.
    """
    import torch

    from gradcourse.instrument import lag_log_norms
    from gradcourse.nets import recurrent

    net = recurrent("rnn", 100, 100, 1, init=init, gain=gain, seed=seed)
    normal = torch.randn(202, 100, generator=torch.Generator().manual_seed(seed))
    x = strength * math.sqrt(3) * normal[1:]  # U has variance 1/300
    logs = lag_log_norms(net.rnn, x, normal[:1, None])[:-102:-1]
    weight = dict(net.rnn.named_parameters())["weight_hh_l0"].detach()
    return float(torch.linalg.matrix_norm(weight, 2)), np.asarray(logs) - math.log(10)


def log_gradients(init: str, gain: float, strength: float) -> tuple[Array, Array]:
    """The same for five networks: σ_max, shape (5,), and the logarithms, shape (5, 101)."""
    both = [log_gradient(init, gain, strength, seed) for seed in SEEDS]
    return np.array([norm for norm, _ in both]), np.array([logs for _, logs in both])


@cache
def largest_exponent(gain: float, seed: int) -> tuple[float, float]:
    """The largest Lyapunov exponent of a tanh network of 100 units without input, and ln ρ(W).

    Over the last 300 of 500 steps from a random state.
    """
    import torch

    from gradcourse.instrument import lyapunov_exponents, state_jacobians
    from gradcourse.nets import recurrent

    net = recurrent("rnn", 1, 100, 1, init="normal", gain=gain, seed=seed).double()
    start = torch.randn(1, 1, 100, generator=torch.Generator().manual_seed(seed)).double()
    jacobians = state_jacobians(net.rnn, torch.zeros(500, 1).double(), start)
    weight = dict(net.rnn.named_parameters())["weight_hh_l0"].detach()
    radius = float(torch.linalg.eigvals(weight).abs().max())
    return float(lyapunov_exponents(jacobians[200:], count=1)[0][0]), math.log(radius)


def growth_of_kinds(gain: float = 2.0, steps: int = 50) -> dict[str, list[float]]:
    """Decades by which ‖∂h_T/∂h_0‖ grows with the same five matrices and four activations."""
    kinds: dict[str, list[float]] = {"sigmoid": [], "tanh": [], "relu": [], "linear": []}
    for name, decades in kinds.items():
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            weights, h = gain * rng.normal(size=(100, 100)) / 10, rng.normal(size=100)
            product = np.eye(100)
            for _ in range(steps):
                size = float(np.abs(h).max())
                z = weights @ h / max(1.0, size)  # states without a ceiling must not overflow
                h = theory.activation(name, z)
                product = theory.slope(name, z)[:, None] * weights @ product
            decades.append(math.log10(np.linalg.norm(product) / 10))
    return kinds


# ---------------------------------------------------------------- the adding problem


def clip(parameters: list[nn.Parameter]) -> None:
    """Scale gradients longer than 1 down to length 1."""
    from gradcourse.instrument import clip_grad_norm_

    clip_grad_norm_(parameters, 1.0)


def arriving(net: nn.Module, data: Sequences) -> Array:
    """‖∂ℒ/∂h_t‖ of a squared error by lag, relative to lag 0; shape (steps,)."""
    import torch

    from gradcourse.instrument import lag_gradient

    x, y = data.x_train[:64], data.y_train[:64]
    squared = torch.nn.functional.mse_loss
    (norms,) = lag_gradient(net, x, lambda output: squared(output, y)).values()
    return np.asarray(norms[::-1] / norms[-1])


def adding_run(length: int, seed: int) -> History:
    """Train 16 tanh units, as torch draws them, on the adding problem: 400 updates of Adam."""
    import torch

    from gradcourse.data import adding_problem
    from gradcourse.nets import recurrent
    from gradcourse.training import train

    data = adding_problem(length, train=4000, test=2000, seed=seed)
    net = recurrent("rnn", 2, 16, 1, seed=seed)
    adam = partial(torch.optim.Adam, lr=0.01)
    return train(net, data, steps=400, lr=0.01, loss="mse", seed=seed, every=400, optimizer=adam)


class Repaired(NamedTuple):
    """What became of W = I on the adding problem: see `repaired`."""

    share: float
    log10_after: float
    error: float
    radius: float


@cache
def repaired(activation: str, clipped: bool, seed: int) -> Repaired:
    """Train W = I for 400 updates on the adding problem, 30 steps.

    Returns
    -------
    Repaired
        The share of the gradient that arrives at lag 29 before training, its log₁₀ after it, the
        test error in units of 1/6, and ρ(W) after it. The error is the median of those after 320,
        340, … 400 updates: a single one is thrown about, and rounding decides where to.
    """
    import torch

    from gradcourse.data import adding_problem
    from gradcourse.nets import recurrent
    from gradcourse.training import train

    data = adding_problem(30, train=4000, test=2000, seed=seed)
    net = recurrent("rnn", 2, 16, 1, seed=seed, init="identity", nonlinearity=activation)
    before = float(arriving(net, data)[29])
    run = train(
        net,
        data,
        steps=400,
        lr=0.01,
        loss="mse",
        seed=seed,
        every=20,
        optimizer=partial(torch.optim.Adam, lr=0.01),
        before_update=clip if clipped else None,
    )
    weight = dict(net.rnn.named_parameters())["weight_hh_l0"].detach()
    radius = float(torch.linalg.eigvals(weight).abs().max())
    after = math.log10(float(arriving(net, data)[29]))
    return Repaired(before, after, 6.0 * float(np.median(run.test_loss[-5:])), radius)


# ---------------------------------------------------------------- the run that ends


class Fatal(NamedTuple):
    """The batch that ended a run, once more in float64: see `fatal_batch`."""

    report: PostMortem
    sizes: Array
    radius: float
    active_radius: float


@cache
def fatal_batch(seed: int) -> Fatal:
    """Train ReLU with W = I by gradient descent at 0.1, 100 steps, to its first NaN or Inf.

    Returns
    -------
    Fatal
        The post-mortem; the largest state at each step when the fatal batch runs once more in
        float64, shape (100,); ρ of W; and ρ of W between the units that are on at the end.
    """
    import torch

    from gradcourse.data import adding_problem
    from gradcourse.instrument import NonFiniteError, watch
    from gradcourse.nets import recurrent

    data = adding_problem(100, train=2000, test=64, seed=seed)
    net = recurrent("rnn", 2, 32, 1, init="identity", nonlinearity="relu", seed=seed)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    report = None
    try:
        with watch(net, optimizer, torch.nn.functional.mse_loss) as watching:
            for x, y in zip(data.x_train.split(64), data.y_train.split(64), strict=True):
                optimizer.zero_grad()
                watching.loss(net(x), y).backward()
                optimizer.step()
    except NonFiniteError as error:
        report = error.post_mortem
    assert report is not None, "the run came to its end"
    weight = dict(net.rnn.named_parameters())["weight_hh_l0"].detach().double().numpy()
    with torch.no_grad():
        states, _ = net.double().rnn(x.double())
    on = (states[:, -1][states[:, -1].amax(dim=1).argmax()] > 0).numpy()
    radii = [float(np.abs(np.linalg.eigvals(w)).max()) for w in (weight, weight[np.ix_(on, on)])]
    return Fatal(report, states.amax(dim=(0, 2)).numpy(), *radii)


# ---------------------------------------------------------------- descent off the cliff


class Descent(NamedTuple):
    """A thousand runs of gradient descent on the cliff: see `descents`."""

    path: Array
    height: Array
    step: Array


@cache
def descents(updates: int = 300) -> Descent:
    """Descend from 1000 random places on the plateau, with the learning rate 0.02.

    Returns
    -------
    Descent
        ``path``, shape (updates + 1, 1000, 2), holds w and b; ``height``, shape (updates + 1,
        1000), the loss there; ``step``, shape (updates, 1000), the length of each step.
    """
    import torch

    def loss(w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        h = torch.full_like(w, START)
        for _ in range(STEPS):
            h = torch.tanh(w * h + b)
        return 0.5 * (h - TARGET) ** 2

    def gradient(points: torch.Tensor) -> torch.Tensor:
        points = points.clone().requires_grad_()
        return torch.autograd.grad(loss(*points.unbind(1)).sum(), points)[0]

    start = torch.rand(1000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    places = [torch.tensor([1.35, -0.1]) + start * torch.tensor([0.25, 0.2])]
    for _ in range(updates):
        places.append(places[-1] - LEARNING_RATE * gradient(places[-1]))
    height = torch.stack([loss(*points.unbind(1)) for points in places]).numpy()
    path = torch.stack(places).numpy()
    return Descent(path, height, np.linalg.norm(np.diff(path, axis=0), axis=2))


def thrown(descent: Descent) -> dict[str, float]:
    """What the runs do, in per cent: over the wall; of these in one step; and how far thrown."""
    over = descent.height.min(axis=0) < 0.3
    first = (descent.height < 0.3).argmax(axis=0) - 1
    jump = over & (descent.height[first, np.arange(len(over))] > 0.5)
    longest = descent.step.max(axis=0)
    return {
        "over": 100.0 * float(over.mean()),
        "in one step": 100.0 * float(jump.sum() / over.sum()),
        "farther than 1": 100.0 * float((longest > 1).mean()),
    }
