"""Check a `CodeExercise`: run the example and the random cases, compare, and name the slip."""

from __future__ import annotations

import builtins
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradcourse.checking import show
from gradcourse.checking.call import Caller, Outcome, TrustedCaller, call_trusted, load_driver
from gradcourse.checking.compare import compare, precision
from gradcourse.checking.naming import Trial, kept_and_changed
from gradcourse.checking.plain import Foreign
from gradcourse.checking.question import (
    Arguments,
    CodeExercise,
    Function,
    Part,
)
from gradcourse.checking.verdict import PartResult, Status
from gradcourse.checking.why.explain import Explainer
from gradcourse.checking.why.written import Explanation, Reader, source_here
from gradcourse.support import GradcourseError

Clock = Callable[[], float]
"""Returns the seconds of which a limit is made."""


def function_of(exercise: CodeExercise, part: Part) -> Function:
    """Return the function that a part calls.

    Raises
    ------
    GradcourseError
        If the exercise has no function of that name.
    """
    if not part.function and len(exercise.functions) == 1:
        return exercise.functions[0]
    for function in exercise.functions:
        if function.name == part.function:
            return function
    names = ", ".join(function.name for function in exercise.functions)
    raise GradcourseError(
        f"{exercise.id}: the part {part.title!r} tests the function {part.function!r}; "
        f"the exercise has {names}"
    )


def check_code(
    exercise: CodeExercise,
    answers: Mapping[str, Any],
    seed: int,
    limit: float,
    call: Caller,
    stop: threading.Event | None,
    reveal: bool = True,
    clock: Clock = time.monotonic,
    trusted: TrustedCaller = call_trusted,
    reader: Reader = source_here,
) -> tuple[tuple[PartResult, ...], str, bool]:
    """Check every part. Random inputs are shown only if ``reveal``; ``reader`` gives the source.

    Returns
    -------
    tuple
        The results, what the learner's code printed, and whether the check was interrupted.
    """
    for part in exercise.parts:
        function = function_of(exercise, part)
        if callable(answers.get(function.name)):
            load_driver(function, part.example)
    deadline = clock() + limit
    trials: list[Trial] = []
    for index, part in enumerate(exercise.parts):
        trial = Trial(part, function_of(exercise, part), trusted=trusted)
        # What is left is shared by the parts that are left: an endless loop in the first part
        # must not cost the second one its points.
        share = max(0.0, deadline - clock()) / (len(exercise.parts) - index)
        trial.limit = share
        if _interrupted(trials):
            trial.problem = "Not tested: the check was stopped before."
        elif _still_busy(trials, trial.function):
            trial.problem = f"Not tested: an earlier call of `{trial.function.name}` still runs."
        else:
            _run(trial, answers, np.random.default_rng([seed, index]), call, stop, clock)
        trials.append(trial)
    explainer = Explainer(trials, answers, reader, call, stop, reveal)
    pairs = zip(trials, explainer.all(), strict=True)
    results = tuple(_result(trial, why, reveal, explainer) for trial, why in pairs)
    # The first call is enough: every case would print the same lines again.
    shown = slice(None) if reveal else slice(1)  # the first is the example
    printed = next((o.printed for trial in trials for o in trial.got[shown] if o.printed), "")
    return results, printed, _interrupted(trials)


def _interrupted(trials: Sequence[Trial]) -> bool:
    return any(outcome.kind == "interrupted" for trial in trials for outcome in trial.got)


def _still_busy(trials: Sequence[Trial], function: Function) -> bool:
    return any(o.abandoned for t in trials if t.function is function for o in t.got)


