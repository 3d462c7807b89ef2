"""From the bytes that were handed in to cells, whatever the bytes are."""

from __future__ import annotations

import ast
import io
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradcourse.checking.exercise_notebook import Notebook, mapping, notebook_of
from gradcourse.checking.question import Question
from gradcourse.exercises.registry import assignment, assignment_names
from gradcourse.grading.intake.slim import TooLarge, slim
from gradcourse.grading.mark import Reason

MOST_PARTS = 2_000_000
"""Brackets and commas in a file; more would take hundreds of megabytes to read."""

MOST_CELLS = 4000
"""Cells that are run; of more, those that the course gave out, and those that define something."""

MOST_PARSED = 100_000
"""Characters of a cell that the grader parses itself: a tree takes a thousand bytes for each."""

LONGEST_STUB = 5_000
"""Characters of a cell beyond which it holds more than stubs: thousands of cells are looked at."""


@dataclass(frozen=True)
class Contents:
    """What is in a file that was handed in.

    Attributes
    ----------
    notebook : Notebook
        Without a cell where nothing could be read.
    reasons : tuple of Reason
        What is wrong with the file.
    written : tuple of str
        The learner's own texts; see `written`.
    """

    notebook: Notebook = field(default_factory=Notebook)
    reasons: tuple[Reason, ...] = ()
    written: tuple[str, ...] = ()


def read(data: bytes, most: int) -> Contents:
    """Read a notebook; what cannot be read leaves a reason."""
    if not data.strip(b" \t\r\n\x00"):
        return Contents(reasons=(Reason("empty-file"),))
    try:
        data = slim(io.BytesIO(data).read, most, len(data))
    except TooLarge:
        text = f"The file has more than {most >> 20} MB, outputs not counted."
        return Contents(reasons=(Reason("too-large", text=text),))
    text, encoding = _text(data)
    reasons = []
    if encoding != "UTF-8":
        said = f"The file is not UTF-8; it was read as {encoding}."
        reasons.append(Reason("wrong-encoding", text=said))
    if sum(text.count(mark) for mark in "[{,") > MOST_PARTS:
        return Contents(reasons=(*reasons, Reason("too-large")))
    try:
        content = json.loads(text)
    except (ValueError, RecursionError, MemoryError):
        return Contents(reasons=(*reasons, Reason("not-json")))
    return _contents(content, reasons)


def _text(data: bytes) -> tuple[str, str]:
    for mark, name in (
        (b"\xef\xbb\xbf", "UTF-8"),
        (b"\xff\xfe\x00\x00", "UTF-32"),
        (b"\x00\x00\xfe\xff", "UTF-32"),
        (b"\xff\xfe", "UTF-16"),
        (b"\xfe\xff", "UTF-16"),
    ):
        if data.startswith(mark):
            return data.decode("utf-8-sig" if name == "UTF-8" else name, "replace"), name
    if data[:2].count(0) == 1:  # UTF-16 without its mark: the first character is "{"
        return data.decode("utf-16-le" if data[1] == 0 else "utf-16-be", "replace"), "UTF-16"
    try:
        return data.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), "Windows-1252"


