import math

import numpy as np
import pytest

from gradcourse import theory
from gradcourse.support import GradcourseError

LAWS = {
    "lognormal": lambda: theory.lognormal_factors(-0.1, 0.8),
    "uniform": lambda: theory.uniform_factors(0.0, 2.0),
    "uniform around zero": lambda: theory.uniform_factors(-1.5, 2.5),
    "uniform, negative": lambda: theory.uniform_factors(-3.0, -1.0),
    "two points": lambda: theory.two_point_factors(0.3, -2.0, 0.4),
}


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_exponent_and_mean_agree_with_a_simulation(law):
    law = law()
    factors = np.abs(law.sample(np.random.default_rng(0), (200_000,)))
    for sample, expected in (
        (np.log(factors), theory.lyapunov_exponent(law)),
        (factors, math.exp(law.log_mean)),
    ):
        error = sample.std() / math.sqrt(len(sample))
        assert abs(sample.mean() - expected) < 4 * error


def test_the_mean_can_grow_while_the_typical_product_vanishes():
    law = theory.uniform_factors(0.0, 2.5)
    assert law.lyapunov_exponent < 0 < law.log_mean


def test_a_factor_that_can_be_zero_kills_every_long_product():
    assert theory.two_point_factors(0.0, 3.0).lyapunov_exponent == -math.inf
    assert theory.two_point_factors(0.0, 3.0, 0.0).lyapunov_exponent == pytest.approx(math.log(3))


@pytest.mark.parametrize(("n", "s"), [(1, 1.0), (2, 0.7), (5, 0.5)])
def test_ginibre_exponents_agree_with_products_of_random_matrices(n, s):
    rng = np.random.default_rng(3)
    q, growth = np.eye(n), []
    for _ in range(20_000):
        q, r = np.linalg.qr(rng.normal(0, s, (n, n)) @ q)
        growth.append(np.log(np.abs(np.diag(r))))
    growth = np.array(growth)
    # For Gaussian factors the increments are independent, so the plain standard error holds.
    error = growth.std(axis=0) / math.sqrt(len(growth))
    assert np.all(np.abs(growth.mean(axis=0) - theory.ginibre_exponents(n, s)) < 4 * error)


@pytest.mark.parametrize(
    "bad",
    [
        lambda: theory.uniform_factors(1.0, 1.0),
        lambda: theory.lognormal_factors(0.0, -1.0),
        lambda: theory.two_point_factors(1.0, 2.0, 1.2),
        lambda: theory.ginibre_exponents(0, 1.0),
        lambda: theory.ginibre_exponents(3, 0.0),
    ],
)
def test_bad_laws_are_refused(bad):
    with pytest.raises(GradcourseError):
        bad()


@pytest.mark.parametrize(("n", "s"), [(4, 0.1), (4, 0.3), (2, 0.5), (8, 0.3)])
def test_identity_plus_noise_grows_at_its_exponent(n, s):
    rng = np.random.default_rng(0)
    v = np.ones((4000, n)) / math.sqrt(n)  # every product by itself
    logs = []
    for _ in range(20):
        v = v + s * np.einsum("bij,bj->bi", rng.normal(size=(4000, n, n)), v)
        size = np.linalg.norm(v, axis=1, keepdims=True)
        logs.append(np.log(size))
        v = v / size
    error = np.std(logs) / math.sqrt(np.size(logs))
    assert theory.identity_plus_noise_exponent(n, s) == pytest.approx(np.mean(logs), abs=4 * error)


def test_identity_plus_noise_needs_two_rows_and_some_noise():
    with pytest.raises(GradcourseError, match="n is 1"):
        theory.identity_plus_noise_exponent(1, 0.1)
    with pytest.raises(GradcourseError, match="s is 0"):
        theory.identity_plus_noise_exponent(4, 0)
