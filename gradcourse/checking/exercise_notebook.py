"""Read an exercise notebook, and run its cells as a kernel would, one failing cell at a time."""

from __future__ import annotations

import contextlib
import json
import re
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gradcourse.checking.judged import CellRun
from gradcourse.checking.limits import Stopped
from gradcourse.checking.question import Question
from gradcourse.checking.verdict import Verdict
from gradcourse.ran import error_in_words
from gradcourse.support import GradcourseError

CELL_LIMIT = 60
"""Seconds that one cell may run."""


@dataclass(frozen=True)
class Cell:
    """One code cell.

    Attributes
    ----------
    index : int
        Its position in the notebook, all cells counted, from 0.
    grade_id : str
        From nbgrader's metadata; empty where there is none.
    tests : bool
        Whether it belongs to the grading, not to the answer, and is not run.
    """

    index: int
    source: str
    grade_id: str = ""
    tests: bool = False


@dataclass(frozen=True)
class Notebook:
    """What matters of an exercise notebook.

    Attributes
    ----------
    cells : tuple of Cell
        All code cells, in order.
    texts : tuple of Cell
        The other cells that have an id.
    assignment : str
        As its metadata names it, "01"; empty where they do not.
    grade_ids : tuple of str
        Of all cells, in order.
    points : mapping
        What the marks of a cell say that it is worth, by its id; may be anything.
    source : str
        The course's text file that it was built from; empty where its metadata do not say.
    """

    cells: tuple[Cell, ...] = ()
    texts: tuple[Cell, ...] = ()
    assignment: str = ""
    grade_ids: tuple[str, ...] = ()
    points: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""

    @property
    def lesson(self) -> bool:
        """Whether it is a lesson's notebook, which has the same file name as its exercises."""
        return not self.assignment and self.source.startswith("source/lessons/")

    def has_cell_of(self, id: str) -> bool:
        """Whether a cell is there that was given out with an exercise."""
        return any(is_of(given, id) for given in self.grade_ids)


def grade_id(id: str) -> str:
    """Return the id of an exercise as nbgrader allows it: no slash."""
    return id.replace("/", "-")


def is_of(given: str, id: str) -> bool:
    """Whether a cell with the given `grade_id` belongs to the exercise with this id."""
    own = grade_id(id)
    return given == own or given.startswith(f"{own}-")


