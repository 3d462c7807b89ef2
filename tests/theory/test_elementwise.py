"""What the closed forms are given: one number, an array, or something else."""

import numpy as np
import pytest
import torch

from gradcourse import theory
from gradcourse.support import GradcourseError

SIGMAS = np.array([[0.8, 1.0, 1.5], [2.0, 2.5, 3.0]])


@pytest.mark.parametrize(
    "function",
    [
        lambda s: theory.chi("tanh", s, 0.1),
        lambda s: theory.q_fixed_point("tanh", s, 0.3),
        lambda s: theory.q_map("relu", 1.0, s, 0.1),
        lambda s: theory.gradient_decay("erf", s, q=0.5),
        lambda s: theory.depth_scale(s),
        lambda s: theory.forward_gain("tanh", s),
        lambda s: theory.backward_gain("sigmoid", q=s),
        lambda s: theory.mean_slope("gelu", s),
        lambda s: theory.saturated_share("tanh", s),
        lambda s: theory.gaussian_mean(np.square, s),
        lambda s: theory.normalized_gradient_growth("relu", s),
        lambda s: theory.weight_std("he", s),
    ],
)
def test_an_array_gives_one_result_for_each(function):
    found = function(SIGMAS)
    assert found.shape == SIGMAS.shape
    one_by_one = [function(float(s)) for s in SIGMAS.ravel()]
    assert all(isinstance(value, float) for value in one_by_one)
    np.testing.assert_array_equal(found.ravel(), one_by_one)
    np.testing.assert_array_equal(function(SIGMAS[0].tolist()), found[0])
    assert function(np.float32(1.5)) == function(torch.tensor(1.5)) == found[0, 2]


def test_several_arrays_are_broadcast():
    biases = np.array([[0.0], [0.2]])
    found = theory.chi("tanh", SIGMAS[0], biases)
    assert found.shape == (2, 3)
    assert found[1, 2] == theory.chi("tanh", 1.5, 0.2)
    along = theory.q_trajectory("tanh", SIGMAS[0], depth=4)
    assert along.shape == (3, 4)
    with pytest.raises(GradcourseError, match="do not fit together"):
        theory.chi("tanh", SIGMAS[0], [0.1, 0.2])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: theory.chi("tanh", -1.0), "sigma_w is -1.0"),
        (lambda: theory.chi("tanh", float("nan")), "sigma_w is nan"),
        (lambda: theory.chi("tanh", [1.0, -2.0]), "sigma_w is"),
        (lambda: theory.chi("tanh", "wide"), "sigma_w is 'wide'"),
        (lambda: theory.chi("tanh", None), "sigma_w is None"),
        (lambda: theory.chi("tanh", 1j), "sigma_w is 1j"),
        (lambda: theory.chi("tanh", 1e300), "leaves the range of float64"),
        (lambda: theory.chi(["tanh"], 1.0), "No activation is called"),
        (lambda: theory.edge_of_chaos(np.zeros(2)), "No activation is called"),
        (lambda: theory.gaussian_mean("tanh", 1.0), "takes a function"),
        (lambda: theory.tanh("x"), "z is 'x'"),
        (lambda: theory.slope("tanh", None), "z is None"),
        (lambda: theory.activation("tanh", torch.ones(2, requires_grad=True)), "z is tensor"),
        (lambda: theory.forget_half_life({}), "bias is"),
        (lambda: theory.chrono_memory(-1, 100), "lag is -1"),
        (lambda: theory.chrono_bias_range([3, 4]), "longest is"),
        (lambda: theory.weight_std("glorot", 3, [4, 5]), "fan_out is"),
        (lambda: theory.residual_variance(True), "depth is True"),
        (lambda: theory.residual_variance(2.0), "depth is 2.0"),
        (lambda: theory.gradient_correlation(0.5, 3, "half"), "branch_scale is 'half'"),
        (lambda: theory.path_shares(3, [0.5, 0.6]), "branch_scale is"),
        (lambda: theory.lognormal_factors("a", 1), "mu is 'a'"),
        (lambda: theory.two_point_factors(1, None), "b is None"),
        (lambda: theory.ginibre_exponents(3, float("inf")), "s is inf"),
        (lambda: theory.lyapunov_exponent(0.5), "takes a law"),
        (lambda: theory.underflow_depth("half"), "r is half"),
    ],
)
def test_what_is_no_such_number_is_said_in_one_line(call, words):
    with pytest.raises(GradcourseError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_whole_numbers_may_come_from_numpy():
    assert theory.residual_variance(np.int64(3)).tolist() == [1.0, 2.0, 4.0, 8.0]
    assert theory.underflow_depth(np.float32(0.25)) == 75
    assert theory.overflow_depth(np.float32(2.0)) == 128
    assert theory.ginibre_exponents(np.int32(2), 1e-200).shape == (2,)
