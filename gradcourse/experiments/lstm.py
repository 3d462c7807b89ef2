"""Lesson 08: one cell, many time scales, three networks, and an LSTM that explodes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from gradcourse.experiments.common import Array
from gradcourse.theory import sigmoid

if TYPE_CHECKING:
    from gradcourse.nets import Recurrent

LAGS = 100
WIDTH = 32

# ---------------------------------------------------------------- a random LSTM, gate by gate


@dataclass(frozen=True, eq=False)
class Run:
    """One run of an LSTM of n units over T steps.

    Attributes
    ----------
    weights : array, shape (4n, n)
        Recurrent weights, in torch's order: input, forget, cell, output.
    gates : array, shape (T, 4, n)
        i, f, g, o at each step.
    cells, states : array, shape (T + 1, n)
        c and h; the first row is the start.
    """

    weights: Array
    gates: Array
    cells: Array
    states: Array


@cache
def _draws(width: int, steps: int, seed: int) -> tuple[Array, Array, Array, Array]:
    """Standard normals that the knobs only scale: W, U, inputs, and the first cell."""
    rng = np.random.default_rng([8, seed])
    return (
        rng.standard_normal((4 * width, width)) / np.sqrt(width),
        rng.standard_normal(4 * width),
        rng.standard_normal(steps),
        rng.standard_normal(width),
    )


def run(
    forget_bias: ArrayLike,
    input_bias: ArrayLike = 0.0,
    *,
    gain: float = 0.58,
    strength: float = 0.1,
    start: float = 0.1,
    steps: int = 100,
    width: int = WIDTH,
    seed: int = 0,
) -> Run:
    """Run an LSTM with Gaussian recurrent weights of variance gain²/width.

    Parameters
    ----------
    forget_bias, input_bias : float or array, shape (width,)
        The other two biases are 0.
    gain : float
        0.58 has the variance of torch's own uniform weights.
    strength : float
        Standard deviation of what a Gaussian input adds to each gate.
    start : float
        Standard deviation of the first cell; the first h is what an output gate of ½ gives.
    """
    normal, reading, inputs, first = _draws(width, steps, seed)
    weights = gain * normal
    bias = np.zeros((4, width))
    bias[0], bias[1] = input_bias, forget_bias
    gates, cells = np.empty((steps, 4, width)), np.empty((steps + 1, width))
    states = np.empty((steps + 1, width))
    cells[0] = start * first
    states[0] = 0.5 * np.tanh(cells[0])
    for t in range(steps):
        z = (weights @ states[t] + strength * inputs[t] * reading).reshape(4, width) + bias
        gates[t] = 1.0 / (1.0 + np.exp(-z))
        gates[t, 2] = np.tanh(z[2])
        i, f, g, o = gates[t]
        cells[t + 1] = f * cells[t] + i * g
        states[t + 1] = o * np.tanh(cells[t + 1])
    return Run(weights, gates, cells, states)


def direct_path(run: Run) -> Array:
    """Root mean square over units of the product of the forget gates, for lags 0 to T."""
    logs = np.cumsum(np.log(run.gates[::-1, 1]), axis=0)
    return np.concatenate([[1.0], np.sqrt(np.mean(np.exp(2.0 * logs), axis=1))])


def cell_gradients(run: Run) -> Array:
    """‖∂c_T/∂c_t‖_F/√n through all paths, for lags 0 to T."""
    width = run.cells.shape[1]
    wi, wf, wg, wo = run.weights.reshape(4, width, width)
    by_c, by_h = np.eye(width), np.zeros((width, width))  # (n, n): ∂c_T by c_t, and by h_t
    norms = [1.0]
    for t in range(len(run.gates) - 1, -1, -1):
        i, f, g, o = run.gates[t]  # (n,)
        squashed = np.tanh(run.cells[t + 1])
        back = (g * i * (1.0 - i))[:, None] * wi + (i * (1.0 - g**2))[:, None] * wg
        back += (run.cells[t] * f * (1.0 - f))[:, None] * wf
        by_h = by_c @ back + by_h @ ((squashed * o * (1.0 - o))[:, None] * wo)
        # What reads c_(t−1) is the cell itself, and o_(t−1)·tanh on its way to h_(t−1).
        before = run.gates[t - 1, 3] if t else np.full(width, 0.5)
        by_c = by_c * f + by_h * (before * (1.0 - np.tanh(run.cells[t]) ** 2))
        norms.append(float(np.linalg.norm(by_c)) / np.sqrt(width))
    return np.array(norms)


def half_life(gradient: Array) -> float:
    """Steps in which a gradient against lag halves, from the ends of the line; ∞ if it does not."""
    per_step = np.log(gradient[-1]) / (len(gradient) - 1)
    return float(np.log(2.0) / -per_step) if per_step < 0 else float("inf")


def keep(bias: ArrayLike) -> Array:
    """σ(b), the share of a cell that is kept per step."""
    return np.asarray(sigmoid(bias), dtype=np.float64)


def growth_at_rest(run: Run, forget_bias: float, input_bias: float = 0.0) -> float:
    """Growth of ∂c per step at rest (c = h = 0): the spectral radius of f I + i o W_g, o = ½."""
    width = run.cells.shape[1]
    block = run.weights[2 * width : 3 * width]
    step = keep(forget_bias) * np.eye(width) + 0.5 * keep(input_bias) * block
    return float(np.abs(np.linalg.eigvals(step)).max())


def late_run(gain: float, bias: float, width: int, seed: int = 0) -> Run:
    """The last 100 of 200 steps with a loud input and a large first cell."""
    whole = run(bias, gain=gain, strength=0.5, start=1.0, steps=2 * LAGS, width=width, seed=seed)
    return Run(whole.weights, whole.gates[LAGS:], whole.cells[LAGS:], whole.states[LAGS:])


def explosion(seed: int, gain: float = 8.0, width: int = 100) -> float:
    """‖∂c_T/∂c_t‖ at lag 100 of an LSTM with large recurrent weights, forget bias 0."""
    return float(cell_gradients(late_run(gain, 0.0, width, seed))[-1])


def whole_at_60(seed: int, bias: float) -> float:
    """‖∂c_T/∂c_t‖ at lag 60, all paths, with forget bias b and input bias −b."""
    return float(cell_gradients(run(bias, -bias, steps=60, seed=seed))[-1])


def lag_of_one_percent(seed: int, bias: float = 1.0) -> float:
    """The lag at which the direct path of 32 cells has fallen to 1 %."""
    left = np.log(direct_path(run(bias, seed=seed)))
    beyond = int(np.argmax(left < np.log(0.01)))
    step = (np.log(0.01) - left[beyond - 1]) / (left[beyond] - left[beyond - 1])
    return float(beyond - 1 + step)


def chrono_biases(longest: float, units: int = 64, seed: int = 0) -> Array:
    """Forget biases ln u, u uniform on [1, longest − 1]."""
    uniform = np.random.default_rng([88, seed]).uniform(size=units)
    return np.asarray(np.log(1.0 + (longest - 2.0) * uniform))


# ---------------------------------------------------------------- torch's networks, untrained


def with_keep_bias(net: Recurrent, bias: float) -> Recurrent:
    """Set the gate that keeps: an LSTM's forget gate (and −bias its input gate), a GRU's z."""
    import torch

    if isinstance(net.rnn, torch.nn.RNN):
        return net
    rnn: Any = net.rnn  # its biases are known by name only at run time
    width = net.rnn.hidden_size
    with torch.no_grad():
        rnn.bias_hh_l0[: 2 * width] = 0.0
        rnn.bias_ih_l0[width : 2 * width] = bias
        rnn.bias_ih_l0[:width] = -bias if isinstance(rnn, torch.nn.LSTM) else 0.0
    return net


@cache
def _sequence(seed: int) -> Array:
    from gradcourse.data import adding_problem

    return adding_problem(LAGS + 1, train=1, test=1, seed=seed).x_train[0].numpy()


def relative_gradient(net: Recurrent, seed: int = 0) -> Array:
    """‖∂h_T/∂h_t‖, of an LSTM ‖∂h_T/∂c_t‖, relative to lag 0; for lags 0 to 100."""
    import torch

    from gradcourse.instrument import lag_log_norms

    of = "cell" if isinstance(net.rnn, torch.nn.LSTM) else "hidden"
    logs = lag_log_norms(net.rnn, torch.from_numpy(_sequence(seed)), of=of)[::-1]
    return np.asarray(np.exp(logs - logs[0]))


def default_direct_path(seed: int, lag: int = 20) -> float:
    """Mean over cells of the product of the last forget gates of torch's own LSTM."""
    import torch

    from gradcourse.data import adding_problem
    from gradcourse.nets import recurrent

    rnn: Any = recurrent("lstm", 2, 32, 1, seed=seed).rnn
    x = adding_problem(lag, train=1, test=1, seed=seed).x_train  # (1, T, 2)
    with torch.no_grad():
        h, _ = rnn(x)
        before = torch.cat([torch.zeros_like(h[:, :1]), h[:, :-1]], dim=1)
        z = x @ rnn.weight_ih_l0.T + before @ rnn.weight_hh_l0.T + rnn.bias_ih_l0 + rnn.bias_hh_l0
        return float(z.chunk(4, dim=2)[1].sigmoid().double().log().sum(1).exp().mean())


