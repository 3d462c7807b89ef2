"""Products of random factors: what typically happens, and what happens on average."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaincinv

from gradcourse.support import GradcourseError, check_integers
from gradcourse.theory.elementwise import one_number


@dataclass(frozen=True)
class FactorLaw:
    """A law for independent random factors r.

    Attributes
    ----------
    label : str
        "uniform on [0, 2]"
    lyapunov_exponent : float
        E[log|r|]. A typical product of L factors has size exp(L · this), by the law of large
        numbers. -inf if r can be 0.
    log_mean : float
        log E[|r|]. The *mean* of a product has size exp(L · this). Never below the exponent
        (Jensen), so the mean can grow while almost every product vanishes.
    sample : callable
        ``sample(rng, shape) -> numpy.ndarray`` draws factors.
    """

    label: str
    lyapunov_exponent: float
    log_mean: float
    sample: Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def lognormal_factors(mu: float, sigma: float) -> FactorLaw:
    """Return the law r = exp(μ + σ z), z standard normal: exponent μ, log of the mean μ + σ²/2."""
    one_number("mu", mu)
    if not one_number("sigma", sigma) >= 0:
        raise GradcourseError(f"sigma is {sigma}; a standard deviation is 0 or more.")
    return FactorLaw(
        f"lognormal, μ = {mu:g}, σ = {sigma:g}",
        float(mu),
        mu + sigma**2 / 2,
        lambda rng, shape: rng.lognormal(mu, sigma, shape),
    )


def uniform_factors(low: float, high: float) -> FactorLaw:
    """Return the law of r uniform on [low, high]; the ends may be negative.

    The exponent is the mean of log|r|, from the antiderivative r (log|r| − 1): on [0, b] it is
    log b − 1, so factors up to e times 1 still vanish.
    """
    if not one_number("low", low) < one_number("high", high):
        raise GradcourseError(f"low is {low} and high is {high}; low must be below high.")

    def integral_log(r: float) -> float:
        return r * (math.log(abs(r)) - 1) if r else 0.0

    exponent = (integral_log(high) - integral_log(low)) / (high - low)
    mean = (high * abs(high) - low * abs(low)) / 2 / (high - low)
    return FactorLaw(
        f"uniform on [{low:g}, {high:g}]",
        exponent,
        math.log(mean),
        lambda rng, shape: rng.uniform(low, high, shape),
    )


def two_point_factors(a: float, b: float, p: float = 0.5) -> FactorLaw:
    """Return the law of r = a with probability p, else b."""
    for name, value in (("a", a), ("b", b)):
        one_number(name, value)
    if not 0 <= one_number("p", p) <= 1:
        raise GradcourseError(f"p is {p}; a probability lies between 0 and 1.")
    outcomes = [(abs(a), p), (abs(b), 1 - p)]
    if any(r == 0 and weight for r, weight in outcomes):
        exponent = -math.inf
    else:
        exponent = sum(weight * math.log(r) for r, weight in outcomes if weight)
    mean = sum(weight * r for r, weight in outcomes)
    return FactorLaw(
        f"{a:g} with probability {p:g}, else {b:g}",
        exponent,
        math.log(mean) if mean else -math.inf,
        lambda rng, shape: np.where(rng.random(shape) < p, a, b),
    )


def lyapunov_exponent(law: FactorLaw) -> float:
    """Return E[log|r|], the growth rate of almost every long product.

    References
    ----------
    Furstenberg & Kesten (1960), Products of random matrices; for scalars, the law of large
    numbers for log|r|.

    Examples
    --------
    >>> law = two_point_factors(0.1, 2.5)
    >>> round(lyapunov_exponent(law), 3), round(law.log_mean, 3)
    (-0.693, 0.262)
    """
    if not isinstance(law, FactorLaw):
        raise GradcourseError(
            f"lyapunov_exponent got {law!r}; it takes a law such as uniform_factors(0, 2)."
        )
    return law.lyapunov_exponent


def ginibre_exponents(n: int, s: float) -> np.ndarray:
    """Return the Lyapunov exponents of products of n×n matrices with N(0, s²) entries.

    λᵢ = ½ (log 2s² + ψ((n − i + 1) / 2)), i = 1 … n, exact at every n.

    Parameters
    ----------
    n : int
        Size of the matrices.
    s : float
        Standard deviation of an entry; 1/√n keeps the mean square of a vector.

    Returns
    -------
    numpy.ndarray, shape (n,), float64
        From the largest to the smallest.

    References
    ----------
    Newman (1986), The distribution of Lyapunov exponents: exact results for random matrices.

    Examples
    --------
    >>> ginibre_exponents(2, 1.0).round(3)
    array([ 0.058, -0.635])
    """
    check_integers(1, n=n)
    if not one_number("s", s) > 0:
        raise GradcourseError(f"s is {s!r}; it must be positive.")
    return 0.5 * (math.log(2) + 2 * math.log(s) + digamma(np.arange(n, 0, -1) / 2))


def identity_plus_noise_exponent(n: int, s: float) -> float:
    """Return the largest Lyapunov exponent of products of I + s G, G n×n with N(0, 1) entries.

    G is isotropic: whatever a vector v of length 1 is, its image has length² (1 + s g)² + s² χ²,
    with g normal and χ² of n − 1 degrees of freedom. So λ₁ = ½ E log of that, exactly.

    Parameters
    ----------
    n : int
        Size of the matrices, 2 or more.
    s : float
        Standard deviation of the noise in an entry.

    References
    ----------
    Cohen & Newman (1984), The stability of large random matrices and their products.

    Examples
    --------
    >>> round(identity_plus_noise_exponent(4, 0.3), 2)
    0.09
    """
    check_integers(2, n=n)
    if not one_number("s", s) > 0:
        raise GradcourseError(f"s is {s!r}; it must be positive.")
    g, weight = np.polynomial.hermite_e.hermegauss(80)
    # The quantiles of χ² with n − 1 degrees; scipy.stats takes half a second to import.
    chi_square = 2 * gammaincinv((n - 1) / 2, (np.arange(2000) + 0.5) / 2000)
    logs = np.log((1 + s * g[:, None]) ** 2 + s**2 * chi_square)  # (80, 2000)
    return float(0.5 * (weight / weight.sum()) @ logs.mean(axis=1))
