"""How long a cell remembers, the biases that make it so, and how sensitive its memory is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_expit

from gradcourse.support import GradcourseError
from gradcourse.theory.elementwise import as_numbers, one_number

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)


def forget_half_life(bias: ArrayLike) -> np.ndarray:
    """Return the number of steps in which a cell keeps half: ln 2 / −ln σ(b).

    With a forget gate of σ(b) the cell decays by that factor per step, and so does the gradient
    along it.

    Parameters
    ----------
    bias : float or array
        Forget bias b. torch adds two biases, ``bias_ih`` and ``bias_hh``: give their sum.

    Returns
    -------
    numpy.ndarray, float64, the shape of ``bias``

    References
    ----------
    Gers, Schmidhuber & Cummins (2000), Learning to forget; Jozefowicz, Zaremba & Sutskever (2015)
    for b = 1.

    Examples
    --------
    >>> forget_half_life([0.0, 1.0, 5.0]).round(1)
    array([  1. ,   2.2, 103.2])
    """
    return math.log(2) / -log_expit(as_numbers("bias", bias))


def forget_bias(half_life: ArrayLike) -> np.ndarray:
    """Return the forget bias whose half-life is given, the inverse of `forget_half_life`.

    Parameters
    ----------
    half_life : float or array
        In steps, above 0.

    Returns
    -------
    numpy.ndarray, float64, the shape of ``half_life``

    Raises
    ------
    GradcourseError
        If a half-life is not positive.

    Examples
    --------
    >>> float(forget_bias(1.0)), float(forget_bias(100.0).round(3))
    (0.0, 4.968)
    """
    steps = as_numbers("half_life", half_life)
    if not (steps > 0).all():
        raise GradcourseError(f"half_life is {half_life!r}; it must be positive.")
    # logit(2^(−1/h)), with 1 − 2^(−1/h) from expm1: the difference itself loses all digits.
    log_gate = -math.log(2) / steps
    return log_gate - np.log(-np.expm1(log_gate))


def chrono_bias_range(longest: float) -> tuple[float, float]:
    """Return the range of forget biases of chrono initialization.

    b_f = log u with u uniform on [1, T_max − 1], so that the cell's time scales spread up to the
    longest dependency, and b_i = −b_f.

    Parameters
    ----------
    longest : float
        T_max, steps that the longest dependency spans, above 2.

    Returns
    -------
    (float, float)
        The lowest and the highest b_f.

    References
    ----------
    Tallec & Ollivier (2018), Can recurrent neural networks warp time?

    Examples
    --------
    >>> [round(b, 2) for b in chrono_bias_range(200)]
    [0.0, 5.29]
    """
    if not one_number("longest", longest) > 2:
        raise GradcourseError(f"longest is {longest}; it must be more than 2 steps.")
    return 0.0, math.log(longest - 1)


def chrono_memory(lag: ArrayLike, longest: float) -> np.ndarray:
    """Return E[f^lag] for forget gates f = u/(1 + u), u uniform on [1, ``longest`` − 1].

    The share of its cell that an average unit keeps over a lag, with gates at their biases. The
    mean square of that share is this function at twice the lag.

    Parameters
    ----------
    lag : float or array
        Steps, 0 or more.
    longest : float
        T_max of chrono initialization, above 2.

    Returns
    -------
    numpy.ndarray, float64, the shape of ``lag``

    Raises
    ------
    GradcourseError
        If ``longest`` is 2 or less, or a lag negative.

    References
    ----------
    Tallec & Ollivier (2018), Can recurrent neural networks warp time?

    Examples
    --------
    >>> chrono_memory([0, 1, 100], 100.0).round(3)
    array([1.  , 0.96, 0.15])
    """
    chrono_bias_range(longest)
    lags = as_numbers("lag", lag)
    if not (lags >= 0).all():
        raise GradcourseError(f"lag is {lag!r}; it must be 0 or more.")
    # In ln u, where the integrand has no corner at the short times.
    top = np.log(longest - 1.0)
    u = np.exp(0.5 * top * (_NODES + 1.0))
    weights = 0.5 * top * _WEIGHTS * u / (longest - 2.0)
    kept = np.exp(-lags[..., None] * np.log1p(1.0 / u))
    return np.asarray(kept @ weights)


# ---------------------------------------------------------------- one weight that reads noise


def state_variance(keep: ArrayLike) -> np.ndarray:
    """Return E[h²] = 1/(1 − λ²) of h_t = λ h_{t−1} + x_t with white noise x of variance 1.

    Parameters
    ----------
    keep : array_like
        λ, each in 0 ≤ λ < 1.

    Raises
    ------
    GradcourseError
        If one is not.
    """
    keep = _between(keep)
    return np.asarray(1.0 / (1.0 - keep**2))


def weight_sensitivity(keep: ArrayLike) -> np.ndarray:
    """Return E[(∂h/∂λ)²] = (1 + λ²)/(1 − λ²)³ for the same recurrence.

    h_t is the sum of λ^k x_{t−k}, so that its derivative is the sum of k λ^{k−1} x_{t−k}.
    Parameters and errors as for `state_variance`.

    References
    ----------
    Zucchet & Orvieto (2024), Recurrent neural networks: vanishing and exploding gradients are not
    the end of the story.

    Examples
    --------
    >>> weight_sensitivity([0.0, 0.9]).round(0).tolist()
    [1.0, 264.0]
    """
    keep = _between(keep)
    return np.asarray((1.0 + keep**2) / (1.0 - keep**2) ** 3)


def tamed_sensitivity(keep: ArrayLike) -> np.ndarray:
    """Return the same where the input is scaled by √(1 − λ²), by ν with λ = exp(−exp(ν)).

    It is λ² log²λ (1 + λ²)/(1 − λ²)², which goes to ½ as λ goes to 1.
    Parameters and errors as for `state_variance`; 0 is no value of λ.

    References
    ----------
    Orvieto et al. (2023), Resurrecting recurrent neural networks for long sequences.
    """
    keep = _between(keep)
    slope = keep * np.log(keep)
    return np.asarray(slope**2 * (1.0 + keep**2) / (1.0 - keep**2) ** 2)


def _between(keep: ArrayLike) -> np.ndarray:
    values = as_numbers("keep", keep)
    if not np.all((values >= 0) & (values < 1)):
        raise GradcourseError(f"keep is {values}; expected numbers from 0 on and below 1.")
    return values
