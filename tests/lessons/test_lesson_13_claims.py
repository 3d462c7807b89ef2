"""What lesson 13 says: ranges of networks, maps with two verdicts."""

from __future__ import annotations

import pytest

from gradcourse.experiments.common import accuracy
from gradcourse.experiments.ledger import (
    enclosed,
    enclosed_theory,
    maps_in_lines,
    put_on_trial,
    turning_maps,
)
from gradcourse.experiments.maps.plans import PLANS
from gradcourse.nets import mlp


@pytest.mark.parametrize("networks", [2, 3, 5, 10])
def test_a_range_encloses_the_median_as_often_as_coins_say(networks: int) -> None:
    """Distance at most 0.01 over 4000 draws; a standard deviation is 0.008 at two networks."""
    assert enclosed(networks) == pytest.approx(float(enclosed_theory(networks)), abs=0.035)


def test_several_maps_have_both_verdicts() -> None:
    assert turning_maps() >= 3
    lines = maps_in_lines().splitlines()
    assert len(lines) == len(PLANS) + 1
    assert all(plan.question in "\n".join(lines) for plan in PLANS.values())


def test_a_claim_of_ones_own_gets_a_word_for_each_budget() -> None:
    def layers(depth):
        def right(steps, seed):
            return accuracy(mlp(depth, seed=seed), steps, 0.5, seed=seed)

        return right

    found = put_on_trial(layers(8), layers(1), steps=40, passes=0.8, margin=0.2, seeds=range(2))
    assert found.accused.shape == found.control.shape == (2, 2)
    assert found.verdict.endswith("fails")
    assert "control" in repr(found)
