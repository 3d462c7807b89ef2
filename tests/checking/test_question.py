"""What a question is made of."""

from __future__ import annotations

import pytest

from gradcourse.checking import Function, Misconception, Question, asks


def weighted(values, weights):
    return [v * w for v, w in zip(values, weights, strict=True)]


def halved(values):
    return [v / 2 for v in values]


def test_asks_reads_name_and_parameters_off_the_reference() -> None:
    (function,) = asks(weighted, "a list", {"summed": (sum, "You added them up.")})
    slips = (Misconception("summed", sum, "You added them up."),)
    assert function == Function("weighted", ("values", "weights"), weighted, slips, None, "a list")


def test_asks_takes_a_driver_another_name_and_more_functions() -> None:
    def drive(answer, arguments):
        return answer(*arguments)

    both = asks(weighted, "a list", {}, driver=drive) + asks(halved, "a list", {}, name="Half")
    assert [function.name for function in both] == ["weighted", "Half"]
    assert [function.driver for function in both] == [drive, None]


def test_every_kind_has_what_the_base_has(exercise, prediction, choice, tuning) -> None:
    for question, points, answers in (
        (exercise, 2.0, ("mean_log",)),
        (prediction, 1.0, ("depth",)),
        (choice, 1.0, ("which",)),
        (tuning, 2.0, ("my_gain", "my_depth")),
    ):
        assert isinstance(question, Question)
        assert (question.points, question.answers) == (points, answers)
        assert len(question.hints) == 3
    assert exercise.question == ""


def test_the_base_alone_is_no_question() -> None:
    bare = Question(id="made/bare", title="Bare")
    with pytest.raises(NotImplementedError):
        _ = bare.points
