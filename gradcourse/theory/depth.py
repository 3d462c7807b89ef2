"""How normalization and skip connections change what depth does to signals and gradients."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from gradcourse.support import GradcourseError, check_integers
from gradcourse.theory.elementwise import as_numbers


def batch_norm_gradient_growth() -> float:
    """Return √(π / (π − 1)) ≈ 1.21: the gradient norm's growth per batch-normed ReLU layer.

    At initialization, for wide layers and large batches: ReLU passes half of the gradient's mean
    square, and batch norm divides by the outputs' variance, (π − 1) / 2π. Weights have no say,
    since batch norm undoes their scale.

    References
    ----------
    Yang, Pennington, Rao, Sohl-Dickstein & Schoenholz (2019), A mean field theory of batch
    normalization.
    """
    return math.sqrt(math.pi / (math.pi - 1))


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
    growth = 1 + _scales(depth, branch_scale) ** 2
    return np.concatenate([[1.0], np.cumprod(growth)])


def normalized_residual_variance(depth: int, branch_scale: ArrayLike = 1.0) -> np.ndarray:
    """Return the variance in x_l = x_{l−1} + α f_l(norm(x_{l−1})): it grows by α², linearly.

    A branch that starts with a normalization adds a fixed variance, so block l's share is about
    1/l and late blocks are near the identity.

    Parameters, result and errors as for `residual_variance`, with an input of variance 1.

    References
    ----------
    De & Smith (2020), Batch normalization biases residual blocks towards the identity function in
    deep networks.

    Examples
    --------
    >>> normalized_residual_variance(3).tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    return np.concatenate([[1.0], 1 + np.cumsum(_scales(depth, branch_scale) ** 2)])


def normalized_residual_gradient_growth(depth: int, branch_scale: ArrayLike = 1.0) -> np.ndarray:
    """Return the gradient's mean square at each block of a pre-normed residual stack.

    Going back through block l multiplies it by 1 + α² / v_{l−1}, v the variance of
    `normalized_residual_variance`: the normalization divides the branch's gradient by √v. For
    f linear and variance-preserving the product is v_L / v_l.

    Returns
    -------
    numpy.ndarray, shape (depth + 1,), float64
        At x_0, x_1, …, x_L, relative to the last.

    References
    ----------
    De & Smith (2020).
    """
    variance = normalized_residual_variance(depth, branch_scale)
    return variance[-1] / variance


def _scales(depth: int, branch_scale: ArrayLike) -> np.ndarray:
    scales = as_numbers("branch_scale", branch_scale)
    check_integers(0, depth=depth)
    if scales.shape not in ((), (depth,)):
        raise GradcourseError(
            f"branch_scale has shape {scales.shape}; expected one number or {depth} of them."
        )
    return np.broadcast_to(scales, (depth,))
