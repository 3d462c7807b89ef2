"""Lesson 12: the gradient through a diagonal recurrence, and how sensitive its state is."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from gradcourse.experiments.common import Array
from gradcourse.experiments.modern.scans import STEPS

# ---------------------------------------------------------------- the gradient is a product


@cache
def roads(seed: int, steps: int = STEPS, slow: float = 0.0) -> tuple[Array, Array]:
    """∂h_T/∂h_t in the first layer of an untrained minGRU: by autograd, and as a product.

    ``slow`` is taken from the gates' biases: at 4 a unit keeps about 98 % at each step.

    Returns
    -------
    measured, product : array, shape (steps, units), float64
        For one random sequence; the row of h_T is 1.
    """
    import torch

    from gradcourse.nets.min_gru import min_gru

    layer: Any = min_gru(2, 32, 1, seed=seed).double().layers[0]
    x = torch.randn(1, steps, 2, generator=torch.Generator().manual_seed(seed)).double()
    with torch.no_grad():
        layer.gate.bias -= slow
        kept = layer.kept(x)[0]  # (steps, units)
        taken = (1 - kept) * layer.candidate(x)[0]
    state, states = torch.zeros(32, dtype=torch.float64), []
    for share, value in zip(kept, taken, strict=True):
        state = (share * state + value).requires_grad_()
        states.append(state)
    measured = np.array([part.numpy() for part in torch.autograd.grad(state.sum(), states)])
    later = kept.flip(0).cumprod(0).flip(0).numpy()  # product of what is kept from step t on
    return measured, np.concatenate([later[1:], np.ones((1, 32))])


# ---------------------------------------------------------------- memory is not enough


def sensitivity(
    keep: float, seed: int = 0, *, steps: int = 20_000, tamed: bool = False
) -> tuple[float, float]:
    """Mean squares of h and of its derivative by the recurrent weight, for white noise.

    h_t = λ h_{t−1} + x_t, run until it has settled; then the mean over ``steps`` steps.

    Parameters
    ----------
    keep : float
        λ, in 0 to 1.
    seed, steps : int
    tamed : bool
        As in the LRU (Orvieto et al. 2023): the input is multiplied by √(1 − λ²), a constant,
        and the derivative is taken by ν, where λ = exp(−exp(ν)).
    """
    from scipy.signal import lfilter

    before = int(20 / (1 - keep))
    x = np.random.default_rng([12, seed]).standard_normal(before + steps)
    size = np.sqrt(1 - keep**2) if tamed else 1.0
    h = lfilter([size], [1.0, -keep], x)
    by_weight = lfilter([1.0], [1.0, -keep], np.concatenate([[0.0], h[:-1]]))
    slope = keep * np.log(keep) if tamed else 1.0  # dλ/dν
    return float(np.mean(h[before:] ** 2)), float(np.mean((slope * by_weight[before:]) ** 2))
