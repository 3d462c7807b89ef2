"""One part of a `CodeExercise` as it ran, and the misconception that explains how it failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gradcourse.checking.call import Outcome, TrustedCaller, call_trusted
from gradcourse.checking.compare import Tolerance, compare
from gradcourse.checking.plain import Foreign
from gradcourse.checking.question import Arguments, Function, Misconception, Part


@dataclass
class Trial:
    """One part, run on a learner's function."""

    part: Part
    function: Function
    cases: list[Arguments] = field(default_factory=list)
    got: list[Outcome] = field(default_factory=list)
    expected: list[Outcome] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    problem: str = ""
    unanswered: bool = False
    limit: float = 0.0
    trusted: TrustedCaller = call_trusted

    @property
    def tolerance(self) -> Tolerance:
        return Tolerance(self.part.rtol, self.part.atol, self.part.same_dtype)

    @property
    def complete(self) -> bool:
        """Whether every case was answered, by a value or an exception."""
        return len(self.got) == len(self.cases) and bool(self.cases)

    @property
    def right(self) -> bool:
        """Whether each case that was asked has an outcome, and none of them differs."""
        judged = self.complete and len(self.differences) == len(self.cases)
        return judged and not (self.unanswered or self.problem or any(self.differences))

    @property
    def failed(self) -> bool:
        return not (self.unanswered or self.right)

    @property
    def spoilt(self) -> tuple[str, ...]:
        """The parameters that were changed and must not be, where nothing else is wrong."""
        changed: set[str] = set()
        for expected, got, difference in zip(
            self.expected, self.got, self.differences, strict=False
        ):
            if difference:
                names = kept_and_changed(self.function, got)
                if not names or compare(expected.value, got.value, self.tolerance):
                    return ()
                changed.update(names)
        return tuple(sorted(changed))


def kept_and_changed(function: Function, got: Outcome) -> tuple[str, ...]:
    """Return the parameters that a call has changed in place and must not."""
    return tuple(
        name
        for i, name in enumerate(function.parameters)
        if name in function.keeps and i in got.changed
    )


def name_misconceptions(trials: Sequence[Trial]) -> list[Misconception | None]:
    """Find for each failed part the misconception that gives the same outcomes.

    One that explains all outcomes of a function, in every part, comes first; then one that
    explains the part, and of several the one that explains most of the other parts.
    """
    return [_explain(trial, trials) if trial.failed else None for trial in trials]


def _explain(trial: Trial, trials: Sequence[Trial]) -> Misconception | None:
    if not trial.complete:
        return None
    others = [t for t in trials if t.function is trial.function and t.complete and t is not trial]
    best: tuple[int, Misconception] | None = None
    for misconception in trial.function.misconceptions:
        if not _matches(trial, misconception):
            continue
        alike = [other for other in others if _matches(other, misconception)]
        if not any(_telling(each, misconception) for each in (trial, *alike)):
            continue
        score = len(alike)
        if best is None or score > best[0]:
            best = (score, misconception)
    return None if best is None else best[1]


def _matches(trial: Trial, misconception: Misconception) -> bool:
    """Whether it gives the same in every case. The example rules most out, and is small."""
    tolerance = _tolerance(trial)
    for cases, got in (
        (trial.cases[:1], trial.got[:1]),
        (trial.cases[1:], trial.got[1:]),
    ):
        wrong = trial.trusted(trial.function, misconception.answer, cases)
        if not all(_alike(a, b, tolerance) for a, b in zip(wrong, got, strict=True)):
            return False
    return True


def _tolerance(trial: Trial) -> Tolerance:
    """In which dtype a slip was made is no part of it, unless nothing else is wrong."""
    any_dtype = replace(trial.tolerance, same_dtype=False)
    pairs = zip(trial.expected, trial.got, strict=True)
    if trial.part.same_dtype and all(_alike(a, b, any_dtype) for a, b in pairs):
        return trial.tolerance
    return any_dtype


def _telling(trial: Trial, misconception: Misconception) -> bool:
    """Whether more than the kind of an exception is alike: many slips raise the same one."""
    failing = [i for i, difference in enumerate(trial.differences) if difference]
    if any(trial.got[i].kind != "error" for i in failing):
        return True
    if not failing:
        return False
    cases = [trial.cases[i] for i in failing]
    wrong = trial.trusted(trial.function, misconception.answer, cases)
    return all(
        _words(outcome.message) == _words(trial.got[i].message)
        for outcome, i in zip(wrong, failing, strict=True)
    )


def _words(message: str) -> list[str]:
    """The first line, of which a learner's outcome keeps 200 characters, without what is chance.

    Its words in any order, since a + b and b + a tell the shapes in another one; and not which
    attribute was missing, since the slip is that something is None.
    """
    lines = message.strip().splitlines()
    return sorted(lines[0][:200].partition(" has no attribute ")[0].split()) if lines else []


def _alike(wrong: Outcome, got: Outcome, tolerance: Tolerance) -> bool:
    if wrong.kind != got.kind:
        return False
    if wrong.kind == "error":
        return wrong.error == got.error
    if isinstance(wrong.value, Foreign):
        return bool(wrong.value == got.value)
    try:
        return not compare(wrong.value, got.value, tolerance)
    except TypeError:
        return False
