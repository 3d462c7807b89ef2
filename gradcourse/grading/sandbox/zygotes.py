"""The grader's end of the warm processes: one is started when needed, and kept for the next."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gradcourse.grading.sandbox.budget import Limits
from gradcourse.grading.sandbox.channel import OWN_STRETCH, Channel, Deadline
from gradcourse.grading.sandbox.frames import Closed, WireError
from gradcourse.grading.sandbox.inside.zygote import start_message
from gradcourse.grading.sandbox.walls.resources import Times
from gradcourse.grading.sandbox.walls.rooms import HIDING, LAYERS, ON
from gradcourse.support import GradcourseError

START_LIMIT = 300.0
ANSWER_LIMIT = 120.0
"""Seconds to wait for the zygote itself, which runs nobody's code but ours."""

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from gradcourse.grading.sandbox.inside.zygote import main; main(int(sys.argv[2]))"
)


class Lost(Exception):
    """The zygote is gone."""


class Zygote:
    """One warm process.

    Parameters
    ----------
    without : frozenset of str
        Layers that are not to be used, of `gradcourse.grading.sandbox.walls.rooms.LAYERS`.
    """

    def __init__(self, without: frozenset[str] = frozenset()) -> None:
        self.without = without
        self._layers: dict[str, str] | None = None
        self._folder = tempfile.mkdtemp(prefix="gradcourse-")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        command = [sys.executable, "-I", "-c", _BOOT, json.dumps(_paths()), str(theirs.fileno())]
        with theirs:
            self._process = subprocess.Popen(
                command,
                cwd=self._folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        job = {"without": sorted(without), "home": os.path.expanduser("~")}
        self._control.send(json.dumps(job).encode())

    @property
    def layers(self) -> dict[str, str]:
        """The layers of the sandbox, by name: "on" or "missing: " and why. Waits for the start.

        Raises
        ------
        GradcourseError
            If it did not start.
        """
        if self._layers is None:
            try:
                found = self._hear(START_LIMIT)["layers"]
            except Lost:
                said = self._last_words()
                self.end()
                raise GradcourseError(f"the sandbox did not start: {said}") from None
            self._layers = {name: found.get(name, "missing") for name in LAYERS}
        return self._layers

    @property
    def isolates(self) -> bool:
        """Whether the files of this machine are out of a submission's reach."""
        return any(self.layers[name] == ON for name in HIDING)

    def start(self, limits: Limits, optimizers: bool = False) -> Child:
        """Fork a child.

        Parameters
        ----------
        limits : Limits
        optimizers : bool
            Whether it will make an optimizer. With the first one torch loads a large part of
            itself, for about a second; the zygote then does it once for all its children.

        Raises
        ------
        Lost
            If the zygote is gone.
        """
        assert self.layers  # heard first: every answer belongs to one request
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(
                    self._control, [start_message(limits, optimizers)], [theirs.fileno()]
                )
            except OSError:
                ours.close()
                raise Lost from None
        child = Child(self, Channel(ours))
        try:
            self._hear(ANSWER_LIMIT)
        except Lost:
            ours.close()
            raise
        return child

    def stop_child(self, gone: bool = False) -> dict[str, Any]:
        """End the child that runs, and everything it started.

        Parameters
        ----------
        gone : bool
            It seems to have ended by itself: wait a moment for its exit code.

        Returns
        -------
        dict
            "status": its exit code, negative for a signal, 0 if it still ran; "why": what the
            zygote killed it for, "memory", "disk", "processes" or nothing.
        """
        return self._ask({"do": "end", "gone": gone})

    def times(self) -> Times:
        """Return how long the child, ready to run, was kept from it by others, and how long it ran,
        with all that it has started.
        """
        return Times(**self._ask({"do": "times"}))

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            self._control.send(json.dumps(request).encode())
        except OSError:
            raise Lost from None
        return self._hear(ANSWER_LIMIT)

    def _hear(self, seconds: float) -> dict[str, Any]:
        waiting = select.poll()
        waiting.register(self._control, select.POLLIN)
        if not waiting.poll(seconds * 1000):
            raise Lost
        data = b""
        with contextlib.suppress(OSError):
            data = self._control.recv(1 << 16)
        if not data:
            raise Lost
        message: dict[str, Any] = json.loads(data)
        return message

    def _last_words(self) -> str:
        self._process.kill()
        _, errors = self._process.communicate()
        lines = errors.decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:300] if lines else "it ended without a word; try `gradcourse doctor`"

    def end(self) -> None:
        """End it and all its processes."""
        self._control.close()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def let_go(self) -> None:
        """Close this process's copies without ending it: after a fork it is the parent's."""
        self._control.close()
        if self._process.stderr is not None:
            self._process.stderr.close()


