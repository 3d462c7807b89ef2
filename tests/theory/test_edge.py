import math

import numpy as np
import pytest

from gradcourse import theory
from gradcourse.support import GradcourseError


def test_known_edges():
    # Schoenholz et al. (2017), fig. 2: at σ_b² = 0.05 tanh has its edge at σ_w² ≈ 1.76.
    assert theory.edge_of_chaos("tanh", math.sqrt(0.05)) ** 2 == pytest.approx(1.76, abs=0.005)
    assert theory.edge_of_chaos("tanh") == pytest.approx(1.0)
    assert theory.edge_of_chaos("erf") == pytest.approx(math.sqrt(math.pi) / 2)
    assert theory.edge_of_chaos("relu", 0.4) == pytest.approx(math.sqrt(2))
    assert theory.edge_of_chaos("linear") == 1.0
    assert math.isnan(theory.edge_of_chaos("gelu", 0.1))


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "erf", "elu", "selu"])
def test_chi_is_one_on_the_curve_and_only_there(name):
    biases = np.array([0.05, 0.3, 0.8])
    curve = theory.edge_of_chaos(name, biases)
    assert curve.shape == (3,)
    assert np.all(np.diff(curve) > 0)
    for sigma_w, sigma_b in zip(curve, biases, strict=True):
        assert theory.chi(name, sigma_w, sigma_b) == pytest.approx(1.0, abs=1e-6)
        assert theory.chi(name, 0.95 * sigma_w, sigma_b) < 1
        assert theory.chi(name, 1.05 * sigma_w, sigma_b) > 1


def test_the_gradient_keeps_its_size_on_the_curve():
    # 20 layers from q*, forward and back: the mean square's log growth, over 60 networks.
    rng, width, depth, sigma_b = np.random.default_rng(0), 300, 20, 0.3
    sigma_w = theory.edge_of_chaos("tanh", sigma_b)
    q = theory.q_fixed_point("tanh", sigma_w, sigma_b)
    growth = []
    for _ in range(60):
        a = theory.tanh(rng.normal(0, math.sqrt(q), width))
        slopes, weights = [], []
        for _ in range(depth):
            weights.append(rng.normal(0, sigma_w / math.sqrt(width), (width, width)))
            z = weights[-1] @ a + rng.normal(0, sigma_b, width)
            a = theory.tanh(z)
            slopes.append(theory.slope("tanh", z))
        delta = rng.normal(size=width)
        size = delta @ delta
        for w, s in zip(reversed(weights), reversed(slopes), strict=True):
            delta = w.T @ (s * delta)
        growth.append(delta @ delta / size)
    error = np.std(growth, ddof=1) / math.sqrt(len(growth))
    # Finite width adds O(depth / width) to the mean.
    assert abs(np.mean(growth) - 1) < 4 * error + depth / width


def test_a_negative_bias_spread_is_refused():
    with pytest.raises(GradcourseError, match="sigma_b is -1"):
        theory.edge_of_chaos("tanh", -1)
    with pytest.raises(GradcourseError, match="'swish'"):
        theory.edge_of_chaos("swish")
