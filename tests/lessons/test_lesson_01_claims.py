"""Every qualitative claim of lesson 01, measured again at reduced size over five seeds."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import gradcourse as gc
from gradcourse.experiments.chain_rule import (
    circle_under,
    coin_factors,
    directions_left,
    distance_from_one_matrix,
    factor_back,
    first_updates,
    gaussian_factors,
    healthy_updates,
    linear_net_gradients,
    norm_and_length,
    orthogonal_rates,
    predicted_factors,
    puzzle_run,
    relative_changes,
    relu_accuracy,
    running_product,
    sigmoid_accuracy,
    sloped_chain_norms,
    spectra,
    thinning,
    told_apart,
    typical_length,
)
from gradcourse.experiments.common import digits, probed, weights_of
from gradcourse.instrument import product_log_singular_values

SEEDS = range(5)
seeds = pytest.mark.parametrize("seed", SEEDS)


# ── The puzzle ───────────────────────────────────────────────────────────────────────────────────


@seeds
def test_no_weight_of_layer_1_changes_and_nothing_is_learned(seed):
    changed, right = puzzle_run(1.0, seed, steps=100)
    assert changed == 0
    assert right < 0.25


def test_the_same_net_with_its_weights_times_root_3_learns():
    runs = [puzzle_run(math.sqrt(3), seed, steps=100) for seed in SEEDS]
    assert min(changed for changed, _ in runs) > 4000
    assert min(right for _, right in runs) > 0.4  # 0.58 to 0.77, whatever the seventh digit


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


def test_fifty_matrices_leave_about_thirteen_of_64_directions():
    logs = spectra(64, 50)
    left = [directions_left(row) for row in logs]
    assert 10 <= min(left) <= np.median(left) <= max(left) <= 18
    decades = (logs[:, 0] - logs[:, -1]) / math.log(10)
    assert 50 < decades.min() < decades.max() < 75


def test_the_top_exponent_is_above_theory_at_depth_50_and_comes_to_it():
    theory = gc.theory.ginibre_exponents(64, 1 / 8)[0]
    assert spectra(64, 50)[:, 0].min() / 50 > theory + 0.02  # 8 products: 0.024 to 0.037
    # One factor scatters by 1/√128; after 2000 that is 0.002, and four products gave
    # -0.011 to -0.003.
    assert np.mean(spectra(64, 2000, 4)[:, 0]) / 2000 == pytest.approx(theory, abs=0.005)


@seeds
def test_each_2_by_2_matrix_halves_the_ellipse(seed):
    theory = np.diff(gc.theory.ginibre_exponents(2, 1.0))[0] / math.log(0.5)
    assert theory == pytest.approx(1.0)
    assert np.median(thinning(20, seed=seed)) == pytest.approx(theory, abs=0.15)
    assert np.median(thinning(200, seed=seed)) == pytest.approx(theory, abs=0.03)


def test_the_circle_that_is_drawn_has_the_ratio_that_is_written():
    points, ratio = circle_under(2)
    lengths = np.linalg.norm(points, axis=0)
    assert lengths.max() == pytest.approx(1.0, rel=1e-3)
    assert lengths.min() == pytest.approx(ratio, rel=0.05)


def test_orthogonal_matrices_keep_every_direction():
    assert np.abs(orthogonal_rates(64, 50)).max() < 1e-12


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
    assert factor_back(seed, gain) == pytest.approx(gain, rel=0.04)


@pytest.mark.parametrize("gain", [3**-0.5, 1.2])
def test_the_gradient_of_the_weights_is_level_whatever_the_gain(gain):
    _, weights = linear_net_gradients(gain)
    assert 0.2 < weights[0] / weights[48] < 5


# ── Step 5 ───────────────────────────────────────────────────────────────────────────────────────


def relative_updates(net):
    return probed(net, 512).weight_gradient_norm[0] / gc.gradient_norm(weights_of(net))


@seeds
@pytest.mark.parametrize("gain", [3**-0.5, 0.8, 1.2])
def test_all_layers_of_a_linear_net_learn_alike(seed, gain):
    net = gc.deep_linear(depth=20, gain=gain, inputs=64, outputs=10, seed=seed)
    update = relative_updates(net)[:-1]  # the last matrix has another shape
    assert update.max() / update.min() < 3


@pytest.mark.parametrize(
    ("kind", "expected"), [("linear", 1.0), ("sigmoid", 0.236), ("with biases", 3**-0.5)]
)
def test_early_layers_fall_behind_where_the_signal_keeps_its_size(kind, expected):
    assert predicted_factors()[kind] == pytest.approx(expected, abs=0.001)
    for seed in SEEDS:
        update = first_updates(kind, seed)
        assert (update[7] / update[17]) ** (1 / 10) == pytest.approx(expected, rel=0.12), seed


@seeds
def test_a_network_that_learns_has_updates_near_a_thousandth(seed):
    ratio, right = healthy_updates(seed)
    assert 1e-3 < ratio < 2e-2  # 0.0047 to 0.0059
    assert right > 0.9


def test_the_three_pictures_can_be_told_apart():
    assert told_apart() == "08-1-sigmoid"


@seeds
def test_after_training_too(seed):
    linear, sigmoid = (relative_changes(8, name, seed) for name in ("linear", "sigmoid"))
    assert linear.min() > 0.02
    assert linear.max() / linear.min() < 10
    assert sigmoid[0] < 1e-4 < 1e-2 < sigmoid[-1]


# ── Claims on trial ──────────────────────────────────────────────────────────────────────────────


@seeds
def test_factors_whose_norms_are_above_1_can_vanish(seed):
    norm, length = norm_and_length(0.8, seed)
    assert norm > 1.3
    assert length < 1e-3


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
    typical = typical_length(width, depth, 100, seed)
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
    distance, right = distance_from_one_matrix(8, seed, steps=100)
    assert right > 0.7  # it did learn
    assert distance < 1e-3


@seeds
def test_a_deep_sigmoid_net_learns_less_than_a_shallow_one(seed):
    assert sigmoid_accuracy(1, seed) > 0.9
    assert sigmoid_accuracy(8, seed) < 0.3


def test_where_gradients_arrive_eight_layers_read_as_much_as_one_and_no_more():
    one, eight = (np.median([relu_accuracy(depth, seed) for seed in SEEDS]) for depth in (1, 8))
    assert min(one, eight) > 0.9
    assert abs(eight - one) < 0.03  # 0.961 to 0.975 over eight seeds


@pytest.mark.slow
@seeds
def test_nor_in_five_times_as_many_updates(seed):
    assert sigmoid_accuracy(8, seed, 1500) < 0.3
    assert puzzle_run(1.0, seed, 1000)[1] < 0.25


# ── The tuned chain of the exercises ─────────────────────────────────────────────────────────────


@seeds
def test_the_mean_squared_slope_decides_a_wide_chain(seed):
    def reached(gain):
        return sloped_chain_norms(gain, seed)[0]

    assert 0.05 < reached(math.sqrt(3)) < 20
    assert reached(1.0) < 0.05  # the slopes forgotten
    assert reached(2.0) > 20  # one over the mean slope
    assert reached(math.e) > 20  # one over the typical slope
