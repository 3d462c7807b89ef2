import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erfcx

from gradcourse import theory
from gradcourse.support import GradcourseError


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "gelu", "silu", "elu", "selu"])
@pytest.mark.parametrize("q", [1e-6, 0.3, 1.0, 20.0, 400.0, 1e6])
def test_mean_squared_slope_agrees_with_adaptive_quadrature(name, q):
    # Over x = √q z, where the slope lives on a scale of 1 whatever q is.
    def integrand(x):
        density = math.exp(-(x**2) / (2 * q)) / math.sqrt(2 * math.pi * q)
        return float(theory.slope(name, x)) ** 2 * density

    edges = np.unique(np.concatenate([s * np.geomspace(1e-3, 14, 12) for s in (-1, 1)]))
    ends = sorted({0.0, *edges, *(math.sqrt(q) * edges)})
    expected = sum(
        quad(integrand, a, b, epsabs=0, epsrel=1e-12)[0]
        for a, b in pairwise(ends)
        if abs(a + b) / 2 < 14 * math.sqrt(q)
    )
    assert theory.mean_squared_slope(name, q) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("power", [0, 1, 2, 3, 4, 6])
def test_gaussian_mean_gives_the_moments(power):
    moment = 0 if power % 2 else math.prod(range(1, power, 2))
    assert theory.gaussian_mean(lambda x: x**power, 9.0) == pytest.approx(
        moment * 3.0**power, rel=1e-12, abs=1e-12
    )


@pytest.mark.parametrize("q", [1e-4, 0.7, 1.0, 25.0, 1e5])
def test_closed_forms_over_the_whole_range(q):
    # Williams (1997) for erf; both sides of the kink for the piecewise linear and for ELU's slope.
    def mean_square(name):
        return theory.q_map(name, q, 1.0)

    assert mean_square("erf") == pytest.approx(2 / math.pi * math.asin(2 * q / (1 + 2 * q)))
    assert theory.mean_squared_slope("erf", q) == pytest.approx(
        4 / math.pi / math.sqrt(1 + 4 * q), rel=1e-10
    )
    assert mean_square("relu") == pytest.approx(q / 2, rel=1e-12)
    assert mean_square("leaky_relu") == pytest.approx(q * (1 + 1e-4) / 2, rel=1e-12)
    below = erfcx(math.sqrt(2 * q)) / 2  # E[exp(2x); x < 0]
    assert theory.mean_squared_slope("elu", q) == pytest.approx(0.5 + below, rel=1e-10)
    alpha, scale = theory.selu_constants()
    assert theory.mean_squared_slope("selu", q) == pytest.approx(
        scale**2 * (0.5 + alpha**2 * below), rel=1e-10
    )


def test_a_kink_at_no_variance_counts_from_both_sides():
    assert theory.mean_squared_slope("relu", 0.0) == pytest.approx(0.5)
    assert theory.mean_squared_slope("leaky_relu", 0.0) == pytest.approx((1 + 1e-4) / 2)


def test_large_variance_limit_of_the_slope():
    # For q → ∞ the density is flat where tanh′ lives: E → ∫tanh′² / √(2πq) = (4/3) / √(2πq).
    assert theory.mean_squared_slope("tanh", 1e10) == pytest.approx(
        4 / 3 / math.sqrt(2 * math.pi * 1e10), rel=1e-8
    )


@pytest.mark.parametrize(("name", "q"), [("sigmoid", 2.0), ("tanh", 0.7), ("tanh", 400.0)])
def test_mean_squared_slope_agrees_with_a_simulation(name, q):
    z = np.random.default_rng(0).normal(0, math.sqrt(q), 400_000)
    sample = theory.slope(name, z) ** 2
    error = sample.std() / math.sqrt(len(z))
    assert abs(sample.mean() - theory.mean_squared_slope(name, q)) < 4 * error


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "silu"])
def test_variances_agree_with_a_wide_network(name):
    # Independent matrices: each layer's mean square over 20 draws, against the map.
    rng = np.random.default_rng(1)
    width, depth, draws, sigma_w, sigma_b = 400, 4, 20, 1.3, 0.2
    measured = np.zeros((draws, depth))
    for draw in range(draws):
        a = np.ones(width)
        for layer in range(depth):
            z = rng.normal(0, sigma_w / math.sqrt(width), (width, width)) @ a
            z += rng.normal(0, sigma_b, width)
            measured[draw, layer] = np.mean(z**2)
            a = theory.activation(name, z)
    predicted = theory.q_trajectory(name, sigma_w, sigma_b, depth=depth)
    error = measured.std(axis=0) / math.sqrt(draws)
    # A finite width shifts the mean by O(1/width), hence the small extra allowance.
    assert np.all(np.abs(measured.mean(axis=0) - predicted) < 4 * error + 0.01 * predicted)


def test_gradient_decay_agrees_with_backpropagation_through_random_layers():
    rng = np.random.default_rng(2)
    width, draws, sigma_w, q = 300, 40, 2.0, 1.7
    ratios = np.zeros(draws)
    for draw in range(draws):
        delta = rng.normal(size=width)
        back = rng.normal(0, sigma_w / math.sqrt(width), (width, width)).T @ delta
        back = back * theory.slope("tanh", rng.normal(0, math.sqrt(q), width))
        ratios[draw] = np.sum(back**2) / np.sum(delta**2)
    error = ratios.std() / math.sqrt(draws)
    assert abs(ratios.mean() - theory.gradient_decay("tanh", sigma_w, q) ** 2) < 4 * error


@pytest.mark.parametrize(
    ("name", "sigma_w", "sigma_b"),
    [("tanh", 1.5, 0.05), ("tanh", 3.0, 0.0), ("sigmoid", 4.0, 0.0), ("sigmoid", 0.5, 0.5)],
)
def test_iterating_the_map_ends_at_the_fixed_point(name, sigma_w, sigma_b):
    settled = theory.q_trajectory(name, sigma_w, sigma_b, depth=400)[-1]
    assert theory.q_fixed_point(name, sigma_w, sigma_b) == pytest.approx(settled, rel=1e-8)


def test_fixed_points_with_a_known_value():
    assert theory.q_fixed_point("tanh", 0.9) == 0.0
    assert theory.q_fixed_point("relu", 1.0, 1.0) == pytest.approx(2.0)
    assert theory.q_fixed_point("relu", 2.0) == math.inf
    assert theory.q_fixed_point("relu", math.sqrt(2), 0.1) == math.inf
    assert math.isnan(theory.q_fixed_point("relu", math.sqrt(2)))


def test_chi_at_the_known_edges_of_chaos():
    assert theory.chi("tanh", 1.0) == pytest.approx(1.0, abs=1e-6)
    assert theory.chi("relu", math.sqrt(2)) == pytest.approx(1.0)
    assert theory.chi("relu", 3.0) == pytest.approx(4.5)
    assert theory.chi("tanh", 0.8) == pytest.approx(0.64)
    assert theory.chi("tanh", 2.0) > 1


def test_depth_scale():
    assert theory.depth_scale(math.exp(-0.25)) == pytest.approx(4.0)
    assert theory.depth_scale(math.exp(0.25)) == pytest.approx(4.0)
    assert theory.depth_scale(1.0) == math.inf
    with pytest.raises(GradcourseError, match="χ is 0"):
        theory.depth_scale(0.0)


def test_a_negative_variance_is_refused():
    with pytest.raises(GradcourseError, match="q is -1"):
        theory.mean_squared_slope("tanh", -1.0)
