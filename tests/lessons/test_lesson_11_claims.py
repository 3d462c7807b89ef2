"""What lesson 11 says: √L and its spread, the stream, logits, streams, tokens alike, no norm."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from gradcourse import theory
from gradcourse.diagnosis import diagnose
from gradcourse.experiments import transformer as depth
from gradcourse.experiments.copying import (
    GUESS,
    LONG,
    RUNS,
    Recipe,
    delta_by_block,
    stream,
    training,
)
from gradcourse.experiments.copying.measured import damage, without
from gradcourse.experiments.measurements import stored

# ---------------------------------------------------------------- what is stored


def test_each_stored_training_is_of_the_recipe_that_is_named_now():
    for row in stored("transformers").rows:
        assert row["recipe"] == asdict(RUNS[row["kind"]]), row["kind"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pre", "loud", "loud, QK-norm", "tanh"])
def test_a_training_is_measured_again_as_it_was_stored(kind):
    """Trained anew: another machine's rounding moves the end, not what is said of it."""
    run = training(RUNS[kind], 0)
    row = next(row for row in depth.runs(kind) if row["seed"] == 0)
    assert run.loss[:10].mean() == pytest.approx(row["loss"][0], rel=0.02)
    assert 0.2 < run.end / row["end"] < 5
    assert 0.4 < run.logits.max() / row["largest logit"] < 2.5


# ---------------------------------------------------------------- step 1


def test_the_last_blocks_ratio_grows_like_the_root_of_the_depth():
    """Medians of 8: 1.7 to 5.7 at 2 to 16; single networks spread over a factor of 3 to 5."""
    depths = (2, 4, 8, 16)
    middle = [np.median(depth.ratios(blocks)) for blocks in depths]
    exponent = np.polyfit(np.log(depths), np.log(middle), 1)[0]
    assert exponent == pytest.approx(0.5, abs=0.2)
    for blocks, found in zip(depths, middle, strict=True):
        assert 0.8 < found / theory.last_block_ratio(blocks) < 1.9
    spread = depth.ratios(8)
    assert spread.max() / spread.min() > 1.5


def test_the_last_delta_follows_the_forward_pass_and_single_networks_do_not_scatter():
    """Measured over predicted 0.87 to 1.01 in eight networks of 16 blocks, 0.90 to 0.97 at 4."""
    for blocks in (4, 16):
        found, law = depth.last_delta_ratios(blocks)
        assert found / law == pytest.approx(np.ones(8), abs=0.25)


def test_the_forward_pass_predicts_the_gradient_by_block():
    """The demo's dashed line; within a factor of 1.6 in every block of 16."""
    sizes = depth.stream_sizes(16)
    for seed in range(3):
        found = depth.first_gradients("pre", 16, seed)
        law = np.sqrt(sizes[-1] / sizes[1:])
        assert np.abs(np.log(found / found[-1] / law)).max() < np.log(1.8)
        # In post-LN it is level where pre-LN's falls to a third.
        level = depth.first_gradients("post", 16, seed)
        assert level.max() / level.min() < 3


def test_the_stream_of_pre_ln_grows_linearly_and_post_lns_not_at_all():
    sizes = depth.stream_sizes(32)
    assert np.corrcoef(np.arange(33), sizes)[0, 1] > 0.99
    assert 0.7 < np.diff(sizes).mean() < 1.5
    post = stream(Recipe(8, order="post").network(0))[0]
    assert post[1:] == pytest.approx(np.ones(8), abs=0.05)


def test_pre_ln_learns_without_warm_up_and_post_ln_does_not():
    """Pre 0.006 to 0.007, post 2.76 to 2.78, with a warm-up 2.56 to 2.69, all after 250 updates."""
    assert depth.of("pre", "end").max() < 0.05
    assert depth.of("post", "end").min() > 2.7
    assert depth.of("post, warm-up", "end").max() < 2.72
    assert np.median(depth.of("post, long", "end")) > 2.7


def test_in_post_ln_without_warm_up_the_gradient_vanishes_over_the_depth():
    """log₁₀ of δ_1/δ_16 at the end: pre 0.9 to 1.1, warm-up −0.6 to −0.3, post −3.5 to −1.5."""
    decades = {
        kind: np.log10(depth.of(kind, "delta")[:, 0] / depth.of(kind, "delta")[:, -1])
        for kind in ("pre", "post", "post, warm-up", "post, long")
    }
    assert 0.5 < decades["pre"].min() < decades["pre"].max() < 1.3
    assert decades["post, warm-up"].min() > -1
    assert np.median(decades["post"]) < -2
    assert decades["post"].max() < -1
    assert np.median(decades["post, long"]) < -3


# ---------------------------------------------------------------- step 2


def test_the_first_two_blocks_do_the_copying_and_no_late_one_is_missed():
    found = depth.of("pre", "damage")
    assert found[:, :2].min() > 0.5
    assert np.median(found[:, 8:], axis=0).max() < 0.01
    assert depth.cheapest_end() == "late"