def _run(
    trial: Trial,
    answers: Mapping[str, Any],
    rng: np.random.Generator,
    call: Caller,
    stop: threading.Event | None,
    clock: Clock,
) -> None:
    """Run the example, then the random cases, and note the differences."""
    name = trial.function.name
    answer = answers.get(name)
    trial.unanswered = name not in answers or answer is None or answer is Ellipsis
    if name not in answers:
        trial.problem = f"There is no function called `{name}`: write it, and run its cell first."
    if trial.unanswered:
        return
    if not callable(answer):
        trial.problem = (
            f"`{name}` is not a function but {_type_in_words(answer)}: define it with "
            f"`def {name}({', '.join(trial.function.parameters)}):`."
        )
        return
    deadline = clock() + trial.limit
    trial.got.append(call(trial.function, answer, trial.part.example, trial.limit, stop))
    if _is_stub(trial.got[0]):
        trial.unanswered = True
        return
    trial.cases = [trial.part.example, *trial.part.cases(rng)]
    for arguments in trial.cases[1:]:
        if trial.got[-1].kind not in ("value", "error"):
            break
        left = max(0.0, deadline - clock())
        trial.got.append(call(trial.function, answer, arguments, left, stop))
    ran = trial.cases[: len(trial.got)]
    trial.expected = _reference(trial, ran)
    trial.differences = [
        _difference(trial, expected, got)
        for expected, got in zip(trial.expected, trial.got, strict=True)
    ]


def _reference(trial: Trial, cases: Sequence[Arguments]) -> list[Outcome]:
    """What should come out. Only a refusal may be asked for: anything else is a fault of ours."""
    function = trial.function
    expected = trial.trusted(function, function.reference, cases)
    for outcome in expected:
        if outcome.kind == "error" and outcome.error not in ("ValueError", "TypeError"):
            raise GradcourseError(
                f"the course's own `{function.name}` raised {outcome.error}: {outcome.message}. "
                "Your answer was not judged. Restart the kernel; if it stays, please report it"
            )
    return expected


def _is_stub(outcome: Outcome) -> bool:
    """Whether it is what an untouched function gives: its exception, or ``...``."""
    if outcome.kind == "error":
        return outcome.error == "NotImplementedError"
    return isinstance(outcome.value, Foreign) and outcome.value.type_name == "ellipsis"


def _type_in_words(answer: Any) -> str:
    if isinstance(answer, int | float | str | list | tuple):
        return f"the value {show.value(answer)}"
    if isinstance(answer, Foreign):
        return f"an object of type {answer.type_name}"
    return f"an object of type {type(answer).__name__}"


def _difference(trial: Trial, expected: Outcome, got: Outcome) -> str:
    """Say how one outcome differs from the right one; empty when it does not.

    Right is a value that `compare` finds equal, or the error that is asked for, and nothing else:
    an outcome may come from a process that nobody trusts, so no text of its own decides.
    """
    if got.kind == "value" and expected.kind == "value":
        report = trial.function.driver is not None
        return compare(expected.value, got.value, trial.tolerance, report) or _spoilt(
            kept_and_changed(trial.function, got)
        )
    if got.kind == "error" and expected.kind == "error" and got.error == expected.error:
        return ""
    return _wrong_kind(trial, expected, got)


def _spoilt(names: Sequence[str]) -> str:
    """Say which inputs are not as they were, and had to be."""
    said = " and ".join(f"`{name}`" for name in names)
    return f"the result is right, but {said} was changed in place." if names else ""


def _wrong_kind(trial: Trial, expected: Outcome, got: Outcome) -> str:
    """Say what came instead of what was asked for; never empty."""
    if got.kind == "signature":
        return _other_parameters(trial.function, got.message)
    if got.kind == "interrupted":
        return "the check was stopped here." + _still_running(got)
    if got.kind == "timeout":
        return (
            f"it did not finish within {_seconds(trial.limit)} s: is there a loop that never ends?"
            + _still_running(got)
        )
    if got.kind == "error":
        if _found_by_the_driver(trial.function, got):
            return f"{got.message}."
        where = f", at {got.line}" if got.line else ""
        return (
            f"it raised {got.error}: {got.message}{where}."
            if got.message
            else (f"it raised {got.error}{where}.")
        )
    if got.kind == "value":
        return f"expected a {expected.error}, got {show.value(got.value)}."
    return "nothing is known of what it returned."


def _found_by_the_driver(function: Function, got: Outcome) -> bool:
    """Whether the driver, and no line of the learner's, says what is wrong with an answer."""
    refusal = got.error in ("TypeError", "ValueError") and bool(got.message)
    return refusal and function.driver is not None and not got.line


