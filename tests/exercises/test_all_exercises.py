"""Every exercise, tested by its own data: a new exercise is covered without a new test."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from gradcourse.checking import (
    Choice,
    CodeExercise,
    Function,
    Misconception,
    Prediction,
    Question,
    Tuning,
    Verdict,
    check,
    code,
    naming,
)
from gradcourse.checking.call import Outcome, call_trusted
from gradcourse.checking.code import function_of
from gradcourse.checking.compare import compare
from gradcourse.exercises import all_exercises, assignment, assignment_names, get
from gradcourse.figures import Knob
from gradcourse.support import GradcourseError

EXERCISES = all_exercises()
CODE = [exercise for exercise in EXERCISES if isinstance(exercise, CodeExercise)]
PREDICTIONS = [exercise for exercise in EXERCISES if isinstance(exercise, Prediction)]
CHOICES = [exercise for exercise in EXERCISES if isinstance(exercise, Choice)]
TUNINGS = [exercise for exercise in EXERCISES if isinstance(exercise, Tuning)]
SEEDS = (0, 1, 2, 3, 4)

VALUE_MISCONCEPTIONS = [
    pytest.param(exercise, slip, id=f"{exercise.id}: {slip.name}")
    for exercise in [*PREDICTIONS, *TUNINGS]
    for slip in exercise.misconceptions
]


def by_id(exercises: list) -> list:
    return [pytest.param(exercise, id=exercise.id) for exercise in exercises]


def reference_answers(exercise: CodeExercise) -> dict:
    return {function.name: function.reference for function in exercise.functions}


@cache
def truth_of(id: str) -> Any:
    """What a prediction or a choice measures, measured once for all tests."""
    exercise = get(id)
    assert isinstance(exercise, Prediction | Choice)
    return exercise.measure()


def with_its_truth(exercise: Prediction | Choice) -> Prediction | Choice:
    """The same exercise, which need not measure again: a training takes seconds."""
    return replace(exercise, measure=lambda: truth_of(exercise.id))


def stub(*_: object) -> None:
    raise NotImplementedError


def assert_full(verdict: Verdict, exercise: Question) -> None:
    assert verdict.right, f"\n{verdict}"
    assert verdict.earned == verdict.possible == exercise.points
    assert verdict.misconceptions == ()


# ── All kinds ─────────────────────────────────────────────────────────────────────────────────


def test_ids_are_unique_and_found() -> None:
    ids = [exercise.id for exercise in EXERCISES]
    assert len(ids) == len(set(ids))
    assert all(get(id).id == id for id in ids)


def test_an_answer_name_means_one_question_of_an_assignment() -> None:
    for name in assignment_names():
        names = [answer for exercise in assignment(name) for answer in exercise.answers]
        assert len(names) == len(set(names)), f"assignment {name}: {sorted(names)}"


@pytest.mark.parametrize(
    "driver",
    [
        pytest.param(function.driver, id=f"{exercise.id}: {function.name}")
        for exercise in CODE
        for function in exercise.functions
        if function.driver is not None
    ],
)
def test_a_driver_can_be_found_without_its_exercise(driver) -> None:
    """The learner's process finds it by name, in a module that knows no right answer."""
    assert driver.__module__.startswith("gradcourse.drivers.")
    module = importlib.import_module(driver.__module__)
    assert getattr(module, driver.__qualname__) is driver


@pytest.mark.parametrize("exercise", by_id(EXERCISES))
def test_words_and_hints_are_there(exercise: Question) -> None:
    assert exercise.title.strip()
    assert exercise.answers
    assert all(name.isidentifier() for name in exercise.answers)
    assert all(hint.strip() for hint in exercise.hints)
    assert len(set(exercise.hints)) == len(exercise.hints)
    if exercise.points:
        assert len(exercise.hints) == 3


@pytest.mark.parametrize("exercise", by_id(EXERCISES))
def test_nothing_answered_is_no_point_and_no_exception(exercise: Question) -> None:
    untouched = stub if isinstance(exercise, CodeExercise) else None
    for answer in (dict.fromkeys(exercise.answers, untouched), {}, None, ...):
        verdict = check(exercise, answer, seed=0)
        assert verdict.unanswered
        assert verdict.earned == 0
        assert verdict.possible == exercise.points
        assert repr(verdict).splitlines()[0] == f"{exercise.id}: not answered yet"


