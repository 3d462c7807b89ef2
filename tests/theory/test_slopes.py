import math

import numpy as np
import pytest
from scipy.special import ndtr

from gradcourse import theory
from gradcourse.support import GradcourseError

NAMES = ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "erf"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("q", [0.3, 4.0, 60.0])
def test_slope_and_saturation_agree_with_a_simulation(name, q):
    z = np.random.default_rng(0).normal(0, math.sqrt(q), 300_000)
    slopes = theory.slope(name, z)
    error = slopes.std() / math.sqrt(len(z)) + 1e-12
    assert abs(slopes.mean() - theory.mean_slope(name, q)) < 4 * error
    largest = np.abs(theory.slope(name, np.linspace(-10, 10, 100_001))).max()
    share = np.mean(np.abs(slopes) < 0.05 * largest)
    expected = theory.saturated_share(name, q)
    error = math.sqrt(max(expected * (1 - expected), 1e-9) / len(z))
    assert abs(share - expected) < 4 * error + 1e-9


def test_closed_forms():
    # E[erf′] = (2/√π) / √(1 + 2q), a Gaussian integral; σ′ < 1/80 where σ(1 − σ) = 1/80.
    assert theory.mean_slope("erf", 3.0) == pytest.approx(2 / math.sqrt(math.pi * 7), rel=1e-12)
    assert theory.mean_slope("leaky_relu", 9.0) == pytest.approx(0.505)
    edge = math.log((0.5 + math.sqrt(0.25 - 1 / 80)) / (0.5 - math.sqrt(0.25 - 1 / 80)))
    for q in (0.5, 9.0, 1e4):
        expected = 2 * ndtr(-edge / math.sqrt(q))
        assert theory.saturated_share("sigmoid", q) == pytest.approx(expected, rel=1e-9)


def test_limits_at_no_variance():
    assert theory.mean_slope("relu", 0.0) == pytest.approx(0.5)
    assert theory.mean_slope("tanh", 0.0) == pytest.approx(1.0)
    assert theory.saturated_share("tanh", 0.0) == 0.0
    assert theory.saturated_share("relu", 0.0) == pytest.approx(0.5)
    assert theory.saturated_share("sigmoid", 1e12) == pytest.approx(1.0, abs=1e-5)


def test_bad_values_are_refused():
    with pytest.raises(GradcourseError, match="q is -1"):
        theory.saturated_share("tanh", -1)
    with pytest.raises(GradcourseError, match="share is 0"):
        theory.saturated_share("tanh", 1, 0)
    with pytest.raises(GradcourseError, match="q is nan"):
        theory.mean_slope("tanh", math.nan)
