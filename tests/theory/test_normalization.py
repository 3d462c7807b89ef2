import math

import numpy as np
import pytest
import torch
from torch import nn

from gradcourse import theory
from gradcourse.support import GradcourseError

ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu")


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
    expected = math.log(theory.normalized_gradient_growth("relu"))
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


def test_relu_grows_by_the_published_factor_whatever_gamma_is():
    for gamma in (0.1, 1.0, 30.0):
        growth = theory.normalized_gradient_growth("relu", gamma)
        assert growth == pytest.approx(math.sqrt(math.pi / (math.pi - 1)), rel=1e-12)


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


def test_no_logit_of_normed_queries_and_keys_exceeds_the_bound():
    rng = np.random.default_rng(0)
    for d in (1, 3, 12):
        q, k = rng.normal(size=(2, 2000, d))
        q, k = (math.sqrt(d) * x / np.linalg.norm(x, axis=1, keepdims=True) for x in (q, k))
        logits = np.concatenate([(q * k).sum(1), (q * q).sum(1)]) / math.sqrt(d)
        assert logits.max() == pytest.approx(theory.logit_bound(d))


def test_the_last_blocks_ratio_is_the_root_of_the_depth():
    assert theory.last_block_ratio([1, 4, 64]).tolist() == [1, 2, 8]
    with pytest.raises(GradcourseError, match="head_width"):
        theory.logit_bound(0)
