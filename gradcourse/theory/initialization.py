"""Standard deviations and gains of initial weights, and where they come from."""

from __future__ import annotations

import math

from scipy.special import erfc

from gradcourse.support import GradcourseError
from gradcourse.theory.activations import activation
from gradcourse.theory.elementwise import elementwise, one_number
from gradcourse.theory.meanfield import gaussian_mean, mean_squared_slope

_SCHEMES = ("lecun", "glorot", "he", "prelu", "selu")


@elementwise(fan_in=0.0, negative_slope=-math.inf)
def weight_std(
    scheme: str, fan_in: int, fan_out: int | None = None, negative_slope: float = 0.25
) -> float:
    """Return the standard deviation of the weights by a published rule.

    Parameters
    ----------
    scheme : str
        - "lecun": √(1 / fan_in), keeps the variance of a linear layer (LeCun et al. 1998)
        - "glorot": √(2 / (fan_in + fan_out)), a compromise between forward and backward (Glorot
          & Bengio 2010)
        - "he": √(2 / fan_in), for ReLU (He et al. 2015)
        - "prelu": √(2 / ((1 + a²) fan_in)), for a slope a on the negative side (He et al. 2015)
        - "selu": √(1 / fan_in), with which SELU's fixed point is mean 0 and variance 1
          (Klambauer et al. 2017)
    fan_in, fan_out : int
        ``fan_out`` is needed for "glorot" only. For He's backward form give fan_out as fan_in.
    negative_slope : float
        a, for "prelu"; 0.25 is PReLU's first value.

    Raises
    ------
    GradcourseError
        If the scheme is unknown or a fan is missing or not positive.

    Examples
    --------
    >>> weight_std("he", 200), weight_std("glorot", 30, 20)
    (0.1, 0.2)
    """
    if not isinstance(scheme, str) or scheme not in _SCHEMES:
        raise GradcourseError(f"scheme is {scheme!r}; expected one of: {', '.join(_SCHEMES)}.")
    if scheme == "glorot" and fan_out is None:
        raise GradcourseError("glorot needs fan_out as well as fan_in.")
    if fan_out is not None:
        one_number("fan_out", fan_out)
    if not fan_in > 0 or (fan_out is not None and not fan_out > 0):
        raise GradcourseError(f"fan_in is {fan_in} and fan_out {fan_out}; both must be positive.")
    if scheme == "glorot":
        assert fan_out is not None
        return math.sqrt(2 / (fan_in + fan_out))
    if scheme == "he":
        return math.sqrt(2 / fan_in)
    if scheme == "prelu":
        return math.sqrt(2 / ((1 + negative_slope**2) * fan_in))
    return math.sqrt(1 / fan_in)


@elementwise(q=0.0)
def forward_gain(name: str, q: float = 1.0) -> float:
    """Return the σ_w that keeps pre-activations at variance q: √(q / E[φ(√q z)²]).

    √2 for ReLU, 1 for SELU at q = 1, about 1.59 for tanh.

    References
    ----------
    He et al. (2015), eq. 9, for ReLU; Poole et al. (2016), eq. 3, in general.

    Examples
    --------
    >>> round(forward_gain("relu") ** 2, 9)
    2.0
    """
    if not q > 0:
        raise GradcourseError(f"q is {q}; it must be positive.")
    return math.sqrt(q / gaussian_mean(lambda z: activation(name, z) ** 2, q))


@elementwise(q=0.0)
def backward_gain(name: str, q: float = 1.0) -> float:
    """Return the σ_w that keeps the gradient's mean square: 1 / √E[φ′(√q z)²].

    It equals `forward_gain` for ReLU and its leaky kin, and for no saturating activation: one
    gain cannot keep both.

    References
    ----------
    He et al. (2015), eq. 14; Schoenholz et al. (2017).

    Examples
    --------
    >>> backward_gain("sigmoid", 0.0)
    4.0
    """
    return 1 / math.sqrt(mean_squared_slope(name, q))


def selu_constants() -> tuple[float, float]:
    """Return SELU's α and λ, for which mean 0 and variance 1 map to themselves.

    SELU is λ z for z > 0 and λ α (exp z − 1) below.

    References
    ----------
    Klambauer, Unterthiner, Mayr & Hochreiter (2017), Self-normalizing neural networks, eq. 14.

    Examples
    --------
    >>> [round(constant, 6) for constant in selu_constants()]
    [1.673263, 1.050701]
    """
    half = erfc(1 / math.sqrt(2))
    root_e = math.sqrt(math.e)
    # Mean 0: φ(0) + α (E[exp z; z<0] − ½) = 0, with E[exp z; z<0] = √e/2 · erfc(1/√2).
    alpha = -math.sqrt(2 / math.pi) / (root_e * half - 1)
    below = math.e**2 * erfc(math.sqrt(2)) / 2 - root_e * half + 0.5
    return float(alpha), float(1 / math.sqrt(0.5 + alpha**2 * below))
