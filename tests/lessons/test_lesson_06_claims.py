"""Every qualitative claim of lesson 06, at reduced size, over five seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gradcourse import theory
from gradcourse.data import digits
from gradcourse.demos.batch_norm.depth import deltas, growth, network
from gradcourse.demos.batch_norm.layer import batch_norm, gradient_by_torch, paths
from gradcourse.demos.batch_norm.statistics import batch_variances, normalized_among_strangers
from gradcourse.exercises.batch_norm.layer import bn_backward, bn_parameter_gradients
from gradcourse.exercises.batch_norm.lesson import (
    accuracy_sorted,
    deep_sigmoids_right,
    share_of_gradient,
)
from gradcourse.exercises.batch_norm.networks import (
    accuracy_with_accumulation,
    end_to_end,
    layers_to_a_thousand,
)
from gradcourse.nets import mlp, normalized_mlp
from gradcourse.training import ShiftMeter, train

SEEDS = range(5)
DATA = digits()


def trained(net, seed, steps=100, lr=0.1, **options):
    return train(net, DATA, steps=steps, lr=lr, seed=seed, every=steps, **options)


# ---------------------------------------------------------------- the puzzle


@pytest.mark.parametrize("seed", SEEDS)
def test_thirty_sigmoids_learn_with_batch_norm_only(seed):
    net = normalized_mlp(30, activation="sigmoid", init="xavier", seed=seed)
    assert trained(net, seed, 200).test_accuracy[-1] > 0.8
    assert trained(mlp(30, seed=seed), seed, 100).test_accuracy[-1] < 0.15


@pytest.mark.parametrize("seed", SEEDS)
def test_layer_norm_and_rms_norm_do_not_mend_them(seed):
    for norm in ("layer", "rms"):
        assert deep_sigmoids_right(norm, seed, steps=100) < 0.15


@pytest.mark.parametrize("seed", SEEDS)
def test_a_plain_layer_does_not_stay_in_range_and_a_normed_one_does(seed):
    plain = mlp(8, activation="tanh", init="lecun", seed=seed)
    normed = normalized_mlp(8, activation="tanh", init="lecun", seed=seed)
    sizes = []
    for net in (plain, normed):
        before = float(net[:-2](DATA.x_train).std().detach())
        trained(net, seed, 300)
        sizes.append(float(net[:-2](DATA.x_train).std().detach()) / before)
    assert sizes[0] > 2
    assert 0.8 < sizes[1] < 1.25


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("norm", ["batch", "layer", "rms"])
def test_what_differs_between_images_lives_on_with_batch_norm_only(norm, seed):
    net = normalized_mlp(30, activation="sigmoid", norm=norm, init="xavier", seed=seed).double()
    with torch.no_grad():
        z = net[:-2](DATA.x_train[:256].double())
    share = float((z.var(0).mean() / z.square().mean()).sqrt())
    assert (share > 0.99) == (norm == "batch")
    assert norm == "batch" or share < 1e-10


# ---------------------------------------------------------------- forwards and backwards


@pytest.mark.parametrize("seed", SEEDS)
def test_batch_norm_by_hand_is_torchs_forwards_and_backwards(seed):
    rng = np.random.default_rng(seed)
    u, delta = rng.normal(2.0, 3.0, (2, 9, 4))
    gamma, beta = rng.normal(size=(2, 4))
    inputs, weight, bias = (torch.tensor(v, requires_grad=True) for v in (u, gamma, beta))
    z = F.batch_norm(inputs, None, None, weight, bias, training=True, eps=1e-5)
    z.backward(torch.tensor(delta))
    expected = gamma * batch_norm(u) + beta
    np.testing.assert_allclose(z.detach().numpy(), expected, rtol=0, atol=1e-12)
    found = bn_backward(delta, u, gamma, 1e-5)
    np.testing.assert_allclose(inputs.grad.numpy(), found, rtol=0, atol=1e-12)
    of_gamma, of_beta = bn_parameter_gradients(delta, u, 1e-5)
    np.testing.assert_allclose(weight.grad.numpy(), of_gamma, rtol=0, atol=1e-12)
    np.testing.assert_allclose(bias.grad.numpy(), of_beta, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.sum(0), 0.0, atol=1e-12)


def test_the_three_paths_of_the_demo_add_up_to_autograd():
    u, delta = np.append(np.linspace(-2, 2, 7), 5.0), np.eye(8)[7]
    size = math.sqrt(u.var() + 1e-5)
    np.testing.assert_allclose(paths(u, delta)[2], gradient_by_torch(u, delta) * size, atol=1e-12)


def test_an_outlier_gets_hardly_any_gradient():
    u, delta = np.append(np.linspace(-2, 2, 7), 1000.0), np.eye(8)[7]
    assert abs(paths(u, delta)[2][7]) < 1e-4
    assert batch_norm(u)[7] == pytest.approx(math.sqrt(7), abs=1e-3)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("images", [4, 8, 32, 128])
def test_the_share_of_delta_that_gets_through(images, seed):
    expected = math.sqrt(1 - 2 / images)
    assert share_of_gradient(images, seed) == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize("seed", SEEDS)
def test_of_two_images_hardly_anything_gets_through(seed):
    assert share_of_gradient(2, seed) < 0.2
    left = [share_of_gradient(2, other) for other in range(5 * seed, 5 * seed + 5)]
    assert np.median(left) < 0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_weights_a_thousand_times_as_large_change_nothing_forwards(seed):
    small, large = (normalized_mlp(3, gain=gain, seed=seed).double() for gain in (1.0, 1000.0))
    x = DATA.x_train[:64].double()
    z = [net[:-2](x) for net in (small, large)]
    torch.testing.assert_close(z[0], z[1], rtol=0, atol=1e-3)


# ---------------------------------------------------------------- training and evaluation


@pytest.mark.parametrize("seed", SEEDS)
def test_sorted_batches_are_normalized_away_in_training_mode(seed):
    assert accuracy_sorted(seed, training=True) < 0.3
    assert accuracy_sorted(seed, training=False) > 0.9


@pytest.mark.parametrize("seed", SEEDS)
def test_a_small_momentum_spoils_the_evaluation_of_a_good_network(seed):
    net = normalized_mlp(4, momentum=0.001, seed=seed)
    assert trained(net, seed, 200).test_accuracy[-1] < 0.9
    with torch.no_grad():
        right = (net(DATA.x_test).argmax(1) == DATA.y_test).double().mean()
    assert right > 0.9


def test_torch_refuses_to_train_on_one_image():
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        normalized_mlp(1)(DATA.x_train[:1])


def test_the_demo_of_the_running_variance_starts_far_from_the_truth():
    values, truth = batch_variances()
    assert truth > 2
    assert np.mean(values) == pytest.approx(truth, rel=0.1)


# ---------------------------------------------------------------- the size of the batch


@pytest.mark.parametrize("seed", SEEDS)
def test_at_batch_size_2_only_the_norms_without_a_batch_learn(seed):
    right = {
        norm: trained(network(norm, 4, seed=seed), seed, 200, 0.05, batch=2).test_accuracy[-1]
        for norm in ("batch", "layer", "rms")
    }
    assert right["batch"] < 0.45
    assert min(right["layer"], right["rms"]) > 0.5


@pytest.mark.parametrize("seed", SEEDS)
def test_accumulating_gradients_does_not_enlarge_the_batch_of_batch_norm(seed):
    assert accuracy_with_accumulation("batch", 2, 8, seed) < 0.6
    assert accuracy_with_accumulation("layer", 2, 8, seed) > 0.8
    assert accuracy_with_accumulation("batch", 16, 1, seed) > 0.9


def test_a_larger_batch_is_less_noisy_and_two_images_are_signs():
    noise = [np.std(normalized_among_strangers(size)[0]) for size in (8, 64, 256)]
    assert noise[0] > 2 * noise[1] > 2 * noise[2]
    assert np.mean(np.abs(normalized_among_strangers(2)[0]) > 0.99) > 0.9


# ---------------------------------------------------------------- depth


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("name", "above"), [("relu", 0.02), ("tanh", 0.04), ("sigmoid", 0.04)])
def test_delta_grows_by_the_predicted_factor(name, above, seed):
    expected = theory.normalized_gradient_growth(name)
    measured = growth(network("batch", 56, name, seed=seed), 512)
    assert -0.02 < measured - expected < above


@pytest.mark.parametrize("seed", SEEDS)
def test_the_gap_to_theory_shrinks_with_the_width(seed):
    narrow, wide = (
        growth(normalized_mlp(20, width, "tanh", seed=seed), 256) for width in (64, 512)
    )
    assert wide < narrow
    assert wide > theory.normalized_gradient_growth("tanh")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("gain", [0.3, 1.0, 3.0])
def test_weights_have_no_say_in_a_normed_network_and_all_in_a_plain_one(gain, seed):
    assert growth(network("batch", 20, seed=seed, gain=gain)) == pytest.approx(1.21, abs=0.03)
    assert growth(network("layer", 20, seed=seed, gain=gain)) == pytest.approx(1.0, abs=0.05)
    assert growth(network("none", 20, seed=seed, gain=gain)) == pytest.approx(gain, rel=0.05)


@pytest.mark.parametrize("seed", SEEDS)
def test_with_batch_norm_no_weights_make_delta_vanish(seed):
    for name in ("relu", "tanh", "sigmoid"):
        for gain in (0.1, 1.0, 10.0):
            found = deltas(network("batch", 30, name, seed=seed, gain=gain))
            assert found[0] > found[-1] / 2


@pytest.mark.parametrize("seed", SEEDS)
def test_ten_layers_train_and_56_do_not_and_the_first_step_says_why(seed):
    assert trained(normalized_mlp(10, seed=seed), seed).train_accuracy[-1] > 0.9
    run = trained(normalized_mlp(56, seed=seed), seed)
    assert run.train_accuracy[-1] < 0.4
    first = trained(normalized_mlp(56, seed=seed), seed, 1).relative_change[-1][0]
    assert first > 100
    assert run.relative_change[-1][0] == pytest.approx(first, rel=0.01)


@pytest.mark.parametrize("lr", [1.0, 0.03, 0.01, 0.003])
def test_no_other_learning_rate_trains_56_layers(lr):
    assert trained(normalized_mlp(56, seed=0), 0, 150, lr).train_accuracy[-1] < 0.4


@pytest.mark.parametrize("seed", SEEDS)
def test_layer_norm_is_no_way_out_either(seed):
    """What the speaker notes say: δ is level, but all images look alike."""
    net = network("layer", 56, seed=seed)
    assert growth(net) == pytest.approx(1.0, abs=0.05)
    z = net[:-2](DATA.x_train[:256]).detach()
    assert float((z.var(0).mean() / z.square().mean()).sqrt()) < 0.3
    assert trained(normalized_mlp(56, norm="layer", seed=seed), seed).train_accuracy[-1] < 0.2


@pytest.mark.parametrize("seed", SEEDS)
def test_adam_is_no_way_out(seed):
    run = trained(
        normalized_mlp(56, seed=seed), seed, optimizer=lambda p: torch.optim.Adam(p, lr=1e-3)
    )
    assert run.train_accuracy[-1] < 0.4


@pytest.mark.parametrize("seed", SEEDS)
def test_fifty_six_layers_that_bend_less_do_train(seed):
    """What the exercise on β says."""
    assert trained(normalized_mlp(56, beta=1.5, seed=seed), seed, 300).train_accuracy[-1] > 0.8


@pytest.mark.parametrize("seed", SEEDS)
def test_relu_layers_scramble_the_digits_sooner_than_sigmoids(seed):
    x, y = DATA.x_train[:512], DATA.y_train[:512]
    share = {}
    for name in ("relu", "sigmoid"):
        net = normalized_mlp(30, activation=name, seed=seed)
        with torch.no_grad():
            z = net[:-2](x)
        weights = torch.bincount(y) / len(y)
        means = torch.stack([z[y == k].mean(0) for k in range(10)])
        between = (weights[:, None] * (means - z.mean(0)).square()).sum()
        share[name] = float(between / z.var(0, correction=0).sum())
    assert share["relu"] < 0.04 < 0.08 < share["sigmoid"]


@pytest.mark.parametrize("seed", range(10))
def test_the_exercises_on_depth_are_not_at_an_edge(seed):
    assert 31 < layers_to_a_thousand(seed) < 42
    assert 6 < end_to_end(seed, 1.5) < 40
    assert end_to_end(seed, 0.0) > 1000
    assert end_to_end(seed, 4.0) < 3.5


# ---------------------------------------------------------------- claims


@pytest.mark.parametrize("seed", SEEDS)
def test_more_covariate_shift_and_yet_more_learning(seed):
    def shift_and_right(net):
        meter = ShiftMeter(net, DATA.x_train[:512], lr=0.1, every=20)
        run = trained(net, seed, 300, optimizer=meter)
        return meter.shift, run.test_accuracy[-1], run.loss[-50:].mean()

    def recipe(noise):
        return normalized_mlp(4, 64, "sigmoid", init="xavier", noise=noise, seed=seed)

    plain, normed, shaken = map(shift_and_right, (mlp(4, seed=seed), recipe(0.0), recipe(0.55)))
    assert 100 * normed[0] < plain[0] < shaken[0] / 2
    assert plain[1] < 0.2
    assert min(normed[1], shaken[1]) > 0.85
    assert shaken[2] > normed[2]


@pytest.mark.parametrize("seed", SEEDS)
def test_large_initial_weights_freeze_although_the_forward_pass_is_the_same(seed):
    runs = [trained(normalized_mlp(4, gain=gain, seed=seed), seed, 300) for gain in (1.0, 100.0)]
    assert runs[0].test_accuracy[-1] > 0.93 > runs[1].test_accuracy[-1]
    assert runs[1].relative_change[-1][0] < 1e-2 * runs[0].relative_change[-1][0]
