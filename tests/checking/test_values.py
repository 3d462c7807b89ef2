"""Predictions, choices and tuned knobs."""

from __future__ import annotations

import threading
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from gradcourse.checking import check
from gradcourse.checking.verdict import Verdict

# ── Prediction ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "value", [75, 75.0, 70, 82, np.int64(75), np.array([75]), torch.tensor(75)]
)
def test_a_prediction_within_the_factor_is_right(prediction, value) -> None:
    verdict = check(prediction, value)
    assert verdict.right
    assert verdict.earned == 1
    assert "measured 75, within a factor of 1.1 over 3 decades: close." in repr(verdict)
    assert "Because 150 / 2 is 75." in repr(verdict)


@pytest.mark.parametrize(
    ("value", "name"),
    [(63, "normals only"), (61, "normals only"), (67, "near by"), (12, None), (59, None)],
)
def test_a_wrong_prediction_names_the_nearest_slip(prediction, value, name) -> None:
    part = check(prediction, value).parts[0]
    assert part.status == "wrong"
    assert part.misconception == name


def test_a_wrong_prediction_shows_the_measurement_and_how_far_it_was(prediction) -> None:
    assert check(prediction, {"depth": 750}).parts[0].message == (
        "You predicted 750; measured 75: a factor of 10 too large, 1 of the scale's 3 decades. "
        "Close is within a factor of 1.1."
    )
    assert "a factor of 7.5 too small" in check(prediction, 10).parts[0].message
    fivefold = check(replace(prediction, measure=lambda: 1.0), 5).parts[0].message
    assert ": a factor of 5 too large, 0.70 of the scale's" in fivefold  # whatever exp(log 5) is
    tiny = replace(prediction, measure=lambda: 1e-12)
    assert (
        check(tiny, 1e308)
        .parts[0]
        .message.endswith("measured 1.0e-12: far too large. Close is within a factor of 1.1.")
    )


@pytest.mark.parametrize(
    "value", ["deep", True, float("nan"), float("inf"), -75, 0, [1, 2, 3], object()]
)
def test_what_is_no_positive_number_is_said(prediction, value) -> None:
    verdict = check(prediction, {"depth": value})
    assert verdict.earned == 0
    assert "give a number above 0" in verdict.parts[0].message


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("75", "which is text: write the number without quotes."),
        ("0,5", "without quotes. Python's decimal sign is a point: 0.5."),
        ("94 %", "write the number without quotes and without '%'."),
        ("-1e-3 dB", "without quotes and without 'dB'."),
        ("1,500", "is a point: 1.500, or without the comma if thousands are meant."),
        ((1, 73), "is the two numbers 1 and 73, because of the comma. Python's decimal sign is a"),
        ([7, 5], "is a point: 7.5."),
    ],
)
def test_a_number_that_is_written_otherwise_is_said(prediction, tuning, value, said) -> None:
    assert said in check(prediction, {"depth": value}).parts[0].message
    assert said in check(tuning, {"my_gain": value, "my_depth": 3}).parts[0].message


def test_a_fraction_is_a_number(prediction, tuning) -> None:
    assert check(prediction, Fraction(150, 2)).right
    assert check(prediction, Decimal("75.0")).right
    assert check(tuning, {"my_gain": Fraction(1), "my_depth": 3}).right


def test_a_share_where_per_cent_are_asked_is_named(prediction) -> None:
    linear = {"log": False, "within": 3.0, "low": 0.0, "high": 100.0, "misconceptions": ()}
    percent = replace(prediction, unit="%", **linear)
    part = check(percent, 0.74).parts[0]
    assert part.misconception == "a share for per cent"
    assert part.message.startswith("0.74 is a share, and per cent are asked: multiply it by 100.")
    assert check(percent, 0.5).parts[0].misconception is None
    assert check(replace(percent, unit="dB"), 0.74).parts[0].misconception is None


def test_a_negative_prediction_on_a_log_scale_may_be_a_logarithm(prediction) -> None:
    message = check(prediction, -4.3).parts[0].message
    assert message.endswith("give a number above 0, the number itself and not its logarithm.")


@pytest.mark.parametrize("value", [None, ..., {}, {"depth": None}])
def test_an_open_prediction_measures_nothing(prediction, value) -> None:
    def never():
        raise AssertionError("measured before the learner committed")

    assert check(replace(prediction, measure=never), value).unanswered


@pytest.mark.parametrize(
    ("value", "word"),
    [(75, "close"), (100, "not far off"), (300, "some way off"), (1000, "far off")],
)
def test_a_guess_for_no_points_is_near_or_far_and_never_wrong(prediction, value, word) -> None:
    verdict = check(replace(prediction, points=0.0), value)
    assert verdict.headline == word
    assert "wrong" not in verdict._repr_html_().partition("</style>")[2].replace("gc-wrong", "")
    assert "✗" not in repr(verdict)
    assert Verdict.from_dict(verdict.to_dict()) == verdict


