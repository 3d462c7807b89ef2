"""Singular values of residual products, and the binomial law of paths."""

from __future__ import annotations

import numpy as np
import pytest

from gradcourse.instrument import product_log_singular_values
from gradcourse.support import GradcourseError
from gradcourse.theory import path_shares, residual_log_singular_values, residual_variance


@pytest.mark.parametrize(("depth", "alpha"), [(1, 0.5), (3, 0.1), (27, 27**-0.5), (20, 0.7)])
def test_the_law_is_that_of_wide_random_matrices(depth, alpha):
    rng, n = np.random.default_rng(0), 200
    factors = [np.eye(n) + alpha * rng.normal(size=(n, n)) / np.sqrt(n) for _ in range(depth)]
    measured = product_log_singular_values(factors)
    expected = residual_log_singular_values(depth, alpha, n)
    assert np.median(np.abs(measured - expected)) < 0.04
    inner = slice(5, -5)
    np.testing.assert_allclose(measured[inner], expected[inner], atol=0.04 + 0.05 * depth * alpha)


@pytest.mark.parametrize(("depth", "alpha"), [(1, 0.9), (10, 0.3), (50, 50**-0.5), (27, 1.0)])
def test_its_mean_square_is_the_variance_of_the_stack(depth, alpha):
    logs = residual_log_singular_values(depth, alpha, 20_000)
    assert (np.diff(logs) <= 0).all()
    assert np.exp(2 * logs).mean() == pytest.approx(
        residual_variance(depth, alpha)[-1], rel=2e-2 if alpha == 1 else 1e-3
    )


@pytest.mark.parametrize("alpha", [0.2, 0.9])
def test_the_mean_log_is_that_of_the_determinant(alpha):
    # E log|det(I + αA)| is 0 for α < 1: a circular law inside the unit disc around 1.
    assert residual_log_singular_values(10, alpha, 20_000).mean() == pytest.approx(0.0, abs=2e-3)


def test_no_branch_is_the_identity_and_bad_input_is_refused():
    assert residual_log_singular_values(5, 0.0, 3).tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(GradcourseError, match="depth is 0"):
        residual_log_singular_values(0, 0.5, 3)
    with pytest.raises(GradcourseError, match="branch_scale is nan"):
        path_shares(3, float("nan"))
    with pytest.raises(GradcourseError, match="depth is -1"):
        path_shares(-1)


@pytest.mark.parametrize(("depth", "alpha"), [(0, 1.0), (27, 27**-0.5), (100, 1.0)])
def test_shares_add_up_and_have_the_mean_length(depth, alpha):
    shares = path_shares(depth, alpha)
    assert shares.shape == (depth + 1,)
    assert shares.sum() == pytest.approx(1.0)
    mean = shares @ np.arange(depth + 1)
    assert mean == pytest.approx(depth * alpha**2 / (1 + alpha**2), abs=1e-9)
