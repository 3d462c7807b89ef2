"""How normalization changes what depth does to signals and gradients, at initialization."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from gradcourse.support import GradcourseError, check_integers
from gradcourse.theory.activations import activation, slope
from gradcourse.theory.elementwise import as_numbers, elementwise
from gradcourse.theory.meanfield import gaussian_rule
from gradcourse.theory.skip_connections import branch_scales


@elementwise(gamma=0.0, beta=-math.inf)
def normalized_gradient_growth(name: str, gamma: float = 1.0, beta: float = 0.0) -> float:
    """Return γ √(E[φ′²] / Var[φ]): the gradient norm's growth per batch-normed layer.

    One layer is u = W h, z = γ x̂ + β with x̂ = BN(u), h = φ(z). At initialization, for wide layers
    and large batches, x̂ is standard normal; E and Var are over z = γ x̂ + β. The variance of u is
    proportional to Var[φ], and the gradient is divided by its root. By the Poincaré inequality of
    the Gaussian (Chernoff 1981), Var[φ] ≤ γ² E[φ′²]: the growth is at least 1, and 1 only where φ
    is linear. That holds for random weights with mean 0, whose size cancels; near the identity it
    does not. For ReLU without β it is √(π / (π − 1)) ≈ 1.21: half of the
    gradient's mean square passes, and (π − 1) / 2π of the outputs' is variance.

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
    x, weights = gaussian_rule(-beta / gamma)
    z = gamma * x + beta
    mean = weights @ activation(name, z)
    variance = weights @ (activation(name, z) - mean) ** 2
    return float(gamma * math.sqrt(weights @ slope(name, z) ** 2 / variance))


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
    return np.concatenate([[1.0], 1 + np.cumsum(branch_scales(depth, branch_scale) ** 2)])


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


def logit_bound(head_width: int) -> float:
    """Return √d, the largest |q·k|/√d where q and k have length √d (QK-norm without a gain).

    |q·k| ≤ ‖q‖ ‖k‖ = d, whatever the weights are (Cauchy and Schwarz).

    References
    ----------
    Henry et al. (2020), Query-key normalization for Transformers.

    Examples
    --------
    >>> round(logit_bound(12), 2)
    3.46
    """
    check_integers(1, head_width=head_width)
    return math.sqrt(head_width)


def last_block_ratio(blocks: ArrayLike) -> np.ndarray:
    """Return √L: the gradient of the last block's weights, post-LN over pre-LN, at the start.

    Behind L branches of equal size the stream of a pre-LN Transformer is √L times as long, and the
    last norm divides the gradient by that; in post-LN each norm divides by a constant. It is the
    order of growth, up to a constant factor.

    References
    ----------
    Xiong et al. (2020), On layer normalization in the Transformer architecture, theorem 1.

    Examples
    --------
    >>> last_block_ratio([4, 16]).tolist()
    [2.0, 4.0]
    """
    return np.sqrt(as_numbers("blocks", blocks))
