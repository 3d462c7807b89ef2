"""From the bytes that were handed in to cells, whatever the bytes are."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradcourse.checking.exercise import Exercise
from gradcourse.checking.exercise_notebook import Cell, read_cells
from gradcourse.exercises.check_child import grade_id
from gradcourse.exercises.registry import assignment, assignment_names
from gradcourse.grading.reasons import reason

MOST_PARTS = 5_000_000
"""Brackets and commas in a file; more would take gigabytes to read."""

MOST_CELLS = 2000

MOST_PARSED = 100_000
"""Characters of a cell that the grader parses itself: a tree takes a thousand bytes for each."""

LONGEST_STUB = 5_000
"""Characters of a cell beyond which it holds more than stubs: thousands of cells are looked at."""


@dataclass
class Submission:
    """What was found in a file.

    Attributes
    ----------
    cells : list of Cell
        All code cells, in order.
    texts : list of Cell
        The other cells that have an id.
    named : str
        The assignment that its metadata name; may be anything.
    lesson : bool
        Whether it is a lesson's notebook, which has the same file name as its exercises.
    reasons : list
        What is wrong with the file.
    """

    cells: list[Cell] = field(default_factory=list)
    texts: list[Cell] = field(default_factory=list)
    grade_ids: tuple[str, ...] = ()
    points: dict[str, Any] = field(default_factory=dict)
    named: str = ""
    lesson: bool = False
    reasons: list[dict[str, str]] = field(default_factory=list)

    def note(self, code: str, where: str = "", text: str = "") -> None:
        """Add a reason."""
        self.reasons.append(reason(code, where, text))


def read(data: bytes, most: int) -> Submission:
    """Read a notebook; what cannot be read leaves a reason."""
    found = Submission()
    if not data.strip(b" \t\r\n\x00"):
        found.note("empty-file")
        return found
    if len(data) > most:
        found.note("too-large", text=f"The file has more than {most >> 20} MB.")
        return found
    text, encoding = _text(data)
    if encoding != "UTF-8":
        found.note("wrong-encoding", text=f"The file is not UTF-8; it was read as {encoding}.")
    if sum(text.count(mark) for mark in "[{,") > MOST_PARTS:
        found.note("too-large")
        return found
    try:
        content = json.loads(text)
    except (ValueError, RecursionError, MemoryError):
        found.note("not-json")
        return found
    _content(found, content)
    return found


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


def _content(found: Submission, content: Any) -> None:
    if isinstance(content, dict) and isinstance(content.get("worksheets"), list):
        found.note("wrong-format", text="The notebook is of format 3; its cells were read.")
        sheets = [sheet for sheet in content["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets for cell in _list(sheet.get("cells"))]
        content = {**content, "cells": [_modern(cell) for cell in cells if isinstance(cell, dict)]}
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        found.note("wrong-format", text="It is JSON, but no notebook: it has no list of cells.")
        found.reasons[-1]["code"] = "not-json"
        return
    if content.get("nbformat") not in (3, 4):
        found.note("wrong-format")
    metadata = _mapping(content.get("metadata"))
    language = _language(metadata)
    if language and language != "python":
        found.note(
            "wrong-kernel", text=f"The notebook says that its language is {language[:40]!r}."
        )
    ours = _mapping(metadata.get("gradcourse"))
    found.named = str(ours.get("assignment") or "")[:80]
    found.lesson = not found.named and str(ours.get("source")).startswith("source/lessons/")
    cells = [cell for cell in content["cells"] if isinstance(cell, dict)]
    if len(cells) > MOST_CELLS:
        found.note("too-large", text=f"It has more than {MOST_CELLS} cells; the rest was left out.")
        cells = cells[:MOST_CELLS]
    marks = [_mapping(_mapping(cell.get("metadata")).get("nbgrader")) for cell in cells]
    found.grade_ids = tuple(str(m["grade_id"]) for m in marks if m.get("grade_id"))
    found.points = {str(m.get("grade_id")): m["points"] for m in marks if "points" in m}
    found.cells = list(read_cells(cells))
    found.texts = [cell for cell in read_cells(cells, code=False) if cell.grade_id]


def _modern(cell: dict[str, Any]) -> dict[str, Any]:
    return {**cell, "source": cell.get("input", cell.get("source", ""))}


def _language(metadata: Mapping[str, Any]) -> str:
    kernel, info = _mapping(metadata.get("kernelspec")), _mapping(metadata.get("language_info"))
    named = kernel.get("language") or info.get("name") or kernel.get("name") or ""
    name = str(named).lower()
    return "python" if name.startswith(("python", "ipython", "conda", "xpython")) else name


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# ---------------------------------------------------------------- which assignment


def assignment_of(found: Submission) -> str | None:
    """Find the assignment by metadata, by the ids of cells, or by what the cells define."""
    if found.named in assignment_names():
        return found.named
    names = assignment_names()
    for known in (_by_ids, _by_names):
        scores = {name: known(found, assignment(name)) for name in names}
        best = max(names, key=lambda name: scores[name])
        if scores[best]:
            return best
    return None


def other_assignment(found: Submission, asked: str) -> str | None:
    """Find which other assignment a notebook answers that has no cell of the one that is asked."""
    if not found.cells or has_cells_of(found, assignment(asked)):
        return None
    scores = {
        name: _by_ids(found, exercises) + _by_names(found, exercises)
        for name in assignment_names()
        for exercises in [assignment(name)]
    }
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] > scores[asked] else None


def has_cells_of(found: Submission, exercises: Sequence[Exercise]) -> bool:
    """Whether a cell is there that was given out with these exercises."""
    return _by_ids(found, exercises) > 0


def _by_ids(found: Submission, exercises: Sequence[Exercise]) -> int:
    return sum(
        any(given == own or given.startswith(f"{own}-") for given in found.grade_ids)
        for own in map(grade_id, exercises)
    )


def _by_names(found: Submission, exercises: Sequence[Exercise]) -> int:
    wanted = {name for exercise in exercises for name in exercise.answers}
    return len(wanted & {name for cell in found.cells for name in defined(cell.source)})


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