def _other_parameters(function: Function, yours: str) -> str:
    """Say how a function is called; the words are ours, whoever found its parameters."""
    has = f"is defined as {function.name}{yours}" if yours else "takes others"
    return (
        f"it is called as {function.name}({', '.join(function.parameters)}), but yours {has}: "
        "give it the parameters of the exercise."
    )


def _seconds(limit: float) -> str:
    """Rounded, so that the text does not change from one check to the next."""
    return str(round(limit)) if limit >= 1 else f"{limit:.1g}"


def _still_running(got: Outcome) -> str:
    if not got.abandoned:
        return ""
    return " It could not be stopped and still runs: restart the kernel to end it."


def _result(
    trial: Trial, why: Explanation | None, reveal: bool, explainer: Explainer
) -> PartResult:
    part = trial.part
    note = _mutation_note(trial)
    if not trial.right:
        status: Status = "unanswered" if trial.unanswered else "wrong"
        message = trial.problem or (
            explainer.unwritten(trial) if trial.unanswered else _message(trial, why, reveal)
        )
        name = why.name if why else None
        return PartResult(part.title, status, 0.0, part.points, message, name, note=note)
    tested = f"agreed on the example and {show.count(len(trial.cases) - 1, 'random case')}"
    closely = precision([outcome.value for outcome in trial.expected], trial.tolerance)
    return PartResult(
        part.title, "right", part.points, part.points, tested=f"{tested}, {closely}", note=note
    )


def _message(trial: Trial, why: Explanation | None, reveal: bool) -> str:
    shown = _case_to_show(trial)
    got, difference = trial.got[shown], trial.differences[shown]
    if got.kind == "signature" and (reveal or not shown):
        return _sentence(difference)
    if shown and not reveal:
        example = _hidden(trial)
    else:
        example = f"{show.situation(trial.function, trial.cases[shown])}: {difference}"
    if why is not None:
        example = f"{why.message}\n{example}"
        if why.enough:
            return example
    answered = got.kind == "value" and got.value is not None
    told = answered or got.kind == "timeout" or _is_arithmetic(got)
    if trial.part.look_at and told:
        return f"{example}\nLook at: {trial.part.look_at}"
    return example


def _is_arithmetic(got: Outcome) -> bool:
    """Whether numbers, not a slip of the pen, made the exception: the hint is about them."""
    if got.kind != "error":
        return False
    arithmetic = ("OverflowError", "ZeroDivisionError", "FloatingPointError")
    return got.error in arithmetic or "math domain error" in got.message


def _hidden(trial: Trial) -> str:
    """Say how random inputs failed without showing one, or what should have come out."""
    failing = [
        got for got, difference in zip(trial.got, trial.differences, strict=True) if difference
    ]
    cases = show.count(len(trial.cases) - 1, "random input")
    text = f"The example is right, but {len(failing)} of {cases} "
    if len(trial.cases) == 2:
        text = "The example is right, but the random input "
    kinds = {got.kind for got in failing}
    if kinds == {"error"} and not all(_found_by_the_driver(trial.function, got) for got in failing):
        names = " or ".join(dict.fromkeys(_exception(got.error) for got in failing))
        return f"{text}raised {names}."
    if "timeout" in kinds:
        return f"{text}did not finish in time: is there a loop that never ends?"
    return f"{text}gave another result than expected."


def _exception(name: str) -> str:
    """An exception's name, if it is one of Python's: any other may have an input in it."""
    found = getattr(builtins, name, None)
    known = isinstance(found, type) and issubclass(found, BaseException)
    return name if known else "an exception of its own"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _case_to_show(trial: Trial) -> int:
    """The example when it fails, else the smallest random case that does."""
    failing = [i for i, difference in enumerate(trial.differences) if difference]
    if failing[0] == 0:
        return 0
    return min(failing, key=lambda i: show.size(trial.cases[i]))


def _mutation_note(trial: Trial) -> str:
    changed = sorted({i for outcome in trial.got for i in outcome.changed})
    if not changed or trial.spoilt:  # then the message says it
        return ""
    parameters = trial.function.parameters
    names = [f"`{parameters[i]}`" if i < len(parameters) else f"input {i}" for i in changed]
    return (
        f"Note: your function changes its input {' and '.join(names)} in place; "
        "whoever calls it loses the old values. Work on a copy."
    )