def _contents(content: Any, reasons: list[Reason]) -> Contents:
    if isinstance(content, dict) and isinstance(content.get("worksheets"), list):
        text = "The notebook is of format 3; its cells were read."
        reasons.append(Reason("wrong-format", text=text))
        sheets = [sheet for sheet in content["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets for cell in _list(sheet.get("cells"))]
        content = {**content, "cells": [_modern(cell) for cell in cells if isinstance(cell, dict)]}
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        text = "It is JSON, but no notebook: it has no list of cells."
        return Contents(reasons=(*reasons, Reason("not-json", text=text)))
    if content.get("nbformat") not in (3, 4):
        reasons.append(Reason("wrong-format"))
    cells = [cell for cell in content["cells"] if isinstance(cell, dict)]
    language = _language(mapping(content.get("metadata")))
    answers = [cell for cell in cells if _graded_as(cell).endswith("-answer")]
    if language and language != "python" and not any(map(_is_python, answers or cells)):
        text = f"The notebook says that its language is {language[:40]!r}."
        reasons.append(Reason("wrong-kernel", text=text))
    if len(cells) > MOST_CELLS:
        text = f"It has more than {MOST_CELLS} cells; some that define nothing were left out."
        reasons.append(Reason("too-large", text=text))
        cells = _most_telling(cells)
    notebook = notebook_of({**content, "cells": cells})
    return Contents(notebook, tuple(reasons), tuple(written(cells)[:MOST_WRITTEN]))


MOST_WRITTEN = 20
"""How many of a learner's own texts are kept."""

_THINK = re.compile(r"#+\s*Think!")
_GIVEN_OUT = re.compile(r"##?\s|\[Home\]|<details>\s*<summary><strong>Speaker notes")


def written(cells: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what a learner wrote in words: no points hang on it, and a person wants to read it.

    In an exercise notebook these are the text cells that were not given out; in a lesson's, what
    stands below its open question, in the question's own cell or in cells that follow it.
    """
    marked = any(map(_graded_as, cells))
    found, asked = [], False
    for cell in cells:
        text = _source(cell).strip()
        if cell.get("cell_type") == "code":
            continue
        if _THINK.match(text):
            asked = True
            question, model_answer, below = text.rpartition("</details>")
            found.append(below if question and model_answer else "")
        elif _GIVEN_OUT.match(text) and not (marked and not _graded_as(cell)):
            asked = asked and not text.startswith("#")
        elif asked or (marked and not _graded_as(cell)):
            found.append(text)
    return [text.strip() for text in found if text.strip()]


def _most_telling(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of too many cells those with the course's marks, then what imports and defines, in order."""

    def rank(index: int) -> int:
        if "nbgrader" in mapping(cells[index].get("metadata")):
            return 0
        return 1 if _SUBSTANCE.search(_source(cells[index])) else 2

    kept = sorted(sorted(range(len(cells)), key=rank)[:MOST_CELLS])
    return [cells[index] for index in kept]


_SUBSTANCE = re.compile(r"^(?:async\s+def|def|class|import|from)\s", re.M)


def _modern(cell: dict[str, Any]) -> dict[str, Any]:
    return {**cell, "source": cell.get("input", cell.get("source", ""))}


def _language(metadata: Mapping[str, Any]) -> str:
    kernel, info = mapping(metadata.get("kernelspec")), mapping(metadata.get("language_info"))
    named = kernel.get("language") or info.get("name") or ""
    name = str(named).lower()
    return "python" if name.startswith(("python", "ipython", "conda", "xpython")) else name


def _is_python(cell: Mapping[str, Any]) -> bool:
    """Whether a cell defines a function as only Python does; whatever its kernel is called."""
    tree = tree_of(_source(cell)) if cell.get("cell_type") == "code" else None
    kinds = (ast.FunctionDef, ast.ClassDef, ast.ImportFrom)
    return tree is not None and any(isinstance(node, kinds) for node in tree.body)


def _source(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _graded_as(cell: Mapping[str, Any]) -> str:
    return str(mapping(mapping(cell.get("metadata")).get("nbgrader")).get("grade_id", ""))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# ---------------------------------------------------------------- which assignment


def assignment_of(notebook: Notebook) -> str | None:
    """Find the assignment by metadata, by the ids of cells, or by what the cells define."""
    names = assignment_names() if notebook.cells else ()
    if notebook.assignment in names:
        return notebook.assignment
    for known in (_by_ids, _by_names):
        scores = {name: known(notebook, assignment(name)) for name in names}
        best = max(names, key=lambda name: scores[name], default=None)
        if best is not None and scores[best]:
            return best
    return None


def other_assignment(notebook: Notebook, asked: str) -> str | None:
    """Find which other assignment a notebook answers that has no cell of the one that is asked."""
    if not notebook.cells or has_cells_of(notebook, assignment(asked)):
        return None
    scores = {
        name: _by_ids(notebook, exercises) + _by_names(notebook, exercises)
        for name in assignment_names()
        for exercises in [assignment(name)]
    }
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] > scores[asked] else None


def has_cells_of(notebook: Notebook, exercises: Sequence[Question]) -> bool:
    """Whether a cell is there that was given out with these exercises."""
    return _by_ids(notebook, exercises) > 0


def _by_ids(notebook: Notebook, exercises: Sequence[Question]) -> int:
    return sum(notebook.has_cell_of(exercise.id) for exercise in exercises)


def _by_names(notebook: Notebook, exercises: Sequence[Question]) -> int:
    wanted = {name for exercise in exercises for name in exercise.answers}
    return len(wanted & {name for cell in notebook.cells for name in defined(cell.source)})


# ---------------------------------------------------------------- what a cell gives

_DEFINES = re.compile(r"^(?:async\s+)?(?:def|class)\s+(\w+)|^(\w+)\s*(?::[^=\n]+)?=(?!=)", re.M)


def defined(source: str) -> set[str]:
    """The names that a cell defines on its outermost level, also if it has magics or errors."""
    return {name for pair in _DEFINES.findall(source) for name in pair if name}


def tree_of(source: str) -> ast.Module | None:
    """Parse a cell; None where it is no Python, or so long that its tree could fill the memory."""
    if len(source) > MOST_PARSED:
        return None
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def untouched(source: str, names: Collection[str]) -> bool:
    """Whether all of these names that a cell defines are still the stubs that it was given with."""
    tree = tree_of(source) if len(source) <= LONGEST_STUB else None
    if tree is None:
        return False
    stubs = [_is_stub(node) for node in tree.body if any(name in names for name in _names_of(node))]
    return bool(stubs) and all(stubs)


def _names_of(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []


def _is_stub(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):
        return isinstance(node.value, ast.Constant) and node.value.value in (None, ...)
    if not isinstance(node, ast.FunctionDef):
        return False
    body = node.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    if len(body) != 1 or not isinstance(body[0], ast.Raise):
        return False
    raised = body[0].exc
    raised = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
