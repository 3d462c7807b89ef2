"""For each part of an answer that is wrong, the one explanation that the learner reads."""

from __future__ import annotations

import ast
import threading
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcourse.checking.call import Caller, Outcome, call_here
from gradcourse.checking.compare import compare
from gradcourse.checking.naming import Trial, name_misconceptions
from gradcourse.checking.numeric import as_numbers
from gradcourse.checking.question import Function
from gradcourse.checking.why.mend import Mender
from gradcourse.checking.why.other_input import right_for_another_input
from gradcourse.checking.why.pen import likely_slip, sure_slip, unused_parameter
from gradcourse.checking.why.raised import explained_error
from gradcourse.checking.why.relation import ALWAYS_ONE, PLACES, SIZES, Rule, related
from gradcourse.checking.why.written import Explanation, Reader, Source


class Explainer:
    """Explains the trials of one check; each source is read once.

    Parameters
    ----------
    trials : sequence of Trial
        As they ran.
    answers : mapping
        The learner's functions by name.
    reader : Reader
        Gives their sources.
    call : Caller
        Calls the learner's functions.
    stop : threading.Event, optional
        Ends a call early.
    reveal : bool
        Whether words of an exception may be told that a random input made: they may hold it.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        answers: Mapping[str, Any],
        reader: Reader,
        call: Caller,
        stop: threading.Event | None,
        reveal: bool = True,
    ) -> None:
        self._trials = trials
        self._answers = answers
        self._call = call
        self._stop = stop
        self._reveal = reveal
        self._mender = Mender()
        self._varying: dict[str, bool] = {}
        # Changed code is run only where the learner's own runs anyway: never in a grader.
        self._local = call is call_here
        failed = {trial.function.name for trial in trials if not trial.right}
        self._sources = {name: reader(name, answers.get(name)) for name in failed}

    def all(self) -> list[Explanation | None]:
        """Return an explanation for each trial; None where it is right, or nothing is known."""
        slips = name_misconceptions(self._trials)
        return [
            self._one_or_its_slip(trial, Explanation(slip.name, slip.message) if slip else None)
            for trial, slip in zip(self._trials, slips, strict=True)
        ]

    def _one_or_its_slip(self, trial: Trial, slip: Explanation | None) -> Explanation | None:
        """A verdict must not fail on an explanation: a learner's values may be anything."""
        try:
            return self._one(trial, slip)
        except Exception:
            return slip

    def unwritten(self, trial: Trial) -> str:
        """Say which other function of the question, not yet written, an unanswered one calls."""
        source = self._sources.get(trial.function.name)
        for other in self._others(trial):
            if source is not None and other.unanswered and _calls(source, other.function.name):
                name = other.function.name
                return f"`{trial.function.name}` calls `{name}`, which is not written yet."
        return ""

    def _one(self, trial: Trial, slip: Explanation | None) -> Explanation | None:
        if not trial.failed or trial.problem or not trial.differences:
            return None
        source = self._sources.get(trial.function.name)
        return (
            _in_place(trial)
            or self._another_is_wrong(trial, source)
            or self._read(trial, source, self._sure)
            or slip
            or self._calls_a_wrong_one(trial, source)
            or self._raised(trial)
            or _in_part(out_of_range(trial))
            or self._random(trial)
            or self._read(trial, source, lambda _, source: likely_slip(source))
            or _in_part(self._placed(trial, source))
            or right_for_another_input(trial)
            or self._mended(trial, source)
            or _in_part(self._relation(SIZES, trial))
            or _in_part(self._read(trial, source, lambda _, source: unused_parameter(source)))
        )

    def _read(
        self,
        trial: Trial,
        source: Source | None,
        how: Callable[[Trial, Source], Explanation | None],
    ) -> Explanation | None:
        """Read a source, which may be nested so deeply that nobody can."""
        try:
            return None if source is None else how(trial, source)
        except RecursionError:
            return None

    def _sure(self, trial: Trial, source: Source) -> Explanation | None:
        got = _shown(trial)
        several = got.value if isinstance(got.value, list) else [got.value]
        nothing = got.kind == "value" and any(value is None for value in several)
        return sure_slip(source, nothing, self._texts(trial.function))

    def _texts(self, function: Function) -> dict[str, set[str]]:
        """The parameters of a function that are given a text in every case of every part."""
        if function.driver is not None:
            return {}
        cases = [case for t in self._trials if t.function is function for case in t.cases]
        texts = {}
        for position, name in enumerate(function.parameters):
            values = [case[position] for case in cases if position < len(case)]
            if values and all(isinstance(value, str) for value in values):
                texts[name] = set(values)
        return texts

    def _raised(self, trial: Trial) -> Explanation | None:
        got = _shown(trial)
        if got.kind != "error" or not (self._reveal or trial.differences[0]):
            return None
        return explained_error(got.error, got.message, got.line, trial.function.name)

    def _random(self, trial: Trial) -> Explanation | None:
        """Whether the same input gives another result the next time."""
        if not self._local or not trial.got or trial.got[0].kind != "value":
            return None
        name = trial.function.name
        if name not in self._varying:
            case, first = trial.cases[0], trial.got[0].value
            again = self._call(trial.function, self._answers[name], case, 1.0, self._stop)
            self._varying[name] = again.kind == "value" and _differ(first, again.value)
        if not self._varying[name]:
            return None
        return Explanation(
            "random numbers in the result",
            "Called twice with the same input, your function gives two results: random numbers are "
            "in it, and what is asked for is a fixed value.",
        )

    def _mended(self, trial: Trial, source: Source | None) -> Explanation | None:
        if source is None or not self._local:
            return None
        return self._mender.one_change(trial, self._answers.get(trial.function.name), source)

    def _relation(self, rules: Sequence[Rule], trial: Trial) -> Explanation | None:
        if not trial.complete or any(o.kind != "value" for o in (*trial.got, *trial.expected)):
            return None
        names = () if trial.function.driver else trial.function.parameters
        inputs = [(name, [case[i] for case in trial.cases]) for i, name in enumerate(names)]
        expected, got = ([o.value for o in outcomes] for outcomes in (trial.expected, trial.got))
        return related(rules, expected, got, inputs)

    def _placed(self, trial: Trial, source: Source | None) -> Explanation | None:
        """Where the result is always the same, a parameter that nothing reads is the reason."""
        found = self._relation(PLACES, trial)
        if found is None or found.name != ALWAYS_ONE:
            return found
        unread = self._read(trial, source, lambda _, source: unused_parameter(source))
        if unread is None:
            return found
        asked = "Does it read a variable of the notebook instead?"
        return replace(found, message=f"{found.message} {unread.message} {asked}")

    # ── A part that is wrong because another one is ───────────────────────────────────────────

    def _others(self, trial: Trial) -> list[Trial]:
        return [t for t in self._trials if t.function is not trial.function and not t.right]

    def _another_is_wrong(self, trial: Trial, source: Source | None) -> Explanation | None:
        if source is None or not self._local:
            return None
        for other in self._others(trial):
            name = other.function.name
            if not _calls(source, name):
                continue
            mended = with_another(self._answers.get(trial.function.name), other.function)
            if mended is None or other.function.driver is not None:
                continue  # what it would be with a right one is not known: its own slip is told
            if self._right(trial, mended):
                return Explanation(
                    f"only because of {name}",
                    f"Nothing is wrong here itself: it calls `{name}`, and with a right `{name}` "
                    "this part agrees in every case.",
                )
        return None

    def _calls_a_wrong_one(self, trial: Trial, source: Source | None) -> Explanation | None:
        """What may be said where no function of the course's can stand in for the wrong one."""
        for other in self._others(trial):
            name = other.function.name
            if source is not None and not self._local and _calls(source, name):
                return Explanation(
                    f"it calls {name}",
                    f"It calls `{name}`, which is wrong as well: mend that first, and look again.",
                )
        return None

    def _right(self, trial: Trial, answer: Callable[..., Any]) -> bool:
        for case, expected in zip(trial.cases, trial.expected, strict=False):
            got = self._call(trial.function, answer, case, trial.limit, self._stop)
            alike = got.kind == expected.kind == "value"
            if not alike or compare(expected.value, got.value, trial.tolerance):
                return False
        return len(trial.expected) == len(trial.cases) > 0


