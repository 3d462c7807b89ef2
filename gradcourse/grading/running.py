"""One submission, run to its end: through hangs, crashes, lies and restarts."""

from __future__ import annotations

import ast
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from gradcourse.checking.call import Outcome
from gradcourse.checking.engine import check
from gradcourse.checking.exercise import Arguments, CodeExercise, Exercise, Function
from gradcourse.checking.notebook import Cell, CellError
from gradcourse.checking.plain import Foreign
from gradcourse.checking.verdict import PartResult, Verdict
from gradcourse.exercises.run_notebook import explained
from gradcourse.grading.cells_to_run import Plan, where
from gradcourse.grading.limits import Limits
from gradcourse.grading.reasons import reason
from gradcourse.grading.wire import Closed, Silent, WireError
from gradcourse.grading.zygotes import Child, Lost, Zygote

GRACE = 1.0
"""Seconds that the child has to stop by itself before it is killed."""

AGAIN = 3.0
"""Seconds for what is left of a cell that did not finish, when the process starts anew."""

START = 20.0
READABLE = 500
"""Characters of an error's text that are kept."""


class OutOfTime(Exception):
    """The submission's whole time is used up."""


class Gone(Exception):
    """The child is dead or of no more use. ``code`` says why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Running:
    """A submission while it is graded.

    Attributes
    ----------
    reasons : list of dict
        What happened to the whole of it.
    failed : int
        Cells that did not run to their end.
    layers : dict
        Of the sandbox, as the child itself found them.
    defined_anything : bool
        Whether one of the names that were asked for was there.
    """

    def __init__(self, zygote: Zygote, todo: Plan, limits: Limits, seed: int) -> None:
        self._zygote = zygote
        self._cells = todo.cells
        self._limits = limits
        self._seed = seed
        self._deadline = time.monotonic() + limits.submission
        self._child: Child | None = None
        self._said: set[int] = set()
        self._sources = {cell.index: cell.source for cell in todo.cells}
        self._retried: set[int] = set()
        self._errors: dict[int, CellError] = {}
        self.reasons: list[dict[str, str]] = []
        self.layers: dict[str, str] = {}
        self.defined_anything = False

    @property
    def failed(self) -> int:
        """Cells that did not run to their end."""
        return len(self._errors)

    def all(self, exercises: Sequence[Exercise]) -> list[dict[str, Any]]:
        """Run the cells, check every question, end the child, and return the questions."""
        try:
            return [self._question(exercise) for exercise in exercises]
        finally:
            if self._child is not None:
                self._child.end()
                self._child = None

    # ------------------------------------------------------------ the child

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            self._note("submission-timeout")
            raise OutOfTime
        return left

    def _note(self, code: str, where: str = "", text: str = "") -> None:
        self.reasons.append(reason(code, where, text))

    def _ready(self) -> Child:
        """Return a child in which all cells have run; start one if there is none."""
        while self._child is None:
            self._left()
            child = self._child = self._zygote.start(self._limits)
            try:
                child.begin(START)
            except WireError:
                child.end()
                raise Lost from None
            self.layers = child.layers
            for cell in self._cells:
                try:
                    self._cell(child, cell)
                except Gone as gone:
                    self._give_up(cell, gone.code, gone.text)
                    break
        return self._child

    def _ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Ask the child; whatever goes wrong ends it.

        Raises
        ------
        Gone
            If it did not answer, or not with an answer.
        """
        child = self._child
        assert child is not None
        seconds = min(seconds, self._left())
        try:
            answer = child.ask({**request, "seconds": seconds}, seconds + GRACE)
            for what in _texts(answer.get("noticed")):
                self._note("tried-forbidden", text=f"It tried {what}.")
            return answer
        except Silent:
            self._end()
            raise Gone("timeout", f"it did not finish within {_seconds(seconds)} s") from None
        except Closed:
            raise self._post_mortem(self._end()) from None
        except WireError:
            self._end()
            raise Gone("wrote-nothing-readable", "what it sent could not be read") from None

    def _end(self) -> dict[str, Any]:
        child, self._child = self._child, None
        assert child is not None
        return child.end()

    def _post_mortem(self, ending: dict[str, Any]) -> Gone:
        if ending["why"] == "memory":
            return Gone("memory", "it needed more memory than is allowed")
        if ending["why"] == "disk":
            return Gone("killed", "it wrote more to the disk than is allowed")
        if ending["status"] < 0:
            return Gone("killed", f"its process was ended by signal {-ending['status']}")
        return Gone("process-ended", "it ended its own process")

    # ------------------------------------------------------------ cells

    def _cell(self, child: Child, cell: Cell) -> None:
        source = self._sources[cell.index]
        if not source.strip():
            return
        limit = AGAIN if cell.index in self._retried else self._limits.cell
        answer = self._ask({"do": "cell", "source": source}, limit)
        ending, text = answer.get("ending"), str(answer.get("text") or "")[:READABLE]
        if answer.get("cut") is True:
            self._note("output-cut", where(cell))
        if ending == "timeout":
            self._give_up(cell, "timeout", f"it did not finish within {_seconds(limit)} s")
            if self._sources[cell.index]:
                self._cell(child, cell)
        elif ending in ("error", "syntax") and cell.index not in self._said:
            self._said.add(cell.index)
            self._note("syntax-error" if ending == "syntax" else "cell-error", where(cell), text)
            self._errors[cell.index] = CellError(cell.index, cell.grade_id, cell.source, text)

    def _give_up(self, cell: Cell, code: str, text: str) -> None:
        """A cell hung or ended the process: next time only what it defines is run, then nothing."""
        if cell.index not in self._said:
            self._said.add(cell.index)
            code = "cell-timeout" if code == "timeout" else code
            self._note(code, where(cell), text[:1].upper() + text[1:] + ".")
            self._errors[cell.index] = CellError(cell.index, cell.grade_id, cell.source, text)
        again = "" if cell.index in self._retried else definitions(self._sources[cell.index])
        self._retried.add(cell.index)
        self._sources[cell.index] = again

    # ------------------------------------------------------------ questions

    def _question(self, exercise: Exercise) -> dict[str, Any]:
        before = len(self.reasons)
        codes: list[str] = []
        verdict: Verdict
        try:
            answers = self._answers(exercise, codes)
            self.defined_anything = self.defined_anything or bool(answers)
            verdict = check(
                exercise,
                answers,
                seed=self._seed,
                limit=self._limits.question,
                call=self._caller(exercise, codes),
                reveal=False,
            )
            verdict = explained(verdict, exercise, list(self._errors.values()))
        except OutOfTime:
            codes.append("submission-timeout")
            text = "Not checked: the time for the whole notebook was used up before."
            verdict = _lost(exercise, text)
        except Gone as gone:
            codes.append("question-timeout" if gone.code == "timeout" else gone.code)
            verdict = _lost(exercise, f"While the answer was read, {gone.text}.")
        except Lost:
            raise
        except Exception:
            codes.append("internal-error")
            verdict = _lost(exercise, "The grading failed here; a person will look at it.")
        for found in self.reasons[before:]:
            if not found["where"] and found["code"] not in codes:
                codes.append(found["code"])
        return as_question(verdict, exercise, codes)

    def _answers(self, exercise: Exercise, codes: list[str]) -> dict[str, Any]:
        """Ask what the answer's names hold: functions stay there, values come here."""
        self._ready()
        request = {"do": "describe", "names": list(exercise.answers)}
        found = self._ask(request, self._limits.question).get("names")
        answers = {}
        for name in exercise.answers:
            about = found.get(name) if isinstance(found, dict) else None
            kind = about.get("kind") if isinstance(about, dict) else None
            if kind == "callable":
                answers[name] = _remote if isinstance(exercise, CodeExercise) else _function
            elif kind == "value" and isinstance(about, dict):
                answers[name] = _value(about.get("value"))
            elif kind != "missing":
                codes.append("wrote-nothing-readable")
        return answers

    def _caller(self, exercise: Exercise, codes: list[str]) -> Callable[..., Outcome]:
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
                "driver": _name(function.driver),
                "arguments": arguments,
            }
            try:
                self._ready()
                return _outcome(self._ask(request, max(seconds, 0.01)), len(arguments), codes)
            except OutOfTime:
                codes.append("submission-timeout")
                return Outcome("timeout")
            except Gone as gone:
                return _without(gone, codes)

        return call


