"""Grading in several processes; one that dies takes nothing with it.

`concurrent.futures` fails every waiting future when one worker dies, and does not say whose fault
it was. Here each process has one task at a time, so it is known.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import statistics
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from multiprocessing import forkserver, resource_tracker, util
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from gradcourse.grading.many.task import Task, grade_task, not_graded
from gradcourse.grading.mark import Mark
from gradcourse.grading.sandbox.budget import Limits
from gradcourse.grading.sandbox.channel import STRETCH
from gradcourse.support import GradcourseError

if TYPE_CHECKING:
    from gradcourse.grading.one.grade import Grader

ATTEMPTS = 2
"""How often a task is begun whose process died."""

START = 6.0
"""Seconds that a process takes until its first result, about; on a busy machine, longer."""

PATIENCE = 2 * STRETCH * Limits.submission
"""Seconds after which a process that should have given up by itself counts as dead."""


def cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_this_process(tasks: Iterable[Task], grader: Grader) -> Iterator[tuple[Task, Mark]]:
    """Grade one after another."""
    for task in tasks:
        yield task, grade_task(grader, task)


def in_processes(
    tasks: Iterable[Task], grader: Grader, jobs: int, total: int
) -> Iterator[tuple[Task, Mark]]:
    """Grade in several processes; results come as they are ready.

    A process takes seconds to load torch and to start its sandbox, as long as dozens of
    submissions take. So there is one at first, and more as soon as it is known that they pay.

    Parameters
    ----------
    tasks : iterable of Task
        Taken one by one.
    grader : Grader
        What grades them.
    jobs : int
        How many processes there may be.
    total : int
        How many tasks there are at most.

    Raises
    ------
    GradcourseError
        If a process cannot grade at all.
    """
    crew = _Crew(grader, _Speed(total))
    try:
        yield from crew.grade(iter(tasks), jobs)
        # Whoever ran out of time or memory beside others may have done so by their fault.
        for task in crew.crowded:
            yield from crew.grade(iter([task]), 1, alone=True)
    finally:
        crew.stop()


class _Crew:
    """The processes that grade, and those submissions that will be graded again alone."""

    def __init__(self, grader: Grader, speed: _Speed) -> None:
        self._context = _context()
        self._grader = grader
        self._speed = speed
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []
        self._measured: dict[str, Any] = {}
        self.crowded: list[Task] = []

    def grade(
        self, waiting: Iterator[Task], jobs: int, alone: bool = False
    ) -> Iterator[tuple[Task, Mark]]:
        again: list[tuple[Task, int]] = []
        idle, busy, speed = self._idle, self._busy, self._speed
        while True:
            wanted = min(jobs, speed.processes(len(busy)))
            while len(busy) < wanted and (following := again.pop() if again else _first(waiting)):
                busy.append(idle.pop() if idle else self._worker())
                busy[-1].begin(*following)
            if not busy:
                return
            for worker in _ready(busy, ramp=len(busy) < jobs):
                task, attempt, answer = worker.task, worker.attempt, worker.hear()
                if answer == READY:
                    self._measured.update(worker.measured)
                    speed.started(worker.took)
                    continue
                busy.remove(worker)
                if isinstance(answer, Mark):
                    idle.append(worker)
                    speed.note(answer.seconds)
                    if answer.crowded and jobs > 1 and not alone:
                        self.crowded.append(task)
                    else:
                        yield task, answer
                    continue
                worker.stop()
                if attempt < ATTEMPTS:
                    again.append((task, attempt + 1))
                else:
                    yield task, not_graded("internal-error", task.assignment, DIED)

    def _worker(self) -> _Worker:
        return _Worker(self._context, self._grader, self._measured)

    def stop(self) -> None:
        for worker in [*self._idle, *self._busy]:
            worker.stop()


READY = "ready"
"""In place of a mark: a process has started, and is at its task."""

DIED = f"The process that grades ended {ATTEMPTS} times while it was at this submission."


def _first(tasks: Iterator[Task]) -> tuple[Task, int] | None:
    task = next(tasks, None)
    return None if task is None else (task, 1)


class _Speed:
    """How many processes pay: those that have work for longer than their start takes."""

    def __init__(self, total: int) -> None:
        self.left = total
        self._seconds: list[float] = []
        self._start = START
        self._heard = time.monotonic()
        self._patience = 10 * START
        self._patient = 1

    def started(self, took: float) -> None:
        """A process has started; on a busy machine that takes longer."""
        self._start = max(self._start, took)
        self._patience = 2 * START
        self._heard = time.monotonic()

    def note(self, seconds: float) -> None:
        """A submission took that long."""
        self.left -= 1
        self._seconds.append(seconds)
        self._heard = time.monotonic()

    def processes(self, busy: int) -> int:
        now = time.monotonic()
        if now - self._heard > self._patience:  # no result for long: those at work may all hang
            self._heard = now
            self._patient = max(self._patient, busy) + 1
        recent = self._seconds[-20:]
        if len(recent) < 2:
            return self._patient
        # The median: the first of each process waits for its start, and one may hang.
        work = self.left * statistics.median(recent)
        return max(self._patient, int(work / self._start) + 1)


def _ready(busy: list[_Worker], ramp: bool) -> list[_Worker]:
    """Wait until some have answered, died, or taken far too long, or more workers may pay."""
    soonest = min(worker.deadline for worker in busy) - time.monotonic()
    timeout = max(0.0, min(soonest, 2 * START + 0.1) if ramp else soonest)
    ready = wait([worker.connection for worker in busy], timeout=timeout)
    now = time.monotonic()
    return [one for one in busy if one.connection in ready or one.deadline <= now]


def warm_up(assignment: str | None) -> None:
    """Load in the background what all processes need, before it is known how many there are."""
    if "forkserver" in multiprocessing.get_all_start_methods():
        from gradcourse.exercises.registry import modules_of

        _context(modules_of(assignment) if assignment else ())


def _context(also: Sequence[str] = ()) -> Any:
    """A process that has loaded the exercises once, and forks the workers, where there is fork.

    A plain fork of this process would copy whatever threads and locks it has.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["gradcourse.grading.one.grade", *also])
    # Ctrl-C reaches all processes; a worker must not meet it before it has its own handler. What
    # is started with the first of them lets it through again, so that is started before.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return context


