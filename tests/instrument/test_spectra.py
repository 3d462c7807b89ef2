import math

import numpy as np
import pytest

from gradcourse.instrument import product_exponents, product_log_singular_values
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


@pytest.mark.parametrize(
    ("matrices", "message"),
    [
        ([], "No matrices"),
        ([np.ones((2, 3))], r"Matrix 0 has shape \(2, 3\)"),
        ([np.eye(2), np.eye(3)], "Matrix 1 has shape"),
        ([np.eye(2), np.full((2, 2), np.nan)], "Matrix 1 holds NaN"),
    ],
)
def test_bad_matrices_are_refused(matrices, message):
    for measure in (product_exponents, product_log_singular_values):
        with pytest.raises(GradcourseError, match=message):
            measure(matrices)


def test_singular_and_too_wide_products_are_refused():
    with pytest.raises(GradcourseError, match="singular"):
        product_log_singular_values([np.diag([1.0, 0.0])])
    with pytest.raises(GradcourseError, match="decades"):
        product_log_singular_values([np.diag([1.0, 1e-30])] * 10)
