"""Slopes of activations under Gaussian pre-activations: how much is let through, and where."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from gradcourse.support import GradcourseError
from gradcourse.theory.activations import slope
from gradcourse.theory.elementwise import elementwise
from gradcourse.theory.meanfield import gaussian_mean


@elementwise(q=0.0)
def mean_slope(name: str, q: float) -> float:
    """Return E[φ′(√q z)] for a standard normal z: what a probe measures as mean slope.

    Parameters
    ----------
    name : str
        See `gradcourse.theory.activation`.
    q : float
        Variance of the pre-activations.

    References
    ----------
    Glorot & Bengio (2010), Understanding the difficulty of training deep feedforward neural
    networks, for the role of the mean slope.

    Examples
    --------
    >>> round(mean_slope("sigmoid", 0.0), 3), round(mean_slope("relu", 7.0), 3)
    (0.25, 0.5)
    """
    # At q = 0 the limit from above is meant, with the slopes on both sides of a kink.
    return gaussian_mean(lambda z: slope(name, z), q or 1e-30)


@elementwise(q=0.0, share=0.0)
def saturated_share(name: str, q: float, share: float = 0.05) -> float:
    """Return P(\\|φ′(√q z)\\| < share × largest slope) for a standard normal z.

    Parameters
    ----------
    name : str
        See `gradcourse.theory.activation`. For ReLU it is the share of units that are off.
    q : float
        Variance of the pre-activations, 0 or more.
    share : float
        Between 0 and 1; 0.05 is what a probe counts as saturated.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    GradcourseError
        If ``q`` is negative or ``share`` not between 0 and 1.

    Examples
    --------
    >>> round(saturated_share("sigmoid", 16.0), 3)  # |z| above 4.36 has less than 1/80
    0.276
    """
    from scipy.optimize import brentq  # a tenth of a second, where it is needed

    if not 0 < share < 1:
        raise GradcourseError(f"share is {share}; expected a number between 0 and 1.")
    positive = np.geomspace(1e-6, 1e3, 2000)
    z = np.concatenate([-positive[::-1], positive])
    height = np.abs(slope(name, z))
    bound = share * float(max(height.max(), abs(float(slope(name, 0.0)))))

    def excess(at: float) -> float:
        return abs(float(slope(name, at))) - bound

    below = height < bound
    turns = [
        # Between the two innermost points there is only the kink at 0.
        0.0 if z[k] < 0 < z[k + 1] else brentq(excess, z[k], z[k + 1], xtol=1e-12)
        for k in np.flatnonzero(below[1:] != below[:-1])
    ]
    edges = np.array([-math.inf, *turns, math.inf]) / math.sqrt(q or 1e-30)
    # Differences in the upper tail are taken from above, where ndtr is near 1 and loses digits.
    low, high = edges[:-1], edges[1:]
    mass = np.where(low > 0, ndtr(-low) - ndtr(-high), ndtr(high) - ndtr(low))
    first = bool(below[0])
    return float(mass[0 if first else 1 :: 2].sum())
