"""How a right notebook is edited: each function changes one, or makes another document of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from corpus.build import FIRST, answer_cell, code, grade_id, packed

Notebook = dict[str, Any]
Edit = Callable[[Notebook], Any]


def raw(change: Callable[[bytes], bytes]) -> Edit:
    """Change the bytes of the file."""
    return lambda notebook: change(packed(notebook))


def cell(source: str, then: Edit | None = None) -> Edit:
    """Put a cell near the top."""

    def edit(notebook: Notebook) -> Any:
        notebook["cells"].insert(2, code(source))
        return then(notebook) if then else None

    return edit


def append(text: str, then: Edit | None = None) -> Edit:
    """Put text at the end of the answer."""

    def edit(notebook: Notebook) -> Any:
        answer_cell(notebook, FIRST.question)["source"].append(text)
        return then(notebook) if then else None

    return edit


def metadata(**keys: Any) -> Edit:
    """Change the notebook's metadata."""
    return lambda notebook: notebook["metadata"].update(keys)


def marks(change: Callable[[dict[str, Any]], Any]) -> Edit:
    """Change the metadata of every cell that nbgrader knows."""

    def edit(notebook: Notebook) -> None:
        for each in notebook["cells"]:
            if "nbgrader" in each["metadata"]:
                change(each["metadata"])

    return edit


def without(gone: Callable[[dict[str, Any]], bool]) -> Edit:
    """Delete cells."""

    def edit(notebook: Notebook) -> None:
        notebook["cells"] = [each for each in notebook["cells"] if not gone(each)]

    return edit


def deleted(notebook: Notebook) -> None:
    """The answer's cell is gone."""
    answer = answer_cell(notebook, FIRST.question)
    without(lambda each: each is answer)(notebook)


def duplicated(notebook: Notebook) -> None:
    """A first, wrong try stays above the right one."""
    answer = answer_cell(notebook, FIRST.question)
    earlier = json.loads(json.dumps(answer))
    earlier["source"] = ["def lyapunov(factors):\n", "    return 1.0"]
    notebook["cells"].insert(notebook["cells"].index(answer), earlier)


def solved_twice(notebook: Notebook) -> None:
    """Copies of the answers stand at the end, in cells of the learner's own."""
    for question in (FIRST.question, *FIRST.others):
        notebook["cells"].append(code("".join(answer_cell(notebook, question)["source"])))


def reordered(notebook: Notebook) -> None:
    """The imports stay on top."""
    notebook["cells"][2:] = notebook["cells"][:1:-1]


def in_one_cell(notebook: Notebook) -> None:
    """Nothing is left but one cell with all the code."""
    sources = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    kept = [s for s in sources if not s.startswith("gc.") and "NotImplementedError" not in s]
    notebook["cells"] = [code("\n\n".join(kept))]


def import_cell_deleted(notebook: Notebook) -> None:
    """Each answer imports what it needs."""
    without(lambda each: each.get("id") == "01-import")(notebook)
    for each in notebook["cells"]:
        if grade_id(each).endswith("-answer"):
            each["source"] = ["import numpy as np\n", *each["source"]]


def hostile_tests(notebook: Notebook) -> None:
    """What stands in the cells that belong to the grading is never run."""
    for each in notebook["cells"]:
        if each["metadata"].get("nbgrader", {}).get("grade"):
            each["source"] = ["import os\n", "os._exit(0)"]


def turned(kind: str) -> Edit:
    """The answer's cell is of another kind."""

    def edit(notebook: Notebook) -> None:
        answer = answer_cell(notebook, FIRST.question)
        answer["cell_type"] = kind
        del answer["outputs"], answer["execution_count"]

    return edit


def source_as_string(notebook: Notebook) -> None:
    """As the format allows it."""
    for each in notebook["cells"]:
        each["source"] = "".join(each["source"])


def format_3(notebook: Notebook) -> Notebook:
    """The format before 2014."""
    cells = []
    for each in notebook["cells"]:
        old = {"cell_type": each["cell_type"], "metadata": each["metadata"]}
        if each["cell_type"] == "code":
            old |= {"input": each["source"], "language": "python", "outputs": []}
        else:
            old["source"] = each["source"]
        cells.append(old)
    return {
        "metadata": notebook["metadata"] | {"name": "x"},
        "nbformat": 3,
        "nbformat_minor": 0,
        "worksheets": [{"cells": cells, "metadata": {}}],
    }


def format_40(notebook: Notebook) -> None:
    """Cells had no ids."""
    notebook["nbformat_minor"] = 0
    for each in notebook["cells"]:
        each.pop("id", None)


def used(notebook: Notebook) -> None:
    """A notebook that was worked in: outputs, attachments, widgets, odd execution counts."""
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}}
    for number, each in enumerate(notebook["cells"]):
        if each["cell_type"] == "markdown":
            each["attachments"] = {"a.png": {"image/png": "iVBORw0KGgo="}}
            continue
        each["execution_count"] = 90 - number
        each["outputs"] = [
            {"output_type": "stream", "name": "stderr", "text": ["<script>x</script>\x1b[31m"]},
            {"output_type": "display_data", "metadata": {}, "data": view},
            {"output_type": "error", "ename": "E", "evalue": "", "traceback": ["\x1b[0m"]},
        ]
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}


def odd_cells(notebook: Notebook) -> None:
    """What no notebook editor writes."""
    notebook["cells"][1:1] = [
        None,
        7,
        "text",
        [],
        {},
        {"cell_type": "sql", "metadata": {}, "source": "SELECT 1"},
        {"cell_type": "code", "metadata": None, "source": None, "outputs": None},
        {"cell_type": "code", "metadata": [], "source": 12, "outputs": 3},
        {"cell_type": "code", "metadata": {"nbgrader": "yes"}, "source": [1, None, {}]},
        {"cell_type": "code", "metadata": {"nbgrader": {"grade_id": ["x"]}}, "source": {}},
    ]


def as_r(notebook: Notebook) -> None:
    """Answers in another language."""
    named = {"display_name": "R", "language": "R", "name": "ir"}
    notebook["metadata"].update(kernelspec=named, language_info={"name": "R"})
    for each in notebook["cells"]:
        if grade_id(each).endswith("-answer"):
            each["source"] = ["lyapunov <- function(f) mean(log(abs(f)))"]
