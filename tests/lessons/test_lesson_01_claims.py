"""Every qualitative claim of lesson 01, measured again at reduced size over five seeds."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import gradcourse as gc
from gradcourse.experiments.chain_rule import (
    coin_factors,
    directions_left,
    gaussian_factors,
    linear_net_gradients,
    relative_changes,
    running_product,
    sloped_chain_norms,
)
from gradcourse.experiments.common import (
    accuracy,
    digits,
    probed,
    trained,
    weights_of,
)
from gradcourse.instrument import product_log_singular_values

SEEDS = range(5)
seeds = pytest.mark.parametrize("seed", SEEDS)


# ── The puzzle ───────────────────────────────────────────────────────────────────────────────────


@seeds
def test_no_weight_of_layer_1_changes_and_nothing_is_learned(seed):
    net = gc.mlp(depth=49, activation="linear", init="default", seed=seed)
    before = net.layer1.weight.detach().clone()
    history = trained(net, 100, 0.1, seed=seed)
    assert torch.equal(net.layer1.weight, before)
    assert history.test_accuracy[-1] < 0.25


@seeds
def test_the_slope_is_that_of_the_default_weights(seed):
    net = gc.mlp(depth=49, activation="linear", init="default", seed=seed)
    deltas = probed(net, 256).output_gradient_norm[0]
    assert 0 < deltas[0] < 1e-10 * deltas[-1]
    slope, offset = np.polyfit(np.arange(49), np.log(deltas[:49]), 1)
    assert math.exp(slope) == pytest.approx(math.sqrt(3), rel=0.04)
    straight = offset + slope * np.arange(49)
    assert np.abs(np.log(deltas[:49]) - straight).max() < 1.0  # over 27 e-folds


# ── Step 1 ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("dtype", "below_normal", "zero"),
    [("float16", 8, 13), ("bfloat16", 64, 67), ("float32", 64, 75)],
)
def test_powers_of_a_quarter_leave_the_normals_and_end(dtype, below_normal, zero):
    product = running_product(0.25, 100, dtype)
    tiny = torch.finfo(getattr(torch, dtype)).tiny
    assert int(np.argmax(product < tiny)) == below_normal
    assert int(np.argmax(product == 0)) == zero
    assert gc.theory.subnormal_depth(0.25, dtype) == below_normal
    assert gc.theory.underflow_depth(0.25, dtype) == zero


@seeds
def test_a_factor_above_one_half_sticks_and_one_below_does_not(seed):
    rng = np.random.default_rng(seed)
    above, below = rng.uniform(0.55, 0.97), rng.uniform(0.05, 0.5)
    for dtype in ("float16", "bfloat16", "float32"):
        stuck = running_product(above, 6000, dtype)
        assert stuck[-1] == stuck[-2] > 0
        assert stuck[-1] < 2 * torch.finfo(getattr(torch, dtype)).tiny
        assert running_product(below, 300, dtype)[-1] == 0


def test_nine_tenths_sticks_at_four_units():
    assert running_product(0.9, 5000, "float32")[-1] == 4 * 2.0**-149


# ── Step 2 ───────────────────────────────────────────────────────────────────────────────────────


@seeds
def test_the_mean_grows_while_almost_every_product_vanishes(seed):
    products = coin_factors(seed).prod(axis=1)
    assert np.median(products) == pytest.approx(0.8**50, rel=1e-9)
    assert np.mean(products < 1) > 0.95
    assert np.sort(products)[-100:].sum() > 0.95 * products.sum()


def test_ten_thousand_chains_do_not_measure_the_mean():
    means = [coin_factors(seed).prod(axis=1).mean() for seed in SEEDS]
    assert max(means) > 10 * min(means)


def test_the_mean_grows_from_1_5_on_and_the_median_from_2_on():
    for high in np.arange(1.1, 3.0, 0.1):
        law = gc.theory.two_point_factors(0.5, float(high))
        assert (law.log_mean > 1e-9) == (high > 1.5 + 1e-6)
        assert (law.lyapunov_exponent > 1e-9) == (high > 2.0 + 1e-6)


@seeds
def test_every_chain_goes_to_the_same_rate(seed):
    law = gc.theory.two_point_factors(0.5, 1.6)
    logs = np.log(law.sample(np.random.default_rng(seed), (5, 2000)))
    assert np.abs(logs.mean(axis=1) - law.lyapunov_exponent).max() < 0.06
    assert logs.mean(axis=1).max() < law.log_mean


# ── Step 3 ───────────────────────────────────────────────────────────────────────────────────────


@seeds
def test_singular_values_follow_newman(seed):
    n, depth = 32, 50
    logs = product_log_singular_values(gaussian_factors(n, depth, seed))
    theory = gc.theory.ginibre_exponents(n, n**-0.5)
    assert np.sqrt(np.mean((logs / depth - theory) ** 2)) < 0.06
    assert theory[0] == pytest.approx(-1 / (2 * n), rel=0.05)


@seeds
def test_fifty_matrices_leave_about_thirteen_of_64_directions(seed):
    logs = product_log_singular_values(gaussian_factors(64, 50, seed))
    assert 10 <= directions_left(logs) <= 18
    assert 50 < (logs[0] - logs[-1]) / math.log(10) < 75


@seeds
def test_a_small_product_is_nearly_of_rank_one_after_100_matrices(seed):
    rng = np.random.default_rng(seed)
    ratios = []
    for depth in (1, 100):
        logs = product_log_singular_values(rng.normal(0, 12**-0.5, size=(depth, 12, 12)))
        ratios.append(math.exp(logs[1] - logs[0]))
    assert ratios[0] > 0.5
    assert ratios[1] < 0.3


# ── Step 4 ───────────────────────────────────────────────────────────────────────────────────────


@seeds
def test_backpropagation_by_hand_agrees_with_autograd(seed):
    x, y = digits().x_train[:64].double(), digits().y_train[:64]
    net = gc.deep_linear(depth=10, gain=3**-0.5, inputs=64, outputs=10, seed=seed).double()
    torch.nn.functional.cross_entropy(net(x), y).backward()
    with torch.no_grad():
        weights = [layer.weight for layer in net]
        h = [x]
        for weight in weights:
            h.append(h[-1] @ weight.T)
        delta = (torch.softmax(h[-1], dim=1) - torch.nn.functional.one_hot(y, 10)) / len(y)
        for weight, h_in in zip(reversed(weights), reversed(h[:-1]), strict=True):
            assert (weight.grad - delta.T @ h_in).norm() < 1e-10 * weight.grad.norm()
            delta = delta @ weight


@seeds
@pytest.mark.parametrize("gain", [3**-0.5, 1.0, 1.2])
def test_delta_changes_by_the_gain_in_every_layer(seed, gain):
    deltas, _ = linear_net_gradients(gain, seed=seed)
    assert (deltas[0] / deltas[48]) ** (1 / 48) == pytest.approx(gain, rel=0.04)


# ── Step 5 ───────────────────────────────────────────────────────────────────────────────────────


def relative_updates(net):
    return probed(net, 512).weight_gradient_norm[0] / gc.gradient_norm(weights_of(net))


def factor_per_layer(update):
    return (update[7] / update[17]) ** (1 / 10)


@seeds
@pytest.mark.parametrize("gain", [3**-0.5, 0.8, 1.2])
def test_all_layers_of_a_linear_net_learn_alike(seed, gain):
    net = gc.deep_linear(depth=20, gain=gain, inputs=64, outputs=10, seed=seed)
    update = relative_updates(net)[:-1]  # the last matrix has another shape
    assert update.max() / update.min() < 3


@seeds
def test_early_layers_of_a_sigmoid_net_fall_behind_by_about_a_quarter(seed):
    net = gc.mlp(depth=19, activation="sigmoid", init="lecun", seed=seed)
    theory = gc.theory.gradient_decay(
        "sigmoid", 1.0, gc.theory.q_fixed_point("sigmoid", sigma_w=1.0)
    )
    assert theory == pytest.approx(0.236, abs=0.001)
    assert factor_per_layer(relative_updates(net)) == pytest.approx(theory, rel=0.12)


@seeds
def test_with_biases_early_layers_of_a_linear_net_fall_behind(seed):
    net = gc.mlp(depth=19, activation="linear", init="default", seed=seed)
    assert factor_per_layer(relative_updates(net)) == pytest.approx(3**-0.5, rel=0.12)


@seeds
def test_after_training_too(seed):
    linear, sigmoid = (relative_changes(8, name, seed) for name in ("linear", "sigmoid"))
    assert linear.min() > 0.02
    assert linear.max() / linear.min() < 10
    assert sigmoid[0] < 1e-4 < 1e-2 < sigmoid[-1]


# ── Claims on trial ──────────────────────────────────────────────────────────────────────────────


@seeds
def test_factors_whose_norms_are_above_1_can_vanish(seed):
    rng = np.random.default_rng(seed)
    vector, norms = np.ones(64) / 8, []
    for _ in range(50):
        factor = 0.8 * rng.normal(size=(64, 64)) / 8
        norms.append(np.linalg.norm(factor, 2))
        vector = factor @ vector
    assert min(norms) > 1.3
    assert np.linalg.norm(vector) < 1e-3


@seeds
def test_factors_whose_eigenvalues_are_below_1_can_explode(seed):
    shear = np.random.default_rng(seed).uniform(2.0, 4.0)
    a = np.array([[0.5, shear], [0.0, 0.5]])
    assert np.abs(np.linalg.eigvals(a)).max() == pytest.approx(0.5)
    assert np.linalg.norm(np.linalg.matrix_power(a, 50)) < 1e-10  # one matrix alone vanishes
    assert np.linalg.norm(np.linalg.matrix_power(a.T @ a, 10)) > 1e4


@seeds
@pytest.mark.parametrize(("width", "depth", "kept"), [(64, 16, True), (8, 200, False)])
def test_a_kept_mean_square_keeps_a_gradient_only_in_wide_nets(seed, width, depth, kept):
    rng = np.random.default_rng(seed)
    v = np.ones((100, width, 1)) / math.sqrt(width)
    for _ in range(depth):
        v = rng.normal(size=(100, width, width)) @ v / math.sqrt(width)
    typical = float(np.median(np.linalg.norm(v, axis=(1, 2))))
    theory = math.exp(depth * gc.theory.ginibre_exponents(width, width**-0.5)[0])
    assert (typical > 0.5) == kept
    assert abs(math.log(typical / theory)) < 2.0


@seeds
def test_float64_does_not_make_a_vanished_gradient_larger(seed):
    gradients = []
    for dtype in (torch.float32, torch.float64):
        net = gc.mlp(depth=49, activation="linear", init="default", seed=seed).to(dtype)
        x_train, x_test = digits().x_train[:256].to(dtype), digits().x_test.to(dtype)
        data = replace(digits(), x_train=x_train, y_train=digits().y_train[:256], x_test=x_test)
        torch.nn.functional.cross_entropy(net(data.x_train), data.y_train).backward()
        gradients.append(gc.gradient_norm(net.layer1.weight.grad)[0])
    history = gc.train(net, data, steps=60, lr=0.1, seed=seed, every=60)
    assert gradients[0] == pytest.approx(gradients[1], rel=1e-3)
    assert history.test_accuracy[-1] < 0.3


@seeds
def test_a_trained_deep_linear_net_is_one_matrix(seed):
    net = gc.deep_linear(depth=8, inputs=64, outputs=10, seed=seed)
    assert accuracy(net, 100, 0.02, seed=seed) > 0.7  # it did learn
    with torch.no_grad():
        product = torch.eye(64)
        for layer in net:
            product = layer.weight @ product
        outputs = net(digits().x_test)
        torch.testing.assert_close(outputs, digits().x_test @ product.T, rtol=1e-3, atol=1e-3)


@seeds
def test_a_deep_sigmoid_net_learns_less_than_a_shallow_one(seed):
    shallow, deep = (
        accuracy(gc.mlp(depth, activation="sigmoid", seed=seed), 300, 0.5, seed=seed)
        for depth in (1, 8)
    )
    assert shallow > 0.9
    assert deep < 0.3


# ── The tuned chain of the exercises ─────────────────────────────────────────────────────────────


@seeds
def test_the_mean_squared_slope_decides_a_wide_chain(seed):
    def reached(gain):
        return sloped_chain_norms(gain, seed)[0]

    assert 0.05 < reached(math.sqrt(3)) < 20
    assert reached(1.0) < 0.05  # the slopes forgotten
    assert reached(2.0) > 20  # one over the mean slope
    assert reached(math.e) > 20  # one over the typical slope
