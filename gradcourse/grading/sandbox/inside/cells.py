"""Run a submission's cells as a kernel would, in the sandboxed process."""

from __future__ import annotations

import builtins
import io
import signal
import sys
from collections.abc import Callable
from typing import Any

from gradcourse.checking.exercise_notebook import in_words, make_shell
from gradcourse.checking.limits import PRINTED, Run, Stopped
from gradcourse.grading.sandbox.channel import Deadline
from gradcourse.grading.sandbox.walls.resources import kept_waiting

FLOOD = 1 << 20
"""Characters of output beyond which a person is told that a cell wrote too much."""

AGAIN = 0.3
"""Seconds after which code that swallowed the first alarm hears the next."""

SOON = 0.005
"""Seconds of a limit that are not worth setting the alarm once more."""


class Printed(io.TextIOBase):
    """Stands in for standard output: keeps the first characters, drops the rest."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self._text = ""
        self.count = 0
        self.buffer = _Bytes(self)

    def write(self, text: str) -> int:
        room = PRINTED - len(self._text)
        if room > 0:
            self._text += str(text[:room])
        self.count += len(text)
        return len(text)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1

    def text(self) -> str:
        """Return what was kept."""
        return self._text + (" …" if self.count > len(self._text) else "")


class _Bytes(io.RawIOBase):
    """The bytes under `Printed`."""

    def __init__(self, text: Printed) -> None:
        self._to = text

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._to.write(bytes(data).decode("utf-8", "replace"))
        return len(data)


def run_for(work: Callable[[], Any], seconds: float, printed: Printed | None = None) -> Run:
    """Run in the main thread until an alarm; the grader ends the process if that fails.

    Seconds in which a busy machine keeps this process waiting are not counted.

    Parameters
    ----------
    work : callable
        Takes nothing.
    seconds : float
        Until the alarm.
    printed : Printed, optional
        Where standard output goes.

    Returns
    -------
    Run
        "returned", "raised" or "timeout", with what was printed.
    """
    printed = printed or Printed()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = printed, Printed()
    ending: Any = "returned"
    value: Any = None
    problem: BaseException | None = None
    # A computer that sleeps for a moment must not make the alarm 0, which switches it off.
    seconds = max(seconds, 0.001)
    kept = kept_waiting()
    end = Deadline(seconds, lambda: kept_waiting() - kept)
    wait, up = signal.setitimer, False  # bound now: learners' code patches modules

    def ring(*_: Any) -> None:
        nonlocal up
        left = end.left()
        if left > SOON:
            wait(signal.ITIMER_REAL, left, AGAIN)
            return
        up = True
        raise Stopped

    try:
        try:
            signal.signal(signal.SIGALRM, ring)
            signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
            value = work()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except Stopped:
        ending = "timeout"
    except BaseException as error:
        ending, problem = "raised", error
        if up and isinstance(error.__context__, Stopped):
            ending = "timeout"
    finally:
        sys.stdout, sys.stderr = before
    return Run(ending, value, problem, printed.text())


def make_harmless_shell(folder: str) -> Any:
    """The shell of a notebook, which may keep its profile in a folder for the moment."""
    shell = make_shell(folder)
    _make_harmless(shell)
    return shell


def _make_harmless(shell: Any) -> None:
    """Lines for the machine and not for the answer are understood, and do nothing."""

    def skip(*_: Any, **__: Any) -> None:
        return None

    def no_lines(*_: Any, **__: Any) -> Any:
        from IPython.utils.text import SList

        return SList([])

    shell.system = shell.system_raw = shell.system_piped = skip
    shell.getoutput = no_lines
    for name in ("pip", "conda", "mamba", "uv", "micromamba", "matplotlib", "pylab", "sx", "sc"):
        shell.register_magic_function(_named(name, skip), "line", name)
    for name in ("bash", "sh", "script", "system", "sx", "!", "perl", "ruby", "javascript", "js"):
        shell.register_magic_function(_named(name, skip), "cell", name)
    # A traceback in colours takes a tenth of a second, and nobody reads it.
    shell.showtraceback = shell.showsyntaxerror = shell.showindentationerror = skip
    # It warns of SystemExit, and where a cell has made warnings errors, that one would be reported.
    sys.modules["IPython.core.interactiveshell"].warn = skip  # type: ignore[attr-defined]
    builtins.input = _no_input
    shell.db = {}  # %cd, %bookmark and %store keep notes in a folder that is not there


def _named(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def magic(*arguments: Any, **options: Any) -> Any:
        return function(*arguments, **options)

    magic.__name__ = name
    return magic


def _no_input(prompt: object = "") -> str:
    raise EOFError("input() has nobody to ask while a notebook is graded")


def run_cell(shell: Any, source: str, seconds: float) -> tuple[str, str, bool, int]:
    """Run one cell.

    Returns
    -------
    tuple
        How it ended ("", "syntax", "error", "memory", "timeout"), the error in words, whether
        there was a flood of output, and the line of the cell that failed, 0 where it is not known.
    """
    printed = Printed()
    run = run_for(lambda: shell.run_cell(source, store_history=False), seconds, printed)
    cut = printed.count > FLOOD
    problem, syntax = run.error, False
    if run.ending == "returned":
        result = run.value
        # A cell may have made warnings errors, also those of IPython's own.
        early = result.error_before_exec
        syntax = early is not None and not isinstance(early, Warning)
        problem = result.error_before_exec or result.error_in_exec
    if run.ending == "timeout" or isinstance(problem, Stopped):
        return "timeout", "", cut, 0
    if problem is None:
        return "", "", cut, 0
    text = in_words(problem)
    if isinstance(problem, MemoryError) or "can't allocate memory" in text:
        return "memory", text, cut, 0
    return "syntax" if syntax else "error", text, cut, 0 if syntax else _line_of(problem)


def _line_of(problem: BaseException) -> int:
    """The line of the cell itself, not that of a function in which the error was raised."""
    step = problem.__traceback__
    while step is not None:
        if "ipython-input" in step.tb_frame.f_code.co_filename:
            return step.tb_lineno
        step = step.tb_next
    return 0
