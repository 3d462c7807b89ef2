"""What lesson 12 says: lost updates, a window of 40 powers of two, rates, roads, spikes."""

from __future__ import annotations

import numpy as np
import pytest

from gradcourse import theory
from gradcourse.experiments import precision as bits
from gradcourse.experiments.modern import formats, memory, rates

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
    now = rates.measured("width", rates.MUP, 64, 0)
    found = bits.best(np.array(now["loss"]), bits.exponents_of("width"))[0]
    assert abs(found - bits.best_rates("width", rates.MUP, 64)[0]) <= 1


def test_at_the_base_both_parametrizations_are_the_same():
    standard, mup = (bits.losses("width", kind, 64) for kind in (rates.STANDARD, rates.MUP))
    assert np.array_equal(standard, mup)


# ---------------------------------------------------------------- step 1


def test_as_many_weights_stand_still_as_the_format_says():
    for rate in (1e-5, 1e-4, 5e-4):
        found = [bits.stuck(rate, seed) for seed in range(5)]
        assert np.median(found) == pytest.approx(
            theory.stuck_share(rate, (2 / 64) ** 0.5), abs=0.02
        )


def test_in_training_they_stand_still_as_well():
    """Share of the weights that the first real update left."""
    assert bits.in_format(formats.ALONE, "still").min() > 0.7
    assert bits.in_format(formats.COPY, "still").max() < 0.05


# ---------------------------------------------------------------- step 2


def test_one_scale_serves_as_many_layers_as_40_powers_of_two_allow():
    found = [bits.layers_served(seed) for seed in range(5)]
    assert np.median(found) == pytest.approx(theory.layers_in_range(bits.deep_factor()), abs=1.5)
    assert bits.layers_served(0, "bfloat16") == bits.DEEP


# ---------------------------------------------------------------- step 4


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
