"""What lesson 12 says: lost updates, a window of 40 powers of two, rates, roads, spikes."""

from __future__ import annotations

import numpy as np
import pytest

from gradcourse import theory
from gradcourse.experiments import precision as bits
from gradcourse.experiments.modern import formats, memory, rates, scans, spikes

# ---------------------------------------------------------------- what is stored


@pytest.mark.slow
@pytest.mark.parametrize("kind", formats.KINDS)
def test_a_training_in_a_format_is_measured_again_as_it_was_stored(kind):
    now = formats.training(kind, 0, formats.UPDATES)
    then = bits.in_format(kind, "loss")[0]
    assert now["loss"][0] == pytest.approx(then[0], rel=0.02)
    assert now["loss"][-1] == pytest.approx(then[formats.UPDATES // formats.EVERY - 1], rel=0.3)


@pytest.mark.slow
def test_a_scan_of_rates_is_measured_again_as_it_was_stored():
    now = rates.measured(rates.MUP, 64, 0)
    then = bits.losses(rates.MUP, 64)[0]
    assert np.array(now["loss"]) == pytest.approx(then, rel=0.3)


def test_at_the_base_both_parametrizations_are_the_same():
    standard, mup = (bits.losses(kind, 64) for kind in (rates.STANDARD, rates.MUP))
    assert np.array_equal(standard, mup)


# ---------------------------------------------------------------- step 1


def test_as_many_weights_stand_still_as_the_format_says():
    for rate in (1e-5, 1e-4, 5e-4):
        found = [bits.stuck(rate, seed) for seed in range(5)]
        assert np.median(found) == pytest.approx(
            theory.stuck_share(rate, (2 / 64) ** 0.5), abs=0.02
        )


def test_weights_in_bfloat16_do_not_feel_small_updates():
    """Loss after 400 updates 0.62 to 0.82 and 2.29 to 2.81, after 2000 0.04 to 0.05 and 1.8 to 2.5.

    A copy in float32 gives the same loss to 0.002; so does rounding at random, to 0.02.
    """
    for updates in (400, 2000):
        whole, copy, alone, chance = (bits.loss_of(kind, updates) for kind in formats.KINDS)
        assert alone.min() > 2 * whole.max()
        assert np.abs(copy / whole - 1).max() < 0.1
        assert np.abs(chance / whole - 1).max() < 0.2
    assert bits.in_format(formats.COPY, "right").min() > 0.9
    assert bits.in_format(formats.ALONE, "right").max() < 0.5


def test_in_training_they_stand_still_as_well():
    """Share of the weights that the first real update left."""
    assert bits.in_format(formats.ALONE, "still").min() > 0.7
    assert bits.in_format(formats.COPY, "still").max() < 0.05


# ---------------------------------------------------------------- step 2


def test_one_scale_serves_as_many_layers_as_40_powers_of_two_allow():
    found = [bits.layers_served(seed) for seed in range(3)]
    assert np.median(found) == pytest.approx(theory.layers_in_range(bits.deep_factor()), abs=1.5)
    assert bits.layers_served(0, "bfloat16") == bits.DEEP


def test_a_healthy_gradient_fits_into_float16_over_a_range_of_scales():
    """Lost at 2^0 6 to 8 %, at 2^10 to 2^20 less than 0.1 %, at 2^30 more than 90 %."""
    for seed in range(2):
        assert 0.02 < bits.lost(seed, "float16") < 0.2
        assert max(bits.lost(seed, "float16", scale) for scale in (8, 12, 16, 20)) < 0.003
        assert bits.lost(seed, "float16", 30) > 0.7
        assert bits.lost(seed, "bfloat16", 30) == 0
        for scale in (-12, 0, 24, 30):
            measured = bits.shares(bits.gradient(seed), "float16", scale)
            expected = bits.expected_shares(bits.gradient(seed), "float16", scale)
            assert measured == pytest.approx(expected, abs=0.08)


# ---------------------------------------------------------------- step 3


def test_one_update_moves_wide_layers_by_more_unless_the_rate_is_divided():
    """From 256 to 1024 units by 3.5 at standard, by 1.0 with µP."""
    for seed in range(3):
        standard, mup = (
            bits.moved(1024, kind, seed) / bits.moved(256, kind, seed)
            for kind in (rates.STANDARD, rates.MUP)
        )
        assert 2.5 < standard < 4.5
        assert 0.7 < mup < 1.4


def test_the_best_rate_falls_with_the_width_and_stays_with_mup():
    """As powers of two: standard −7 to −5, −9 to −8, −11 to −9; µP −7 to −5, −8 to −6, −8 to −6."""
    standard, mup = (
        [bits.best_rates(kind, width) for width in rates.WIDTHS]
        for kind in (rates.STANDARD, rates.MUP)
    )
    assert standard[2].max() < standard[0].min() - 1
    assert np.median(standard[2]) <= np.median(standard[1]) - 1 <= np.median(standard[0]) - 2
    assert abs(np.median(mup[2]) - np.median(mup[0])) <= 1
    # What it does not promise: the wide network is no better for it.
    best = [np.median(bits.losses(kind, 1024).min(axis=1)) for kind in (rates.STANDARD, rates.MUP)]
    assert best[0] < 0.8 * best[1]


def test_over_depth_the_best_rate_stays_where_branches_are_divided_by_the_depth():
    move = {
        kind: np.median(bits.best_rates_over_depth(kind, 32) - bits.best_rates_over_depth(kind, 2))
        for kind in bits.BRANCHES
    }
    assert move["1"] <= -2
    assert move["1"] < move["1/L"]
    assert abs(move["1/L"]) <= 1


# ---------------------------------------------------------------- step 4


def test_a_recurrence_without_a_matrix_solves_200_steps():
    assert bits.median_needed(scans.MIN_GRU) < 400
    assert bits.median_needed(scans.GRU) < 800
    assert bits.median_needed(scans.RNN) == np.inf


def test_the_road_of_a_diagonal_recurrence_is_a_product_of_numbers_below_one():
    for seed in range(5):
        measured, product = memory.roads(seed)
        np.testing.assert_allclose(measured, product, rtol=1e-9)
        assert measured.max() <= 1
        later, _ = memory.roads(seed, slow=4.0)
        assert np.median(later[-101]) > 1e3 * np.median(measured[-101])


def test_the_sensitivity_grows_with_the_third_power_of_the_memory_unless_it_is_tamed():
    for keep in (0.9, 0.99):
        state, slope = np.median([memory.sensitivity(keep, seed) for seed in range(5)], axis=0)
        assert state == pytest.approx(float(theory.state_variance(keep)), rel=0.15)
        assert slope == pytest.approx(float(theory.weight_sensitivity(keep)), rel=0.3)
        tamed = np.median([memory.sensitivity(keep, seed, tamed=True)[1] for seed in range(5)])
        assert tamed == pytest.approx(0.5, abs=0.2)


# ---------------------------------------------------------------- after a spike


def test_muon_walks_along_an_accident_unless_it_is_clipped_or_forgotten():
    """Right after 50 updates: 0.16 to 0.40; clipped 0.86 to 0.95; emptied 0.91 to 0.94."""
    hurt, clipped, emptied, well = (
        bits.after_accident(kind)
        for kind in (spikes.ACCIDENT, spikes.CLIPPED, spikes.EMPTIED, spikes.NONE)
    )
    assert hurt[:, 5].max() < 0.6
    assert min(found[:, 5].min() for found in (clipped, emptied, well)) > 0.75
    assert hurt[:, 30].min() > 0.85


def test_its_memory_needs_as_long_as_the_law_says():
    """114 to 142 updates, 121 by the law: the gradients are smaller or larger than at the spike."""
    found = bits.after_accident(spikes.ACCIDENT, "returned")
    law = theory.updates_to_forget(spikes.ACCIDENT_SIZE, spikes.MOMENTUM)
    assert np.median(found) == pytest.approx(law, rel=0.3)


@pytest.mark.slow
def test_an_accident_is_measured_again_as_it_was_stored():
    now = spikes.accident(spikes.ACCIDENT, 0, 60)
    then = bits.after_accident(spikes.ACCIDENT)[0]
    assert now["right"][5] == pytest.approx(then[5], abs=0.25)


# ---------------------------------------------------------------- since then


def test_the_fewer_bits_of_fraction_the_further_a_gradient_is_turned():
    """0.1 degrees in bfloat16, 1.5 with three bits, 3.0 with two: half with each bit."""
    degrees = [
        bits.turned(0, dtype) for dtype in ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
    ]
    assert degrees == sorted(degrees)
    assert degrees[3] / degrees[2] == pytest.approx(2, abs=0.3)
    assert degrees[3] / degrees[1] == pytest.approx(32, rel=0.2)
