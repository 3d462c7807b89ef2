"""What is left of a gradient along cells whose time scales chrono initialization spreads."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gradcourse.support import GradcourseError
from gradcourse.theory.elementwise import as_numbers
from gradcourse.theory.gates import chrono_bias_range

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)


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
