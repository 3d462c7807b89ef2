"""A recurrent matrix under weight decay: its norm, and the gradient against lag."""

from __future__ import annotations

from functools import cache

import numpy as np

from gradcourse.figures import Axis, Band, Demo, Knob, Line, Plot
from gradcourse.figures.describe import number

STEPS = 20
UPDATES = 150
RATE = 0.1
GAIN = 1.2


@cache
def decayed(seed: int, strength: float, kind: str = "l2") -> tuple[np.ndarray, np.ndarray]:
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
    from torch.nn.functional import mse_loss

    from gradcourse.data import adding_problem
    from gradcourse.instrument import clip_grad_norm_, lag_gradient
    from gradcourse.nets import recurrent
    from gradcourse.training import train

    data = adding_problem(STEPS, train=1000, test=10, seed=seed)
    net = recurrent("rnn", 2, 32, 1, init="orthogonal", gain=GAIN, seed=seed)
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
        steps=UPDATES,
        lr=RATE,
        loss="mse",
        seed=seed,
        every=UPDATES,
        before_update=press,
    )
    x, y = data.x_train[:64], data.y_train[:64]
    (norms,) = lag_gradient(net, x, lambda output: mse_loss(output, y)).values()
    return weights.detach().numpy(), norms[::-1] / norms[-1]


def spectral_norm(seed: int, strength: float, kind: str = "l2") -> float:
    """σ_max(W) after that training."""
    return float(np.linalg.norm(decayed(seed, strength, kind)[0], 2))


def draw_decay(strength: float) -> Plot:
    """The gradient against lag after training with L2, and the bound σ_max^lag."""
    _, norms = decayed(0, strength)
    norm, lag = spectral_norm(0, strength), np.arange(STEPS)
    return Plot(
        title=f"λ = {strength:.3f}: σ_max(W) = {norm:.2f}, gradient at lag 19: "
        f"{number(norms[-1], log=True)}",
        x=Axis("lag T − t", limits=(0.0, STEPS - 1.0)),
        y=Axis("‖∂ℒ/∂h_t‖, relative to lag 0", "log", (1e-7, 1e3)),
        lines=(
            Line(lag, norms, "after 150 updates", color="rnn"),
            Line(lag, norm**lag, "bound, σ_max^lag", "theory", "rnn"),
        ),
        bands=(Band(0.1, 10.0, "healthy: 0.1 to 10"),),
    )


DECAY = Demo(
    id="clipping/decay",
    title="Weight decay on the recurrent matrix",
    knobs=(Knob("strength", "strength λ of the decay", 0.0, 0.06, 0.005, 0.0),),
    draw=draw_decay,
    linked=True,
)
