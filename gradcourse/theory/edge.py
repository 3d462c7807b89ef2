"""The edge of chaos: where gradients neither vanish nor explode on average."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from gradcourse.support import GradcourseError
from gradcourse.theory.activations import activation
from gradcourse.theory.elementwise import as_numbers
from gradcourse.theory.meanfield import (
    gaussian_mean,
    mean_squared_slope,
    q_map,
)


def edge_of_chaos(name: str, sigma_b: ArrayLike = 0.0) -> float | np.ndarray:
    """Return the σ_w at which χ = 1, for a given σ_b.

    At χ = 1 the mean square of the gradient stays the same from layer to layer, once the
    pre-activations have settled at q*.

    Parameters
    ----------
    name : str
        See `gradcourse.theory.activation`.
    sigma_b : float or array
        Standard deviation of the biases, 0 or more.

    Returns
    -------
    float, or numpy.ndarray of the shape of ``sigma_b``
        The smallest such σ_w whose fixed point is stable: variances slightly above it come down
        to it. NaN where there is none, as for GELU and SiLU with small biases: there the variance
        runs away from every fixed point with χ = 1. For "linear", "relu" and "leaky_relu" χ
        does not depend on q, so σ_w is the same for any σ_b; with σ_b > 0 the variance then grows
        by σ_b² per layer.

    Raises
    ------
    GradcourseError
        If a σ_b is negative or the name unknown.

    References
    ----------
    Poole et al. (2016); Schoenholz et al. (2017), fig. 2; Hayou, Doucet & Rousseau (2019), On
    the impact of the activation function on deep neural networks training.

    Examples
    --------
    >>> edge_of_chaos("tanh"), round(edge_of_chaos("relu") ** 2, 9)
    (1.0, 2.0)
    >>> edge_of_chaos("tanh", [0.05, 0.3]).round(3)
    array([1.123, 1.396])
    """
    activation(name, 0.0)  # refuses an unknown name
    values = as_numbers("sigma_b", sigma_b)
    if not (values >= 0).all():
        raise GradcourseError(f"sigma_b is {sigma_b!r}; a standard deviation is 0 or more.")
    found = np.array([_edge(name, float(one)) for one in values.ravel()])
    return float(found[0]) if values.ndim == 0 else found.reshape(values.shape)


def _edge(name: str, sigma_b: float) -> float:
    from scipy.optimize import brentq  # a tenth of a second, where it is needed

    if name in ("linear", "relu", "leaky_relu"):
        return 1 / math.sqrt(mean_squared_slope(name, 1.0))
    candidates = []
    if sigma_b == 0 and float(activation(name, 0.0)) == 0:
        # Biases are 0 and so is φ(0), so q = 0 is always a fixed point.
        at_zero = 1 / math.sqrt(mean_squared_slope(name, 0.0))
        if _stable(name, 1e-6, at_zero, 0.0):
            candidates.append(at_zero)
    grid = np.geomspace(1e-8, 1e8, 161)
    heights = [_bias_variance(name, q) - sigma_b**2 for q in grid]
    for (low, below), (high, above) in pairwise(zip(grid, heights, strict=True)):
        if (below < 0) != (above < 0) and max(abs(below), abs(above)) > 1e-12:
            q = brentq(
                lambda q: _bias_variance(name, q) - sigma_b**2, low, high, xtol=1e-15, rtol=1e-12
            )
            sigma_w = 1 / math.sqrt(mean_squared_slope(name, q))
            if _stable(name, q, sigma_w, sigma_b):
                candidates.append(sigma_w)
    return min(candidates, default=math.nan)


def _stable(name: str, q: float, sigma_w: float, sigma_b: float) -> bool:
    """Whether a variance slightly above the fixed point q comes down to it."""
    above = 1.01 * q
    return q_map(name, above, sigma_w, sigma_b) < above


def _bias_variance(name: str, q: float) -> float:
    """The σ_b² that makes q a fixed point at the σ_w where χ = 1."""
    mean_square = gaussian_mean(lambda z: activation(name, z) ** 2, q)
    return q - mean_square / mean_squared_slope(name, q)
