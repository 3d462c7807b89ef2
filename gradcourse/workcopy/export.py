"""One HTML page of a notebook as the learner ran it, to be read anywhere and without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from gradcourse.support import GradcourseError, write_atomically
from gradcourse.workcopy.fresh import parsed

LIVE = ("application/vnd.jupyter.widget-view+json", "application/javascript")
"""What shows nothing without a kernel or a script; what is stored beside it is shown instead."""


def export(notebook: Path, to: Path | None = None) -> Path:
    """Write a notebook's code, words and stored outputs as one HTML file.

    Panels show the question and the verdict that is stored with them, live figures their picture.

    Parameters
    ----------
    notebook : Path
        The notebook, saved.
    to : Path, optional
        The file to write; by default beside the notebook, with its name.

    Returns
    -------
    Path
        The file that was written. It fetches nothing from anywhere.

    Raises
    ------
    GradcourseError
        If the notebook cannot be read, the file cannot be written or nbconvert is missing.
    """
    target = to or notebook.with_suffix(".html")
    try:
        node = parsed(notebook.read_text("utf-8"), str(notebook))
    except (OSError, ValueError) as error:
        raise GradcourseError(f"{notebook} cannot be read: {error}") from error
    page = _page(still(node), notebook)
    try:
        write_atomically(target, page)
    except OSError as error:
        raise GradcourseError(f"{target} cannot be written: {error}") from error
    return target


def still(node: NotebookNode) -> NotebookNode:
    """Take out of a notebook what is only alive with a kernel, in place, and return it."""
    node.metadata.pop("widgets", None)
    for cell in node.cells:
        for output in cell.get("outputs", []):
            for mime in LIVE:
                output.get("data", {}).pop(mime, None)
    return node


def _page(node: NotebookNode, notebook: Path) -> str:
    try:
        from gradcourse.workcopy.exporter import PageExporter
    except ImportError as error:
        raise GradcourseError(
            f"nbconvert is not installed ({error}): pip install 'gradcourse[lab]'"
        ) from error
    here = notebook.resolve().parent
    resources: dict[str, Any] = {"metadata": {"name": notebook.stem, "path": str(here)}}
    page, _ = PageExporter().from_notebook_node(node, resources)
    return str(page)
