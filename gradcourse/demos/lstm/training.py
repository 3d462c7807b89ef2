"""How far back the loss can teach, while the network trains."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot

if TYPE_CHECKING:
    from gradcourse.nets import Recurrent

Array = NDArray[np.float64]
STEPS = 60
EVERY = 20
UPDATES = 200
LEARNING_RATE = 0.02
KINDS = (("rnn", "RNN"), ("lstm", "LSTM, torch's biases"), ("gru", "GRU, torch's biases"))


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
    kept : array, shape (records, steps)
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
    kept, count = [], 0

    def before_update(parameters: list[Any]) -> None:
        nonlocal count
        clip_grad_norm_(parameters, 1.0)
        if every and count % every == 0:
            kept.append(gradient_by_lag(net, data.x_train[:64], data.y_train[:64]))
        count += 1

    def adam(parameters: Iterable[Any]) -> torch.optim.Adam:
        return torch.optim.Adam(parameters, lr=lr)

    made = train(
        net,
        data,
        steps=updates,
        lr=lr,
        batch=32,
        loss="mse",
        seed=seed,
        every=updates,
        optimizer=adam,
        before_update=before_update,
    )
    if every:
        kept.append(gradient_by_lag(net, data.x_train[:64], data.y_train[:64]))
    return np.array(kept), made.loss[:-1], float(made.test_loss[-1])


def gradient_by_lag(net: Recurrent, x: Any, y: Any) -> Array:
    """‖∂ℒ/∂h_t‖ relative to lag 0, by lag, for the squared error."""
    import torch

    from gradcourse.instrument import lag_gradient

    (norms,) = lag_gradient(net, x, lambda out: torch.nn.functional.mse_loss(out, y)).values()
    return np.asarray(norms[::-1] / norms[-1])


@cache
def _trained(kind: str) -> tuple[Array, Array]:
    from gradcourse.nets import recurrent

    kept, loss, _ = train_on_adding(recurrent(kind, 2, 32, 1), 0, UPDATES, every=EVERY)
    return kept, loss


@cache
def _untrained(kind: str) -> Array:
    from gradcourse.data import adding_problem
    from gradcourse.nets import recurrent

    data = adding_problem(STEPS, train=64, test=1)
    return gradient_by_lag(recurrent(kind, 2, 32, 1), data.x_train, data.y_train)


def draw_training(updates: int) -> Plot:
    """Gradient against lag of three networks after so many updates."""
    lag, lines, losses = np.arange(STEPS), [], []
    for kind, name in KINDS:
        if updates:
            kept, loss = _trained(kind)
            row, latest = kept[updates // EVERY], loss[updates - EVERY : updates].mean()
            losses.append(f"{kind.upper()} {latest:.3f}")
        else:
            row = _untrained(kind)
        lines.append(Line(lag, row, name, "measured", kind))
    after = "loss " + ", ".join(losses) if losses else "untrained"
    return Plot(
        title=f"{updates} updates; {after}",
        x=Axis("lag T − t", limits=(0.0, float(STEPS - 1))),
        y=Axis("‖∂ℒ/∂h_t‖, relative to lag 0", "log", (1e-20, 1e3)),
        lines=tuple(lines),
        bands=(Band(0.1, 10.0, "healthy: 0.1 to 10"),),
    )


TRAINING = Demo(
    id="lstm/training",
    title="The adding problem, 60 steps, while three networks learn it",
    knobs=(Knob("updates", "updates", 0.0, float(UPDATES), float(EVERY), 0.0, integer=True),),
    draw=draw_training,
    linked=True,
)


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
