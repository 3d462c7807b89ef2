"""JupyterLab on a working copy, in this process: no other program is started to start it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gradcourse.lessons import HOME
from gradcourse.support import GradcourseError
from gradcourse.workcopy.folder import WORKSPACES, WorkingCopy

PROMPT = "--ServerApp.kernel_websocket_connection_class=gradcourse.nodelay.PromptConnection"

REOPENING = "--ServerApp.contents_manager_class=gradcourse.reopening.StillContents"
"""A notebook that is opened again shows what it showed last."""


def environment(copy: WorkingCopy) -> dict[str, str]:
    """Return the variables that JupyterLab and its kernels shall find.

    One OpenMP thread each, no news from outside, the home page, and the notes on open pages in the
    working copy, so that two courses, or a course and other work, do not open each other's pages.
    """
    return {
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "JUPYTER_CONFIG_PATH": _with_ours("JUPYTER_CONFIG_PATH"),
        "JUPYTER_PATH": _with_ours("JUPYTER_PATH"),
        "JUPYTERLAB_WORKSPACES_DIR": str(copy.folder / WORKSPACES),
    }


def _with_ours(variable: str) -> str:
    theirs = os.environ.get(variable)
    ours = str(Path(__file__).parent / "jupyter")
    return ours + (os.pathsep + theirs if theirs else "")


def words(copy: WorkingCopy, arguments: Sequence[str]) -> list[str]:
    """Return the arguments of JupyterLab; the learner's own come last, so they decide."""
    own = [
        f"--ServerApp.root_dir={copy.folder}",
        f"--LabApp.default_url=/lab/tree/{HOME}",
        PROMPT,
        REOPENING,
    ]
    # In a container one is root, and JupyterLab then refuses to start; it listens on this
    # machine only, behind a token.
    user = getattr(os, "geteuid", None)
    if user is not None and user() == 0 and "--allow-root" not in arguments:
        own.append("--allow-root")
    return [*own, *arguments]


def run_jupyterlab(copy: WorkingCopy, arguments: Sequence[str]) -> int:
    """Run JupyterLab until it is stopped, and return the exit code.

    Raises
    ------
    GradcourseError
        If it is not installed.
    """
    os.environ.update(environment(copy))
    try:
        from jupyterlab.labapp import main
    except ImportError as error:
        raise GradcourseError(
            f"JupyterLab is not installed ({error}): pip install 'gradcourse[lab]'"
        ) from error
    sys.argv[0] = "jupyter-lab"
    try:
        main(words(copy, arguments))
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    return 0