def test_a_linear_prediction_is_right_within_a_distance(prediction) -> None:
    linear = replace(
        prediction, log=False, within=5.0, measure=lambda: -0.314, unit="dB", misconceptions=()
    )
    assert check(linear, -5.3).right
    assert not check(linear, -5.4).right
    assert "measured -0.31 dB" in repr(check(linear, 0))


def test_a_measurement_of_0_is_far_from_every_guess_on_a_log_scale(prediction) -> None:
    assert not check(replace(prediction, measure=lambda: 0.0), 1e-9).right


def test_a_measurement_can_be_stopped(prediction) -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()

    def slow():
        while True:
            pass

    verdict = check(replace(prediction, measure=slow), 75, stop=stop)
    assert verdict.interrupted
    assert not verdict.right


# ── Choice ────────────────────────────────────────────────────────────────────────────────────


def test_a_choice_is_decided_by_the_measurement(choice) -> None:
    assert check(choice, "falls").right
    wrong = check(choice, "grows")
    assert wrong.earned == 0
    assert wrong.parts[0].message == (
        "No: it is below 1.\nYou chose “It grows”. The measurement decides for “It falls”."
    )
    assert wrong.parts[0].note == "0.9 is below 1."


@pytest.mark.parametrize("value", ["Falls", " falls ", "FALLS"])
def test_how_a_key_is_typed_costs_nothing(choice, value) -> None:
    assert check(choice, value).right
    option = replace(choice.options[1], key="may-fall")
    hyphened = replace(choice, options=(choice.options[0], option), measure=lambda: "may-fall")
    assert check(hyphened, "May fall").right
    assert check(hyphened, "may_fall").right


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.float32(3), "3", Fraction(3)])
def test_a_number_among_the_options_needs_no_quotes(choice, value) -> None:
    option = replace(choice.options[1], key="3")
    numbers = replace(choice, options=(choice.options[0], option), measure=lambda: "3")
    assert check(numbers, value).right
    tenths = replace(numbers, options=(replace(option, key="0.3"), option), measure=lambda: "0.3")
    assert check(tenths, np.float32(0.3)).right
    assert not check(tenths, value).right


@pytest.mark.parametrize("value", ["stays", "", 1, True, ["falls"]])
def test_what_is_no_option_is_said(choice, value) -> None:
    assert "choose one of 'grows' or 'falls'" in check(choice, value).parts[0].message


# ── Tuning ────────────────────────────────────────────────────────────────────────────────────


def test_knobs_in_the_band_are_right(tuning) -> None:
    for answer in ((1.0, 10), {"my_gain": 1.02, "my_depth": 10.0}, (np.float64(0.99), 3)):
        verdict = check(tuning, answer)
        assert verdict.right, verdict
        assert verdict.earned == 2
    assert "size lies inside 0.5 to 2 for 3 random networks" in repr(verdict)


def test_the_text_of_right_knobs_does_not_depend_on_the_seed(tuning) -> None:
    assert len({repr(check(tuning, (1.0, 10), seed=seed)) for seed in range(4)}) == 1


@pytest.mark.parametrize(("answer", "side"), [((0.2, 5), "Too small."), ((3.0, 5), "Too large.")])
def test_knobs_outside_say_on_which_side_with_the_measurements(tuning, answer, side) -> None:
    message = check(tuning, answer, seed=0).parts[0].message
    assert side in message
    assert "size should lie inside 0.5 to 2. Measured: " in message


def test_measurements_on_both_sides_say_so(tuning) -> None:
    uneven = replace(tuning, measure=lambda seed, gain, depth: float(seed % 2) + 1e-3, repeats=9)
    assert "Some lie inside and some do not" in check(uneven, (1, 1), seed=1).parts[0].message


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ((2.0, 10), "twice"),
        ((2.04, 10), "twice"),
        ((2.2, 10), None),
        ((2.0, 25), None),
        ((0.5, 2), "gain a half"),
        ((0.5, 60), "gain a half"),
    ],
)
def test_a_knob_within_two_per_cent_or_a_step_names_the_slip(tuning, answer, name) -> None:
    part = check(tuning, answer).parts[0]
    assert part.status == "wrong"
    assert part.misconception == name


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"my_gain": 1.0}, "`my_depth` has no value yet"),
        ((1.0, "deep"), "`my_depth` is 'deep': give a finite number"),
        ((9.0, 10), "`my_gain` is 9: the knob goes from 0.1 to 4"),
        ((1.0, 1e9), "the knob goes from 1 to 100"),
        ((1.0, True), "`my_depth` is True"),
        ((1.0, (10, 5)), "`my_depth` is the two numbers 10 and 5, because of the comma"),
        ((1.0, (10, 5, 1)), "`my_depth` is [10, 5, 1]: give a finite number"),
    ],
)
def test_unusable_knobs_are_said_before_anything_is_measured(tuning, answer, message) -> None:
    assert message in check(tuning, answer).parts[0].message


def test_open_knobs_are_unanswered(tuning) -> None:
    assert check(tuning, {"my_gain": None, "my_depth": None}).unanswered
    assert check(tuning, {}).unanswered
