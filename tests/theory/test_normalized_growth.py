import math

import numpy as np
import pytest

from gradcourse import theory
from gradcourse.support import GradcourseError

ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu")


def test_relu_grows_by_the_published_factor_whatever_gamma_is():
    for gamma in (0.1, 1.0, 30.0):
        growth = theory.normalized_gradient_growth("relu", gamma)
        assert growth == pytest.approx(theory.batch_norm_gradient_growth(), rel=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("gamma", [0.5, 1.0, 5.0])
@pytest.mark.parametrize("beta", [-2.0, 0.0, 1.0])
def test_no_activation_shrinks_the_gradient_and_only_a_line_keeps_it(name, gamma, beta):
    """The Poincaré inequality of the Gaussian."""
    assert theory.normalized_gradient_growth(name, gamma, beta) > 1
    assert theory.normalized_gradient_growth("linear", gamma, beta) == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "gamma", "beta"),
    [("sigmoid", 8.0, 0.0), ("tanh", 2.0, 1.0), ("relu", 2.0, -1.0), ("gelu", 1.0, 0.5)],
)
def test_growth_agrees_with_a_sum_over_a_fine_grid(name, gamma, beta):
    x = np.linspace(-10, 10, 1_000_001)
    weights = np.exp(-(x**2) / 2)
    weights /= weights.sum()
    z = gamma * x + beta
    a, slope = theory.activation(name, z), theory.slope(name, z)
    variance = weights @ a**2 - (weights @ a) ** 2
    expected = gamma * math.sqrt(weights @ slope**2 / variance)
    assert theory.normalized_gradient_growth(name, gamma, beta) == pytest.approx(expected, rel=1e-4)


def test_a_nearly_linear_unit_costs_almost_nothing():
    assert theory.normalized_gradient_growth("tanh", 1e-3) == pytest.approx(1, abs=1e-5)
    assert theory.normalized_gradient_growth("relu", 1.0, 5.0) == pytest.approx(1, abs=1e-5)


def test_gamma_must_be_positive():
    with pytest.raises(GradcourseError, match="gamma is 0"):
        theory.normalized_gradient_growth("relu", 0.0)
