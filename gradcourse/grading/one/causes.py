"""Why answers fail that need not be wrong: one cause for several, or something that is not here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from gradcourse.checking.exercise_notebook import Cell, CellError
from gradcourse.checking.question import Question
from gradcourse.checking.show import count
from gradcourse.grading.mark import QuestionMark, Reason

USUAL = {
    "np": "import numpy as np",
    "math": "import math",
    "torch": "import torch",
    "nn": "from torch import nn",
    "F": "import torch.nn.functional as F",
    "gc": "import gradcourse as gc",
    "plt": "import matplotlib.pyplot as plt",
}
"""What the released notebooks and lessons import, by the name that answers use."""

_MISSING = re.compile(r"NameError: name '(\w+)' is not defined")
_SHARED = re.compile(r"(?:NameError|ModuleNotFoundError|ImportError|FileNotFoundError): ")
_NOT_HERE = re.compile(
    r"(?:ModuleNotFoundError|FileNotFoundError|ImportError): |.*(?:CUDA|cuda|mps|NVIDIA)", re.DOTALL
)
_COLAB = "ModuleNotFoundError: No module named 'google"
"""Half of all notebooks from there mount a disk, and most of them never use it."""


def missing_name(error: str, supplied: Iterable[str]) -> str:
    """Return the usual name that an error says is not defined, unless it was supplied before."""
    found = _MISSING.match(error)
    name = found[1] if found else ""
    return name if name in USUAL and name not in supplied else ""


class Causes:
    """The errors of a submission's cells and answers."""

    def __init__(self) -> None:
        self._cells: list[tuple[Cell, str]] = []
        self._answers: dict[str, list[str]] = {}

    def cell(self, cell: Cell, error: str) -> None:
        """A cell has failed."""
        self._cells.append((cell, error))

    def answer(self, question: str, error: str, *, shown: bool) -> None:
        """A call of an answer has failed.

        Parameters
        ----------
        question : str
            Its id.
        error : str
            "FileNotFoundError: a.csv"; whatever the learner's code wrote.
        shown : bool
            Whether the input may be shown: else the text may hold a random one, and all that is
            kept of it is which of the usual names is not defined.
        """
        name = "" if shown else missing_name(error, ())
        if shown or name:
            kept = error if shown else f"NameError: name {name!r} is not defined"
            self._answers.setdefault(question, []).append(kept)

    def of(self, question: str) -> str:
        """The first error of a question's answers; empty where there is none."""
        return next(iter(self._answers.get(question, [])), "")

    def forget(self, question: str) -> None:
        """It will be asked again."""
        self._answers.pop(question, None)

    def reasons(
        self,
        marks: Sequence[QuestionMark],
        exercises: Sequence[Question],
        supplied: Sequence[str],
    ) -> Iterator[Reason]:
        """What a person should know: once for all the questions that share a cause."""
        if supplied:
            names = ", ".join(f"`{USUAL[name]}`" for name in supplied)
            text = f"It was missing, or came to no end, and was done for it: {names}."
            yield Reason("import-supplied", text=text)
        lost = {mark.id: mark for mark in marks if mark.earned < mark.possible}
        shared: dict[str, list[str]] = {}
        for id in lost:
            for error in dict.fromkeys(filter(_SHARED.match, self._answers.get(id, []))):
                shared.setdefault(error, []).append(id)
        for error, ids in shared.items():
            if len(ids) > 1:
                why = f"{error}{self._source(error)}"
                text = f"{count(len(ids), 'question')} fail for one cause: {why}."
                yield Reason("one-cause", text=text)
        errors = [error for id in lost for error in self._answers.get(id, [])]
        tried = [
            exercise
            for exercise in exercises
            if exercise.id in lost
            and (lost[exercise.id].status != "unanswered" or self._failed_in(exercise))
        ]
        nameless = any(error.startswith("NameError") for error in errors)
        hangs = nameless or any(map(self._failed_in, tried))
        if tried:
            errors += [e for _, e in self._cells if hangs or not e.startswith(_COLAB)]
        absent = list(dict.fromkeys(filter(_NOT_HERE.match, errors)))
        if absent and not all(error in shared and len(shared[error]) > 1 for error in absent):
            yield Reason("not-here", text=f"It asks for something that is not here: {absent[0]}.")

    def _failed_in(self, exercise: Question) -> bool:
        """Whether a cell failed that was to answer it: else nobody has tried."""
        return any(CellError(cell, error).concerns(exercise) for cell, error in self._cells)

    def _source(self, error: str) -> str:
        """The cell in which the missing name should have been given, and how it failed."""
        found = _MISSING.match(error)
        name = found[1] if found else ""
        for cell, said in self._cells:
            if name and re.search(rf"\b{re.escape(name)}\b", cell.source):
                return f"; the cell that gives it failed: {said}"
        return ""
