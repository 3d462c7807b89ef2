"""What the kernel has run since the course was imported: each cell's text, when, and how it ended.

A notebook's page does not tell that: an edited cell looks like one that ran. Only facts are kept,
no objects of the learner's, and no traceback, which would hold all that a failed cell had made.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from gradcourse.support import running_shell


@dataclass(frozen=True)
class Ran:
    """One cell: its text, when it had run, and what it raised in words, if anything."""

    source: str
    when: float
    failed: str = ""


_RAN: dict[int, Ran] = {}
"""By the number that the page shows in front of the cell."""


def follow_cells() -> None:
    """Note from now on each cell that the shell runs; without a shell nothing is done."""
    shell = running_shell()
    if shell is not None and hasattr(shell, "events"):
        shell.events.register("post_run_cell", _note)


def cells_that_ran() -> list[tuple[int, str, Ran | None]]:
    """Return number and text of all cells of this session, with what is known of their run.

    The last one may be running still; of those before the import only the text is known.
    """
    shell = running_shell()
    history = shell.user_ns.get("In") if shell is not None else None
    texts = enumerate(history) if isinstance(history, list) else ()
    return [
        (number, _RAN[number].source if number in _RAN else str(text), _RAN.get(number))
        for number, text in texts
        if text
    ]


def _note(result: Any) -> None:
    problem = result.error_before_exec or result.error_in_exec
    if result.execution_count is not None:
        failed = "" if problem is None else error_in_words(problem)
        source = str(result.info.raw_cell or "")
        _RAN[int(result.execution_count)] = Ran(source, time.time(), failed)


def error_in_words(error: BaseException) -> str:
    """Say what a cell raised: "ZeroDivisionError: division by zero (line 3)"."""
    lines = str(getattr(error, "msg", "") or error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
    number = getattr(error, "lineno", None) or _line(error)
    return f"{text} (line {number})" if number else text


def _line(error: BaseException) -> int | None:
    """The line of the cell in which it was raised."""
    found, step = None, error.__traceback__
    while step is not None:
        name = step.tb_frame.f_code.co_filename
        if "ipython-input" in name or "ipykernel" in name:
            found = step.tb_lineno
        step = step.tb_next
    return found