class _Worker:
    """One process and the task it is at."""

    def __init__(self, context: Any, grader: Grader, measured: dict[str, Any]) -> None:
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            target=_work, args=(theirs, grader, dict(measured), util.get_temp_dir()), daemon=True
        )
        self.process.start()
        theirs.close()
        self.task: Task
        self.attempt = 0
        self.deadline = 0.0
        self.took = 0.0
        self.measured: dict[str, Any] = {}

    def begin(self, task: Task, attempt: int) -> None:
        self.task, self.attempt = task, attempt
        self.deadline = time.monotonic() + PATIENCE
        self._begun = time.monotonic()
        attempts = (task, *task.earlier)
        # A process that is already dead is found out by `hear`.
        with contextlib.suppress(OSError):
            self.connection.send_bytes(json.dumps([_plain(one) for one in attempts]).encode())
            for one in attempts:
                for piece in (one.data, *one.files.values()):
                    self.connection.send_bytes(piece)

    def hear(self) -> Mark | str | None:
        """Return the mark, or `READY`; None if the process died or hangs."""
        try:
            answer = json.loads(self.connection.recv_bytes()) if self.connection.poll() else None
        except (EOFError, OSError):
            answer = None
        if answer is None:
            return None
        if "error" in answer:
            raise GradcourseError(answer["error"])
        if "measured" in answer:
            self.measured = answer["measured"]
            self.took = time.monotonic() - self._begun
            return READY
        return Mark.from_dict(answer["mark"])

    def stop(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()


def _work(connection: Connection, grader: Grader, measured: dict[str, Any], folder: str) -> None:
    """What a worker does: until the other side is gone, take a task and send its mark.

    The folder is that in which processes find each other; who is killed leaves it behind.
    """
    # On Ctrl-C the process that started this one decides. A handler and not "ignore", which the
    # learner's process would inherit.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
    from gradcourse.grading.one.measure_once import measurements, remember

    remember(measured)
    ready = False
    with contextlib.suppress(EOFError, OSError):
        while True:
            attempts = json.loads(connection.recv_bytes())
            newest, *earlier = [_received(connection, plain) for plain in attempts]
            task = replace(newest, earlier=tuple(earlier))
            try:
                if not ready:
                    with _left_to_grading():
                        grader.prepare(task.data, task.assignment)
                    _send(connection, {"measured": measurements()})
                    ready = True
                answer: dict[str, Any] = {"mark": grade_task(grader, task).to_dict()}
            except GradcourseError as error:
                answer = {"error": str(error)}
            _send(connection, answer)


def _plain(task: Task) -> dict[str, Any]:
    """What is not bytes of one attempt, and the names of its files."""
    apart = ("data", "files", "earlier")
    rest = {name: value for name, value in vars(task).items() if name not in apart}
    return {**rest, "names": [*task.files]}


def _received(connection: Connection, plain: dict[str, Any]) -> Task:
    names, data = plain.pop("names"), connection.recv_bytes()
    files = {name: connection.recv_bytes() for name in names}
    return Task(data=data, files=files, **plain)


@contextlib.contextmanager
def _left_to_grading() -> Iterator[None]:
    """Go on after a fault of the course's own: grading meets it again, and makes it a reason."""
    try:
        yield
    except GradcourseError:
        raise
    except Exception:
        return


def _send(connection: Connection, answer: dict[str, Any]) -> None:
    connection.send_bytes(json.dumps(answer).encode())


def _end_with_parent(folder: str) -> None:
    """End at once when the process that started this one is gone, and not after its last task."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)
