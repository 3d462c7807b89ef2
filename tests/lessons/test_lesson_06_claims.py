"""Every qualitative claim of lesson 06, at reduced size, over five seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gradcourse import theory
from gradcourse.experiments import common
from gradcourse.experiments.batch_norm import (
    accuracy_mixed,
    accuracy_sorted,
    accuracy_with_accumulation,
    batch_variances,
    bent,
    decades,
    deep_sigmoids,
    deltas,
    differing,
    end_to_end,
    equilibrium,
    first_relative_step,
    first_to_last,
    gradient_by_torch,
    growth,
    growth_of_a_difference,
    growth_with_leak,
    hidden_weights_times,
    layers_to_a_thousand,
    near_identity,
    network,
    normalized_among_strangers,
    paths,
    share_of_gradient,
    shares_between_digits,
    standardised,
    variance_after_dropout,
    which_of_three,
)
from gradcourse.experiments.fivefold import right
from gradcourse.experiments.measurements import stored
from gradcourse.nets import mlp, normalized_mlp
from gradcourse.training import ShiftMeter

SEEDS = range(5)
DATA = common.digits()


def trained(net, seed, steps=40, lr=0.1, **options):
    return common.trained(net, steps, lr, seed=seed, **options)


def learned(run):
    """Whether the last ten losses are clearly below those of guessing, ln 10 = 2.3."""
    return run.loss[-10:].mean() < 1.9


# ---------------------------------------------------------------- the puzzle


@pytest.mark.parametrize("seed", SEEDS)
def test_thirty_sigmoids_learn_with_batch_norm_only(seed):
    run = trained(deep_sigmoids("batch", 30, seed), seed)
    assert learned(run)
    assert run.test_accuracy[-1] > 0.6
    others = [deep_sigmoids("layer", 30, seed), deep_sigmoids("rms", 30, seed), mlp(30, seed=seed)]
    for net in others:
        run = trained(net, seed)
        assert not learned(run)
        assert run.test_accuracy[-1] < 0.15


@pytest.mark.parametrize("seed", SEEDS)
def test_a_plain_layer_does_not_stay_in_range_and_a_normed_one_does(seed):
    plain = mlp(8, activation="tanh", init="lecun", seed=seed)
    normed = normalized_mlp(8, activation="tanh", init="lecun", seed=seed)
    sizes = []
    for net in (plain, normed):
        before = float(net[:-2](DATA.x_train).std().detach())
        trained(net, seed, 60)
        sizes.append(float(net[:-2](DATA.x_train).std().detach()) / before)
    assert sizes[0] > 2
    assert 0.8 < sizes[1] < 1.25


@pytest.mark.parametrize("seed", SEEDS)
def test_what_differs_between_images_lives_on_with_batch_norm_only(seed):
    """With the others it fades by √(E[φ′²]/E[φ²]) a layer, to about 1e-12."""
    for norm in ("batch", "layer", "rms"):
        share = differing(norm, seed)
        if norm == "batch":
            assert share[-1] == pytest.approx(1.0, abs=1e-3)
        else:
            assert 2e-13 < share[-1] < 5e-12
            kept = theory.mean_squared_slope("sigmoid", 1.0) / theory.q_map("sigmoid", 1.0, 1.0)
            factor = (share[-1] / share[0]) ** (1 / 29)
            assert factor == pytest.approx(math.sqrt(kept), abs=0.02)


# ---------------------------------------------------------------- forwards and backwards


def test_the_three_paths_of_the_demo_add_up_to_autograd():
    u, delta = np.append(np.linspace(-2, 2, 7), 5.0), np.eye(8)[7]
    size = math.sqrt(u.var() + 1e-5)
    np.testing.assert_allclose(paths(u, delta)[2], gradient_by_torch(u, delta) * size, atol=1e-12)


def test_an_outlier_gets_hardly_any_gradient():
    u, delta = np.append(np.linspace(-2, 2, 7), 1000.0), np.eye(8)[7]
    assert abs(paths(u, delta)[2][7]) < 1e-4
    assert standardised(u)[7] == pytest.approx(math.sqrt(7), abs=1e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_share_of_delta_that_gets_through(seed):
    for images in (4, 8, 32, 128):
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
    assert accuracy_mixed(seed, False, momentum=0.001) < 0.9 < accuracy_mixed(seed, True, 0.001)
    assert accuracy_mixed(seed, False) > 0.9


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
    """At half as many updates as the exercise; so its 80 and 85 % are 70 % here."""
    right = {
        (norm, size): accuracy_with_accumulation(norm, size, 16 // size, seed, updates=60)
        for norm in ("batch", "layer")
        for size in (2, 16)
    }
    assert right["batch", 2] < 0.5
    assert min(right["layer", 2], right["batch", 16], right["layer", 16]) > 0.7


@pytest.mark.parametrize("seed", SEEDS)
def test_sixteen_images_at_once_reach_what_the_exercise_says(seed):
    assert min(accuracy_with_accumulation(n, 16, 1, seed) for n in ("batch", "layer")) > 0.85


def test_a_larger_batch_is_less_noisy_and_two_images_are_signs():
    noise = [np.std(normalized_among_strangers(size)[0]) for size in (8, 64, 256)]
    assert noise[0] > 2 * noise[1] > 2 * noise[2]
    assert np.mean(np.abs(normalized_among_strangers(2)[0]) > 0.99) > 0.9


# ---------------------------------------------------------------- depth


@pytest.mark.parametrize("seed", SEEDS)
def test_delta_grows_by_the_predicted_factor(seed):
    for name, above in (("relu", 0.02), ("tanh", 0.04), ("sigmoid", 0.04)):
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
def test_weights_have_no_say_in_a_normed_network_and_all_in_a_plain_one(seed):
    for gain in (0.3, 1.0, 3.0):
        assert growth(network("batch", 20, seed=seed, gain=gain)) == pytest.approx(1.21, abs=0.03)
        assert growth(network("layer", 20, seed=seed, gain=gain)) == pytest.approx(1.0, abs=0.05)
        assert growth(network("none", 20, seed=seed, gain=gain)) == pytest.approx(gain, rel=0.05)


@pytest.mark.parametrize("seed", SEEDS)
def test_with_batch_norm_no_weights_make_delta_vanish(seed):
    """In decades over 30 layers; without a norm the gain makes 29 of them either way."""
    for name in ("relu", "tanh", "sigmoid"):
        for gain in (0.1, 1.0, 10.0):
            assert decades("batch", name, gain, seed) > -0.3
    assert decades("none", "relu", 0.1, seed) < -25 < 25 < decades("none", "relu", 10.0, seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_below_epsilon_it_vanishes_all_the_same(seed):
    found = deltas(network("batch", 30, seed=seed, gain=0.001))
    assert found[0] < 1e-6 * found[-1]


@pytest.mark.parametrize("seed", SEEDS)
def test_ten_relu_layers_train_and_56_do_not_and_the_first_step_says_why(seed):
    short, deep = (trained(normalized_mlp(depth, seed=seed), seed, 30) for depth in (10, 56))
    assert learned(short)
    assert short.train_accuracy[-1] > 0.7
    assert not learned(deep)
    assert deep.train_accuracy[-1] < 0.4
    first = {
        d: trained(normalized_mlp(d, seed=seed), seed, 1).relative_change[-1][0] for d in (10, 56)
    }
    assert first[56] > 100
    # Of 56 layers all of the change is the first step's, but so steep a gradient is known to 20 %
    # only: the ratio is 1.000, and 0.81 to 1.19 with noise of 1e-7 in every product. Of ten layers
    # it is 2.4 to 3.4.
    assert deep.relative_change[-1][0] / first[56] == pytest.approx(1, abs=0.5)
    assert short.relative_change[-1][0] / first[10] > 2


def late_loss(net, seed, steps, lr=0.1, **options):
    """Mean loss of the last ten steps."""
    return float(trained(net, seed, steps, lr, **options).loss[-10:].mean())


@pytest.mark.flipped
def test_fifty_six_gently_bent_layers_do_train():
    """Sigmoids, and the ReLU with β = 1.5 of the exercise; in as many steps ReLU does not.

    Loss after 80 steps, eight seeds with start weights as they are and changed in the seventh
    digit: sigmoids 0.99 to 1.41, β = 1.5 0.48 to 1.43, ReLU 2.22 to 2.35. (After 40 steps single
    networks with β = 1.5 were at 1.26 to 1.92: too short.)
    """
    gentle = {
        "sigmoid": lambda seed: deep_sigmoids("batch", 56, seed),
        "ReLU, β = 1.5": lambda seed: normalized_mlp(56, beta=1.5, seed=seed),
    }
    for name, build in gentle.items():
        assert np.median([late_loss(build(seed), seed, 80) for seed in SEEDS]) < 1.6, name
    bent = [late_loss(normalized_mlp(56, seed=seed), seed, 80) for seed in SEEDS]
    assert np.median(bent) > 2.0
    assert min(bent) > 1.9


@pytest.mark.slow
@pytest.mark.parametrize(("lr", "steps"), [(1.0, 160), (0.03, 160), (0.003, 400)])
def test_no_other_learning_rate_trains_56_layers(lr, steps):
    """With the steps that ten layers need at that rate; 0.01 and Adam are stored, see below.

    Loss at the end, over five seeds, from the largest rate to the smallest: ten layers 0.13 to
    0.22, 0.45 to 0.48 and 1.41 to 1.45; 56 layers 2.24 to 2.29, 2.18 to 2.31 and 2.37 to 2.49.
    """
    ten, deep = (
        [late_loss(normalized_mlp(depth, seed=seed), seed, steps, lr) for seed in range(3)]
        for depth in (10, 56)
    )
    assert np.median(ten) < 1.7
    assert min(deep) > 1.9


def test_layer_norm_is_no_way_out_either():
    """δ is level, but all images look alike; that it does not learn is stored, see below."""
    for seed in SEEDS:
        net = network("layer", 56, seed=seed)
        assert growth(net) == pytest.approx(1.0, abs=0.05)
        z = net[:-2](DATA.x_train[:256]).detach()
        assert float((z.var(0).mean() / z.square().mean()).sqrt()) < 0.3


@pytest.mark.parametrize("seed", SEEDS)
def test_small_differences_grow_by_the_factor_of_delta(seed):
    """Behind ReLU 1.21, behind sigmoids 1.04, where wide layers have 1.21 and 1.02."""
    for name in ("relu", "sigmoid"):
        expected = theory.normalized_gradient_growth(name)
        assert growth_of_a_difference(name, seed) == pytest.approx(expected, abs=0.04), name


@pytest.mark.parametrize("seed", SEEDS)
def test_relu_layers_scramble_the_digits_sooner_than_sigmoids(seed):
    """In layer 30."""
    relu, sigmoid = (shares_between_digits(name, seed)[2] for name in ("relu", "sigmoid"))
    assert relu < 0.04 < 0.08 < sigmoid


def test_near_the_identity_the_same_layers_do_not_explode_and_learn():
    """The control of "batch norm does not save 56 ReLU layers".

    Right after 80 steps, five seeds: 0.53 to 0.64 here, 0.08 to 0.19 with He's weights (stored).
    """
    found = []
    for seed in range(3):
        net = near_identity(seed)
        assert 4 < first_to_last(deltas(net)) < 60
        found.append(trained(net, seed, 80).train_accuracy[-1])
    assert np.median(found) > 0.4
    assert stored_right("56 ReLU layers").max() < 0.3


def test_straighter_layers_grow_as_predicted_and_a_slope_of_four_fifths_lets_56_learn():
    for leak in (0.5, 0.8):
        for seed in range(3):
            assert 0.0 < growth(bent(leak, seed)) - growth_with_leak(leak) < 0.04
    assert growth_with_leak(0.0) == pytest.approx(theory.normalized_gradient_growth("relu"))
    right_of = [trained(bent(0.8, seed), seed, 80).train_accuracy[-1] for seed in range(3)]
    assert np.median(right_of) > 0.6


def test_weight_decay_sets_the_ratio_of_gradient_and_weights():
    for rate in (0.1, 0.02):
        found = equilibrium(rate, 0)
        assert found.ratio == pytest.approx(math.sqrt(0.2 / rate), rel=0.05)
        assert found.largest_cosine < 1e-3
    assert equilibrium(0.02, 0).gradient > 1.1 * equilibrium(0.1, 0).gradient


@pytest.mark.parametrize("seed", SEEDS)
def test_the_exercises_on_depth_are_not_at_an_edge(seed):
    assert 31 < layers_to_a_thousand(seed) < 42
    assert 6 < end_to_end(seed, 1.5) < 40
    assert end_to_end(seed, 0.0) > 1000
    assert end_to_end(seed, 4.0) < 3.5


def test_the_exercises_on_sizes_are_not_at_an_edge():
    for seed in SEEDS:
        ratio = first_relative_step(0.5, seed) / first_relative_step(1.0, seed)
        assert ratio == pytest.approx(4.0, rel=0.02)
        assert variance_after_dropout(seed=seed) == pytest.approx(0.5, rel=0.05)
    assert which_of_three() == "bc"


# ---------------------------------------------------------------- five times the budget


def stored_right(kind, *, at_last=False):
    return right(stored("fivefold").rows, kind, at_last=at_last)


# ---------------------------------------------------------------- claims


@pytest.mark.parametrize("seed", SEEDS)
def test_more_covariate_shift_and_yet_more_learning(seed):
    def shift_and_right(net):
        meter = ShiftMeter(net, DATA.x_train[:512], lr=0.1, every=20)
        run = trained(net, seed, 100, optimizer=meter)
        return meter.shift, run.test_accuracy[-1], run.loss[-50:].mean()

    plain = shift_and_right(mlp(4, seed=seed))
    normed, shaken = (
        shift_and_right(deep_sigmoids("batch", 4, seed, noise=noise)) for noise in (0.0, 0.55)
    )
    assert 100 * normed[0] < plain[0] < shaken[0] / 1.5
    assert plain[1] < 0.2
    assert min(normed[1], shaken[1]) > 0.85
    assert shaken[2] > normed[2]


@pytest.mark.parametrize("seed", SEEDS)
def test_large_hidden_weights_freeze_although_the_forward_pass_is_the_same(seed):
    def run(factor, steps):
        return trained(hidden_weights_times(factor, seed), seed, steps)

    first = [run(factor, 1).relative_change[-1][0] for factor in (1, 100)]
    assert first[0] / first[1] == pytest.approx(1e4, rel=0.01)
    small, large = run(1, 120), run(100, 120)
    assert small.test_accuracy[-1] > 0.93 > large.test_accuracy[-1]
    assert large.relative_change[-1][:-1].max() < 1e-3 < small.relative_change[-1][:-1].min()
    only_the_rest = normalized_mlp(4, seed=seed)
    for name, module in only_the_rest.named_children():
        module.requires_grad_(not name.startswith("layer"))
    frozen = trained(only_the_rest, seed, 120)
    assert frozen.test_accuracy[-1] == pytest.approx(large.test_accuracy[-1], abs=0.04)


def test_five_times_the_steps_do_not_teach_what_does_not_learn():
    """Ranges: `docs/verdicts.md`. The margins are several times as far away as those are wide."""
    hopeless = ("30 sigmoid layers, plain", "30 sigmoid layers, layer norm",
                "30 sigmoid layers, RMS norm", "56 ReLU layers, layer norm",
                "56 ReLU layers, Adam")  # fmt: skip
    for kind in hopeless:
        assert stored_right(kind, at_last=True).max() < 0.2, kind
    for kind in ("56 ReLU layers", "56 ReLU layers, rate 0.01", "batches of 2, batch norm"):
        assert stored_right(kind, at_last=True).max() < 0.5, kind


def test_the_controls_learn_with_the_lessons_steps():
    for kind in ("30 sigmoid layers, batch norm", "10 ReLU layers", "10 ReLU layers, Adam",
                 "10 ReLU layers, layer norm", "10 ReLU layers, rate 0.01",
                 "batches of 2, layer norm"):  # fmt: skip
        assert stored_right(kind).min() > 0.6, kind


def test_frozen_features_are_fitted_by_the_output_layer_in_the_end():
    """What the lesson says of weights × 100: 0.87 to 0.89 after 300 steps, 0.98 after 1500."""
    assert stored_right("hidden weights × 100").max() < 0.93
    assert stored_right("hidden weights × 100", at_last=True).min() > 0.95