def with_another(answer: Any, other: Function) -> Callable[..., Any] | None:
    """Return a copy of a function that calls the course's own for one of the names it calls.

    The notebook's names stay as they are: the copy has names of its own. None where the answer is
    no plain function of this process.
    """
    if type(answer) is not types.FunctionType or other.name not in answer.__globals__:
        return None
    names = {**answer.__globals__, other.name: other.reference}
    copied = types.FunctionType(
        answer.__code__, names, answer.__name__, answer.__defaults__, answer.__closure__
    )
    copied.__kwdefaults__ = answer.__kwdefaults__
    return copied


def _in_place(trial: Trial) -> Explanation | None:
    """Right numbers, at the cost of what the caller still needs."""
    if not trial.spoilt:
        return None
    names = " and ".join(f"`{name}`" for name in trial.spoilt)
    return Explanation(
        "in place",
        f"Your result is right, but {names}, which must stay as it was given, is changed. `/=`, "
        "`*=` and `[:] =` work in place, and a copy of a list copies no array: make new ones.",
    )


def out_of_range(trial: Trial) -> Explanation | None:
    """Right wherever it is finite, and NaN or Inf where a finite number was expected."""
    bad = 0
    for expected, got in zip(trial.expected, trial.got, strict=False):
        wanted, given = as_numbers(expected.value), as_numbers(got.value)
        if wanted is None or given is None or wanted.values.shape != given.values.shape:
            return None
        if given.values.dtype.kind != "f" or wanted.values.dtype.kind not in "iuf":
            return None
        lost = np.isfinite(wanted.values) & ~np.isfinite(given.values)
        kept = wanted.values[~lost], given.values[~lost]
        if not np.allclose(*kept, rtol=1e-5, atol=0.0, equal_nan=True):
            return None
        bad += int(lost.sum())
    total = sum(np.size(expected.value) for expected in trial.expected)
    if not bad or 2 * bad > total:
        return None
    return Explanation(
        "right, but out of range",
        "Wherever your result is a number it is right. Where it is not, something on the way left "
        "the range of floats: a power or quotient became ∞ or 0, and ∞/∞, 0·∞ and ∞ − ∞ are NaN. "
        "Write the formula so that it never gets so large.",
    )


def _in_part(found: Explanation | None) -> Explanation | None:
    """What is so, but leaves open what was done wrong."""
    return None if found is None else replace(found, enough=False)


def _differ(first: Any, second: Any) -> bool:
    try:
        return bool(compare(first, second))
    except TypeError:
        return False


def _calls(source: Source, name: str) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == name for node in ast.walk(source.definition)
    )


def _shown(trial: Trial) -> Outcome:
    """The first outcome that differs."""
    return next(o for o, words in zip(trial.got, trial.differences, strict=False) if words)
