"""A page as it is laid: what we measured is cleared, and what invites to act is kept."""

from __future__ import annotations

import ast
import copy
import functools
import platform
from typing import Any

from nbformat import NotebookNode, from_dict, v4

from gradcourse.support import GradcourseError

INVITATIONS = ("demo", "panel")
"""Calls of `gc` whose stored output is no measurement: a first frame, a question."""

FOR_PAGES = "application/vnd.gradcourse."
"""How the kinds of output begin that pages on the web are drawn from; here a kernel draws.

JupyterLab would also write their numbers in another form (1.0 as 1) when it saves the page.
"""


def parsed(text: str, page: str) -> NotebookNode:
    """Read a notebook's JSON.

    Raises
    ------
    GradcourseError
        If it is none, or one of another format.
    """
    try:
        node = v4.reads(text)
        if node.nbformat == 4 and all("source" in cell for cell in node.cells):
            return node
    except (ValueError, AttributeError, TypeError, KeyError):
        pass
    raise GradcourseError(f"{page} is no notebook that can be read (format 4 was expected)")


def written(node: NotebookNode) -> str:
    """Return a notebook's JSON as JupyterLab writes it."""
    return str(v4.writes(node)) + "\n"


def fresh(node: NotebookNode, page: str, kernel: dict[str, Any]) -> NotebookNode:
    """Return a page of the course as a learner gets it.

    Parameters
    ----------
    node : NotebookNode
        The page as it was built.
    page : str
        Its name; a solution keeps all its outputs.
    kernel : dict
        The metadata of the kernel that will open it, see `kernel_metadata`.

    Returns
    -------
    NotebookNode
        A copy without speaker notes and measured outputs.
    """
    solved = page.startswith("solutions/")
    node = copy.deepcopy(node)
    node.cells = [cell for cell in node.cells if not _is_note(cell)]
    for cell in node.cells:
        cell.metadata = from_dict(_as_javascript_writes(cell.metadata))
        for output in cell.get("outputs", ()):
            for kind in [kind for kind in output.get("data", ()) if kind.startswith(FOR_PAGES)]:
                del output.data[kind]
        if cell.cell_type != "code" or solved:
            continue
        cell.execution_count = None
        cell.outputs = cell.outputs if _invites(cell.source) else []
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = None
    node.metadata = from_dict({**node.metadata, **kernel})
    node.nbformat_minor = max(node.nbformat_minor, 5)
    return node


def _as_javascript_writes(value: Any) -> Any:
    """Turn 3.0 into 3, so that a page that JupyterLab saves untouched is the same to the byte."""
    if isinstance(value, dict):
        return {key: _as_javascript_writes(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_javascript_writes(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_note(cell: NotebookNode) -> bool:
    return str(cell.metadata.get("slideshow", {}).get("slide_type")) == "notes"


def _invites(source: str) -> bool:
    """Whether a cell does nothing but show a live figure or a panel."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return False
    return bool(statements) and all(map(_is_invitation, statements))


def _is_invitation(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return False
    function = statement.value.func
    return isinstance(function, ast.Attribute) and function.attr in INVITATIONS


@functools.cache
def _kernel() -> dict[str, Any]:
    named = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    spoken: dict[str, Any] = {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
        "version": platform.python_version(),
    }
    try:
        from ipykernel.ipkernel import IPythonKernel
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

        spoken = dict(IPythonKernel.language_info)
        spec = KernelSpecManager().get_kernel_spec("python3")
        named |= {"display_name": spec.display_name, "language": spec.language}
    except (ImportError, NoSuchKernel):
        pass
    return {"kernelspec": named, "language_info": spoken}


def kernel_metadata() -> dict[str, Any]:
    """Return what JupyterLab writes into a notebook that Python's kernel opens.

    A page that says so already is not changed by being opened, so that nobody is asked whether to
    save what they only read.
    """
    return copy.deepcopy(_kernel())


def with_record(node: NotebookNode, page: str) -> NotebookNode:
    """Put the learner's own record of a lesson before the links at its end, in place.

    The course's page has none: what it would show is nobody's.
    """
    number = page.removeprefix("lessons/")[:2]
    if not page.startswith("lessons/") or not node.cells[-1].id.endswith("-ways-end"):
        return node
    words = "## Where you are\n\nRun this cell when you have come to the end."
    node.cells[-1:-1] = [
        v4.new_markdown_cell(words, id=f"{number}-where-you-are"),
        v4.new_code_cell(f'gc.progress("{number}")', id=f"{number}-your-record"),
    ]
    return node
