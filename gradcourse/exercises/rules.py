"""What every question must keep to: each rule says what is wrong with one, or nothing.

The tests ask each question of the course, and ``gradcourse exercise ID`` its author's.
"""

from __future__ import annotations

import importlib
import math
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

import numpy as np

from gradcourse.checking.call import Outcome, call_trusted
from gradcourse.checking.code import function_of
from gradcourse.checking.compare import compare
from gradcourse.checking.engine import check
from gradcourse.checking.question import (
    Arguments,
    Choice,
    CodeExercise,
    Commitment,
    Function,
    Misconception,
    Played,
    Prediction,
    Question,
    Tuning,
)
from gradcourse.checking.verdict import Verdict
from gradcourse.figures import Knob

Known = TypeVar("Known", bound=Commitment)

SEEDS = (0, 1, 2, 3, 4)

HINTS = 3
"""Of a question that earns points: a nudge, the way, almost the answer."""

SLIPS = 3
"""The fewest that a question knows which earns points and asks for functions."""

Rule = Callable[[Any], Iterator[str]]
"""From a question to what is wrong with it, each in words; its docstring says what must hold."""


def rules_for(question: Question) -> tuple[Rule, ...]:
    """Return the rules for a question of this kind."""
    return _FOR_ALL + _RULES[type(question)]


class Remembered:
    """`call_trusted`, which runs each of the course's own functions once on each input.

    A verdict runs the reference, and every slip until one matches: for all slips of a question
    in turn that is each slip once for each other one. The learner's answer is called afresh.
    """

    def __init__(self) -> None:
        self._outcomes: dict[tuple[Any, ...], Outcome] = {}

    def __call__(
        self, function: Function, answer: Callable[..., Any], cases: Sequence[Arguments]
    ) -> list[Outcome]:
        keys = [(function.name, answer, pickle.dumps(case)) for case in cases]
        new = {
            key: case for key, case in zip(keys, cases, strict=True) if key not in self._outcomes
        }
        if new:
            outcomes = call_trusted(function, answer, list(new.values()))
            self._outcomes.update(zip(new, outcomes, strict=True))
        return [self._outcomes[key] for key in keys]


# ── All kinds ─────────────────────────────────────────────────────────────────────────────────


def words_and_hints_are_there(question: Question) -> Iterator[str]:
    """There are a title, names for the answers, and three different hints where it earns points."""
    if not question.title.strip():
        yield "it has no title"
    if not question.answers or not all(name.isidentifier() for name in question.answers):
        yield f"its answers cannot be names: {question.answers}"
    if not all(hint.strip() for hint in question.hints):
        yield "a hint is empty"
    if len(set(question.hints)) != len(question.hints):
        yield "two hints are alike"
    if question.points and len(question.hints) != HINTS:
        yield f"it has {len(question.hints)} hints, and {HINTS} are asked"


def nothing_answered_is_no_point(question: Question) -> Iterator[str]:
    """The untouched stub is "not answered yet", earns nothing, and raises nothing."""
    untouched = _stub if isinstance(question, CodeExercise) else None
    for answer in (dict.fromkeys(question.answers, untouched), {}, None, ...):
        verdict = check(question, answer, seed=0)
        first = repr(verdict).splitlines()[0]
        if verdict.earned or not verdict.unanswered or verdict.possible != question.points:
            yield f"answered with {answer!r}: {verdict}"
        elif first != f"{question.id}: not answered yet":
            yield f"answered with {answer!r}, its verdict begins {first!r}"


def _stub(*_: object) -> None:
    raise NotImplementedError


def _not_full(verdict: Verdict, question: Question) -> Iterator[str]:
    full = verdict.earned == verdict.possible == question.points
    if not (verdict.right and full) or verdict.misconceptions:
        yield f"taken for wrong:\n{verdict}"


# ── Code ──────────────────────────────────────────────────────────────────────────────────────


def reference_answers(question: CodeExercise) -> dict[str, Callable[..., Any]]:
    """Return the right answers by name."""
    return {function.name: function.reference for function in question.functions}


def the_reference_is_right(question: CodeExercise) -> Iterator[str]:
    """The reference gets full points with five seeds."""
    for seed in SEEDS:
        yield from _not_full(check(question, reference_answers(question), seed=seed), question)


def each_slip_is_named_and_no_other(question: CodeExercise) -> Iterator[str]:
    """Each slip is recognised as itself and as no other, with five seeds, and costs points."""
    trusted = Remembered()
    for seed in SEEDS:
        for function in question.functions:
            for slip in function.misconceptions:
                answers = reference_answers(question) | {function.name: slip.answer}
                verdict = check(question, answers, seed=seed, trusted=trusted)
                for problem in _misjudged(verdict, slip):
                    yield f"{slip.name!r}, seed {seed}: {problem}\n{verdict}"


