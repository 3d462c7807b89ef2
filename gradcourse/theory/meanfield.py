"""Mean-field theory of wide random networks: variances forward, slopes backward.

A layer computes z = W φ(z_previous) + b with W_ij ~ N(0, σ_w²/fan_in) and b_i ~ N(0, σ_b²). In a
wide network the pre-activations z are Gaussian with variance q (Poole et al. 2016), and the mean
square of the gradient changes by χ = σ_w² E[φ′²] per layer (Schoenholz et al. 2017).

Every variance and standard deviation may be an array: there is then one result for each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import numpy as np

from gradcourse.support import GradcourseError, check_integers
from gradcourse.theory.activations import activation, slope
from gradcourse.theory.elementwise import elementwise

_NEARLY_ZERO = 1e-30


@lru_cache(maxsize=64)
def gaussian_rule(kink: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for a mean over a standard normal z, of a function with a kink.

    Gauss–Legendre on panels that halve towards 0 and towards the kink. Gauss–Hermite fails where
    √q is large: all that happens in a saturating function then happens between its two innermost
    nodes.
    """
    nodes, weights = np.polynomial.legendre.leggauss(24)
    halving = 14.0 * 0.5 ** np.arange(41)
    edges = np.concatenate([[0.0], halving, -halving, [kink], kink + halving, kink - halving])
    edges = np.unique(np.clip(edges, -14.0, 14.0))
    half = np.diff(edges) / 2
    z = ((edges[:-1] + half)[:, None] + half[:, None] * nodes).ravel()
    w = (half[:, None] * weights).ravel() * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return z, w


@elementwise(q=0.0)
def gaussian_mean(f: Callable[[np.ndarray], np.ndarray], q: float) -> float:
    """Return E[f(√q z)] for a standard normal z.

    Parameters
    ----------
    f : callable
        Takes and returns an array. It may have a kink at 0; away from 0 it should be smooth.
    q : float
        Variance, 0 or more. Accurate to about 1e-12 up to q = 1e12 for saturating functions too.

    Raises
    ------
    GradcourseError
        If ``q`` is negative or not a number.

    Examples
    --------
    >>> round(gaussian_mean(np.square, 3.0), 12)
    3.0
    """
    if not callable(f):
        raise GradcourseError(f"f is {f!r}; it takes a function of an array: np.square, say.")
    z, weights = gaussian_rule()
    return float(weights @ np.asarray(f(math.sqrt(q) * z), dtype=np.float64))


@elementwise(q=0.0)
def mean_squared_slope(name: str, q: float) -> float:
    """Return E[φ′(√q z)²]: how much of a gradient's mean square an activation lets through.

    Parameters
    ----------
    name : str
        See `gradcourse.theory.activation`.
    q : float
        Variance of the pre-activations; at 0 the limit from above is meant, so that a kink at 0
        counts with the slopes on both sides.

    References
    ----------
    Schoenholz, Gilmer, Ganguli & Sohl-Dickstein (2017), Deep information propagation.

    Examples
    --------
    >>> mean_squared_slope("sigmoid", 0.0)  # (1/4)²
    0.0625
    """
    return gaussian_mean(lambda z: slope(name, z) ** 2, q or _NEARLY_ZERO)


@elementwise(q=0.0, sigma_w=0.0, sigma_b=0.0)
def q_map(name: str, q: float, sigma_w: float, sigma_b: float = 0.0) -> float:
    """Return the next layer's pre-activation variance, σ_w² E[φ(√q z)²] + σ_b².

    References
    ----------
    Poole, Lahiri, Raghu, Sohl-Dickstein & Ganguli (2016), Exponential expressivity in deep
    neural networks through transient chaos, eq. 3.
    """
    return sigma_w**2 * gaussian_mean(lambda z: activation(name, z) ** 2, q) + sigma_b**2


