"""Runs a draft in a cold kernel of this interpreter; a failure names the line of the source."""

from __future__ import annotations

import copy
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbformat import NotebookNode

from gradcourse.authoring.notebook import Draft
from gradcourse.support import GradcourseError

CELL_SECONDS = 120

_COLOR = re.compile(r"\x1b\[[0-9;]*m")
_FRAME = re.compile(r"Cell In\s?\[(?P<count>\d+)\], line (?P<line>\d+)")


class _ThisInterpreter(KernelSpecManager):
    """Whatever kernels are installed for the user, notebooks are built with this Python."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python 3", language="python")


class _ColdClient(NotebookClient):
    def create_kernel_manager(self) -> AsyncKernelManager:
        self.km = AsyncKernelManager(kernel_spec_manager=_ThisInterpreter(), kernel_name="python3")
        return self.km


async def execute(
    root: Path,
    draft: Draft,
    cell_seconds: int = CELL_SECONDS,
    environment: Mapping[str, str] | None = None,
) -> NotebookNode:
    """Run a draft from top to bottom in a kernel of its own.

    The kernel works in the folder where the notebook will lie, with one OpenMP thread, without
    a progress file, and without the user's IPython configuration.

    Parameters
    ----------
    root : Path
        The course's folder.
    draft : Draft
        What is run.
    cell_seconds : int
        The limit of one cell, in seconds.
    environment : mapping, optional
        Variables that the kernel gets besides, or instead: another processor's, say.

    Returns
    -------
    NotebookNode
        A copy of the draft's notebook with raw outputs.

    Raises
    ------
    GradcourseError
        ``source/lessons/01_x.py:123 (cell "measure-chain"): ZeroDivisionError: …``
    """
    folder = (root / draft.path).parent
    folder.mkdir(parents=True, exist_ok=True)
    running: list[int] = [0]

    def note(cell_index: int, **_: Any) -> None:
        running[0] = cell_index

    client = _ColdClient(
        copy.deepcopy(draft.node),
        timeout=cell_seconds,
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=False,
        record_timing=False,
        shutdown_kernel="immediate",
        on_cell_execute=note,
        # Its remarks on transport are about the machine, not about the notebook.
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    )
    with tempfile.TemporaryDirectory(prefix="gradcourse-build-") as private:
        try:
            node = await client.async_execute(
                env=_environment(Path(private)) | dict(environment or {})
            )
        except CellExecutionError as error:
            raise _failure(draft, client.nb, running[0]) from error
        except CellTimeoutError as error:
            message = f"ran longer than {cell_seconds} s; make it shorter"
            raise _placed(draft, running[0], message) from error
        except RuntimeError as error:
            message = f"the kernel died, or never came up ({error})"
            raise _placed(draft, running[0], message) from error
    # An object that fails to show itself leaves an error behind a cell that counts as done.
    for index, cell in enumerate(node.cells):
        if any(output.output_type == "error" for output in cell.get("outputs", [])):
            raise _failure(draft, node, index)
    return node


def _environment(private: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONSTARTUP", "PYTHONWARNINGS", "FORCE_COLOR", "NO_COLOR")
    }
    return kept | {
        "OMP_NUM_THREADS": "1",
        "GRADCOURSE_PROGRESS": "off",
        "PYTHONHASHSEED": "0",
        "IPYTHONDIR": str(private / "ipython"),
        "JUPYTER_CONFIG_DIR": str(private / "jupyter"),
        # A test runner may have set another one; stored pictures are always the inline ones.
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        # Silences a warning about frozen modules on the terminal.
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def _placed(draft: Draft, index: int, message: str) -> GradcourseError:
    return GradcourseError(f"{draft.place(index)}: {message}")


def _failure(draft: Draft, node: NotebookNode, index: int) -> GradcourseError:
    """Name the deepest line of the failing cell; a helper it called is not where to look first."""
    errors = [out for out in node.cells[index].outputs if out.output_type == "error"]
    error = errors[0]
    frames = _FRAME.finditer(_COLOR.sub("", "\n".join(error.traceback)))
    count = sum(cell.cell_type == "code" for cell in node.cells[: index + 1])
    lines = [int(frame["line"]) for frame in frames if int(frame["count"]) == count]
    said = error.evalue.strip().split("\n")[0]
    message = f"{error.ename}: {said}" if said else error.ename
    return GradcourseError(f"{draft.place(index, lines[-1] if lines else None)}: {message}")