def read_notebook(path: Path) -> Notebook:
    """Read a notebook.

    Raises
    ------
    GradcourseError
        If the file is missing, is not JSON, or is no notebook of format 4.
    """
    try:
        content = json.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise GradcourseError(f"{path}: there is no such file") from None
    except OSError as error:
        if path.is_dir():
            raise GradcourseError(f"{path}: it is a folder: give the notebooks in it") from None
        raise GradcourseError(f"{path}: it cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        what = "it is empty" if not path.stat().st_size else "it is not JSON"
        raise GradcourseError(f"{path}: {what}, so it is no notebook: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        old = isinstance(content, dict) and "worksheets" in content
        hint = (
            "it is of an old format: open and save it in JupyterLab"
            if old
            else ("it is no notebook: a notebook is a JSON object with a list of cells")
        )
        raise GradcourseError(f"{path}: {hint}")
    return notebook_of(content)


def notebook_of(content: Mapping[str, Any]) -> Notebook:
    """Take what matters out of a notebook's JSON, in which ``cells`` is a list of anything."""
    ours = mapping(mapping(content.get("metadata")).get("gradcourse"))
    cells = [cell for cell in content["cells"] if isinstance(cell, dict)]
    marks = [_nbgrader(cell) for cell in cells]
    read = [_cell(index, cell) for index, cell in enumerate(cells)]
    is_code = [cell.get("cell_type") == "code" for cell in cells]
    return Notebook(
        cells=tuple(cell for cell, code in zip(read, is_code, strict=True) if code),
        texts=tuple(
            cell for cell, code in zip(read, is_code, strict=True) if not code and cell.grade_id
        ),
        assignment=str(ours.get("assignment") or ""),
        grade_ids=tuple(cell.grade_id for cell in read if cell.grade_id),
        points={str(own.get("grade_id")): own["points"] for own in marks if "points" in own},
        source=str(ours.get("source") or ""),
    )


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a JSON object, an empty one where something else stands."""
    return value if isinstance(value, dict) else {}


def _nbgrader(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(mapping(cell.get("metadata")).get("nbgrader"))


def _cell(index: int, cell: Mapping[str, Any]) -> Cell:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(str(line) for line in source)
    marks = _nbgrader(cell)
    # A cell that is both graded and a solution is an answer that a person marks.
    tests = bool(marks.get("grade")) and not marks.get("solution")
    return Cell(index, str(source), str(marks.get("grade_id") or ""), tests)


@dataclass(frozen=True)
class CellError:
    """What went wrong in a cell: "SyntaxError: invalid syntax (line 3)"."""

    cell: Cell
    text: str

    def concerns(self, exercise: Question) -> bool:
        """Whether this cell was to give the answer to an exercise."""
        return is_of(self.cell.grade_id, exercise.id) or any(
            re.search(rf"\b{re.escape(name)}\b\s*[=(]", self.cell.source)
            for name in exercise.answers
        )


def explained(verdict: Verdict, exercise: Question, errors: Iterable[CellError]) -> Verdict:
    """Say of a missing answer that its cell failed, and how."""
    own = [error for error in errors if error.concerns(exercise)] if verdict.unanswered else []
    if not own:
        return verdict
    text = f"The cell that gives this answer failed: {own[0].text}."
    return replace(verdict, parts=tuple(replace(part, message=text) for part in verdict.parts))


def runs_of(cells: Iterable[Cell], errors: Iterable[CellError]) -> list[CellRun]:
    """Return how the cells of a file ran, as a verdict says where an answer comes from.

    Parameters
    ----------
    cells : iterable of Cell
        Those that were run, in order.
    errors : iterable of CellError
        What went wrong in some of them.
    """
    failed = {error.cell.index: error.text for error in errors}
    return [
        CellRun(cell.source, f"cell {cell.index + 1}", failed.get(cell.index, ""))
        for cell in cells
        if not cell.tests
    ]


def run_cells(
    notebook: Notebook, skip: Mapping[int, str], starting: Callable[[int], None]
) -> tuple[dict[str, Any], list[CellError]]:
    """Run every cell in order, in this process. A cell that fails does not stop the others.

    Parameters
    ----------
    notebook : Notebook
        What `read_notebook` returned.
    skip : mapping
        From the index of a cell that must not run to the reason, kept as its error.
    starting : callable
        Called with the index of each cell before it runs.

    Returns
    -------
    tuple
        The names that the cells defined, and the errors.
    """
    shell = make_shell()
    errors = []
    for cell in notebook.cells:
        if cell.tests:
            continue
        if cell.index in skip:
            errors.append(CellError(cell, skip[cell.index]))
            continue
        starting(cell.index)
        text = _run_cell(shell, cell.source)
        if text:
            errors.append(CellError(cell, text))
    return shell.user_ns, errors


def make_shell(folder: str | None = None) -> Any:
    """IPython, so that magics and shell lines are understood as in a notebook.

    Parameters
    ----------
    folder : str, optional
        Where it may keep its profile, instead of where it does by itself.
    """
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    if folder is not None:
        config.InteractiveShell.ipython_dir = folder
    return InteractiveShell.instance(config=config)


def _run_cell(shell: Any, source: str) -> str:
    """Run one cell and return its error in words; empty when there was none."""
    try:
        with _alarm(CELL_LIMIT):
            result = shell.run_cell(source, store_history=False)
    except Stopped:
        return _TOO_LONG
    except BaseException as error:
        return in_words(error)
    problem = result.error_before_exec or result.error_in_exec
    return "" if problem is None else in_words(problem)


_TOO_LONG = f"it did not finish within {CELL_LIMIT} s"


def in_words(error: BaseException) -> str:
    """Say what a cell raised: "ZeroDivisionError: division by zero (line 3)"."""
    if isinstance(error, Stopped):
        return _TOO_LONG
    return error_in_words(error)


@contextlib.contextmanager
def _alarm(seconds: int) -> Iterator[None]:
    """Stop a cell that runs too long, again each second if it swallows the first alarms.

    Where there is no alarm (Windows), or C code does not let it through, whoever started this
    process ends it.
    """
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def ring(*_: Any) -> None:
        raise Stopped

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