@elementwise(sigma_w=0.0, sigma_b=0.0, mean_square=0.0)
def q_trajectory(
    name: str, sigma_w: float, sigma_b: float = 0.0, *, depth: int, mean_square: float = 1.0
) -> np.ndarray:
    """Return the pre-activation variances of layers 1 to ``depth``.

    Parameters
    ----------
    name : str
        The activation.
    sigma_w, sigma_b : float
        Standard deviations of √fan_in · W and of b.
    depth : int
        Number of layers.
    mean_square : float
        Mean square of the network's *input*; layer 1 then has σ_w² · mean_square + σ_b².

    Returns
    -------
    numpy.ndarray, shape (depth,), float64
    """
    check_integers(0, depth=depth)
    q = [sigma_w**2 * mean_square + sigma_b**2]
    while len(q) < depth:
        q.append(q_map(name, q[-1], sigma_w, sigma_b))
    return np.array(q[:depth])


@elementwise(sigma_w=0.0, sigma_b=0.0)
def q_fixed_point(name: str, sigma_w: float, sigma_b: float = 0.0) -> float:
    """Return the variance q* that a deep network settles at.

    Where the variance map has more than one stable fixed point, the largest.

    Returns
    -------
    float
        0 where signals die out, inf where they grow without bound. NaN where the map is the
        identity (ReLU at σ_w² = 2 without biases): each network then keeps its own variance.

    References
    ----------
    Poole et al. (2016).
    """
    from scipy.optimize import brentq  # a tenth of a second, where it is needed

    def growth(log_q: float) -> float:
        q = math.exp(log_q)
        return q_map(name, q, sigma_w, sigma_b) / q - 1

    # Downwards from the top, so that the first sign change is the largest stable fixed point.
    grid = np.linspace(math.log(1e9), math.log(1e-12), 100)
    if abs(growth(grid[0])) < 1e-9 and abs(growth(0.0)) < 1e-9:
        return math.nan
    if growth(grid[0]) > 0:
        return math.inf
    for high, low in pairwise(grid):
        if growth(low) > 0:
            return math.exp(brentq(growth, low, high, xtol=1e-14, rtol=1e-14))
    return 0.0


@elementwise(sigma_w=0.0, sigma_b=0.0)
def chi(name: str, sigma_w: float, sigma_b: float = 0.0) -> float:
    """Return χ = σ_w² E[φ′(√q* z)²], the factor on the gradient's mean square per layer.

    Below 1 gradients vanish, above 1 they explode; the norm changes by √χ per layer.

    References
    ----------
    Poole et al. (2016), eq. 6; Schoenholz et al. (2017).

    Examples
    --------
    >>> round(chi("tanh", 1.0), 9)  # the edge of chaos without biases
    1.0
    """
    q = q_fixed_point(name, sigma_w, sigma_b)
    # Without a fixed point: any variance serves where all are fixed, a huge one where q grows.
    q = 1.0 if math.isnan(q) else min(q, 1e12)
    return sigma_w**2 * mean_squared_slope(name, q)


@elementwise(chi_value=0.0)
def depth_scale(chi_value: float) -> float:
    """Return ξ = 1 / |log χ|: over ξ layers the gradient's mean square changes by e.

    inf at the edge of chaos, χ = 1.

    References
    ----------
    Schoenholz et al. (2017), eq. 15 (ξ_∇).
    """
    if not chi_value > 0:
        raise GradcourseError(f"χ is {chi_value}; it must be positive.")
    return math.inf if chi_value == 1 else 1 / abs(math.log(chi_value))


@elementwise(sigma_w=0.0, q=0.0)
def gradient_decay(name: str, sigma_w: float, q: float) -> float:
    """Return σ_w √E[φ′(√q z)²]: the factor on the gradient's *norm* across one layer.

    Parameters
    ----------
    name : str
        The activation.
    sigma_w : float
        Standard deviation of √fan_in · W.
    q : float
        Variance of that layer's pre-activations; see `q_trajectory`.
    """
    return sigma_w * math.sqrt(mean_squared_slope(name, q))
