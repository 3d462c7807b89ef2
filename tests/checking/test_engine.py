"""The engine: what it says of right, wrong, missing, hostile and unfinished answers."""

from __future__ import annotations

import math
import sys
import threading
import time
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from gradcourse.checking import Function, Misconception, Outcome, Part, call_here, check
from gradcourse.exercises import get
from gradcourse.support import GradcourseError

# ── Right ─────────────────────────────────────────────────────────────────────────────────────


def mean_log(factors):
    return float(np.mean(np.log(np.abs(factors))))


@pytest.mark.parametrize(
    "answer",
    [
        mean_log,
        {"mean_log": mean_log},
        lambda f: np.log(np.abs(f)).sum() / len(f),
        lambda f: torch.tensor(f).abs().log().mean(),
        lambda f: sum(float(np.log(abs(x))) for x in f) / len(f),
        lambda *args: mean_log(*args),
        lambda f, extra=1: mean_log(f),
    ],
)
def test_right(exercise, answer) -> None:
    verdict = check(exercise, answer)
    assert verdict.right
    assert (verdict.earned, verdict.possible) == (2, 2)
    assert repr(verdict) == (
        "made/mean-log: 2 of 2 points\n"
        "  ✓ factors of both signs (1 of 1)\n"
        "    agreed on the example and 4 random cases, to 1e-07 relative\n"
        "  ✓ positive factors (1 of 1)\n"
        "    agreed on the example and 3 random cases, to 1e-07 relative"
    )


def test_the_text_of_a_right_answer_does_not_depend_on_the_seed(exercise) -> None:
    assert len({repr(check(exercise, mean_log, seed=seed)) for seed in range(5)}) == 1
    assert check(exercise, mean_log, seed=5).seed == 5
    assert check(exercise, mean_log).seed != check(exercise, mean_log).seed


def test_a_verdict_never_says_that_all_tests_passed(exercise) -> None:
    assert "passed" not in repr(check(exercise, mean_log)).lower()


def test_inputs_are_fresh_by_default_and_fixed_by_a_seed(exercise) -> None:
    def seen(seed):
        inputs: list = []

        def spy(f):
            inputs.append(f.tolist())
            return mean_log(f)

        assert check(exercise, spy, seed=seed).right
        return inputs

    assert seen(3) == seen(3)
    assert seen(3) != seen(4)
    assert seen(None) != seen(None)


# ── Wrong ─────────────────────────────────────────────────────────────────────────────────────


def test_a_misconception_is_named_with_one_small_case(exercise) -> None:
    verdict = check(exercise, lambda f: np.log(np.abs(f).mean()))
    assert verdict.misconceptions == ("log of the mean",)
    assert verdict.earned == 0
    assert verdict.parts[0].message == (
        "You averaged first.\n`mean_log([0.5, -2.0])`: expected 0.0, got 0.2231."
    )


def test_a_misconception_that_is_right_on_one_part_costs_the_other(exercise) -> None:
    verdict = check(exercise, lambda f: np.mean(np.log(f)))
    assert [part.status for part in verdict.parts] == ["wrong", "right"]
    assert (verdict.earned, verdict.possible) == (1, 2)
    assert verdict.parts[0].misconception == "sign kept"


