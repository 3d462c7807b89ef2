"""Every exercise, tested by its own data: a new exercise is covered without a new test."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from gradcourse.checking import Question
from gradcourse.exercises import all_exercises, assignment, assignment_names, get, rules
from gradcourse.support import GradcourseError

EXERCISES = all_exercises()


def assert_hold(question: Question, chosen: Iterable[rules.Rule]) -> None:
    problems = [f"{rule.__name__}: {one}" for rule in chosen for one in rule(question)]
    assert not problems, "\n\n".join(problems)


def seeded(question: Question) -> list[rules.Rule]:
    return [rule for rule in rules.rules_for(question) if "SEEDS" in rule.__code__.co_names]


@pytest.mark.parametrize("question", EXERCISES, ids=lambda question: question.id)
def test_the_rules_hold(question: Question, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked with several seeds, with the first of them."""
    monkeypatch.setattr(rules, "SEEDS", rules.SEEDS[:1])
    assert_hold(question, rules.rules_for(question))


@pytest.mark.rest
@pytest.mark.parametrize("question", filter(seeded, EXERCISES), ids=lambda question: question.id)
def test_the_rules_hold_with_the_other_seeds(
    question: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "SEEDS", rules.SEEDS[1:])
    assert_hold(question, seeded(question))


def test_ids_are_unique_and_found() -> None:
    ids = [exercise.id for exercise in EXERCISES]
    assert len(ids) == len(set(ids))
    assert all(get(id).id == id for id in ids)


def test_an_answer_name_means_one_question_of_an_assignment() -> None:
    for name in assignment_names():
        names = [answer for exercise in assignment(name) for answer in exercise.answers]
        assert len(names) == len(set(names)), f"assignment {name}: {sorted(names)}"


def test_an_unknown_id_offers_near_ones() -> None:
    known = EXERCISES[0].id
    with pytest.raises(GradcourseError, match=known):
        get(known[:-1])


def test_an_unknown_assignment_names_those_there_are() -> None:
    with pytest.raises(GradcourseError, match="the assignments are 01"):
        assignment("77")
