"""Every exercise, tested by its own data: a new exercise is covered without a new test."""

from __future__ import annotations

import pytest

from gradcourse.checking import Question
from gradcourse.exercises import all_exercises, assignment, assignment_names, get, rules
from gradcourse.support import GradcourseError

EXERCISES = all_exercises()


RULES = [
    pytest.param(question, rule, id=f"{question.id}: {rule.__name__}")
    for question in EXERCISES
    for rule in rules.rules_for(question)
]
SEEDED = [one for one in RULES if "SEEDS" in one.values[1].__code__.co_names]


def assert_holds(question: Question, rule: rules.Rule) -> None:
    problems = list(rule(question))
    assert not problems, "\n\n".join(problems)


@pytest.mark.parametrize(("question", "rule"), RULES)
def test_the_rules_hold(
    question: Question, rule: rules.Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a rule is tried with several seeds, with the first of them."""
    monkeypatch.setattr(rules, "SEEDS", rules.SEEDS[:1])
    assert_holds(question, rule)


@pytest.mark.rest
@pytest.mark.parametrize(("question", "rule"), SEEDED)
def test_the_rules_hold_with_the_other_seeds(
    question: Question, rule: rules.Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "SEEDS", rules.SEEDS[1:])
    assert_holds(question, rule)


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
