"""Run a learner's code so that it can neither hang the notebook, nor end it, nor flood it.

Signals cannot do this: a widget's callback runs in a thread of its own, and signals reach the
main thread only. So the code runs in a daemon thread. When its time is up, an exception is raised
inside that thread, several times, for code that swallows exceptions; a thread that does not
stop even then (it sleeps in C, or catches everything) is abandoned, and the caller goes on.

One thing no thread can cure: C code that never gives the interpreter back, such as
``sum(range(10**12))``, stops every thread of the process until it is done.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gradcourse.support import running_shell

PRINTED = 1000
"""Characters of a learner's own prints that a verdict keeps."""

POLL = 0.1
"""Seconds between two looks at the stop event and the clock."""

ATTEMPTS = 20
BETWEEN_ATTEMPTS = 0.05
"""How often, and how many seconds apart, a thread is told to stop before it is abandoned."""

IMPORTING = 30.0
"""Seconds more while a module is being imported: one that is cut short stays broken for good."""

Ending = Literal["returned", "raised", "timeout", "interrupted"]


class Stopped(BaseException):
    """Raised inside code whose time is up. No `except Exception` catches it."""


@dataclass(frozen=True)
class Run:
    """How a call ended.

    Attributes
    ----------
    ending : {"returned", "raised", "timeout", "interrupted"}
    value : object
        What it returned.
    error : BaseException or None
        What it raised.
    printed : str
        The first `PRINTED` characters that it printed.
    abandoned : bool
        Whether it would not stop and still runs in the background.
    """

    ending: Ending
    value: Any = None
    error: BaseException | None = None
    printed: str = ""
    abandoned: bool = False


def run_limited(
    work: Callable[[], Any], seconds: float, stop: threading.Event | None = None
) -> Run:
    """Run ``work()`` in a thread for at most so many seconds.

    Parameters
    ----------
    work : callable
        Takes nothing. May raise anything, also SystemExit.
    seconds : float
        The limit.
    stop : threading.Event, optional
        Set by another thread to stop early: a Stop button.

    Returns
    -------
    Run
        KeyboardInterrupt in the waiting thread also ends the call, as "interrupted".
    """
    worker = _Worker(work)
    ending: Ending = "timeout"
    with _Router.installed() as router, _exit_guarded(worker):
        worker.route = router
        worker.start()
        try:
            if worker.wait(seconds, stop):
                return worker.outcome()
            if stop is not None and stop.is_set():
                ending = "interrupted"
        except KeyboardInterrupt:
            ending = "interrupted"
        with contextlib.suppress(KeyboardInterrupt):
            worker.stop()
        return Run(ending, printed=worker.buffer.text(), abandoned=worker.is_alive())


def _importing() -> bool:
    """Whether a module of this process is half imported; torch imports more of itself when used."""
    return any(
        getattr(getattr(module, "__spec__", None), "_initializing", False)
        for module in list(sys.modules.values())
    )


