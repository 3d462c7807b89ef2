"""The emergency room: charts, prices, scores, and a player that guesses."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gradcourse.emergency import EXAMINATIONS, emergency_room, read_chart, report, score
from gradcourse.emergency.chart import ON_CALL, Chart
from gradcourse.emergency.prices import PRICES
from gradcourse.emergency.score import FULL, WRONG, Report
from gradcourse.exercises.diagnosis.emergency import _slip
from gradcourse.experiments.ward import KINDS, NAMES, TREATMENTS, admit, kind, outcome, treated
from gradcourse.support import GradcourseError

SICK = [row for row in ON_CALL if not row.healthy]


@cache
def skill(key: str, seed: int, treatments: tuple[str, ...] = ()) -> float:
    return outcome(treated(admit(key, seed), treatments)).skill


def _wrong(key: str, count: int) -> list[str]:
    """Treatments that belong to no known cure of a kind, drawn at random."""
    cures = {name for cure in kind(key).cure for name in cure}
    others = [row.key for row in TREATMENTS if row.key not in cures]
    rng = np.random.default_rng(len(key))
    return [others[k] for k in rng.permutation(len(others))[:count]]


# ---------------------------------------------------------------- who comes


def test_there_are_twelve_kinds_and_more_and_some_are_healthy() -> None:
    assert len(SICK) >= 12
    assert 2 <= len(ON_CALL) - len(SICK) < len(SICK)
    assert {name for row in KINDS for name in row.names} == set(NAMES)


def test_a_shift_brings_every_kind_once_and_another_shift_another_order() -> None:
    orders = [
        tuple(Chart(shift, patient).kind.key for patient in range(1, len(ON_CALL) + 1))
        for shift in range(5)
    ]
    assert all(sorted(order) == sorted(row.key for row in ON_CALL) for order in orders)
    assert len(set(orders)) == 5


def test_one_kind_comes_with_other_networks_each_time() -> None:
    for row in ON_CALL:
        drawn = {admit(row.key, seed) for seed in range(6)}
        assert len(drawn) == 6
        assert len({(r.depth, r.width, r.rate, r.batch, r.updates) for r in drawn}) >= 4


def test_no_chart_names_its_kind() -> None:
    room = emergency_room(4, 2)
    shown = repr(room) + repr(room.examinations) + repr(room.treatments) + repr(room.loss_curve)
    assert not any(row.key in shown for row in SICK if row.key not in NAMES)


# ---------------------------------------------------------------- what is done to them


QUICK = ("deep sigmoid", "overflow", "squashed number", "forgotten", "stale", "noisy")
"""Kinds of every sort of cure; the slow test plays all."""


@pytest.mark.parametrize("key", QUICK)
def test_the_cure_mends_and_a_wrong_treatment_does_not(key: str) -> None:
    before = skill(key, 0)
    if kind(key).healthy:
        assert before > 0.8
        return
    best = skill(key, 0, kind(key).cure[0])
    assert best > before + 0.1
    assert best > 0.6
    (wrong,) = _wrong(key, 1)
    assert skill(key, 0, (wrong,)) < before + 0.5 * (best - before)


@pytest.mark.slow
@pytest.mark.parametrize("key", [row.key for row in ON_CALL])
def test_every_patient_with_the_right_treatment_and_with_three_wrong_ones(key: str) -> None:
    gains = []
    for seed in range(5):
        before = skill(key, seed)
        if kind(key).healthy:
            assert before > 0.75
            continue
        best = max(skill(key, seed, cure) for cure in kind(key).cure)
        assert best > before + 0.1, seed
        gains += [(skill(key, seed, (name,)) - before) / (best - before) for name in _wrong(key, 3)]
    assert not gains or np.median(gains) < 0.5, gains


def test_two_defects_need_two_treatments() -> None:
    row = kind("two at once")
    (both,) = row.cure
    assert len(both) == 2
    alone = [skill(row.key, 0, (name,)) for name in both]
    assert skill(row.key, 0, both) > 0.8 > 0.3 > max(alone)


# ---------------------------------------------------------------- charts


def test_a_chart_is_written_and_read_back() -> None:
    room = emergency_room(4, 2)
    room.examine("outputs")
    room.name("head")
    room.treat("free the head")
    line = str(room.chart)
    assert line == "4.2: ?outputs; =head; +free the head"
    assert read_chart(line) == room.chart
    assert emergency_room(line).chart == room.chart


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", "is no chart"),
        ("4.99: ", "a shift has patients 1 to"),
        ("4.1: what", "begins with none of"),
        ("4.1: ?temperature", "there is no examination 'temperature'"),
        ("4.1: =cold", "there is no diagnosis 'cold'"),
        ("4.1: =head; +aspirin", "there is no treatment 'aspirin'"),
        ("4.1: +clip", "name what you think it is"),
        ("4.1: =head; -clip", "is not in effect"),
        ("4.1: " + "; ".join(["=head"] * 60), "entries at most"),
        ("4.1: =head; +" + "; +".join(row.key for row in TREATMENTS[:7]), "bears 6 treatments"),
    ],
)
def test_a_line_that_is_no_chart_says_why(line: str, message: str) -> None:
    with pytest.raises(GradcourseError, match=message):
        read_chart(line)


def test_the_same_examination_in_one_state_is_paid_once() -> None:
    chart = read_chart("4.2: ?outputs; ?outputs; =head; +free the head; ?outputs")
    assert chart.spent == 2 * PRICES["outputs"]


def test_every_examination_says_something_of_every_task() -> None:
    assert tuple(row.key for row in EXAMINATIONS) == tuple(PRICES)
    seen = set()
    for patient in range(1, len(ON_CALL) + 1):
        room = emergency_room(4, patient)
        task = room.chart.admitted.task
        if task in seen:
            continue
        seen.add(task)
        for key in PRICES:
            result = room.examine(key)
            assert result.title == key
            assert result.lines
            assert "nan" not in repr(result).lower(), (task, key)
    assert seen == {"digits", "regression", "recall"}


# ---------------------------------------------------------------- scores


def test_the_right_treatment_scores_and_examinations_cost() -> None:
    found = report(read_chart("4.2: ?first loss; ?outputs; =head; +free the head"))
    assert found.recovered == 1.0
    assert found.score == 100 - PRICES["first loss"] - PRICES["outputs"]
    assert found.right_name
    assert found.share == 1.0
    assert found.score > FULL


def test_a_needless_treatment_costs_and_so_does_one_taken_back() -> None:
    clean = report(read_chart("4.2: =head; +free the head"))
    kept = report(read_chart("4.2: =step too large; +clip; =head; +free the head"))
    assert kept.wrong == ("clip",)
    assert kept.score == round(100 * kept.recovered) - WRONG <= clean.score - WRONG
    back = report(read_chart("4.2: =step too large; +clip; -clip; =head; +free the head"))
    assert back.wrong == ("clip",)
    assert back.score == clean.score - WRONG


def test_a_healthy_one_is_sent_home() -> None:
    assert Chart(4, 3).kind.healthy
    assert report(read_chart("4.3: =healthy")).score == 100
    assert report(read_chart("4.3: =exploding; +clip")).score == -WRONG


def test_a_sick_one_that_is_sent_home_scores_nothing() -> None:
    assert report(read_chart("4.1: ?first loss; =healthy")).score == -PRICES["first loss"]


def test_two_defects_are_scored_as_one_cure() -> None:
    patient = next(p for p in range(1, 25) if Chart(4, p).kind.key == "two at once")
    line = f"4.{patient}: =cut off; +connect all parts; =step too large; +lower the rate"
    assert report(read_chart(line)).score == 100


@pytest.mark.slow
def test_a_player_that_guesses_scores_near_nothing() -> None:
    """One examination, one name, one treatment or none, all at random."""
    rng = np.random.default_rng(0)
    scores = []
    for k in range(30):
        chart = Chart(100 + k // 10, 1 + k % 10)
        chart = chart.plus("?", str(rng.choice(list(PRICES)[:8])))
        chart = chart.plus("=", str(rng.choice(list(NAMES))))
        pick = int(rng.integers(len(TREATMENTS) + 1))
        if pick < len(TREATMENTS):
            chart = chart.plus("+", TREATMENTS[pick].key)
        scores.append(report(chart).score)
    assert -30 < np.mean(scores) < 15, np.mean(scores)
    assert np.median(scores) <= 0


@pytest.mark.parametrize(
    ("skills", "counts", "tries"),
    [
        ((0.4, 0.9, 0.95), 0.95, 3),
        ((0.4, 0.41, 0.95), 0.41, 2),
        ((0.96, 0.0, 0.0), 0.96, 1),
        ((0.0, 0.93, 0.95), 0.95, 3),
    ],
)
def test_no_points_hang_by_a_rounding_error(
    skills: tuple[float, ...], counts: float, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What falls short is tried again, unless two tries agree, as where no kernel matters."""
    asked = []

    def run(recipe: Any) -> Any:
        asked.append(recipe.rate)
        return SimpleNamespace(skill=skills[len(asked) - 1])

    monkeypatch.setattr(score, "outcome", run)
    assert score._tried(Chart(4, 1).admitted, 0.95).skill == counts
    assert len(asked) == len(set(asked)) == tries
    assert max(asked) < min(asked) * (1 + 1e-5)


@pytest.mark.parametrize(("recovered", "spent", "named"), [(0.86, 32, True), (0.7, 32, False)])
def test_what_examinations_cost_is_named_where_they_alone_cost_it(
    recovered: float, spent: int, named: bool
) -> None:
    chart = read_chart("4.1: =vanishing; +normalize")
    found = Report(0.1, 0.9, 0.95, recovered, (), spent, "vanishing", True, "")
    assert (_slip(chart, found) == "too many examinations") == named


def test_discharge_ends_it() -> None:
    room = emergency_room("4.3: =healthy")
    room.discharge()
    assert room.discharged
    with pytest.raises(GradcourseError, match="was discharged"):
        room.examine("outputs")


def test_a_room_that_is_not_there() -> None:
    for arguments in ((-1,), (True, 99), (4, 0), ("x",)):
        with pytest.raises(GradcourseError):
            emergency_room(*arguments)
    assert emergency_room().chart.shift != emergency_room().chart.shift
