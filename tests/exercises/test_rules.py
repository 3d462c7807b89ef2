"""What the rules say of questions that break them."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from gradcourse.checking import Choice, CodeExercise, NamedValue, Option, Part, Prediction, asks
from gradcourse.exercises import rules

drawn = count()


def half(x):
    return np.asarray(x) / 2


def drive(answer, arguments):
    return answer(*arguments)


def vectors(rng):
    return [(rng.normal(size=3),) for _ in range(2)]


SLIPS = {
    "a quarter": (lambda x: half(half(x)), "You halved twice."),
    "doubled": (lambda x: 2 * np.asarray(x), "You doubled."),
    "the wrong sign": (lambda x: -half(x), "Yours is negative."),
}
PART = Part("2 random vectors", 1.0, vectors, (np.array([1.0, 2.0]),))
CODE = CodeExercise(
    id="made/half",
    title="Half",
    functions=asks(half, "an array", SLIPS),
    parts=(PART,),
    hints=("Divide.", "By two.", "x / 2"),
)
NUMBER = Prediction(
    id="made/number",
    title="How many",
    question="How many?",
    answer="number",
    measure=lambda: 10.0,
    within=1.2,
    low=1.0,
    high=1000.0,
    explain="There are ten.",
    misconceptions=(NamedValue("doubled", 20.0, "You doubled."),),
)
OPTIONS = (Option("up", "It grows.", "No, it falls."), Option("down", "It falls.", "It does."))
WAY = Choice(
    id="made/way",
    title="Which way",
    question="Which way?",
    answer="way",
    options=OPTIONS,
    measure=lambda: "down",
    explain="It falls.",
)


def code(slips=None, reference=half, **part):
    functions = asks(reference, "an array", SLIPS if slips is None else slips, name="half")
    return replace(CODE, functions=functions, parts=(replace(PART, **part),))


@pytest.mark.parametrize("question", [CODE, NUMBER, WAY], ids=lambda question: question.id)
def test_they_say_nothing_of_a_good_question(question) -> None:
    assert not [problem for rule in rules.rules_for(question) for problem in rule(question)]


@pytest.mark.parametrize(
    ("rule", "question", "said"),
    [
        (rules.words_and_hints_are_there, replace(CODE, title=" "), "no title"),
        (rules.words_and_hints_are_there, replace(CODE, hints=("a", "b")), "2 hints"),
        (rules.words_and_hints_are_there, replace(CODE, hints=("a", "b", "a")), "alike"),
        (rules.words_and_hints_are_there, replace(NUMBER, answer="my number"), "be names"),
        (
            rules.the_reference_is_right,
            code(reference=lambda x: next(drawn) * np.asarray(x)),
            "taken for wrong",
        ),
        (rules.slips_are_there_and_differ, code(slips={}), "fewer than 3 slips"),
        (
            rules.slips_are_there_and_differ,
            code(dict.fromkeys("abc", (half, "You slipped."))),
            "one message",
        ),
        (
            rules.each_slip_is_named_and_no_other,
            code(SLIPS | {"again": (lambda x: np.asarray(x) / 4, "You halved again.")}),
            "'again', seed 0: named 'a quarter'",
        ),
        (
            rules.each_slip_is_named_and_no_other,
            code({"none": (lambda x: 0.5 * np.asarray(x), "You did it.")}),
            "taken for right",
        ),
        (
            rules.another_seed_gives_other_inputs,
            code(cases=lambda rng: [(np.ones(2),)]),
            "two seeds give the same",
        ),
        (
            rules.another_seed_gives_other_inputs,
            code(cases=lambda rng: [(float(next(drawn)),)]),
            "the second time",
        ),
        (rules.no_constant_passes, code(reference=lambda x: 7.0), "always 7.0"),
        (
            rules.a_driver_knows_no_answer,
            replace(CODE, functions=asks(half, "an array", SLIPS, driver=drive)),
            "move it to gradcourse/drivers/",
        ),
        (rules.what_is_measured_is_right, replace(NUMBER, high=5.0), "outside the slider's"),
        (
            rules.what_is_measured_is_right,
            replace(NUMBER, measure=lambda: 10.0 + next(drawn)),
            "it measured",
        ),
        (rules.both_ends_are_not_right, replace(NUMBER, within=1e3), "any number"),
        (
            rules.nothing_untouched_is_right,
            replace(NUMBER, high=100.0),
            "the middle of the scale is right: 10, where 10 is measured",
        ),
        (rules.nothing_untouched_is_right, replace(NUMBER, low=9.0), "the handle at rest is right"),
        (rules.a_known_wrong_value_is_named, replace(NUMBER, within=3.0), "'doubled'"),
        (
            rules.one_option_is_right,
            replace(WAY, measure=lambda: OPTIONS[next(drawn) % 2].key),
            "second measurement",
        ),
    ],
)
def test_they_say_what_is_wrong(rule, question, said: str) -> None:
    assert any(said in problem for problem in rule(question)), list(rule(question))