def test_a_single_block_is_enough_to_copy():
    """0.014 to 0.015 after 250 updates; a guess is 2.77."""
    assert max(training(Recipe(1), seed).end for seed in range(2)) < 0.1


def test_cutting_is_leaving_out():
    model = Recipe(3).network(0)
    assert len(without(model, 2)) == len(model) - 1
    assert without(model, 2)[1] is model[1]
    assert damage(model, 0).shape == (3,)


def test_what_a_block_adds_falls_like_one_over_the_root_of_its_number():
    share = np.median(depth.of("pre", "share"), axis=0)
    late = np.arange(4, 17)
    exponent = np.polyfit(np.log(late), np.log(share[3:]), 1)[0]
    assert exponent == pytest.approx(-0.5, abs=0.15)


def test_scaled_norms_let_the_stream_grow_like_a_logarithm():
    """Mean square behind 4, 16, 64 blocks: 4.7, 14, 66 without, 3.3, 4.1, 5.0 with 1/√l."""
    plain, scaled = (
        [depth.first_stream(blocks, 0, held)[0][-1] for blocks in (4, 16, 64)]
        for held in (False, True)
    )
    assert plain[2] > 40 > 10 > scaled[2]
    assert plain[2] - plain[1] > 3 * (plain[1] - plain[0])
    assert scaled[2] - scaled[1] < 1.8 * (scaled[1] - scaled[0])


# ---------------------------------------------------------------- step 3


def test_logits_grow_to_hundreds_and_qk_norm_holds_them_at_its_bound():
    bound = theory.logit_bound(12)
    free, held = depth.largest_logits("loud"), depth.largest_logits("loud, QK-norm")
    assert free.min() > 200
    assert held.max() <= bound * (1 + 1e-5)
    assert held.min() > 0.95 * bound
    assert depth.of("loud", "sure").min() > 0.3
    assert depth.of("loud, QK-norm", "sure").max() < 0.05
    assert np.median(depth.of("loud", "end")) > 20 * np.median(depth.of("loud, QK-norm", "end"))


def test_a_softmax_saturates_as_a_sigmoid_does():
    slopes = [depth.attention_weights(scale)[1] for scale in (1.0, 10.0, 100.0)]
    assert [float(slope.max()) for slope in slopes] == sorted(
        (float(slope.max()) for slope in slopes), reverse=True
    )
    assert slopes[2].max() < 1e-6
    weights, slope = depth.attention_weights(1.0)
    assert slope == pytest.approx(weights * (1 - weights))


# ---------------------------------------------------------------- deeper


def test_free_mixings_explode_at_their_exponent_and_doubly_stochastic_ones_have_norm_one():
    """The luckiest direction is ahead of one vector: at 0.1 it has not settled within 60."""
    for s, low, high in ((0.1, 2, 10), (0.3, 150, 2000)):
        one_vector = np.exp(60 * theory.identity_plus_noise_exponent(4, s))
        assert max(low, one_vector) < depth.gain_of_60(s) < high
        # What 100 rounds of Sinkhorn's iteration leave.
        assert np.abs(depth.gains(s, doubly=True) - 1).max() < 1e-3
    growth = np.log(np.median(depth.gains(0.3)[:, -1] / depth.gains(0.3)[:, 20])) / 40
    assert growth == pytest.approx(theory.identity_plus_noise_exponent(4, 0.3), rel=0.35)


def test_in_deep_post_ln_tokens_become_alike_and_queries_get_no_gradient():
    """log₁₀ of query over value at 64 blocks: pre −1.4 to −1.2, post below −5."""
    for seed in range(3):
        assert depth.query_share("pre", 64, seed) > 0.02
        assert depth.query_share("post", 64, seed) < 1e-4
        assert depth.likeness("pre", 64, seed) < 0.95 < 0.999 < depth.likeness("post", 64, seed)
        delta = delta_by_block(Recipe(16, order="post").network(seed), seed, 8)
        assert 0.2 < delta[0] / delta[-1] < 5


# ---------------------------------------------------------------- claim 2


def test_a_tanh_does_as_well_as_a_norm_here():
    assert depth.of("layer", "at 250").max() < 0.05
    assert depth.of("tanh", "at 250").max() < 0.1
    # Without either it takes longer, and it does learn: 2.6 after 250 updates, 0.03 after 1250.
    assert depth.of("none", "at 250").min() > 1.0
    assert np.median(depth.of("none", "end")) < 0.5


# ---------------------------------------------------------------- the diagnosis


def test_a_healthy_transformer_is_healthy():
    """On its way down from ln 16; the slow test follows it to the end."""
    assert diagnose(training(Recipe(4, updates=40), 0, probed=True).record).healthy


@pytest.mark.slow
def test_the_diagnosis_is_right_about_both_trainings():
    for seed in range(2):
        pre, post = (
            training(Recipe(order=order), seed, probed=True).record for order in ("pre", "post")
        )
        assert diagnose(pre).healthy
        assert diagnose(post).kinds != ("healthy",)


def test_a_guess_is_ln_16():
    assert pytest.approx(np.log(16)) == GUESS
    assert 5 * Recipe().updates == LONG
