"""What a stack of residual blocks does: its variance, its singular values, its paths by length."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from gradcourse.support import GradcourseError, check_integers
from gradcourse.theory.elementwise import as_numbers, one_number

_POINTS = 1500
_HALVINGS = 60


def residual_variance(depth: int, branch_scale: ArrayLike = 1.0) -> np.ndarray:
    """Return the variance in x_l = x_{l−1} + α f_l(x_{l−1}) if each f keeps the variance.

    It grows by 1 + α² per block, forward and, for the gradient's mean square, backward: doubling
    for α = 1, and at most e over the whole depth L for α = 1/√L.

    Parameters
    ----------
    depth : int
        L, the number of blocks.
    branch_scale : float or array, shape (depth,)
        α, one for all blocks or one for each.

    Returns
    -------
    numpy.ndarray, shape (depth + 1,), float64
        After 0, 1, …, L blocks, relative to the input's.

    Raises
    ------
    GradcourseError
        If ``depth`` is negative or ``branch_scale`` has another length.

    References
    ----------
    Zhang, Dauphin & Ma (2019), Fixup initialization; Hanin & Rolnick (2018), How to start
    training: the effect of initialization and architecture; 1/√L: Hayou et al. (2021), Stable
    ResNet.

    Examples
    --------
    >>> residual_variance(3).tolist(), round(float(residual_variance(100, 0.1)[-1]), 2)
    ([1.0, 2.0, 4.0, 8.0], 2.7)
    """
    growth = 1 + branch_scales(depth, branch_scale) ** 2
    return np.concatenate([[1.0], np.cumprod(growth)])


def branch_scales(depth: int, branch_scale: ArrayLike) -> np.ndarray:
    """Return α of each block, shape (depth,): one number counts for all of them."""
    scales = as_numbers("branch_scale", branch_scale)
    check_integers(0, depth=depth)
    if scales.shape not in ((), (depth,)):
        raise GradcourseError(
            f"branch_scale has shape {scales.shape}; expected one number or {depth} of them."
        )
    return np.broadcast_to(scales, (depth,))


def path_shares(depth: int, branch_scale: float = 1.0) -> np.ndarray:
    """Return what paths of each length contribute to the gradient's mean square.

    A path through L blocks takes, in each, the shortcut or the branch; its length counts the
    branches. For random branches that keep the mean square, paths are uncorrelated, and those of
    length k contribute C(L, k) α^{2k} / (1 + α²)^L: a binomial law with p = α² / (1 + α²).

    Parameters
    ----------
    depth : int
        L, the number of blocks.
    branch_scale : float
        α, in every block.

    Returns
    -------
    numpy.ndarray, shape (depth + 1,), float64
        For lengths 0, 1, …, L; they add up to 1, and their mean length is L α² / (1 + α²).

    Raises
    ------
    GradcourseError
        If ``depth`` is negative or ``branch_scale`` is not finite.

    References
    ----------
    Veit, Wilber & Belongie (2016), Residual networks behave like ensembles of relatively shallow
    networks, for the paths.

    Examples
    --------
    >>> path_shares(2, 1.0).tolist()
    [0.25, 0.5, 0.25]
    """
    _check(depth, branch_scale)
    p = branch_scale**2 / (1 + branch_scale**2)
    return np.array([math.comb(depth, k) * p**k * (1 - p) ** (depth - k) for k in range(depth + 1)])


def residual_log_singular_values(depth: int, branch_scale: float, count: int) -> np.ndarray:
    """Return the logs of the singular values of (I + α A_L) … (I + α A_1), wide random A.

    The A are independent, with N(0, 1/n) entries. As n grows, the law of the singular values
    tends to a fixed one. With S the S-transform of one factor's squared singular values, that of
    the product's is S^L (Voiculescu 1987). Free convolution of the symmetrised laws of I and of α A
    (Haagerup & Larsen 2000) gives, in terms of a number q with m = q (1 + α² + α² q),

        S(m) = 1 / ((1 + α² q) (1 + α² + α² q)),

    and the law follows from the complex q at which (1 + m) / m / S(m)^L is real.

    Parameters
    ----------
    depth : int
        L, 1 or more factors.
    branch_scale : float
        α, in every factor. 0 gives zeros.
    count : int
        How many values: the quantiles at (i − ½) / count.

    Returns
    -------
    numpy.ndarray, shape (count,), float64
        Natural logs, from the largest to the smallest.

    Raises
    ------
    GradcourseError
        If a number is out of range.

    References
    ----------
    Tarnowski, Warchoł, Jastrzębski, Tabor & Nowak (2019), Dynamical isometry is achieved in
    residual networks in a universal way for any activation function: in the limit of many weak
    branches any activation gives the same law. Ling & Qiu (2019), Spectrum concentration in deep
    residual learning.

    Examples
    --------
    >>> residual_log_singular_values(27, 27**-0.5, 3).round(2)
    array([ 0.84,  0.01, -0.85])
    """
    _check(depth, branch_scale)
    check_integers(1, depth=depth, count=count)
    if branch_scale == 0:
        return np.zeros(count)
    square = float(branch_scale) ** 2
    low, high = _edges(depth, square)
    # Crowded towards both edges, where the density has a root.
    angle = (np.arange(_POINTS) + 0.5) / _POINTS * np.pi
    real = (high + low) / 2 + (high - low) / 2 * np.cos(angle)
    q = real - 1j * _imaginary_part(real, depth, square, 50 * (high - low))
    height = _log_square(q, depth, square).real
    density = -(q * (1 + square + square * q)).imag / np.pi
    mass = np.abs(np.diff(height)) * (density[1:] + density[:-1]) / 2
    below = np.concatenate([[0.0], np.cumsum(mass)])
    wanted = (np.arange(count) + 0.5) / count
    return np.interp(wanted, below / below[-1], height) / 2


def _log_square(q: np.ndarray, depth: int, square: float) -> np.ndarray:
    """Log of the squared singular value at q; real ones are those of the law."""
    ratio = np.log(1 + q) - np.log(q)
    found: np.ndarray = (
        ratio + (depth + 1) * np.log(1 + square * q) + (depth - 1) * np.log(1 + square + square * q)
    )
    return found


def _edges(depth: int, square: float) -> tuple[float, float]:
    """The real q at the smallest and at the largest singular value, where the slope is 0."""

    def slope(q: float) -> float:
        first = 1 / (1 + q) - 1 / q + (depth + 1) * square / (1 + square * q)
        return first + (depth - 1) * square / (1 + square + square * q)

    high = _root(slope, 1e-9, 1e12)
    # From α = 1 on the smallest singular value is 0 in the limit of wide matrices.
    low = -1 / square if square >= 1 else _root(slope, -1 / square, -1.0, inside=True)
    return low, high


def _root(
    slope: Callable[[float], float], low: float, high: float, *, inside: bool = False
) -> float:
    """Bisection. The slope rises from − to + over positive ends, and falls where ``inside``."""
    for _ in range(200):
        middle = (low + high) / 2 if inside else math.sqrt(low * high)
        if middle in (low, high):
            break
        if (slope(middle) > 0) == inside:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _imaginary_part(real: np.ndarray, depth: int, square: float, largest: float) -> np.ndarray:
    """How far below the real axis q lies: the one place where the logarithm is real again."""
    low, high = np.zeros_like(real), np.full_like(real, largest)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above = _log_square(real - 1j * middle, depth, square).imag > 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return (low + high) / 2


def _check(depth: int, branch_scale: float) -> None:
    check_integers(0, depth=depth)
    one_number("branch_scale", branch_scale)