def _misjudged(verdict: Verdict, slip: Misconception) -> Iterator[str]:
    if verdict.misconceptions != (slip.name,):
        yield f"named {', '.join(map(repr, verdict.misconceptions)) or 'nothing'}"
    if verdict.right:
        yield "it is taken for right"
    if verdict.possible and verdict.earned >= verdict.possible:
        yield "full points"
    said = {part.message.splitlines()[0] for part in verdict.parts if part.status == "wrong"}
    if said != {slip.message.splitlines()[0]}:
        yield f"the learner reads {said}"


def slips_are_there_and_differ(question: CodeExercise) -> Iterator[str]:
    """Three slips at least where it earns points, each with its own name and message."""
    if question.points and sum(len(f.misconceptions) for f in question.functions) < SLIPS:
        yield f"it knows fewer than {SLIPS} slips"
    for function in question.functions:
        slips = function.misconceptions
        if len({slip.name for slip in slips}) != len(slips):
            yield f"two slips of {function.name} have one name"
        if len({slip.message for slip in slips}) != len(slips):
            yield f"two slips of {function.name} have one message"


def another_seed_gives_other_inputs(question: CodeExercise) -> Iterator[str]:
    """Two seeds give other inputs, and one seed the same twice."""
    for part in question.parts:
        first, again, other = (
            repr([list(case) for case in part.cases(np.random.default_rng(seed))])
            for seed in (0, 0, 1)
        )
        if first != again:
            yield f"{part.title!r}: one seed gives other inputs the second time; draw from rng only"
        if first == other:
            yield f"{part.title!r}: two seeds give the same inputs; draw them from rng"


def no_constant_passes(question: CodeExercise) -> Iterator[str]:
    """No part has one right value for its example and all its cases."""
    for seed in SEEDS:
        for index, part in enumerate(question.parts):
            function = function_of(question, part)
            cases = [part.example, *part.cases(np.random.default_rng([seed, index]))]
            right = [outcome.value for outcome in call_trusted(function, function.reference, cases)]
            if not any(compare(right[0], value) for value in right[1:]):
                yield f"{part.title!r}, seed {seed}: always {right[0]!r}"


def a_driver_knows_no_answer(question: CodeExercise) -> Iterator[str]:
    """A driver is found by its name, in `gradcourse.drivers`: a learner's process runs it."""
    for driver in [f.driver for f in question.functions if f.driver is not None]:
        module, name = driver.__module__, driver.__qualname__
        if not module.startswith("gradcourse.drivers."):
            yield f"{name} stands in {module}; move it to gradcourse/drivers/"
        elif getattr(importlib.import_module(module), name, None) is not driver:
            yield f"{name} is not what {module} has under that name"


# ── Predictions and choices ───────────────────────────────────────────────────────────────────


@cache
def truth_of(question: Commitment) -> Any:
    """Return what a question measures, measured once for all rules: a training takes seconds."""
    return question.measure()


def with_its_truth(question: Known) -> Known:
    """Return the same question, which need not measure again."""
    return replace(question, measure=lambda: truth_of(question))


def what_is_measured_is_right(question: Prediction) -> Iterator[str]:
    """A second measurement takes the first for right, and nearly equals it."""
    truth = truth_of(question)
    if not question.low <= truth <= question.high:
        yield f"it measures {truth}, outside the slider's {question.low} to {question.high}"
    again: list[float] = []

    def measured_again() -> float:
        again.append(question.measure())
        return again[-1]

    yield from _not_full(check(replace(question, measure=measured_again), truth), question)
    if len(again) != 1 or abs(again[0] - truth) > 1e-3 * abs(truth):
        yield f"it measured {truth}, and then {again}"


def both_ends_are_not_right(question: Prediction) -> Iterator[str]:
    """The tolerance does not reach from one end of the slider to the other."""
    known = with_its_truth(question)
    if check(known, question.low).right and check(known, question.high).right:
        yield f"any number from {question.low} to {question.high} is right"


def nothing_untouched_is_right(question: Prediction) -> Iterator[str]:
    """Neither where the handle rests before it is moved nor the middle of the scale is right."""
    known = with_its_truth(question)
    low, high = question.low, question.high
    middle = math.sqrt(low * high) if question.log else (low + high) / 2
    for place, value in (("handle at rest", low), ("middle of the scale", middle)):
        if check(known, value).right:
            yield f"the {place} is right: {value:g}, where {truth_of(question):g} is measured"


def one_option_is_right(question: Choice) -> Iterator[str]:
    """One option is right, and the others say why they are not."""
    truth = truth_of(question)
    if not check(question, truth).right:
        yield f"a second measurement does not take {truth!r} for right"
    known = with_its_truth(question)
    for option in question.options:
        verdict = check(known, option.key)
        if verdict.right != (option.key == truth) or (verdict.earned and not verdict.right):
            yield f"{option.key!r} where {truth!r} is right:\n{verdict}"
        if option.message not in repr(verdict):
            yield f"{option.key!r} does not say {option.message!r}"


