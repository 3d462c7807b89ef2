"""Every qualitative claim of lesson 07, at reduced size, over five seeds."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gradcourse import theory
from gradcourse.experiments.common import digits, trained
from gradcourse.experiments.depth_transfer import LOG2_RATES
from gradcourse.experiments.fivefold import right
from gradcourse.experiments.measurements import stored
from gradcourse.experiments.residual import (
    bent_one,
    end_to_end,
    error_after,
    first_to_last_layer,
    gradient_cosine,
    growth,
    growth_with_last_gamma,
    learned_scale,
    log_singular_values,
    mean_squares,
    measured_shares,
    moved_with_two_zeros,
    open_share,
    parameters_of_the_shortcuts,
    plain_layers,
    readout,
    right_without_a_block,
    scale_for_e,
    shares_by_length,
    sizes,
    slopes,
    states,
    walk,
)
from gradcourse.nets import linear_start_, residual_cnn, residual_mlp
from gradcourse.nets.normalized import normalization

SEEDS = range(5)
DATA = digits()


def error(net, seed, steps, lr=0.1):
    """Training error after some steps, 0 to 1; 1 where the loss is NaN."""
    return 1 - trained(net, steps, lr, seed=seed).train_accuracy[-1]


def plain_norm(seed):
    return residual_mlp(27, order="post", norm="batch", skip=False, seed=seed)


@cache
def trained_plain(seed):
    net = plain_norm(seed)
    return net, error(net, seed, 40)


# ---------------------------------------------------------------- the puzzle


@pytest.mark.parametrize("seed", SEEDS)
def test_56_residual_layers_learn_and_56_plain_ones_do_not(seed):
    assert trained_plain(seed)[1] > 0.7
    assert error(residual_mlp(27, order="post", norm="batch", seed=seed), seed, 30) < 0.2


@pytest.mark.parametrize("seed", SEEDS)
def test_so_it_is_with_convolutions(seed):
    plain, residual = (
        error(residual_cnn(9, 4, skip=skip, seed=seed), seed, 16) for skip in (False, True)
    )
    assert residual < plain - 0.05


# ---------------------------------------------------------------- one plus something


@pytest.mark.parametrize("seed", SEEDS)
def test_singular_values_stay_near_one_with_shortcuts_only(seed):
    for skip in (True, False):
        logs = log_singular_values(skip, seed)
        if skip:
            assert (np.abs(logs) < math.log(10)).all()
            wide = theory.residual_log_singular_values(27, 27**-0.5, 64)
            assert np.median(np.abs(logs - wide)) < 0.15
        else:
            assert np.isneginf(logs).sum() > 32


def test_the_law_says_what_the_text_says():
    logs = theory.residual_log_singular_values(27, 27**-0.5, 64)
    assert math.exp(logs[0]) == pytest.approx(4.1, abs=0.1)
    assert math.exp(logs[-1]) == pytest.approx(0.23, abs=0.01)


def test_the_range_hardly_depends_on_the_depth():
    for depth in (10, 100, 1000, 10_000):
        logs = theory.residual_log_singular_values(depth, depth**-0.5, 64)
        assert math.exp(logs[0]) == pytest.approx(4.1, abs=0.25)
        assert math.exp(logs[-1]) == pytest.approx(0.23, abs=0.02)


def test_the_law_is_that_of_wide_random_factors():
    rng, product = np.random.default_rng(0), np.eye(300)
    for _ in range(27):
        product = product + 27**-0.5 * (rng.normal(size=(300, 300)) / math.sqrt(300)) @ product
    logs = np.log(np.linalg.svd(product, compute_uv=False))
    wide = theory.residual_log_singular_values(27, 27**-0.5, 300)
    np.testing.assert_allclose(logs, wide, atol=0.08)


# ---------------------------------------------------------------- paths


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("alpha", [1.0, 27**-0.5])
def test_the_mean_length_of_the_gradients_paths_is_binomial(alpha, seed):
    shares = shares_by_length(alpha, seed)
    expected = 27 * alpha**2 / (1 + alpha**2)
    assert abs(shares @ np.arange(28) - expected) < 0.1 * expected + 0.3
    assert (shares[0] > 0.2) == (alpha < 1)


def test_shares_are_those_of_the_real_network():
    net = residual_mlp(27, scale=0.5).double()
    x = states(0.5, rows=1)
    for number in (1, 14, 27):
        found = net[number](torch.tensor(x[number - 1])).detach().numpy()
        np.testing.assert_allclose(found, x[number], rtol=1e-6)
    assert np.abs(measured_shares(1.0, seeds=5) - theory.path_shares(27, 1.0)).max() < 0.06


@pytest.mark.parametrize("seed", SEEDS)
def test_a_residual_network_survives_the_loss_of_a_block_and_a_plain_one_does_not(seed):
    for skip in (True, False):
        whole, *cut = right_without_a_block(skip, seed)
        assert whole > 0.9
        assert (min(cut) > 0.5) if skip else (max(cut) < 0.3)


# ---------------------------------------------------------------- the size of the branches


@pytest.mark.parametrize("seed", SEEDS)
def test_the_mean_square_doubles_or_ends_at_e_or_adds_one(seed):
    doubled = np.log2(mean_squares(1.0, rows=32, width=192, seed=seed)[-1])
    assert 24.5 < doubled < 28.5
    assert mean_squares(27**-0.5, rows=32, width=192, seed=seed)[-1] == pytest.approx(2.67, rel=0.2)
    added = sizes("batch norm, α = 1", seed)
    assert added[-1] - added[0] == pytest.approx(27, rel=0.1)


@pytest.mark.parametrize("seed", SEEDS)
def test_with_batch_norm_delta_grows_as_a_power_only(seed):
    assert 15 < end_to_end(True, seed) < 30
    assert end_to_end(False, seed) > 10_000


@pytest.mark.parametrize("seed", SEEDS)
def test_every_recipe_learns_and_no_recipe_does_not(seed):
    for scale in ("inverse_sqrt", "rezero", "fixup"):
        assert error(residual_mlp(27, scale=scale, seed=seed), seed, 40) < 0.2, scale
    assert trained(residual_mlp(27, seed=seed), 5, 0.1, seed=seed).stopped


def test_one_over_l_trains_too():
    """What the speaker notes say."""
    assert error(residual_mlp(27, scale=1 / 27), 0, 60) < 0.2


@pytest.mark.parametrize("seed", SEEDS)
def test_a_learned_scale_comes_near_one_over_root_l(seed):
    for blocks in (9, 18):
        assert 0.5 < math.sqrt(blocks) * learned_scale(blocks, seed, steps=100) < 1.6


def test_near_the_identity_56_plain_layers_learn_without_norm_and_shortcut():
    """The control is He's weights, in the stored runs below.

    Median of five, disturbed or not: 0.035 to 0.055; single runs 0.02 to 0.71, and after 300 steps
    one of 65 had ended as NaN.
    """
    ends = [error_after(plain_layers("near I", seed), 150, seed, 0.02) for seed in range(5)]
    assert np.median(ends) < 0.15


def test_from_a_start_that_is_linear_and_not_the_identity_they_learn_too():
    """Median of five, disturbed or not: 0.0007 to 0.003; one run may stumble at its end (0.4)."""
    nets = [linear_start_(plain_layers("He", seed), seed=seed) for seed in range(5)]
    ends = [error_after(net, 150, seed, 0.02) for seed, net in enumerate(nets)]
    assert np.median(ends) < 0.05


@pytest.mark.parametrize("seed", range(2))
def test_without_a_norm_shortcuts_of_full_size_learn_little_at_any_rate(seed):
    """At 1e-4 and above NaN, or nothing; at 1e-5 0.79 to 0.88 over five seeds."""
    assert error_after(residual_mlp(27, seed=seed), 50, seed, 1e-4) > 0.6
    assert error_after(residual_mlp(27, seed=seed), 50, seed, 1e-5) > 0.6
    assert error_after(residual_mlp(27, scale="rezero", seed=seed), 50, seed) < 0.2


def test_two_zeros_wait_for_each_other():
    assert moved_with_two_zeros() == (False, False)


@pytest.mark.parametrize("seed", range(12))
def test_the_tuning_is_not_at_an_edge(seed):
    assert 1.8 < growth(0.1, seed) < 4.6


def test_the_exercises_on_starts_are_not_at_an_edge():
    assert scale_for_e() == pytest.approx(0.1, rel=0.1)
    for seed in SEEDS:
        assert growth_with_last_gamma(seed=seed) == pytest.approx(1.0, abs=1e-4)
        assert growth_with_last_gamma(1.0, seed) > 5
    assert parameters_of_the_shortcuts() == 0
    assert bent_one() == "b"


def test_with_one_over_l_the_best_rate_stays_at_every_depth():
    """From the stored runs; a rate counts as good within 10 % of the best mean loss."""
    rows, powers = stored("depth_transfer").rows, np.array(LOG2_RATES)

    def good(exponent, blocks):
        mine = [r["losses"] for r in rows if (r["exponent"], r["blocks"]) == (exponent, blocks)]
        mean = np.mean(mine, axis=0)
        return set(powers[mean <= 1.1 * mean.min()])

    assert good(1.0, 2) & good(1.0, 8) & good(1.0, 32)
    assert not good(0.0, 2) & good(0.0, 32)


def test_neither_one_over_l_nor_a_half_is_right():
    assert growth(0.01, 0) < 1.1
    assert growth(0.5, 0) > 1e6


# ---------------------------------------------------------------- the road


@pytest.mark.parametrize("seed", SEEDS)
def test_a_relu_on_the_road_closes_most_of_it(seed):
    assert open_share(1.0, seed=seed)[-1] < 0.02
    assert 0.3 < open_share(60**-0.5, seed=seed)[-1] < 0.5
    assert open_share(0.0, seed=seed)[-1] == 1.0


class Half(torch.nn.Module):
    def forward(self, x):
        return x / 2


@pytest.mark.parametrize("seed", SEEDS)
def test_a_relu_on_the_road_slows_the_learning_and_a_half_stops_it(seed):
    found = []
    for after in (torch.nn.Identity, torch.nn.ReLU, Half):
        net = residual_mlp(27, norm="batch", seed=seed)
        for block in net[1:28]:
            block.after = after()
        found.append(error(net, seed, 30))
    assert found[0] < 0.15
    assert found[0] < found[1] < 0.5 < found[2]


def with_last_norm(seed, norm):
    """Post-activation, but with a norm before the output."""
    modules = list(residual_mlp(27, norm=norm, order="post", seed=seed))
    return torch.nn.Sequential(*modules[:-1], normalization(norm, 64), modules[-1])


@pytest.mark.slow
def test_the_original_order_is_as_fast_with_a_last_norm_or_without():
    """What the speaker notes say. Over five seeds 0.07 to 0.13; on a clear road 0.10 to 0.13."""
    for build in (
        lambda seed: with_last_norm(seed, "batch"),
        lambda seed: residual_mlp(27, norm="batch", order="post", seed=seed),
    ):
        assert np.median([error(build(seed), seed, 30) for seed in SEEDS]) < 0.15


@pytest.mark.slow
def test_with_layer_norm_the_original_order_lacks_a_last_norm():
    """What the speaker notes say. Over five seeds: 0.83 to 0.90, and with a norm 0.21 to 0.52."""
    without, given = (
        [error(build(seed), seed, 50) for seed in SEEDS]
        for build in (
            lambda seed: residual_mlp(27, norm="layer", order="post", seed=seed),
            lambda seed: with_last_norm(seed, "layer"),
        )
    )
    assert np.median(without) > 0.7
    assert np.median(given) < 0.65


# ---------------------------------------------------------------- shattering


@pytest.mark.parametrize("seed", SEEDS)
def test_plain_gradients_shatter_and_residual_ones_do_not(seed):
    assert gradient_cosine(False, seed=seed) < 0.4
    assert gradient_cosine(True, seed=seed) > 0.7


def test_the_mean_over_networks_is_that_of_theory():
    angles = walk(*(DATA.x_train[:2].double().numpy()))[0]
    angle = angles[np.argmin(np.abs(angles - 0.35))]
    for skip, scale in ((False, None), (True, 27**-0.5)):
        found = np.mean([gradient_cosine(skip, seed=seed) for seed in range(8)])
        expected = theory.gradient_correlation(math.cos(angle), 27, scale, layers=2)[-1]
        assert found == pytest.approx(expected, abs=0.13)


@pytest.mark.parametrize("depth", [10, 100, 1000])
def test_with_small_branches_the_correlation_stays_above_one_over_e(depth):
    found = theory.gradient_correlation([-1.0, 0.0, 0.94], depth, depth**-0.5, layers=2)[-1]
    assert (found > 1 / math.e).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_demos_slope_flickers_in_the_plain_network_only(seed):
    def flicker(slope):
        return float(np.mean(np.diff(slope) ** 2) / np.mean(slope**2))

    assert flicker(slopes(False, seed)[-1]) > 5 * flicker(slopes(True, seed)[-1])


# ---------------------------------------------------------------- claims


@pytest.mark.flipped
def test_no_plain_network_fails_for_a_vanishing_gradient():
    """None learns, and none starts with a small gradient. What follows is a symptom.

    The measured ranges are those of 32 runs: eight seeds, each natural, with the oldest kernels,
    with start weights changed in the seventh digit and with noise in every matrix product.
    """
    start, end, wrong = [], [], []
    for seed in SEEDS:
        plain = residual_mlp(27, order="post", skip=False, seed=seed)
        start.append(first_to_last_layer(plain))
        wrong.append(error(plain, seed, 50))
        end.append(first_to_last_layer(plain))
    assert min(wrong) > 0.5  # 0.81 to 1.00, 1 where the loss is NaN
    assert min(start) > 0.1  # 0.23 to 1.30
    assert max(start) < 2
    # 0.001 to 2.9, or NaN: one run says little. The median of five: 0.03 to 0.13.
    assert 0.001 < np.nanmedian(end) < 0.6


def test_with_batch_norm_a_plain_networks_gradient_explodes_and_then_looks_healthy():
    """The measured ranges: see the test above."""
    start, end, growth_of_weights = [], [], []
    for seed in SEEDS:
        fresh = plain_norm(seed)
        start.append(first_to_last_layer(fresh))
        before, after = (
            next(p for name, p in net.named_parameters() if "block1.branch.layer1.weight" in name)
            for net in (fresh, trained_plain(seed)[0])
        )
        growth_of_weights.append(float(after.detach().norm() / before.detach().norm()))
        end.append(first_to_last_layer(trained_plain(seed)[0]))
    assert min(start) > 10_000  # 19,000 to 39,000
    assert min(growth_of_weights) > 50  # 202 to 439
    # 0.12 to 2.9; the median of five: 0.3 to 0.9. "Healthy" is the pictures' band.
    assert 0.1 < np.median(end) < 10
    convolutions = [
        first_to_last_layer(residual_cnn(9, 4, skip=False, seed=seed), "Conv2d") for seed in SEEDS
    ]
    assert min(convolutions) > 200  # 461 to 1297


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("norm", "scale"), [(None, "inverse_sqrt"), ("batch", 1.0), ("layer", 1.0)]
)
def test_the_image_arrives_with_shortcuts_only(norm, scale, seed):
    plain, residual = (
        residual_mlp(27, norm=norm, scale=scale, skip=skip, seed=seed) for skip in (False, True)
    )
    assert readout(plain) < 0.45
    assert readout(residual) > 0.62


@pytest.mark.parametrize("seed", SEEDS)
def test_in_plain_networks_images_are_alike_or_differ_without_regard_to_what_they_show(seed):
    """What the speaker notes say. Correlations of x_27: without a norm 0.92 to 1.00, and with
    shortcuts 0.52 to 0.65; of their pairs with those of the pixels, batch norm: 0.00 to 0.02, and
    with shortcuts 0.28 to 0.41.
    """
    x, pairs = DATA.x_train[:256], np.triu_indices(256, 1)

    def alike(x):
        return np.corrcoef(x.detach())[pairs]

    for skip in (False, True):
        bare = residual_mlp(27, scale="inverse_sqrt", skip=skip, seed=seed)
        assert (alike(bare[:28](x)).mean() > 0.8) != skip
        normed = residual_mlp(27, norm="batch", skip=skip, seed=seed)
        assert (np.corrcoef(alike(x), alike(normed[:28](x)))[0, 1] < 0.15) != skip


def test_with_batch_norm_residual_gradients_are_shattered_too():
    """Why the shattering is not the whole story: this network learns (see the puzzle)."""
    there = torch.tensor(walk(*(DATA.x_train[:2].double().numpy()))[1])
    found = []
    for seed in SEEDS:
        net = residual_mlp(27, 128, norm="batch", seed=seed)[:-2].double()
        x = torch.cat([there[[0, 75]], DATA.x_train[2:256].double()]).requires_grad_()
        output = net(x).sum(1)
        one, other = (torch.autograd.grad(output[k], x, retain_graph=True)[0][k] for k in (0, 1))
        found.append(float(F.cosine_similarity(one, other, dim=0)))
    assert np.mean(found) < 0.3


@pytest.mark.slow
@pytest.mark.parametrize(("lr", "blocks"), [(0.3, 2), (0.03, 4), (0.01, 4)])
def test_no_other_rate_trains_56_plain_layers_without_a_norm(lr, blocks):
    """Beside it, with the same steps, shallower ones: six layers at 0.3, ten at the others.

    Error over eight seeds, start weights as they are and changed in the seventh digit: 56 layers
    0.90 to 1.00, 0.77 to 0.90 and 0.70 to 0.88; the shallow ones 0.05 to 0.07, 0.06 to 0.24 and
    0.15 to 0.32. (Ten layers at 0.3: 0.30 to 1.00, some end as NaN.)
    """
    deep, shallow = (
        [error(residual_mlp(n, order="post", skip=False, seed=s), s, 100, lr) for s in range(3)]
        for n in (27, blocks)
    )
    assert min(deep) > 0.5
    assert np.median(shallow) < 0.5


# ---------------------------------------------------------------- five times the budget


def stored_right(kind, *, at_last=False):
    return right(stored("fivefold").rows, kind, at_last=at_last)


def test_five_times_the_steps_do_not_teach_what_does_not_learn():
    """Ranges: `docs/verdicts.md`."""
    for kind in ("56 layers, plain", "56 layers, no norm, He"):
        assert stored_right(kind, at_last=True).max() < 0.5, kind
    assert stored_right("½ behind each sum").max() < 0.45  # after 150 it has begun


def test_the_controls_learn_with_the_lessons_steps():
    for kind in ("56 layers, residual", "56 layers, no norm, near I", "nothing behind the sums"):
        assert stored_right(kind).min() > 0.7, kind
    convolutions = (stored_right(f"convolutions, {kind}") for kind in ("plain", "residual"))
    plain, residual = (np.median(found) for found in convolutions)
    assert residual > plain + 0.2