def gru_keeps(block: int, bias: float, seed: int = 0) -> float:
    """log10 of ‖∂h_T/∂h_t‖ at lag 50, relative to lag 0, with one bias of torch's GRU set."""
    import torch

    from gradcourse.instrument import lag_log_norms
    from gradcourse.nets import recurrent

    rnn: Any = recurrent("gru", 2, 32, 1, seed=seed).rnn
    with torch.no_grad():
        rnn.bias_ih_l0[32 * block : 32 * (block + 1)] = bias
    x = torch.randn(51, 2, generator=torch.Generator().manual_seed(seed))
    logs = lag_log_norms(rnn, x)
    return float((logs[0] - logs[-1]) / np.log(10.0))


# ---------------------------------------------------------------- the adding problem

STEPS = 60
EVERY = 20
UPDATES = 200
LEARNING_RATE = 0.02


def train_on_adding(
    net: Recurrent,
    seed: int,
    updates: int,
    *,
    steps: int = STEPS,
    lr: float = LEARNING_RATE,
    every: int | None = None,
) -> tuple[Array, Array, float]:
    """Train in place on the adding problem with Adam, gradients clipped to norm 1.

    Returns
    -------
    by_lag : array, shape (records, steps)
        ‖∂ℒ/∂h_t‖ relative to lag 0, by lag, each ``every`` updates, the first before any.
    loss : array, shape (updates,)
        Of each batch of 32.
    test : float
        Squared error on 500 other sequences at the end.
    """
    import torch

    from gradcourse.data import adding_problem
    from gradcourse.instrument import clip_grad_norm_
    from gradcourse.training import train

    data = adding_problem(steps, train=4000, test=500, seed=seed)
    by_lag, count = [], 0

    def before_update(parameters: list[Any]) -> None:
        nonlocal count
        clip_grad_norm_(parameters, 1.0)
        if every and count % every == 0:
            by_lag.append(gradient_by_lag(net, data.x_train[:64], data.y_train[:64]))
        count += 1

    history = train(
        net,
        data,
        steps=updates,
        lr=lr,
        batch=32,
        loss="mse",
        seed=seed,
        every=updates,
        optimizer=partial(torch.optim.Adam, lr=lr),
        before_update=before_update,
    )
    if every:
        by_lag.append(gradient_by_lag(net, data.x_train[:64], data.y_train[:64]))
    return np.array(by_lag), history.loss[:-1], float(history.test_loss[-1])