def test_an_unknown_id_offers_near_ones() -> None:
    known = EXERCISES[0].id
    with pytest.raises(GradcourseError, match=known):
        get(known[:-1])


def test_an_unknown_assignment_names_those_there_are() -> None:
    with pytest.raises(GradcourseError, match="the assignments are 01"):
        assignment("77")


# ── Code ──────────────────────────────────────────────────────────────────────────────────────


class Remembered:
    """`call_trusted`, which runs each of the course's own functions once on each input.

    A verdict runs the reference, and every slip until one matches: for all slips of an exercise
    in turn that is each slip once for each other one.
    """

    def __init__(self) -> None:
        self._outcomes: dict[tuple[Any, ...], Outcome] = {}

    def __call__(
        self, function: Function, answer: Callable[..., Any], cases: Sequence[tuple[Any, ...]]
    ) -> list[Outcome]:
        keys = [(function.name, answer, pickle.dumps(case)) for case in cases]
        new = {
            key: case for key, case in zip(keys, cases, strict=True) if key not in self._outcomes
        }
        outcomes = call_trusted(function, answer, list(new.values()))
        self._outcomes.update(zip(new, outcomes, strict=True))
        return [self._outcomes[key] for key in keys]


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The learner's answer is still called afresh: only what it is held against is remembered."""
    once = Remembered()
    monkeypatch.setattr(code, "call_trusted", once)
    monkeypatch.setattr(naming, "call_trusted", once)


@pytest.mark.parametrize("exercise", by_id(CODE))
def test_the_reference_is_right(exercise: CodeExercise) -> None:
    for seed in SEEDS:
        assert_full(check(exercise, reference_answers(exercise), seed=seed), exercise)


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("exercise", by_id(CODE))
def test_each_misconception_is_named_and_no_other(exercise: CodeExercise) -> None:
    problems = [
        f"{slip.name!r}, seed {seed}: {problem}"
        for seed in SEEDS
        for function in exercise.functions
        for slip in function.misconceptions
        for problem in misjudged(exercise, function, slip, seed)
    ]
    assert not problems, "\n\n".join(problems)


def misjudged(
    exercise: CodeExercise, function: Function, slip: Misconception, seed: int
) -> list[str]:
    """Say what is wrong with the verdict on a learner who has this misconception."""
    answers = reference_answers(exercise) | {function.name: slip.answer}
    verdict = check(exercise, answers, seed=seed)
    said = {part.message.splitlines()[0] for part in verdict.parts if part.status == "wrong"}
    problems = {
        f"named {verdict.misconceptions}": verdict.misconceptions != (slip.name,),
        "full points": verdict.earned >= verdict.possible and bool(verdict.possible),
        "it is taken for right": verdict.right,
        f"the learner reads {said}": said != {slip.message.splitlines()[0]},
    }
    return [f"{problem}\n{verdict}" for problem, found in problems.items() if found]


@pytest.mark.parametrize("exercise", by_id([e for e in CODE if e.points]))
def test_every_asked_function_has_misconceptions(exercise: CodeExercise) -> None:
    assert sum(len(function.misconceptions) for function in exercise.functions) >= 3


def test_misconceptions_of_a_function_differ_in_name_and_message() -> None:
    for function in (function for exercise in CODE for function in exercise.functions):
        slips = function.misconceptions
        assert len({slip.name for slip in slips}) == len(slips)
        assert len({slip.message for slip in slips}) == len(slips)


@pytest.mark.parametrize("exercise", by_id(CODE))
def test_two_seeds_give_other_inputs_and_one_seed_the_same(exercise: CodeExercise) -> None:
    for part in exercise.parts:
        first, again, other = (
            repr([list(case) for case in part.cases(np.random.default_rng(seed))])
            for seed in (0, 0, 1)
        )
        assert first == again
        assert first != other


@pytest.mark.parametrize("exercise", by_id(CODE))
def test_no_constant_passes_a_part(exercise: CodeExercise) -> None:
    for seed in SEEDS:
        for index, part in enumerate(exercise.parts):
            function = function_of(exercise, part)
            cases = [part.example, *part.cases(np.random.default_rng([seed, index]))]
            right = [outcome.value for outcome in call_trusted(function, function.reference, cases)]
            assert any(compare(right[0], value) for value in right[1:]), (part.title, seed)


