import math

import numpy as np
import pytest

from gradcourse.instrument import (
    lyapunov_exponents,
    product_exponents,
    product_log_singular_values,
)
from gradcourse.support import GradcourseError
from gradcourse.theory import ginibre_exponents


def _orthogonal(n, rng):
    return np.linalg.qr(rng.normal(size=(n, n)))[0]


@pytest.mark.parametrize(("n", "layers"), [(32, 60), (6, 200)])
def test_a_planted_spectrum_over_many_decades_is_found(n, layers):
    # M_k = Q_k D_k Q_{k-1}ᵀ: the product is Q_L (∏ D_k) Q_0ᵀ, so its spectrum is known exactly.
    rng = np.random.default_rng(0)
    logs = rng.uniform(-0.25, 0, (layers, n)) + np.linspace(0, -230 / layers, n)
    bases = [_orthogonal(n, rng) for _ in range(layers + 1)]
    matrices = [bases[k + 1] * np.exp(logs[k]) @ bases[k].T for k in range(layers)]
    expected = np.sort(logs.sum(axis=0))[::-1]
    assert np.ptp(expected) > 220
    found = product_log_singular_values(matrices)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_one_matrix_agrees_with_numpy_and_order_matters():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, 7, 7))
    expected = np.log(np.linalg.svd(second @ first, compute_uv=False))
    np.testing.assert_allclose(product_log_singular_values([first, second]), expected, rtol=1e-10)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_size_of_the_product_does_not_matter(scale):
    rng = np.random.default_rng(2)
    matrices = rng.normal(size=(12, 5, 5))
    shifted = product_log_singular_values(matrices * scale)
    expected = product_log_singular_values(matrices) + 12 * math.log(scale)
    np.testing.assert_allclose(shifted, expected, rtol=1e-11)


def test_log_of_the_determinant_is_the_sum():
    matrices = np.random.default_rng(3).normal(size=(100, 40, 40)) / math.sqrt(40)
    found = product_log_singular_values(matrices)
    expected = sum(np.linalg.slogdet(matrix)[1] for matrix in matrices)
    assert found.sum() == pytest.approx(expected, rel=1e-9)
    assert np.all(np.diff(found) < 0)


def test_exponents_settle_at_newmans_values():
    n, layers = 6, 4000
    matrices = np.random.default_rng(4).normal(0, 0.5, (layers, n, n))
    running = product_exponents(matrices)
    assert running.shape == (layers, n)
    increments = np.diff(running * np.arange(1, layers + 1)[:, None], axis=0)
    error = increments.std(axis=0) / math.sqrt(layers)
    assert np.all(np.abs(running[-1] - ginibre_exponents(n, 0.5)) < 4 * error + 5 / layers)


def test_a_lost_direction_grows_at_minus_infinity():
    exponents = product_exponents([np.diag([2.0, 0.0]), np.diag([2.0, 1.0])])
    assert exponents[-1].tolist() == [pytest.approx(math.log(2)), -math.inf]


def _henon(steps):
    """The Jacobians along the Hénon map's attractor, a = 1.4, b = 0.3."""
    x, y = 0.1, 0.1
    for _ in range(steps):
        yield np.array([[-2.8 * x, 1.0], [0.3, 0.0]])
        x, y = 1 - 1.4 * x**2 + y, 0.3 * x


def test_lyapunov_exponents_of_the_henon_map():
    # 0.41922 ± 0.00003, and the sum is log|det| = log 0.3 (Sprott 2003, Chaos and Time-Series).
    exponents, error = lyapunov_exponents(_henon(20_000))
    assert abs(exponents[0] - 0.41922) < 4 * error[0] + 3e-5
    assert exponents.sum() == pytest.approx(math.log(0.3), abs=1e-9)
    assert 1e-4 < error[0] < 1e-2


def test_the_standard_error_is_the_spread_over_repetitions():
    # Factors with memory: runs of 9 equal ones, so the naive error would be 3 times too small.
    def run(seed):
        rng = np.random.default_rng(seed)
        sizes = np.repeat(rng.lognormal(0, 0.5, 200), 9)
        return lyapunov_exponents([np.diag([2 * s, s]) for s in sizes], burn_in=0)

    found = [run(seed) for seed in range(50)]
    spread = np.std([exponents for exponents, _ in found], axis=0, ddof=1)
    claimed = np.mean([error for _, error in found], axis=0)
    assert np.all(np.abs(claimed / spread - 1) < 0.35)


def test_exponents_of_random_products_lie_within_their_error():
    n = 6
    matrices = np.random.default_rng(4).normal(0, 0.5, (4000, n, n))
    exponents, error = lyapunov_exponents(matrices)
    assert np.all(np.abs(exponents - ginibre_exponents(n, 0.5)) < 4 * error)
    top, top_error = lyapunov_exponents(matrices, count=2)
    np.testing.assert_allclose(top, exponents[:2], atol=1e-3)
    assert top_error.shape == (2,)


def test_a_lost_direction_has_no_error():
    exponents, error = lyapunov_exponents([np.diag([0.0, 3.0])] * 30)
    assert exponents.tolist() == [pytest.approx(math.log(3)), -math.inf]
    assert error[0] == pytest.approx(0, abs=1e-12)
    assert math.isnan(error[1])


def test_growth_of_huge_and_tiny_matrices():
    for scale in (1e300, 1e-300):
        exponents, _ = lyapunov_exponents([np.full((2, 2), scale) + scale * np.eye(2)] * 40)
        np.testing.assert_allclose(exponents, math.log(scale) + np.log([3, 1]), rtol=1e-7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lyapunov_exponents([np.eye(2)] * 10), "9 steps remain"),
        (lambda: lyapunov_exponents([np.eye(2)] * 40, count=3), "count is 3"),
        (lambda: lyapunov_exponents([np.eye(2)] * 40, burn_in=-1), "burn_in is -1"),
    ],
)
def test_bad_trajectories_are_refused(call, message):
    with pytest.raises(GradcourseError, match=message):
        call()


MEASURES = [product_exponents, product_log_singular_values, lyapunov_exponents]


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    ("matrices", "message"),
    [
        ([], "No matrices"),
        ([np.eye(2), np.eye(3)], "Matrix 1 has shape"),
        ([np.ones(3)], "expected two dimensions"),
        ([np.eye(2), np.full((2, 2), np.nan)], "Matrix 1 holds NaN"),
    ],
)
def test_bad_matrices_are_refused(measure, matrices, message):
    with pytest.raises(GradcourseError, match=message):
        measure(matrices)


@pytest.mark.parametrize("measure", [product_exponents, lyapunov_exponents])
def test_growth_rates_need_square_matrices(measure):
    with pytest.raises(GradcourseError, match=r"Matrix 0 has shape \(2, 3\)"):
        measure([np.ones((2, 3))])