# ── Tunings ───────────────────────────────────────────────────────────────────────────────────


def the_reference_knobs_are_no_edge(question: Tuning) -> Iterator[str]:
    """The reference is right, and so is a step to each side: no rounding may decide over it."""
    for turns in (-1, 0, 1):
        knobs = {
            name: _turned(knob, question.reference[name], turns)
            for name, knob in zip(question.answers, question.demo().knobs, strict=True)
        }
        yield from _not_full(check(question, knobs), question)


def the_reference_knobs_are_no_luck(question: Tuning) -> Iterator[str]:
    """Nine of ten networks that the check does not use lie inside the band, too."""
    knobs = {
        knob.name: question.reference[name]
        for name, knob in zip(question.answers, question.demo().knobs, strict=True)
    }
    measured = [question.measure(seed, **knobs) for seed in range(10)]
    if sum(question.low <= value <= question.high for value in measured) < 9:
        yield f"ten networks: {measured}"


def knobs_get_one_verdict(question: Tuning) -> Iterator[str]:
    """Knobs get one verdict with any seed: fresh networks would give one learner two marks."""
    known = replace(question, measure=cache(question.measure))
    (knob, *_), (name, *_) = question.demo().knobs, question.answers
    for turns in (0, 3):
        knobs = {**question.reference, name: _turned(knob, question.reference[name], turns)}
        verdicts = [check(known, knobs, seed=seed) for seed in (0, 1)]
        verdicts.append(check(question, knobs))
        if len({verdict.parts for verdict in verdicts}) != 1:
            yield f"{knobs}: {verdicts}"


def a_tuning_says_on_which_side_it_fell(question: Tuning) -> Iterator[str]:
    """There is a band, a sentence for each side of it, and a knob for each answer."""
    if not question.low < question.high:
        yield f"the band goes from {question.low} to {question.high}"
    if not (question.below and question.above):
        yield "say what it means to fall below the band, and above it"
    if len(question.answers) != len(question.demo().knobs):
        yield f"{len(question.answers)} answers for {len(question.demo().knobs)} knobs"


def _turned(knob: Knob, value: float, steps: int) -> float:
    return value * 10 ** (steps * knob.step) if knob.log else value + steps * knob.step


# ── Games ─────────────────────────────────────────────────────────────────────────────────────


def the_reference_lines_are_right(question: Played) -> Iterator[str]:
    """The reference gets full points, twice."""
    for _ in range(2):
        yield from _not_full(check(question, question.reference()), question)


def wrong_lines_are_named(question: Played) -> Iterator[str]:
    """Each known way to go wrong is recognised as itself, and costs points."""
    if question.points and len(question.misconceptions) < SLIPS:
        yield f"it knows fewer than {SLIPS} slips"
    for slip in question.misconceptions:
        verdict = check(question, slip.value)
        if verdict.misconceptions != (slip.name,) or verdict.earned >= verdict.possible:
            yield f"{slip.name!r}:\n{verdict}"


def no_line_raises(question: Played) -> Iterator[str]:
    """What is no list of lines, or no line of this game, is wrong and says why."""
    count = len(question.lines)
    for lines in (3, "a line", [1] * count, ["?"] * count, [""] * count, ["x"] * (count + 1)):
        verdict = check(question, lines)
        if verdict.right or verdict.earned or not verdict.message:
            yield f"{lines!r}:\n{verdict}"


# ── Slips of values ───────────────────────────────────────────────────────────────────────────


def a_known_wrong_value_is_named(question: Prediction | Tuning) -> Iterator[str]:
    """Each wrong value is recognised as itself, costs all points, and says its message."""
    known = with_its_truth(question) if isinstance(question, Prediction) else question
    for slip in question.misconceptions:
        verdict = check(known, slip.value, seed=3)
        said = slip.message in verdict.parts[0].message
        if verdict.misconceptions != (slip.name,) or verdict.right or verdict.earned or not said:
            yield f"{slip.name!r}:\n{verdict}"


_FOR_ALL: tuple[Rule, ...] = (words_and_hints_are_there, nothing_answered_is_no_point)
_RULES: Mapping[type[Question], tuple[Rule, ...]] = {
    CodeExercise: (
        the_reference_is_right,
        slips_are_there_and_differ,
        each_slip_is_named_and_no_other,
        another_seed_gives_other_inputs,
        no_constant_passes,
        a_driver_knows_no_answer,
    ),
    Prediction: (
        what_is_measured_is_right,
        both_ends_are_not_right,
        nothing_untouched_is_right,
        a_known_wrong_value_is_named,
    ),
    Choice: (one_option_is_right,),
    Played: (the_reference_lines_are_right, wrong_lines_are_named, no_line_raises),
    Tuning: (
        a_tuning_says_on_which_side_it_fell,
        the_reference_knobs_are_no_edge,
        the_reference_knobs_are_no_luck,
        knobs_get_one_verdict,
        a_known_wrong_value_is_named,
    ),
}
