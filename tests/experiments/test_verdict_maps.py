"""Verdict maps: trained together as one by one, judged by their rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gradcourse.experiments.maps.arms import Arm, Stack, measured
from gradcourse.experiments.maps.places import FAILS, HOLDS, SILENT, _At, _place, verdict_map
from gradcourse.experiments.maps.plans import ARMS, PLANS
from gradcourse.support import GradcourseError

SMALL = Arm(
    "two ReLU layers",
    "mlp",
    (0.05, 0.5),
    (5, 20),
    (8, 16),
    options=(("depth", 2), ("activation", "relu"), ("init", "he")),
)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_stack_updates_each_network_as_torch_would(optimizer: str) -> None:
    arm = replace(SMALL, optimizer=optimizer)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6, 64, generator=generator)
    y = torch.randint(10, (6,), generator=generator)
    models = [arm.network(8, seed) for seed in range(2)]
    stack = Stack(arm, models, arm.rates)
    for _ in range(3):
        stack.loss(x.expand(2, 6, 64), y.expand(2, 6)).sum().backward()
        stack.step()
    kind = torch.optim.Adam if optimizer == "adam" else torch.optim.SGD
    for k, rate in enumerate(arm.rates):
        model = arm.network(8, k)
        alone = kind(model.parameters(), lr=rate)
        for _ in range(3):
            alone.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
            alone.step()
        for name, parameter in model.named_parameters():
            assert torch.allclose(stack.weights[name][k], parameter, atol=2e-5), name


def test_rows_have_a_number_for_each_rate_and_budget() -> None:
    rows = measured(SMALL, 8)
    assert set(rows) == {0, 1, 2}
    assert [len(per_rate) for per_rate in rows[0]["right"]] == [2, 2]
    assert rows[0]["survived"] == [21, 21]
    assert 0 < rows[0]["least"][0] < 10


def test_four_rates_three_budgets_two_widths_three_seeds() -> None:
    for name, arm in ARMS.items():
        assert len(arm.rates) == 4, name
        assert len(arm.budgets) == 3, name
        assert len(arm.widths) == 2, name
        assert arm.budgets[2] == 5 * arm.budgets[1], name
    for plan in PLANS.values():
        accused, control = ARMS[plan.accused], ARMS[plan.control]
        assert (accused.rates, accused.budgets) == (control.rates, control.budgets)


@pytest.mark.parametrize(
    ("accused", "control", "says"), [(0.2, 0.9, FAILS), (0.88, 0.9, HOLDS), (0.2, 0.5, SILENT)]
)
def test_a_place_speaks_only_where_the_control_has_learned(accused, control, says) -> None:
    here, there = ([_At(value, 1.0, 1.0, 0.0)] * 3 for value in (accused, control))
    assert _place(PLANS["deeper"], 0.1, 300, 16, here, there).says == says


def test_every_map_has_its_24_places() -> None:
    for name in PLANS:
        chart = verdict_map(name)
        assert len(chart.places) == 24, name
        assert sum(chart.counts.values()) == 24
        assert "<caption>" in chart.html()
        assert str(chart.places[0].budget) in repr(chart)


def test_no_map_says_nothing_and_the_lessons_verdict_is_on_it() -> None:
    for name in PLANS:
        counts = verdict_map(name).counts
        assert counts[SILENT] < 20, (name, counts)
        assert counts[FAILS], (name, counts)


def test_a_map_that_is_not_there_is_named() -> None:
    with pytest.raises(GradcourseError, match="deeper"):
        verdict_map("deepr")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sigmoid", "normed"])
def test_an_arm_trained_now_is_the_stored_one(name: str) -> None:
    from gradcourse.experiments.measurements import stored

    arm = ARMS[name]
    short = replace(arm, budgets=arm.budgets[:2])
    now = measured(short, arm.widths[0])[0]["right"]
    row = next(r for r in stored("maps").rows if r["arm"] == name and r["seed"] == 0)
    for mine, then in zip(now, row["right"], strict=True):
        assert mine == pytest.approx(then[:2], abs=0.15)
