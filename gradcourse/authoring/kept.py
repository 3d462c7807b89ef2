"""Does a stored notebook still say what its source says?"""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from gradcourse.authoring.notebook import Draft, answers_digest

FOLDERS = ("lessons", "exercises", "solutions")


def read_notebook(path: Path) -> NotebookNode | None:
    """Return a stored notebook, or None where there is none that can be read."""
    try:
        node = nbformat.v4.reads(path.read_text(encoding="utf-8"))
        return node if "metadata" in node and "cells" in node else None
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None


def difference(root: Path, draft: Draft) -> str:
    """Return how a stored notebook differs from its source; empty when it does not.

    Cells, ids and metadata count; outputs do not.
    """
    if not (root / draft.path).is_file():
        return f"{draft.path}: not built yet"
    stored = read_notebook(root / draft.path)
    if stored is None:
        return f"{draft.path}: not a notebook that can be read"
    for index, wanted in enumerate(draft.node.cells):
        line = draft.cells[index].line
        if index >= len(stored.cells):
            return f"{draft.path}: ends before cell {wanted.id!r} (source line {line})"
        found = stored.cells[index]
        for key in ("id", "cell_type", "source", "metadata"):
            if found.get(key) != wanted[key]:
                return f"{draft.path}: another {key} in cell {wanted.id!r} (source line {line})"
        if found.cell_type == "code" and found.execution_count is None:
            return f"{draft.path}: cell {wanted.id!r} was not run (source line {line})"
    if len(stored.cells) > len(draft.node.cells):
        return f"{draft.path}: has {len(stored.cells) - len(draft.node.cells)} cells too many"
    if stored.metadata != draft.node.metadata or stored.nbformat_minor != 5:
        return f"{draft.path}: other notebook metadata"
    return ""


def holds_answers(path: Path) -> bool:
    """Return whether somebody has worked in this exercise notebook."""
    stored = read_notebook(path)
    if stored is None:
        return False
    untouched = stored.metadata.get("gradcourse", {}).get("untouched")
    return untouched is not None and untouched != answers_digest(stored.cells)


def orphans(root: Path) -> list[Path]:
    """Return the generated notebooks whose source is gone.

    A copy under another name, and a notebook that somebody has worked in, is not named.
    """
    found = []
    for folder in FOLDERS:
        kind = "lessons" if folder == "lessons" else "exercises"
        for path in sorted((root / folder).glob("*.ipynb")):
            generated = _source_of(path) == f"source/{kind}/{path.stem}.py"
            gone = not (root / "source" / kind / f"{path.stem}.py").is_file()
            if generated and gone and not holds_answers(path):
                found.append(path)
    return found


def _source_of(path: Path) -> str:
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))["metadata"]["gradcourse"]
        return str(metadata["source"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
