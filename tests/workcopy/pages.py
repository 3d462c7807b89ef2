"""A small course to lay, to change and to bring."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat import NotebookNode, v4

from gradcourse.workcopy import Shelf, WorkingCopy

LESSON = "lessons/00_start_here.ipynb"
EXERCISE = "exercises/03_recurrent.ipynb"
SOLUTION = "solutions/03_recurrent.ipynb"


def text(identity: str, source: str, **metadata: object) -> NotebookNode:
    return v4.new_markdown_cell(source, id=identity, metadata=metadata)


def code(identity: str, source: str, printed: str = "", **metadata: object) -> NotebookNode:
    outputs = [v4.new_output("stream", name="stdout", text=printed)] if printed else []
    count = 1 if printed else None
    return v4.new_code_cell(
        source, id=identity, outputs=outputs, execution_count=count, metadata=metadata
    )


def exercise() -> list[NotebookNode]:
    return [
        text("title", "# Exercises 03"),
        text("one", "## 1 · A power (2 points)\n\nReturn the power."),
        code("one-answer", "def power(w, T):\n    raise NotImplementedError()"),
        code("one-check", 'gc.panel("recurrent/power")', "not answered yet"),
        text("two", "## 2 · A radius (1 point)\n\nReturn the radius."),
        code("two-answer", "def radius(W):\n    raise NotImplementedError()"),
        code("two-check", 'gc.panel("recurrent/radius")', "not answered yet"),
    ]


def lesson() -> list[NotebookNode]:
    return [
        text("title", "# 00 · Start here"),
        text("notes", "**Speaker notes** the answer is 42", slideshow={"slide_type": "notes"}),
        code("demo", 'gc.demo("start/first-slider")', "first frame"),
        code("measure", "print(42)", "42"),
        code("both", 'gc.demo("start/first-slider")\nprint(42)', "42"),
    ]


def put(root: Path, page: str, cells: list[NotebookNode]) -> None:
    path = root / page
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(v4.new_notebook(cells=cells), path)


def small_course(root: Path) -> Shelf:
    put(root, LESSON, lesson())
    put(root, EXERCISE, exercise())
    put(root, SOLUTION, [text("title", "# Exercises 03"), code("all", "print(1)", "1")])
    return Shelf(root)


def read(copy: WorkingCopy, page: str) -> NotebookNode:
    node = nbformat.read(copy.folder / page, as_version=4)
    nbformat.validate(node)
    return node


def cell(node: NotebookNode, identity: str) -> NotebookNode:
    (only,) = (cell for cell in node.cells if cell.id == identity)
    return only


def ids(node: NotebookNode) -> list[str]:
    return [cell.id for cell in node.cells]


def write_in(copy: WorkingCopy, page: str, identity: str, source: str, printed: str = "") -> None:
    """Answer in a cell, as a learner does, and save."""
    node = read(copy, page)
    mine = cell(node, identity)
    mine.source = source
    if printed:
        mine.outputs, mine.execution_count = code("x", "", printed).outputs, 7
    nbformat.write(node, copy.folder / page)
