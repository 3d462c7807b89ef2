"""Networks as data: the same recipe gives the same run, and each defect is what it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gradcourse.experiments.ward import (
    KINDS,
    TREATMENTS,
    Recipe,
    admit,
    kind,
    network,
    outcome,
    treated,
    treatment,
)
from gradcourse.experiments.ward.recipe import rows_of
from gradcourse.lessons import LESSONS
from gradcourse.support import GradcourseError

SMALL = Recipe(updates=30, width=16)


def test_a_recipe_is_reproducible_and_leaves_the_generator_alone() -> None:
    torch.manual_seed(3)
    state = torch.get_rng_state()
    first = outcome(SMALL)
    outcome.cache_clear()
    again = outcome(SMALL, True)
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(first.loss, again.loss)
    assert first.measured == again.measured
    assert len(again.record) == 30


def test_a_treatment_changes_what_it_says_and_nothing_else() -> None:
    sick = replace(
        SMALL, head="softmax", trained=False, paired=False, input_scale=9.0, tested="training"
    )
    changed = {
        row.key: {
            name
            for name in Recipe.__dataclass_fields__
            if getattr(treated(sick, (row.key,)), name) != getattr(sick, name)
        }
        for row in TREATMENTS
    }
    assert changed["free the head"] == {"head"}
    assert changed["connect all parts"] == {"trained"}
    assert changed["mend the data loader"] == {"paired"}
    assert changed["scale the data"] == {"input_scale"}
    assert changed["test in evaluation mode"] == {"tested", "recount"}
    assert changed["lower the rate"] == changed["raise the rate"] == {"rate"}
    assert changed["open the forget gate"] == set()


def test_treatments_name_lessons_that_there_are() -> None:
    assert {row.lesson for row in TREATMENTS} <= {row.number for row in LESSONS}


def test_mispaired_rows_have_the_same_targets_in_another_order() -> None:
    x, y, x_test, y_test = rows_of(SMALL)
    x2, y2, x_test2, y_test2 = rows_of(replace(SMALL, paired=False))
    assert torch.equal(x, x2)
    assert not torch.equal(y, y2)
    assert torch.equal(y.bincount(), y2.bincount())
    assert torch.equal(x_test, x_test2)
    assert torch.equal(y_test, y_test2)


def test_what_is_cut_off_has_no_gradient() -> None:
    run = outcome(replace(SMALL, connected=False), True)
    gradients = {row.name: row.gradient for row in run.record.who_trains()}
    assert gradients["0.0.weight"] == "none"
    assert gradients["3.weight"] == "some"
    held = {
        row.name: row.in_optimizer
        for row in outcome(replace(SMALL, trained=False), True).record.who_trains()
    }
    assert [name for name, flag in held.items() if flag] == ["2.bias"]


def test_the_norm_that_overflows_is_exactly_0_after_clipping() -> None:
    run = network("overflow", 0)
    assert run.norm[0] > 1e10
    np.testing.assert_array_equal(run.start[0], run.end[0])


def test_one_broken_batch_is_one_update() -> None:
    clean, broken = outcome(SMALL), outcome(replace(SMALL, spike_at=5))
    np.testing.assert_array_equal(clean.loss[:5], broken.loss[:5])
    assert broken.norm[5] > 100 * clean.norm[5]


@pytest.mark.slow
def test_healthy_ones_do_well_and_sick_ones_do_not() -> None:
    for row in KINDS:
        skill = network(row.key, 1).skill
        assert (skill > 0.8) == row.healthy or (not row.healthy and skill < 0.9), row.key


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(GradcourseError, match="no kind 'soup'"):
        kind("soup")
    with pytest.raises(GradcourseError, match="did you mean clip"):
        treatment("clipp")
    assert admit("sound", 0) == admit("sound", 0)