def test_an_exception_can_be_a_misconception(exercise) -> None:
    verdict = check(exercise, lambda f: 3 // 0)
    assert verdict.misconceptions == ("divides",)


def test_the_same_kind_of_exception_alone_is_no_misconception(exercise) -> None:
    """Many slips end in the same ValueError."""
    verdict = check(exercise, lambda factors: 1 // 0, seed=0)
    assert verdict.misconceptions == ("divides",)  # the same exception, with the same words

    def other_words(factors):
        raise ZeroDivisionError("made elsewhere")

    assert "divides" not in check(exercise, other_words, seed=0).misconceptions


def test_the_words_of_an_exception_may_differ_by_chance(exercise) -> None:
    def needs_gradient(factors):
        return None.norm()

    def adds(factors):
        return factors + np.ones(len(factors) + 1)

    (function,) = exercise.functions
    slips = (Misconception("none", needs_gradient, "A."), Misconception("shapes", adds, "B."))
    both = replace(exercise, functions=(replace(function, misconceptions=slips),))
    assert check(both, lambda factors: None.double(), seed=0).misconceptions == ("none",)
    assert check(both, lambda factors: factors.nrom(), seed=0).misconceptions == ()
    other_way = check(both, lambda factors: np.ones(len(factors) + 1) + factors, seed=0)
    assert other_way.misconceptions == ("shapes",)


def test_arithmetic_that_raises_is_told_where_to_look(exercise) -> None:
    def overflows(factors):
        return math.exp(1e4 * abs(factors[0]))

    part = check(exercise, overflows, seed=0).parts[0]
    assert "OverflowError" in part.message
    assert part.message.endswith("Look at: signs")

    def misspelt(factors):
        raise NameError("factorz")

    assert "Look at" not in check(exercise, misspelt, seed=0).parts[0].message


def test_of_two_that_explain_a_part_the_one_that_explains_more_is_named(exercise) -> None:
    slips = (
        Misconception("both signs only", lambda f: -1.0 if (f < 0).any() else mean_log(f), "A."),
        Misconception("everywhere", lambda f: -1.0, "B."),
    )
    function = replace(exercise.functions[0], misconceptions=slips)
    both = replace(exercise, functions=(function,))
    verdict = check(both, lambda f: -1.0, seed=4)
    assert verdict.misconceptions == ("everywhere",)


def test_an_unknown_slip_shows_expected_got_and_where_to_look(exercise) -> None:
    message = check(exercise, lambda f: 7.0 + len(f) ** f[0]).parts[0].message
    assert message == "`mean_log([0.5, -2.0])`: expected 0.0, got 8.414.\nLook at: signs"


def test_when_the_example_is_right_the_smallest_failing_case_is_shown(exercise) -> None:
    def right_for_two(f):
        return mean_log(f) if len(f) == 2 else 7.0

    message = check(exercise, right_for_two, seed=1).parts[0].message
    shown = message[message.index("[") : message.index("]")]
    assert shown.count(",") == 2


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda f: None, "your function returned None: is a `return` missing?"),
        (lambda f: float("nan"), "your function returned NaN where 0.0 was expected"),
        (lambda f: 1 / np.zeros(1)[0], "your function returned Inf"),
        (lambda f: f, "an array of shape (2,) where one number was expected"),
        (lambda f: "0", "your function returned text, '0', where a number was expected"),
        (lambda f: f[9], "it raised IndexError: index 9 is out of bounds"),
        (lambda f: sys.exit(), "it raised SystemExit: exit() was called"),
        (lambda a, b: 0.0, "It is called as mean_log(factors), but yours is defined as"),
        (lambda: 0.0, "It is called as mean_log(factors), but yours is defined as mean_log()"),
        (lambda *, factors: 0.0, "but yours is defined as mean_log(*, factors): give it"),
        (3.0, "`mean_log` is not a function but the value 3.0: define it with `def mean_log("),
        ([1], "`mean_log` is not a function but the value [1]"),
    ],
)
def test_each_unusable_answer_has_its_message(exercise, answer, message) -> None:
    verdict = check(exercise, {"mean_log": answer})
    assert message in verdict.parts[0].message
    assert verdict.earned == 0
    assert not verdict.unanswered


def test_an_exception_names_the_learners_line(exercise) -> None:
    def broken(f):
        scale = np.linalg.inv(np.zeros((2, 2)))
        return scale

    message = check(exercise, broken).parts[0].message
    assert "LinAlgError: Singular matrix, at line" in message
    assert "`scale = np.linalg.inv(np.zeros((2, 2)))`" in message


def test_an_exception_that_cannot_be_printed_is_survived(exercise) -> None:
    class Mean(Exception):
        def __str__(self):
            raise RuntimeError

    def broken(f):
        raise Mean

    assert "it raised Mean" in check(exercise, broken).parts[0].message


# ── Unanswered ────────────────────────────────────────────────────────────────────────────────


def stub(factors):
    raise NotImplementedError


@pytest.mark.parametrize("answer", [stub, None, ..., {"mean_log": None}, lambda f: ...])
def test_the_untouched_stub_is_unanswered(exercise, answer) -> None:
    verdict = check(exercise, answer)
    assert verdict.unanswered
    assert verdict.earned == 0
    assert repr(verdict) == "made/mean-log: not answered yet"


def test_a_missing_name_says_so(exercise) -> None:
    verdict = check(exercise, {"something_else": mean_log})
    assert verdict.unanswered
    assert "There is no function called `mean_log`" in repr(verdict)


def test_a_stub_left_in_one_branch_is_wrong_not_open(exercise) -> None:
    def half_done(f):
        if len(f) > 2:
            raise NotImplementedError
        return mean_log(f)

    verdict = check(exercise, half_done)
    assert [part.status for part in verdict.parts] == ["wrong", "wrong"]
    assert "NotImplementedError" in verdict.parts[0].message


