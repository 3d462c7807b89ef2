"""Mean-field theory of batch-normed layers. No torch."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.support import GradcourseError
from gradcourse.theory.activations import activation, slope
from gradcourse.theory.elementwise import elementwise

_REACH = 14.0
"""Beyond this many standard deviations a Gaussian has no weight in float64."""


def _gaussian_rule(kink: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for a mean over a standard normal x, crowding towards ``kink``."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    near = 2 * _REACH * 0.5 ** np.arange(40)
    edges = np.concatenate([np.linspace(-_REACH, _REACH, 29), [kink], kink - near, kink + near])
    edges = np.unique(np.clip(edges, -_REACH, _REACH))
    half = np.diff(edges) / 2
    x = ((edges[:-1] + half)[:, None] + half[:, None] * nodes).ravel()
    w = (half[:, None] * weights).ravel() * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    return x, w


@elementwise(gamma=0.0, beta=-math.inf)
def normalized_gradient_growth(name: str, gamma: float = 1.0, beta: float = 0.0) -> float:
    """Return γ √(E[φ′²] / Var[φ]): the gradient norm's growth per batch-normed layer.

    One layer is u = W h, z = γ x̂ + β with x̂ = BN(u), h = φ(z). At initialization, for wide layers
    and large batches, x̂ is standard normal; E and Var are over z = γ x̂ + β. The variance of u is
    proportional to Var[φ], and the gradient is divided by its root. By the Poincaré inequality of
    the Gaussian (Chernoff 1981), Var[φ] ≤ γ² E[φ′²]: the growth is at least 1, and 1 only where φ
    is linear. The weights have no say.

    Parameters
    ----------
    name : str
        See `gradcourse.theory.activation`.
    gamma, beta : float
        γ > 0 and β of every layer.

    Raises
    ------
    GradcourseError
        If γ is not positive.

    References
    ----------
    Yang, Pennington, Rao, Sohl-Dickstein & Schoenholz (2019), A mean field theory of batch
    normalization.

    Examples
    --------
    >>> round(normalized_gradient_growth("relu"), 3)
    1.211
    """
    if not gamma > 0:
        raise GradcourseError(f"gamma is {gamma}; it must be positive.")
    # z = 0 is where ReLU has its kink, and where a saturating function has its slope.
    x, weights = _gaussian_rule(-beta / gamma)
    z = gamma * x + beta
    mean = weights @ activation(name, z)
    variance = weights @ (activation(name, z) - mean) ** 2
    return float(gamma * math.sqrt(weights @ slope(name, z) ** 2 / variance))
