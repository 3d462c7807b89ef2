"""One submission, run to its end: through hangs, crashes, lies and restarts."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from gradcourse.checking.call import Outcome
from gradcourse.checking.engine import check
from gradcourse.checking.exercise_notebook import Cell, CellError, explained, runs_of
from gradcourse.checking.judged import Page, accounted
from gradcourse.checking.plain import Foreign
from gradcourse.checking.question import Arguments, CodeExercise, Function, Question
from gradcourse.checking.verdict import Verdict
from gradcourse.checking.why.written import Source, source_in
from gradcourse.grading.mark import QuestionMark, Reason
from gradcourse.grading.one.answers import (
    FUNCTION,
    READABLE,
    Gone,
    cause_of_death,
    discreet,
    in_seconds,
    lost,
    name_of,
    noticed,
    outcome_of_answer,
    remote,
    text_of,
    value_of,
    weight_of,
    without_answer,
)
from gradcourse.grading.one.causes import USUAL, Causes, missing_name
from gradcourse.grading.one.plan import MOST_FAILING, Plan, after_failure, definitions, where
from gradcourse.grading.sandbox.budget import Limits
from gradcourse.grading.sandbox.channel import STRETCH
from gradcourse.grading.sandbox.frames import Closed, Silent, WireError
from gradcourse.grading.sandbox.inside.notice import HARMLESS
from gradcourse.grading.sandbox.inside.zygote import MACHINE
from gradcourse.grading.sandbox.zygotes import Child, Lost, Zygote

GRACE = 1.0
"""Seconds that the child has to stop by itself before it is killed."""

AGAIN = 3.0
"""Seconds for what is left of a cell that did not finish, when the process starts anew."""

CELLS = 2 / 3
"""The share of a submission's time for its cells: long experiments must not cost the questions."""

START = 60.0

SHORT = 0.1
"""Seconds of one request, or of several since, below which nobody asks how long the machine was
busy."""

MOST_KEPT = 16 << 20
"""How heavy one question's answers may be, in bytes; no right answer comes near."""

EXPLAINING = 10.0
"""Seconds of ours in which a submission's answers are explained: then they are only judged."""

MOST_READ = 500_000
"""Characters of code, the last of a notebook, that an explanation looks at."""

CROWDED = 1.25
"""How many times longer by the clock a limit was, where others may have had a part in it."""

STOPS = ("SystemExit", "KeyboardInterrupt", "MemoryError")
"""After these, the rest of a cell was not meant to run."""

CELL_CODES = {"error": "cell-error", "syntax": "syntax-error", "memory": "memory"}


class OutOfTime(Exception):
    """The submission's whole time is used up."""


@dataclass(frozen=True)
class Ran:
    """What came of running a submission.

    Attributes
    ----------
    questions : tuple of QuestionMark
        Empty where nothing was run.
    reasons : tuple of Reason
        What happened to the whole of it.
    cells, failed : int
        How many were run, and how many of them did not come to their end.
    layers : mapping
        Of the sandbox, as the child itself found them.
    defined_anything : bool
        Whether one of the names that were asked for was there.
    crowded : bool
        Whether it ran out of time or memory while the machine was busy with others.
    """

    questions: tuple[QuestionMark, ...] = ()
    reasons: tuple[Reason, ...] = ()
    cells: int = 0
    failed: int = 0
    layers: Mapping[str, str] = field(default_factory=dict)
    defined_anything: bool = False
    crowded: bool = False


