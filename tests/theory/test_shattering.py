import math

import numpy as np
import pytest

from gradcourse.support import GradcourseError
from gradcourse.theory import gradient_correlation, relu_correlation, relu_slope_correlation

RHO = (-0.9, 0.0, 0.5, 0.95)


@pytest.mark.parametrize("rho", RHO)
def test_kernels_against_gaussian_samples(rho):
    rng = np.random.default_rng(0)
    u, v = rng.standard_normal((2, 1_000_000))
    v = rho * u + math.sqrt(1 - rho**2) * v
    a, b = np.maximum(u, 0), np.maximum(v, 0)
    for measured, expected in (
        (2 * a * b, relu_correlation(rho)),
        (2.0 * ((u > 0) & (v > 0)), relu_slope_correlation(rho)),
    ):
        error = measured.std() / 1000
        assert float(expected) == pytest.approx(measured.mean(), abs=4 * error)


@pytest.mark.parametrize(
    ("scale", "layers", "depth"), [(None, 1, 6), (None, 2, 3), (1.0, 1, 6), (0.5, 2, 4)]
)
def test_gradient_correlation_against_random_networks(scale, layers, depth):
    rng = np.random.default_rng(1)
    width, rho, rows = 200, 0.8, []
    for _ in range(12):
        x = rng.standard_normal(width)
        y = rng.standard_normal(width)
        y -= (x @ y) / (x @ x) * x
        y *= np.linalg.norm(x) / np.linalg.norm(y)
        jacobians, row = [], []
        weights = rng.standard_normal((depth, layers, width, width)) * math.sqrt(2 / width)
        for h in (x, rho * x + math.sqrt(1 - rho**2) * y):
            jacobian, states = np.eye(width), []
            for block in weights:
                z, branch = h, jacobian
                for w in block:
                    branch = w @ ((z > 0)[:, None] * branch)
                    z = w @ np.maximum(z, 0)
                h, jacobian = (
                    (z, branch) if scale is None else (h + scale * z, jacobian + scale * branch)
                )
                states.append(jacobian)
            jacobians.append(states)
        for one, other in zip(*jacobians, strict=True):
            row.append((one * other).sum() / (np.linalg.norm(one) * np.linalg.norm(other)))
        rows.append(row)
    expected = gradient_correlation(rho, depth, scale, layers=layers)
    assert expected[0] == 1
    np.testing.assert_allclose(np.mean(rows, axis=0), expected[1:], atol=0.03)


def test_a_shortcut_shatters_less_and_a_small_branch_less_still():
    plain, one, small = (gradient_correlation(0.5, 30, scale)[-1] for scale in (None, 1.0, 0.2))
    assert plain < one < small < 1


def test_shapes_and_bad_input():
    assert gradient_correlation(np.zeros((3, 2)), 4).shape == (5, 3, 2)
    with pytest.raises(GradcourseError, match="between −1 and 1"):
        relu_correlation(1.5)
    with pytest.raises(GradcourseError, match="depth is -1"):
        gradient_correlation(0.5, -1)