class Child:
    """The grader's end of one submission's process."""

    def __init__(self, zygote: Zygote, channel: Channel) -> None:
        self._zygote = zygote
        self._channel = channel
        self._number = 0
        self._before = Times(0.0, 0.0)
        self.layers: dict[str, str] = {}

    def begin(self, seconds: float) -> None:
        """Wait until it says that it is closed in."""
        first = self._channel.receive(Deadline(seconds))
        self.layers = first["layers"]

    def had(self, clock: float) -> float:
        """Return how many seconds it had, of so many by the clock since this was called last: those
        in which the machine kept it waiting do not count, and what it used itself does.
        """
        before, self._before = self._before, self._zygote.times()
        waited, used = _since(before, self._before)
        return max(clock - waited, min(clock, used) / OWN_STRETCH)

    def _longer(self, seconds: float) -> float:
        """How many seconds by the clock a wait of so many may take longer."""
        waited, used = _since(self._before, self._zygote.times())
        return waited if used < seconds else min(waited, (OWN_STRETCH - 1.0) * seconds)

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send a request and wait for its answer; a busy machine makes the wait longer.

        Raises
        ------
        Silent, Closed, WireError
            If it does not answer in time, is gone, or sends what is no answer.
        """
        self._number += 1
        end = Deadline(seconds, lambda: self._longer(seconds))
        self._channel.send({**request, "n": self._number}, end)
        answer = self._channel.receive(end)
        number = answer.get("n") if isinstance(answer, dict) else None
        if type(number) is not int or number != self._number:
            raise WireError("it is not the answer to what was asked")
        return answer

    def end(self, gone: bool = False) -> dict[str, Any]:
        """End it; see `Zygote.stop_child`."""
        try:
            return self._zygote.stop_child(gone)
        finally:
            self._channel.close()


def _since(before: Times, now: Times) -> Times:
    return Times(max(0.0, now.waited - before.waited), max(0.0, now.used - before.used))


def _paths() -> list[str]:
    """Where the zygote finds its modules: as here, but not in the folder in which we stand.

    Without links: a virtual environment that is reached through one lies in the closed room at its
    real place alone, and what torch imports late must be found there.
    """
    package = str(Path(__file__).resolve().parents[3])
    here = [os.path.realpath(path) for path in sys.path if path and os.path.exists(path)]
    return list(dict.fromkeys([*here, package]))


def _environment() -> dict[str, str]:
    """Nothing of the grader's own environment but where the libraries are."""
    kept = {n: os.environ[n] for n in ("LD_LIBRARY_PATH", "SYSTEMROOT") if n in os.environ}
    return {
        **kept,
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "USER": "learner",
        "LOGNAME": "learner",
        **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
        "OMP_WAIT_POLICY": "PASSIVE",
        "MALLOC_ARENA_MAX": "2",
        "CUDA_VISIBLE_DEVICES": "",
        "TORCHDYNAMO_DISABLE": "1",  # torch.compile needs a compiler, and changes no result
        "MPLBACKEND": "Agg",
        "GRADCOURSE_PROGRESS": "off",
    }


# ---------------------------------------------------------------- kept warm

_idle: dict[frozenset[str], list[Zygote]] = {}
_lock = threading.Lock()


@contextlib.contextmanager
def borrowed(without: frozenset[str] = frozenset()) -> Iterator[Zygote]:
    """Give a zygote that nobody else uses, a warm one if there is one, and keep it afterwards.

    It is ended instead when the body raises.
    """
    with _lock:
        waiting = _idle.setdefault(without, [])
        zygote = waiting.pop() if waiting else None
    zygote = zygote or Zygote(without)
    try:
        yield zygote
    except BaseException:
        zygote.end()
        raise
    with _lock:
        _idle.setdefault(without, []).append(zygote)


def warm(without: frozenset[str] = frozenset()) -> None:
    """Start a zygote without waiting for it, if none is there."""
    with _lock:
        if not _idle.get(without):
            _idle.setdefault(without, []).append(Zygote(without))


def end_all() -> None:
    """End the zygotes that nobody uses."""
    with _lock:
        zygotes = [zygote for waiting in _idle.values() for zygote in waiting]
        _idle.clear()
    for zygote in zygotes:
        zygote.end()


def _forget() -> None:
    """In a forked process: the zygotes are the parent's."""
    global _lock
    _lock = threading.Lock()
    for waiting in _idle.values():
        for zygote in waiting:
            zygote.let_go()
    _idle.clear()


atexit.register(end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

__all__ = ["Child", "Closed", "Lost", "Zygote", "borrowed", "end_all", "warm"]