def gradient_by_lag(net: Recurrent, x: Any, y: Any) -> Array:
    """‖∂ℒ/∂h_t‖ relative to lag 0, by lag, for the squared error."""
    import torch

    from gradcourse.instrument import lag_gradient

    (norms,) = lag_gradient(net, x, lambda out: torch.nn.functional.mse_loss(out, y)).values()
    return np.asarray(norms[::-1] / norms[-1])


@cache
def trained_by_lag(kind: str) -> tuple[Array, Array]:
    from gradcourse.nets import recurrent

    kept, loss, _ = train_on_adding(recurrent(kind, 2, 32, 1), 0, UPDATES, every=EVERY)
    return kept, loss


@cache
def untrained_by_lag(kind: str) -> Array:
    from gradcourse.data import adding_problem
    from gradcourse.nets import recurrent

    data = adding_problem(STEPS, train=64, test=1)
    return gradient_by_lag(recurrent(kind, 2, 32, 1), data.x_train, data.y_train)


def moves_at_marks(seed: int, net: Recurrent | None = None) -> float:
    """After training, how far a GRU's h moves at an unmarked step, relative to a marked one.

    Parameters
    ----------
    seed : int
    net : Recurrent, optional
        A trained one; by default a GRU is trained here.
    """
    import torch

    from gradcourse.data import adding_problem
    from gradcourse.nets import recurrent

    if net is None:
        net = recurrent("gru", 2, 32, 1, seed=seed)
        train_on_adding(net, seed, UPDATES)
    x = adding_problem(STEPS, train=1, test=500, seed=100 + seed).x_test
    with torch.no_grad():
        h, _ = net.rnn(x)
    moved = torch.diff(h, dim=1, prepend=torch.zeros_like(h[:, :1])).norm(dim=2)
    marked = x[..., 1] > 0
    return float(moved[~marked].mean() / moved[marked].mean())
