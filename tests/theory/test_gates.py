import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch import nn

from gradcourse import theory
from gradcourse.support import GradcourseError


@pytest.mark.parametrize("bias", [-1.0, 0.0, 2.0, 6.0])
def test_a_cell_without_input_halves_in_this_time(bias):
    cell = nn.LSTMCell(1, 1).double()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.bias_ih[1] = bias
        cell.bias_ih[2] = -1e-30
    half_life = float(theory.forget_half_life(bias))
    steps = 200
    state = (torch.zeros(1, 1).double(), torch.ones(1, 1).double())
    with torch.no_grad():
        for _ in range(steps):
            state = cell(torch.zeros(1, 1).double(), state)
    assert float(state[1]) == pytest.approx(0.5 ** (steps / half_life), rel=1e-9)


def test_bias_and_half_life_are_inverse():
    steps = np.array([0.1, 1.0, 7.0, 1e3, 1e12])
    np.testing.assert_allclose(theory.forget_half_life(theory.forget_bias(steps)), steps, rtol=1e-9)
    assert float(theory.forget_bias(1.0)) == pytest.approx(0, abs=1e-12)
    # For long half-lives h the bias tends to log(h / ln 2).
    assert float(theory.forget_bias(1e6)) == pytest.approx(math.log(1e6 / math.log(2)), rel=1e-6)


def test_chrono_range_covers_the_time_scales():
    low, high = theory.chrono_bias_range(100)
    # σ(log(T − 1)) = 1 − 1/T: the slowest gate forgets one part in T per step.
    assert 1 / (1 + math.exp(-high)) == pytest.approx(1 - 1 / 100)
    assert low == 0.0


def test_bad_values_are_refused():
    with pytest.raises(GradcourseError, match="half_life is 0"):
        theory.forget_bias(0)
    with pytest.raises(GradcourseError, match="longest is 2"):
        theory.chrono_bias_range(2)


@pytest.mark.parametrize("longest", [3.0, 60.0, 5000.0])
def test_chrono_memory_is_the_mean_over_uniform_times(longest):
    for lag in (0, 1, 7, 300):
        integral = quad(lambda u, k=lag: (u / (1 + u)) ** k, 1, longest - 1, epsabs=1e-12)[0]
        expected = integral / (longest - 2)
        assert float(theory.chrono_memory(lag, longest)) == pytest.approx(expected, rel=1e-8)


def test_chrono_memory_takes_arrays_and_falls_with_the_lag():
    kept = theory.chrono_memory(np.arange(12).reshape(3, 4), 50.0)
    assert kept.shape == (3, 4)
    assert kept[0, 0] == pytest.approx(1.0)
    assert (np.diff(kept.ravel()) < 0).all()


def test_a_range_of_times_is_needed():
    with pytest.raises(GradcourseError, match="more than 2 steps"):
        theory.chrono_memory(1, 2.0)


@pytest.mark.parametrize("keep", [0.2, 0.9, 0.99])
def test_sensitivities_are_the_sums_that_they_abbreviate(keep):
    k = np.arange(20_000)
    assert float(theory.state_variance(keep)) == pytest.approx(np.sum(keep ** (2 * k)))
    squares = np.sum((k[1:] * keep ** (k[1:] - 1.0)) ** 2)
    assert float(theory.weight_sensitivity(keep)) == pytest.approx(squares)
    scaled = squares * (1 - keep**2) * (keep * np.log(keep)) ** 2
    assert float(theory.tamed_sensitivity(keep)) == pytest.approx(scaled)


def test_a_tamed_memory_is_equally_sensitive_at_every_length():
    assert float(theory.tamed_sensitivity(1 - 1e-6)) == pytest.approx(0.5, abs=1e-4)
    with pytest.raises(GradcourseError, match="below 1"):
        theory.weight_sensitivity([0.5, 1.0])