def _remote(*_: Any) -> None:
    """Stands for a function that lives in the child; only the caller can reach it."""
    raise AssertionError("a learner's function was called in the grader")


_function = Foreign("function")


def _value(value: Any) -> Any:
    return ... if isinstance(value, Foreign) and value.type_name == "ellipsis" else value


def _name(driver: Callable[..., Any] | None) -> str:
    return "" if driver is None else f"{driver.__module__}:{driver.__qualname__}"


def _without(gone: Gone, codes: list[str]) -> Outcome:
    if gone.code == "timeout":
        codes.append("question-timeout")
        return Outcome("timeout")
    codes.append(gone.code)
    if gone.code == "wrote-nothing-readable":
        return Outcome("value", Foreign("object", gone.text))
    name = "MemoryError" if gone.code == "memory" else "SystemExit"
    return Outcome("error", error=name, message=gone.text)


def _outcome(answer: dict[str, Any], count: int, codes: list[str]) -> Outcome:
    """Read an answer as an outcome, field by field; nothing in it is believed."""
    if isinstance(answer.get("unfit"), str):
        return Outcome("value", Foreign("object", str(answer["unfit"])[:READABLE]))
    kind = answer.get("kind")
    if kind not in ("value", "error", "signature", "timeout"):
        codes.append("wrote-nothing-readable")
        return Outcome("value", Foreign("object", "what it sent could not be read"))
    if kind == "timeout":
        codes.append("question-timeout")
    changed = answer.get("changed")
    places = changed if isinstance(changed, list | tuple) else ()
    return Outcome(
        kind,
        value=answer.get("value"),
        error=_text(answer, "error", 80),
        message=_text(answer, "message", READABLE),
        line=_text(answer, "line", 200),
        printed=_text(answer, "printed", 1100),
        changed=tuple(i for i in places if type(i) is int and 0 <= i < count),
    )