# ── Hostile and unlucky ───────────────────────────────────────────────────────────────────────


def test_an_endless_loop_ends_within_the_limit_and_says_so(exercise) -> None:
    def endless(f):
        while True:
            pass

    verdict = check(exercise, endless, limit=0.4)
    assert "did not finish within 0.2 s" in verdict.parts[0].message
    assert verdict.earned == 0


def test_an_endless_part_does_not_cost_the_other_part(exercise) -> None:
    def endless_for_negatives(f):
        while (f < 0).any():
            pass
        return mean_log(f)

    verdict = check(exercise, endless_for_negatives, limit=1.0)
    assert [part.status for part in verdict.parts] == ["wrong", "right"]


def test_an_abandoned_call_is_reported_and_not_repeated(exercise) -> None:
    release = threading.Event()
    calls: list = []

    def blocked(f):
        calls.append(1)
        while not release.wait(0.01):
            try:
                release.wait(30)
            except BaseException:
                continue

    verdict = check(exercise, blocked, limit=0.2)
    release.set()
    assert "restart the kernel" in verdict.parts[0].message
    assert "still runs" in verdict.parts[1].message
    assert len(calls) == 1


def test_a_stopped_check_says_so(exercise) -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    verdict = check(exercise, lambda f: time.sleep(1.0), limit=60, stop=stop)
    assert verdict.interrupted
    assert "stopped" in verdict.parts[0].message
    assert "stopped" in verdict.parts[1].message


def test_a_changed_input_is_noted_and_costs_nothing(exercise) -> None:
    def in_place(factors):
        np.abs(factors, out=factors)
        return float(np.mean(np.log(factors)))

    verdict = check(exercise, in_place)
    assert verdict.right
    assert "changes its input `factors` in place" in verdict.parts[0].note
    assert "changes its input" in repr(verdict)


def test_an_input_that_must_stay_as_it_is_costs_the_point(exercise) -> None:
    (function,) = exercise.functions
    kept = replace(exercise, functions=(replace(function, keeps=("factors",)),))

    def in_place(factors):
        np.abs(factors, out=factors)
        return float(np.mean(np.log(factors)))

    def wrong_and_in_place(factors):
        return 1.0 + in_place(factors)

    assert check(exercise, in_place).right
    assert check(kept, function.reference).right
    signed, positive = check(kept, in_place).parts
    assert signed.status == "wrong"
    assert signed.misconception == "in place"
    assert "`factors`, which must stay as it was given, is changed" in signed.message
    assert "the result is right, but `factors` was changed in place." in signed.message
    assert not signed.note
    assert positive.status == "right"
    signed = check(kept, wrong_and_in_place).parts[0]
    assert signed.misconception != "in place"
    assert "changes its input `factors`" in signed.note


def test_warnings_and_stderr_cost_nothing_and_do_not_leak(exercise, capsys) -> None:
    def noisy(f):
        warnings.warn("careful", stacklevel=1)
        print("note", file=sys.stderr)
        np.log(np.zeros(3))
        return mean_log(f)

    assert check(exercise, noisy).right
    assert capsys.readouterr() == ("", "")


def test_prints_are_kept_for_the_verdict(exercise, capsys) -> None:
    def chatty(f):
        print(f"got {len(f)} numbers")
        return mean_log(f)

    verdict = check(exercise, chatty)
    assert verdict.printed == "got 2 numbers\n"
    assert "printed:\n    got 2 numbers" in repr(verdict)
    assert capsys.readouterr().out == ""


def test_random_draws_in_the_answer_are_survived(exercise) -> None:
    def lucky(f):
        return float(np.random.rand() + torch.rand(1).item())  # noqa: NPY002

    assert check(exercise, lucky).earned == 0


def test_a_driver_runs_first_on_the_reference(exercise) -> None:
    """What it loads on first use is then not cut off, half loaded, by a learner's limit."""
    called = []

    def drive(answer, arguments):
        called.append(answer)
        return answer(*arguments)

    (function,) = exercise.functions
    driven = replace(exercise, functions=(replace(function, driver=drive),))

    def answer(factors):
        return mean_log(factors)

    assert check(driven, answer).right
    assert called[0] is function.reference
    assert called[1] is answer


def test_what_a_driver_refuses_is_not_put_down_to_the_answer() -> None:
    question = get("saturation/loss-from-logits")

    def each_by_itself(z, y):
        return torch.relu(z) - z * y

    def raises(z, y):
        raise ValueError("mine")

    message = check(question, each_by_itself).parts[0].message
    assert ": the loss has shape (2,); expected one number, shape ()." in message
    assert "raised" not in repr(check(question, each_by_itself, reveal=False))
    assert "it raised ValueError: mine, at line" in repr(check(question, raises))


