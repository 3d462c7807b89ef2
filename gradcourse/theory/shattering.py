"""How alike the gradients at two inputs are, for wide random ReLU networks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gradcourse.support import GradcourseError, check_integers
from gradcourse.theory.elementwise import as_numbers, one_number


def relu_correlation(correlation: ArrayLike) -> np.ndarray:
    """Return the correlation of two inputs after one wide random ReLU layer.

    The arc-cosine kernel of degree 1: (√(1 − ρ²) + ρ (π − arccos ρ)) / π, about 0 and not about the
    mean. Repeated, it tends to 1: two inputs become more and more alike, ever more slowly.

    Parameters
    ----------
    correlation : float or array
        ρ, the cosine of the angle between the inputs, −1 to 1.

    Returns
    -------
    numpy.ndarray, float64
        Of the shape that was given.

    Raises
    ------
    GradcourseError
        If a value lies outside −1 to 1.

    References
    ----------
    Cho & Saul (2009), Kernel methods for deep learning.

    Examples
    --------
    >>> float(relu_correlation(1.0)), round(float(relu_correlation(0.0)), 4)
    (1.0, 0.3183)
    """
    rho = _correlation(correlation)
    return (np.sqrt(1 - rho**2) + rho * (np.pi - np.arccos(rho))) / np.pi


def relu_slope_correlation(correlation: ArrayLike) -> np.ndarray:
    """Return the correlation of the slopes of one wide random ReLU layer at two inputs.

    The arc-cosine kernel of degree 0: 1 − arccos(ρ)/π, the share of the units active at one input
    that are active at the other.

    Parameters, result, errors and source as for `relu_correlation`.

    Examples
    --------
    >>> relu_slope_correlation([1.0, 0.0, -1.0]).tolist()
    [1.0, 0.5, 0.0]
    """
    return 1 - np.arccos(_correlation(correlation)) / np.pi


def gradient_correlation(
    correlation: ArrayLike, depth: int, branch_scale: float | None = None, *, layers: int = 1
) -> np.ndarray:
    """Return the correlation of ∂f/∂x₀ at two inputs, after each of ``depth`` layers or blocks.

    The network is wide, without biases, with He's variance 2/n. Going back through a layer
    multiplies the correlation by that of the slopes, κ₀(ρ_l). In a block x + α F(x), with a branch
    F of ``layers`` times (ReLU, matrix), the two ways add: (1 + α² Π κ₀) / (1 + α²).

    Parameters
    ----------
    correlation : float or array
        Of the inputs x₀.
    depth : int
        Number of layers, or of blocks.
    branch_scale : float, optional
        α. None means no shortcut.
    layers : int
        ReLUs and matrices per block; without a shortcut, per step of the result.

    Returns
    -------
    numpy.ndarray, shape (depth + 1,) + the shape of ``correlation``, float64
        For networks of 0, 1, …, ``depth`` layers or blocks; the first is 1. Each branch, or layer,
        starts with its ReLU, so x₀ itself is rectified first.

    Raises
    ------
    GradcourseError
        If a correlation lies outside −1 to 1, or a number is negative.

    References
    ----------
    Balduzzi et al. (2017), The shattered gradients problem, for the question and for 2^(−L) and
    (3/4)^L where all slopes were independent (κ₀ = ½); Cho & Saul (2009) for κ.
    """
    check_integers(0, depth=depth)
    check_integers(1, layers=layers)
    if branch_scale is not None:
        one_number("branch_scale", branch_scale)
    rho = _correlation(correlation)
    found = [np.ones_like(rho)]
    for _ in range(depth):
        inner, slopes = rho, np.ones_like(rho)
        for _ in range(layers):
            slopes = slopes * relu_slope_correlation(inner)
            inner = relu_correlation(inner)
        if branch_scale is None:
            rho, factor = inner, slopes
        else:
            weight = branch_scale**2
            rho = (rho + weight * inner) / (1 + weight)
            factor = (1 + weight * slopes) / (1 + weight)
        found.append(found[-1] * factor)
    return np.array(found)


def _correlation(values: ArrayLike) -> np.ndarray:
    rho = as_numbers("correlation", values)
    if (np.abs(rho) > 1 + 1e-9).any() or np.isnan(rho).any():
        raise GradcourseError(f"A correlation lies between −1 and 1; {values!r} was given.")
    return np.clip(rho, -1.0, 1.0)
