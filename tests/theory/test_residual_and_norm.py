import math

import numpy as np
import pytest
import torch
from torch import nn

from gradcourse import theory
from gradcourse.support import GradcourseError


def test_batch_norm_gradients_grow_at_this_rate():
    width, batch, depth, growth = 256, 512, 8, []
    for seed in range(8):
        torch.manual_seed(seed)
        a = torch.randn(batch, width, requires_grad=True)
        outputs = []
        for _ in range(depth):
            z = nn.functional.linear(a, torch.randn(width, width) / math.sqrt(width))
            a = nn.functional.batch_norm(z, None, None, training=True).relu()
            a.retain_grad()
            outputs.append(a)
        (a * torch.randn(batch, width)).sum().backward()
        norms = [float(output.grad.norm()) for output in outputs]
        # The last layers are left out: a random gradient at the output is not yet typical.
        growth.append(math.log(norms[0] / norms[-3]) / (depth - 3))
    error = np.std(growth, ddof=1) / math.sqrt(len(growth))
    expected = math.log(theory.batch_norm_gradient_growth())
    # Width and batch are finite: O(1/256) per layer.
    assert abs(np.mean(growth) - expected) < 4 * error + 1 / width


def _stack(depth, scale, normalized, seed, width=400):
    """Variances forward and the gradient's mean square, of linear residual blocks."""
    rng = np.random.default_rng(seed)
    x, weights, variances = rng.normal(size=width), [], []
    x /= x.std()
    states = [x]
    for _ in range(depth):
        weights.append(rng.normal(0, 1 / math.sqrt(width), (width, width)))
        branch = x / math.sqrt(np.mean(x**2)) if normalized else x
        x = x + scale * weights[-1] @ branch
        states.append(x)
    variances = [np.mean(s**2) for s in states]
    delta = rng.normal(size=width)
    gradient = [np.mean(delta**2)]
    for k in range(depth - 1, -1, -1):
        back = scale * weights[k].T @ delta
        if normalized:
            size = math.sqrt(np.mean(states[k] ** 2))
            unit = states[k] / size
            back = (back - unit * np.mean(unit * back)) / size
        delta = delta + back
        gradient.append(np.mean(delta**2))
    return variances, np.array(gradient[::-1]) / gradient[0]


@pytest.mark.parametrize(("scale", "normalized"), [(1.0, False), (0.4, False), (1.0, True)])
def test_residual_stacks_agree_with_a_simulation(scale, normalized):
    depth, runs = 8, 60
    found = [_stack(depth, scale, normalized, seed) for seed in range(runs)]
    formula = theory.normalized_residual_variance if normalized else theory.residual_variance
    expected = formula(depth, scale)
    back = (
        theory.normalized_residual_gradient_growth(depth, scale)
        if normalized
        else expected[-1] / expected
    )
    for measured, predicted in zip(
        map(np.array, zip(*found, strict=True)), (expected, back), strict=True
    ):
        error = measured.std(axis=0, ddof=1) / math.sqrt(runs)
        assert np.all(np.abs(measured.mean(axis=0) - predicted) < 4 * error + 0.02 * predicted)


def test_scales_by_block():
    assert theory.residual_variance(100, 1 / 10)[-1] == pytest.approx(1.01**100)
    assert theory.residual_variance(2, [1.0, 2.0]).tolist() == [1.0, 2.0, 10.0]
    assert theory.normalized_residual_variance(0).tolist() == [1.0]
    with pytest.raises(GradcourseError, match="depth is -1"):
        theory.residual_variance(-1)
    with pytest.raises(GradcourseError, match=r"shape \(2,\)"):
        theory.residual_variance(3, [1.0, 2.0])