# ── Values ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("exercise", by_id(PREDICTIONS))
def test_what_is_measured_is_the_right_prediction(exercise: Prediction) -> None:
    truth = truth_of(exercise.id)
    assert exercise.low <= truth <= exercise.high
    again: list[float] = []

    def measured_again() -> float:
        again.append(exercise.measure())
        return again[-1]

    assert_full(check(replace(exercise, measure=measured_again), truth), exercise)
    assert again == [pytest.approx(truth, rel=1e-3)]


@pytest.mark.parametrize("exercise", by_id(PREDICTIONS))
def test_both_ends_of_the_slider_are_not_right(exercise: Prediction) -> None:
    known = with_its_truth(exercise)
    assert not (check(known, exercise.low).right and check(known, exercise.high).right)


@pytest.mark.parametrize("exercise", by_id(CHOICES))
def test_one_option_is_right_and_the_others_say_why_not(exercise: Choice) -> None:
    truth = truth_of(exercise.id)
    assert check(exercise, truth).right
    known = with_its_truth(exercise)
    verdicts = {option.key: check(known, option.key) for option in exercise.options}
    assert [key for key, verdict in verdicts.items() if verdict.right] == [truth]
    for option in exercise.options:
        assert option.message in repr(verdicts[option.key])
        assert verdicts[option.key].right or verdicts[option.key].earned == 0


@pytest.mark.parametrize("exercise", by_id(TUNINGS))
def test_the_reference_knobs_and_their_neighbours_are_right(exercise: Tuning) -> None:
    """No knife's edge: another processor's rounding must not decide over the reference."""
    for turns in (-1, 0, 1):
        knobs = {
            name: turned(knob, exercise.reference[name], turns)
            for name, knob in zip(exercise.answers, exercise.demo().knobs, strict=True)
        }
        assert_full(check(exercise, knobs), exercise)


def turned(knob: Knob, value: float, steps: int) -> float:
    return value * 10 ** (steps * knob.step) if knob.log else value + steps * knob.step


@pytest.mark.parametrize("exercise", by_id(TUNINGS))
def test_the_reference_knobs_are_no_lucky_networks(exercise: Tuning) -> None:
    """Nine of ten networks that the check does not use lie inside the band, too."""
    knobs = {
        knob.name: exercise.reference[name]
        for name, knob in zip(exercise.answers, exercise.demo().knobs, strict=True)
    }
    measured = [exercise.measure(seed, **knobs) for seed in range(10)]
    assert sum(exercise.low <= value <= exercise.high for value in measured) >= 9, measured


@pytest.mark.parametrize("exercise", by_id(TUNINGS))
def test_knobs_get_one_verdict_with_any_seed(exercise: Tuning) -> None:
    """Near the edge of the band fresh networks would give one learner two marks."""
    known = replace(exercise, measure=cache(exercise.measure))
    (knob, *_), (name, *_) = exercise.demo().knobs, exercise.answers
    for turns in (0, 3):
        value = turned(knob, exercise.reference[name], turns)
        knobs = {**exercise.reference, name: value}
        verdicts = [check(known, knobs, seed=seed) for seed in (0, 1)]
        verdicts.append(check(exercise, knobs))
        assert len({verdict.parts for verdict in verdicts}) == 1


@pytest.mark.parametrize(("exercise", "slip"), VALUE_MISCONCEPTIONS)
def test_a_known_wrong_value_is_named_and_no_other(exercise, slip) -> None:
    known = with_its_truth(exercise) if isinstance(exercise, Prediction) else exercise
    verdict = check(known, slip.value, seed=3)
    assert verdict.misconceptions == (slip.name,), f"\n{verdict}"
    assert verdict.earned == 0
    assert not verdict.right
    assert slip.message in verdict.parts[0].message


@pytest.mark.parametrize("exercise", by_id(TUNINGS))
def test_a_tuning_says_on_which_side_it_fell(exercise: Tuning) -> None:
    assert exercise.low < exercise.high
    assert exercise.below
    assert exercise.above
    assert len(exercise.answers) == len(exercise.demo().knobs)