class Running:
    """A submission while it is graded."""

    def __init__(
        self,
        zygote: Zygote,
        todo: Plan,
        limits: Limits,
        seed: int,
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        self._zygote = zygote
        self._files = dict(files or {})
        self._causes = Causes()
        self._supplied: list[str] = []
        self._cells = todo.cells
        self._limits = limits
        self._seed = seed
        self._spent = self._unasked = 0.0
        self._latest = time.monotonic() + STRETCH * limits.submission
        self._child: Child | None = None
        self._names = {name for question in todo.questions for name in question.answers}
        self._sources = {cell.index: cell.source for cell in todo.cells}
        self._optimizers = any("optim" in cell.source for cell in todo.cells)
        self._retried: set[int] = set()
        self._errors: dict[int, CellError] = {}
        self._reasons: list[Reason] = []
        self._layers: Mapping[str, str] = {}
        self._defined_anything = False
        self._crowded = False
        self._kept = 0
        self._explaining = 0.0
        self._read = _last_of(todo.cells)

    def all(self, exercises: Sequence[Question]) -> Ran:
        """Run the cells, check every question, and end the child."""
        try:
            questions = [self._question(exercise) for exercise in exercises]
            self._reasons += self._causes.reasons(questions, exercises, self._supplied)
        finally:
            if self._child is not None:
                self._child.end()
                self._child = None
        return Ran(
            tuple(QuestionMark.from_dict(discreet(question.to_dict())) for question in questions),
            tuple(Reason(**discreet(asdict(reason))) for reason in self._reasons),
            len(self._cells),
            len(self._errors),
            self._layers or self._zygote.layers,
            self._defined_anything,
            self._crowded,
        )

    # ------------------------------------------------------------ the child

    def _clock(self) -> float:
        """Count the seconds that it had itself: without our work, and without a busy machine's."""
        return self._spent

    def _left(self) -> float:
        left = self._limits.submission - self._spent
        if left <= 0 or time.monotonic() > self._latest:
            self._crowded = self._crowded or left > 0
            self._note("submission-timeout")
            raise OutOfTime
        return left

    def _note(self, code: str, where: str = "", text: str = "") -> None:
        self._reasons.append(Reason(code, where, text))

    def _ready(self) -> Child:
        """Return a child in which all cells have run; start one if there is none."""
        while self._child is None:
            self._left()
            start = time.monotonic()
            child = self._child = self._zygote.start(self._limits, self._optimizers)
            try:
                child.begin(START)
            except WireError:
                child.end()
                raise Lost from None
            if self._layers:  # once more, and that is its own doing
                self._spent += time.monotonic() - start
            self._layers = child.layers
            self._lay_out_files(child)
            for cell in self._cells:
                try:
                    self._cell(child, cell)
                except Gone as gone:
                    self._give_up(cell, gone.code, gone.text)
                    break
        return self._child

    def _lay_out_files(self, child: Child) -> None:
        """Put what was handed in beside the notebook into the private folder."""
        try:
            for name, data in self._files.items():
                content = np.frombuffer(data, np.uint8)
                self._ask({"do": "file", "name": name, "data": content}, START)
            for name in self._supplied:
                self._supply(name)
        except (Gone, OutOfTime):
            self._files.clear()  # without them, then

    def _supply(self, name: str) -> None:
        """Import what every notebook of the assignment imports, for one in which it failed."""
        self._ask({"do": "cell", "source": USUAL[name]}, self._limits.cell)

    def _ask(self, request: dict[str, Any], seconds: float, at: str = "") -> dict[str, Any]:
        """Ask the child; whatever goes wrong ends it.

        Raises
        ------
        Gone
            If it did not answer, or not with an answer.
        """
        child = self._child
        assert child is not None
        seconds = min(seconds, self._left())
        start = time.monotonic()
        try:
            answer = child.ask({**request, "seconds": seconds}, seconds + GRACE)
        except WireError as problem:
            self._charge(child, start, seconds, isinstance(problem, Silent))
            raise self._gone(problem, seconds) from None
        endings = text_of(answer, "kind", 20), text_of(answer, "ending", 20)
        self._charge(child, start, seconds, "timeout" in endings)
        for what in noticed(answer):
            code = "tried-outside" if what in HARMLESS else "tried-forbidden"
            self._note(code, at, f"It tried {what}.")
        return answer

    def _charge(self, child: Child, start: float, most: float, used_up: bool) -> None:
        """Count what a request took, without the time for which the machine was busy."""
        clock = took = time.monotonic() - start
        self._unasked += clock
        if used_up and clock > CROWDED * (most + GRACE):
            self._crowded = True
        if used_up or self._unasked > SHORT:
            took = min(took, child.had(clock))
            self._unasked = 0.0
        self._spent += min(max(took, most) if used_up else took, most + GRACE)

    def _gone(self, problem: WireError, seconds: float) -> Gone:
        if isinstance(problem, Silent):
            self._end()
            return Gone("timeout", f"it did not finish within {in_seconds(seconds)} s")
        if isinstance(problem, Closed):
            ending = self._end(gone=True)
            self._crowded = self._crowded or ending["why"] == MACHINE
            return cause_of_death(ending)
        self._end()
        return Gone("wrote-nothing-readable", "what it sent could not be read")

    def _end(self, gone: bool = False) -> dict[str, Any]:
        child, self._child = self._child, None
        assert child is not None
        return child.end(gone)

    # ------------------------------------------------------------ cells

    def _cell(self, child: Child, cell: Cell, rest: str | None = None, tries: int = 0) -> None:
        source = self._sources[cell.index] if rest is None else rest
        if not source.strip() or tries > MOST_FAILING:
            return
        limit = self._limit(cell)
        answer = self._ask({"do": "cell", "source": source}, limit, where(cell))
        ending, text = text_of(answer, "ending", 20), text_of(answer, "text", READABLE)
        if answer.get("cut") is True:
            self._note("output-cut", where(cell))
        if ending == "timeout":
            text = f"it did not finish within {in_seconds(limit)} s"
            short = ", its share of the time left" if limit < self._limits.cell else ""
            self._give_up(cell, "timeout", text + short)
            self._cell(child, cell)
        elif ending in CELL_CODES:
            if cell.index not in self._errors:
                self._note(CELL_CODES[ending], where(cell), text)
                self._errors[cell.index] = CellError(cell, text)
            self._causes.cell(cell, text)
            name = missing_name(text, self._supplied)
            if name:
                self._supplied.append(name)
                self._supply(name)
            if self._child is child and not text.startswith(STOPS):
                line = answer.get("line")
                at = line if type(line) is int else 0
                rest = after_failure(source, at, again=bool(name))
                self._cell(child, cell, rest, tries + 1)
        elif ending or type(answer.get("ending")) is not str:
            self._note("wrote-nothing-readable", where(cell))

    def _limit(self, cell: Cell) -> float:
        """Return a cell's seconds; when cells have had their share, a little of what is left."""
        share = max(CELLS * self._limits.submission - self._spent, self._left() / 20)
        return min(self._limits.cell, share, AGAIN if cell.index in self._retried else share)

    def _give_up(self, cell: Cell, code: str, text: str) -> None:
        """A cell hung or ended the process: next time only what it defines is run, then nothing."""
        if cell.index not in self._errors:
            code = "cell-timeout" if code == "timeout" else code
            self._note(code, where(cell), text[:1].upper() + text[1:] + ".")
            self._errors[cell.index] = CellError(cell, text)
        again = "" if cell.index in self._retried else definitions(self._sources[cell.index])
        self._retried.add(cell.index)
        self._sources[cell.index] = again

    # ------------------------------------------------------------ questions

    def _question(self, exercise: Question) -> QuestionMark:
        """Check a question; again where it fails for an import that every notebook has."""
        while True:
            mark = self._checked(exercise)
            error = self._causes.of(exercise.id)
            name = "" if mark.status == "right" else missing_name(error, self._supplied)
            if not name or self._child is None:
                return mark
            self._supplied.append(name)
            self._causes.forget(exercise.id)
            try:
                self._supply(name)
            except (Gone, OutOfTime):
                return mark

    def _checked(self, exercise: Question) -> QuestionMark:
        before = len(self._reasons)
        codes: list[str] = []
        self._kept = 0
        began = 0.0

        def reader(name: str, _: Any) -> Source | None:
            nonlocal began
            began = began or time.monotonic()  # first asked when all calls are over
            return self._source(name)

        verdict: Verdict
        try:
            answers = self._answers(exercise, codes)
            self._defined_anything = self._defined_anything or bool(answers)
            verdict = check(
                exercise,
                answers,
                seed=self._seed,
                limit=self._limits.question,
                call=self._caller(exercise, codes),
                reveal=False,
                clock=self._clock,
                reader=reader,
            )
            began = began or time.monotonic()
            verdict = self._accounted(verdict, exercise)
            self._explaining += time.monotonic() - began
        except OutOfTime:
            codes.append("submission-timeout")
            text = "Not checked: the time for the whole notebook was used up before."
            verdict = lost(exercise, text)
        except Gone as gone:
            codes.append("question-timeout" if gone.code == "timeout" else gone.code)
            verdict = lost(exercise, f"While the answer was read, {gone.text}.")
        except Lost:
            raise
        except Exception:
            codes.append("internal-error")
            verdict = lost(exercise, "The grading failed here; a person will look at it.")
        codes += [reason.code for reason in self._reasons[before:] if not reason.where]
        return QuestionMark.of(verdict, exercise, codes)

    def _source(self, name: str) -> Source | None:
        """The source of an answer, while there is time to explain what is wrong in it."""
        if self._explaining > EXPLAINING:
            return None
        return source_in(name, [cell.source for cell in self._read])

    def _accounted(self, verdict: Verdict, exercise: Question) -> Verdict:
        """Say from which cell an answer comes, and whether that cell failed."""
        verdict = explained(verdict, exercise, self._errors.values())
        if self._explaining > EXPLAINING:
            return verdict
        page = Page(runs_of(self._read, self._errors.values()), others=self._names)
        return accounted(verdict, exercise, page)

    def _answers(self, exercise: Question, codes: list[str]) -> dict[str, Any]:
        """Ask what the answer's names hold: functions stay there, values come here."""
        self._ready()
        request = {"do": "describe", "names": list(exercise.answers)}
        found = self._ask(request, self._limits.question).get("names")
        answers = {}
        for name in exercise.answers:
            about = found.get(name) if isinstance(found, dict) else None
            about = about if isinstance(about, dict) else {}
            kind = text_of(about, "kind", 20)
            if kind == "callable":
                answers[name] = remote if isinstance(exercise, CodeExercise) else FUNCTION
                codes += ["course-function"] if about.get("ours") is True else []
            elif kind == "value" and "value" in about:
                answers[name] = value_of(about["value"])
            elif kind != "missing":
                codes.append("wrote-nothing-readable")
        return answers

    def _small(self, outcome: Outcome) -> Outcome:
        """Keep no more of a question's answers than a right one could be."""
        self._kept += weight_of(outcome.value)
        if self._kept <= MOST_KEPT:
            return outcome
        return replace(outcome, value=Foreign("object", "it is far too large"))

    def _caller(self, exercise: Question, codes: list[str]) -> Callable[..., Outcome]:
        """Return what the engine calls instead of the learner's function."""

        def call(
            function: Function,
            answer: Callable[..., Any],
            arguments: Arguments,
            seconds: float,
            stop: threading.Event | None,
        ) -> Outcome:
            request = {
                "do": "call",
                "function": function.name,
                "parameters": list(function.parameters),
                "driver": name_of(function.driver),
                "arguments": arguments,
            }
            try:
                self._ready()
                found = self._ask(request, max(seconds, 0.01))
                outcome = outcome_of_answer(found, function, len(arguments), codes)
                if outcome.kind == "error":
                    error = f"{outcome.error}: {outcome.message}"
                    self._causes.answer(exercise.id, error, shown=_is_example(exercise, arguments))
                return self._small(outcome)
            except OutOfTime:
                codes.append("submission-timeout")
                return Outcome("timeout")
            except Gone as gone:
                return without_answer(gone, codes)

        return call


def _last_of(cells: Sequence[Cell]) -> Sequence[Cell]:
    """The last cells, with no more characters than are read to explain an answer."""
    lengths = itertools.accumulate(len(cell.source) for cell in reversed(cells))
    return cells[len(cells) - sum(length <= MOST_READ for length in lengths) :]


def _is_example(exercise: Question, arguments: Arguments) -> bool:
    """Whether these are the arguments that everybody may see; all others are random."""
    parts = exercise.parts if isinstance(exercise, CodeExercise) else ()
    return any(arguments is part.example for part in parts)