def _text(answer: dict[str, Any], name: str, most: int) -> str:
    text = answer.get(name)
    return text[:most] if isinstance(text, str) else ""


def _texts(value: Any) -> list[str]:
    return [text[:80] for text in value if isinstance(text, str)] if type(value) is list else []


def _seconds(seconds: float) -> str:
    return str(math.ceil(seconds)) if seconds >= 1 else f"{seconds:.1g}"


def _lost(exercise: Exercise, text: str) -> Verdict:
    part = PartResult(exercise.title, "wrong", 0.0, exercise.points, text)
    return Verdict(exercise.id, exercise.title, (part,))


def as_question(verdict: Verdict, exercise: Exercise, codes: Sequence[str]) -> dict[str, Any]:
    """Return a verdict as the plain data of a report: without the seed."""
    data = verdict.to_dict()
    return {
        "id": exercise.id,
        "title": exercise.title,
        "earned": verdict.earned,
        "possible": exercise.points,
        "status": verdict.status,
        "message": data["message"],
        "headline": verdict.headline,
        "printed": verdict.printed,
        "parts": data["parts"],
        "reasons": list(dict.fromkeys(codes)),
    }


def definitions(source: str) -> str:
    """Return only what a cell imports and defines, for a cell that did not come to its end."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    kept = [n for n in tree.body if isinstance(n, kinds) or _is_constant(n)]
    if len(kept) == len(tree.body):
        return ""
    return ast.unparse(ast.Module(kept, []))


def _is_constant(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and isinstance(
        node.value, ast.Constant | ast.UnaryOp | ast.List | ast.Tuple | ast.Dict | ast.Lambda
    )


__all__ = ["Running", "as_question", "definitions"]