def test_a_driver_runs_beside_the_answer_with_gradients_on(exercise) -> None:
    def drive(build, arguments):
        module = build(*arguments)
        loss = module(torch.ones(3)).sum()
        loss.backward()
        return [parameter.grad for parameter in module.parameters()]

    function = Function(
        "build",
        ("width",),
        lambda width: torch.nn.Linear(3, width, bias=False),
        (Misconception("bias", lambda width: torch.nn.Linear(3, width), "It has a bias."),),
        driver=drive,
    )
    part = Part("widths", 1.0, lambda rng: [(int(rng.integers(1, 9)),) for _ in range(3)], (2,))
    built = replace(exercise, functions=(function,), parts=(part,))
    with torch.no_grad():
        assert check(built, function.reference).right
        assert check(built, torch.nn.Linear).misconceptions == ()
        wrong = check(built, lambda width: torch.nn.Linear(3, width))
    assert wrong.misconceptions == ("bias",)
    assert "agreed on the example and 3 random cases, to 1e-05 relative" in repr(
        check(built, function.reference)
    )


def test_a_reference_may_demand_an_exception(exercise) -> None:
    def strict(f):
        if len(f) > 4:
            raise ValueError("too long")
        return mean_log(f)

    function = replace(exercise.functions[0], reference=strict, misconceptions=())
    demanding = replace(exercise, functions=(function,))
    assert check(demanding, strict).right
    assert "expected a ValueError" in check(demanding, mean_log).parts[0].message


def test_a_broken_reference_judges_nobody(exercise) -> None:
    """Two equal exceptions are no agreement: half a module import makes all answers "right"."""

    def broken(f):
        raise AttributeError("partially initialized module")

    function = replace(exercise.functions[0], reference=broken, misconceptions=())
    with pytest.raises(GradcourseError, match="own `mean_log` raised AttributeError"):
        check(replace(exercise, functions=(function,)), broken)


# ── Several functions, and how answers are handed over ────────────────────────────────────────


@pytest.fixture
def pair(exercise):
    second = Function("twice", ("x",), lambda x: 2 * x, ())
    part = Part("doubles", 0.5, lambda rng: [(float(rng.normal()),) for _ in range(3)], (1.5,))
    first = replace(exercise.parts[0], function="mean_log")
    return replace(
        exercise,
        functions=(exercise.functions[0], second),
        parts=(first, replace(part, function="twice")),
    )


def test_several_functions_earn_their_own_points(pair) -> None:
    verdict = check(pair, {"mean_log": stub, "twice": lambda x: x + x})
    assert [part.status for part in verdict.parts] == ["unanswered", "right"]
    assert verdict.earned == 0.5
    assert repr(verdict).startswith("made/mean-log: 0.5 of 1.5 points\n")
    assert check(pair, (mean_log, lambda x: 2 * x)).right


def test_one_of_several_must_be_named(pair) -> None:
    assert check(pair, mean_log).earned == 1
    with pytest.raises(GradcourseError, match="mean_log=mean_log, twice=twice"):
        check(pair, lambda x: x)


def test_the_call_hook_sees_plain_calls_and_decides_the_outcome(exercise) -> None:
    calls: list = []

    def elsewhere(function, answer, arguments, seconds, stop):
        calls.append((function.name, len(arguments)))
        return Outcome("value", value=mean_log(*arguments))

    def proxy(*_):
        raise AssertionError("the engine called the proxy itself")

    assert check(exercise, proxy, call=elsewhere).right
    assert set(calls) == {("mean_log", 1)}
    assert call_here(exercise.functions[0], mean_log, (np.ones(2),), 5.0).value == 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"limit": 0}, "limit is 0"),
        ({"limit": "ten"}, "limit is 'ten'"),
    ],
)
def test_unusable_options_are_refused(exercise, options, message) -> None:
    with pytest.raises(GradcourseError, match=message):
        check(exercise, mean_log, **options)


def test_a_default_dtype_of_the_notebook_is_not_the_drivers() -> None:
    def clip_by_global_norm(parameters, max_norm):
        return torch.nn.utils.clip_grad_norm_(parameters, max_norm)

    exercise = get("clipping/global-norm")
    torch.set_default_dtype(torch.float64)
    try:
        verdict = check(exercise, clip_by_global_norm)
        assert torch.get_default_dtype() is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert "dtype" not in repr(verdict)
    assert verdict.earned > 0
