import numpy as np
import pytest
import torch

from gradcourse import theory
from gradcourse.nets import activation_function
from gradcourse.support import GradcourseError

NAMES = ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "linear"]


@pytest.mark.parametrize("name", NAMES)
def test_value_and_slope_are_those_of_torch(name):
    z = torch.linspace(-30, 30, 601, dtype=torch.float64).requires_grad_()
    a = activation_function(name)(z)
    (expected,) = torch.autograd.grad(a.sum(), z)
    np.testing.assert_allclose(
        theory.activation(name, z.detach().numpy()), a.detach().numpy(), rtol=1e-12, atol=1e-15
    )
    np.testing.assert_allclose(
        theory.slope(name, z.detach().numpy()), expected.numpy(), rtol=1e-10, atol=1e-12
    )


def test_maxima_are_at_zero():
    z = np.linspace(-5, 5, 1001)
    for name, peak in (("sigmoid", 0.25), ("tanh", 1.0)):
        slopes = theory.slope(name, z)
        assert slopes.max() == peak
        assert z[slopes.argmax()] == pytest.approx(0, abs=1e-12)
        assert (slopes == peak).sum() == 1


def test_slope_keeps_its_digits_far_out():
    # σ(1−σ) is 0 in float64 at z = 40; σ' there is e⁻⁴⁰.
    assert theory.slope("sigmoid", 40.0) == pytest.approx(np.exp(-40.0), rel=1e-12)
    assert theory.slope("tanh", -30.0) == pytest.approx(4 * np.exp(-60.0), rel=1e-12)


def test_sigmoid_and_tanh_never_overflow():
    with np.errstate(all="raise", under="ignore"):
        assert theory.sigmoid([-1e4, 0, 1e4]).tolist() == [0.0, 0.5, 1.0]
        assert theory.tanh([-1e4, 0, 1e4]).tolist() == [-1.0, 0.0, 1.0]


def test_an_unknown_activation_is_named():
    with pytest.raises(GradcourseError, match="'swish'"):
        theory.slope("swish", 0.0)


def test_erf_and_its_slope():
    z = torch.linspace(-6, 6, 101, dtype=torch.float64).requires_grad_()
    a = torch.erf(z)
    (expected,) = torch.autograd.grad(a.sum(), z)
    np.testing.assert_allclose(theory.activation("erf", z.detach().numpy()), a.detach(), rtol=1e-12)
    np.testing.assert_allclose(theory.slope("erf", z.detach().numpy()), expected, rtol=1e-10)