class _Worker(threading.Thread):
    """The thread in which the code runs, and the handle by which it is stopped."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True, name="gradcourse-check")
        self.buffer = _Buffer()
        self.route: _Router | None = None
        self._work = work
        self._result: Run | None = None
        self._finished = threading.Event()
        # Held while the exception is raised, so that it cannot strike after the code has ended.
        self._lock = threading.Lock()

    def run(self) -> None:
        try:
            self._run()
        except BaseException:
            # The exception that stops the code may strike between two of our own lines.
            self._finished.set()
        finally:
            if self.route is not None:
                self.route.release()

    def _run(self) -> None:
        assert self.route is not None
        self.route.capture(self.buffer)
        try:
            with np.errstate(all="ignore"):
                result = Run("returned", value=self._work())
        except BaseException as error:
            result = Run("raised", error=error)
        with self._lock:
            self._result = result
            self._finished.set()

    def wait(self, seconds: float, stop: threading.Event | None) -> bool:
        """Wait until the code has ended; False when time is up or ``stop`` was set."""
        deadline = time.monotonic() + seconds
        last = deadline + IMPORTING
        while not self._finished.wait(max(0.0, min(POLL, deadline - time.monotonic()))):
            if stop is not None and stop.is_set():
                return False
            if time.monotonic() >= deadline:
                if deadline >= last or not _importing():
                    return False
                deadline = min(time.monotonic() + POLL, last)
        return True

    def outcome(self) -> Run:
        self.join()
        result = self._result or Run("raised", error=Stopped())
        return Run(result.ending, result.value, result.error, self.buffer.text())

    def stop(self) -> None:
        """Raise `Stopped` inside the thread, several times."""
        for _ in range(ATTEMPTS):
            with self._lock:
                if self._finished.is_set() or self.ident is None:
                    return
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(self.ident), ctypes.py_object(Stopped)
                )
            self.join(BETWEEN_ATTEMPTS)


class _Buffer:
    """Keeps the first characters and drops the rest, so that an endless print costs nothing."""

    def __init__(self) -> None:
        self._text = ""
        self._dropped = False

    def write(self, text: str) -> None:
        room = PRINTED - len(self._text)
        self._text += text[:room]
        self._dropped = self._dropped or len(text) > room

    def text(self) -> str:
        return self._text + (" …" if self._dropped else "")


class _Router:
    """Stands in for ``sys.stdout``: the prints of captured threads go to their buffers.

    It stays in place while an abandoned thread still prints, and takes itself away afterwards.
    """

    _installing = threading.Lock()

    def __init__(self, original: Any, keep: bool) -> None:
        self._original = original
        self._keep = keep
        self._buffers: dict[int, _Buffer] = {}
        self.users = 0

    @classmethod
    @contextlib.contextmanager
    def installed(cls) -> Iterator[_Router]:
        with cls._installing:
            if not isinstance(sys.stdout, cls):
                sys.stdout = cls(sys.stdout, keep=True)
            if not isinstance(sys.stderr, cls):
                sys.stderr = cls(sys.stderr, keep=False)
            router: _Router = sys.stdout
            router.users += 1
        try:
            yield router
        finally:
            with cls._installing:
                router.users -= 1
            cls._remove_if_idle(router)

    @classmethod
    def _remove_if_idle(cls, router: _Router) -> None:
        with cls._installing:
            if router.users or router._buffers or sys.stdout is not router:
                return
            sys.stdout = router._original
            if isinstance(sys.stderr, cls):
                sys.stderr = sys.stderr._original

    def capture(self, buffer: _Buffer) -> None:
        """Send what this thread prints to the buffer, and drop its warnings and its stderr."""
        self._buffers[threading.get_ident()] = buffer
        if isinstance(sys.stderr, _Router):
            sys.stderr._buffers = self._buffers

    def release(self) -> None:
        self._buffers.pop(threading.get_ident(), None)
        self._remove_if_idle(self)

    def write(self, text: str, /) -> int:
        buffer = self._buffers.get(threading.get_ident())
        if buffer is None:
            return int(self._original.write(text) or 0)
        if self._keep:
            buffer.write(str(text))
        return len(text)

    def flush(self) -> None:
        if threading.get_ident() not in self._buffers:
            self._original.flush()

    def writelines(self, lines: Iterable[str], /) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_original"], name)


@contextlib.contextmanager
def _exit_guarded(worker: _Worker) -> Iterator[None]:
    """Make ``exit()`` inside the worker an exception: in a kernel it would end the kernel.

    There, ``exit`` is an object of IPython's that asks the shell to exit; only the shell's own
    method can tell whose thread asks.
    """
    shell = running_shell()
    if shell is None or not hasattr(shell, "ask_exit"):
        yield
        return
    original = shell.ask_exit

    def ask_exit() -> None:
        if threading.current_thread() is worker:
            shell.keepkernel_on_exit = None
            raise SystemExit
        original()

    shell.ask_exit = ask_exit
    try:
        yield
    finally:
        # While an abandoned worker runs, the guard stays: it may still call exit().
        if not worker.is_alive() and shell.__dict__.get("ask_exit") is ask_exit:
            del shell.ask_exit
