"""Grading on a Dask cluster: a lost worker's submissions are done again, and each counts once."""

from __future__ import annotations

import importlib.util
import itertools
import logging
import queue
import time
import uuid
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gradcourse.grading.many.store import course_version
from gradcourse.grading.many.task import Task, grade_task, not_graded
from gradcourse.grading.mark import Mark
from gradcourse.support import GradcourseError

if TYPE_CHECKING:
    from gradcourse.grading.one.grade import Grader

ANSWER_WITHIN = 5
"""Seconds for the scheduler to answer."""

WORKERS_WITHIN = 30
"""Seconds for the first worker to be there."""

WITHOUT_WORKERS = 60
"""Seconds without any worker after which the run ends; a nanny starts another in less."""

LOOK_EVERY = 2
"""Seconds of silence after which we look whether there are still workers."""

PROTOCOLS = ("tcp", "tls", "ws", "wss", "ucx")
AHEAD = 4
"""Submissions that lie with the cluster per thread of it: enough that none waits for the next."""

DIED = "The workers that were at this submission were lost, one after another."


def on_cluster(tasks: Iterable[Task], grader: Grader, address: str) -> Iterator[tuple[Task, Mark]]:
    """Grade on the workers of a Dask scheduler; results come as they are ready.

    Parameters
    ----------
    tasks : iterable of Task
        Taken a few at a time, so that a class need not fit into memory.
    grader : Grader
        What grades them; it must be importable on the workers.
    address : str
        "tcp://192.0.2.1:8786".

    Raises
    ------
    GradcourseError
        If there is no Dask, the scheduler does not answer or goes away, no worker is left, or one
        cannot grade.
    """
    if importlib.util.find_spec("distributed") is None:
        raise GradcourseError(
            "--scheduler needs Dask, which is not installed: pip install 'gradcourse[cluster]'"
        )
    protocol, mark, _ = address.partition("://")
    if mark and protocol not in PROTOCOLS:
        raise no_answer(address)
    client = _connected(address)
    try:
        yield from _graded(client, tasks, grader, address)
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            client.close(timeout=2)


def _connected(address: str) -> Any:
    from distributed import Client

    class Connection(Client):
        def __del__(self) -> None:
            """Wait for nothing: one that never connected would, and then print a traceback."""

    # What goes wrong is said in one line of ours. Importing it has set the level of each.
    for name in [*logging.root.manager.loggerDict, "distributed.utils"]:
        if name.startswith("distributed"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            client = Connection(address, timeout=ANSWER_WITHIN, set_as_default=False)
    # Name lookup, refused connections, time limits, unknown protocols: all mean the same.
    except Exception as error:
        raise no_answer(address) from error
    try:
        client.wait_for_workers(1, timeout=WORKERS_WITHIN)
    except Exception as error:
        client.close(timeout=2)
        raise GradcourseError(
            f"the scheduler {address} has no worker: start some with "
            f"`dask worker {address} --nworkers auto --nthreads 1`"
        ) from error
    return client


def no_answer(address: str) -> GradcourseError:
    """Say that there is no scheduler."""
    return GradcourseError(
        f"the scheduler {address} does not answer: start one with `dask scheduler`, and give the "
        "address that it prints (tcp://…)"
    )


class _Cluster:
    """The submissions that lie with the cluster."""

    def __init__(self, client: Any, grader: Grader, address: str) -> None:
        self.client, self.grader, self.address = client, grader, address
        self.run = uuid.uuid4().hex[:12]
        self.at_work: dict[str, Task] = {}
        self.done: queue.Queue[Any] = queue.Queue()

    def submit(self, task: Task, attempt: str = "") -> None:
        # The key names the submission, so the cluster never holds it twice.
        key = f"gradcourse-{self.run}-{task.number}{attempt}"
        self.at_work[key] = task
        future = self.client.submit(
            _on_worker, self.grader, task, course_version(), key=key, pure=False
        )
        future.add_done_callback(self.done.put)

    def next(self) -> tuple[Task, Mark | None]:
        """Wait for a submission; without a mark where the workers at it were lost."""
        since = None
        while True:
            try:
                future = self.done.get(timeout=LOOK_EVERY)
                break
            except queue.Empty:
                since = self._without_workers(since)
        task = self.at_work.pop(future.key)
        mark = _mark_of(future, task, self.address)
        future.release()
        return task, mark

    def _without_workers(self, since: float | None) -> float | None:
        """Return since when there has been no worker; raise when that is too long."""
        try:
            if _threads(self.client):
                return None
        except (OSError, TimeoutError) as error:
            raise _gone(self.address) from error
        since = since or time.monotonic()
        if time.monotonic() - since > WITHOUT_WORKERS:
            raise GradcourseError(
                f"the scheduler {self.address} has lost its last worker: start some again; what is "
                "graded is kept: go on with --resume"
            )
        return since


def _graded(
    client: Any, tasks: Iterable[Task], grader: Grader, address: str
) -> Iterator[tuple[Task, Mark]]:
    cluster, waiting = _Cluster(client, grader, address), iter(tasks)
    suspects = []
    ahead = AHEAD * max(1, _threads(client))
    for task in itertools.islice(waiting, ahead):
        cluster.submit(task)
    while cluster.at_work:
        task, mark = cluster.next()
        if mark is None or mark.crowded:
            suspects.append(task)
        else:
            yield task, mark
        for another in itertools.islice(waiting, 1):
            cluster.submit(another)
    # Dask blames a dead worker's whole queue. Alone, each shows whether it was the one; and so does
    # who ran out of time or memory beside others.
    for task in suspects:
        cluster.submit(task, attempt="-alone")
        _, mark = cluster.next()
        yield task, mark or not_graded("internal-error", task.assignment, DIED)


def _threads(client: Any) -> int:
    return sum(client.nthreads().values())


def _mark_of(future: Any, task: Task, address: str) -> Mark | None:
    from distributed import CancelledError, KilledWorker

    try:
        mark: Mark = future.result()
        return mark
    except GradcourseError:
        raise
    except KilledWorker:
        return None
    except (CancelledError, OSError, TimeoutError) as error:
        raise _gone(address) from error
    except ImportError as error:
        raise GradcourseError(
            f"a worker of {address} cannot load {error.name}: install the course where the workers "
            "run"
        ) from error


def _gone(address: str) -> GradcourseError:
    return GradcourseError(
        f"the scheduler {address} went away; what is graded is kept: go on with --resume"
    )


def _on_worker(grader: Grader, task: Task, version: str) -> Mark:
    """What a worker does with one submission."""
    if course_version() != version:
        raise GradcourseError(
            "a worker has another version of the course than this machine: install the same one "
            "where the workers run, and start them again"
        )
    started = time.monotonic()
    mark = grade_task(grader, task)
    return replace(mark, seconds_on_worker=round(time.monotonic() - started, 3))
