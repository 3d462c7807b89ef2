"""The bars of grading a whole class: 30 submissions by one command; 1,000 on Dask, a worker lost.

Run it with ``make bench`` or ``python benchmarks/grading_cluster.py [NUMBER]``, with the number of
submissions for Dask. Exit code 1 when a bar is missed.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
NUMBER = 1000
POINTS = {"solutions": 16.0, "exercises": 0.0}


def main(number: int) -> int:
    """Measure, print the table, and return the exit code."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    rows = [command_of_30(), *cluster(number)]
    for what, bar, measured, ok in rows:
        print(f"{what:<54} | {bar:<12} | {measured:<44} | {'✓' if ok else '✗'}")
    return int(not all(ok for *_, ok in rows))


def hand_in(folder: Path, number: int) -> dict[str, float]:
    """Write notebooks, solved and untouched by turns, no two alike; return the marks they earn."""
    folder.mkdir()
    marks = {}
    for index in range(number):
        kind = "solutions" if index % 2 else "exercises"
        notebook = json.loads((ROOT / kind / "02_saturation.ipynb").read_text("utf-8"))
        notebook["metadata"]["learner"] = index
        marks[f"learner{index:04}"] = POINTS[kind]
        (folder / f"learner{index:04}.ipynb").write_text(json.dumps(notebook), "utf-8")
    return marks


def command_of_30() -> tuple[str, str, str, bool]:
    """The whole command, as an instructor types it, on two processors."""
    with tempfile.TemporaryDirectory() as private:
        marks = hand_in(Path(private) / "class", 30)
        command = [sys.executable, "-m", "gradcourse.cli", "grade", "class", "--out", "grades"]
        adopt_orphans()
        started = time.perf_counter()
        done = subprocess.run([*command, "--jobs", "2"], cwd=private, capture_output=True)
        seconds = time.perf_counter() - started
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        right = done.returncode == 0 and earned(Path(private) / "grades") == marks
    cpu = f"{used.ru_utime:.1f} s user, {used.ru_stime:.1f} s system"
    measured = f"{seconds:.1f} s ({cpu})" if right else "wrong marks"
    return "30 submissions, 2 processes, whole command", "≤ 10 s", measured, right and seconds <= 10


def adopt_orphans() -> None:
    """Let the processes that others started become ours when those end, to count their CPU time."""
    if sys.platform == "linux":
        PR_SET_CHILD_SUBREAPER = 36
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def earned(out: Path) -> dict[str, float]:
    """The marks in an output folder."""
    records = [json.loads(path.read_bytes()) for path in (out / "results").glob("*.json")]
    return {record["learner"]: record["earned"] for record in records}


def cluster(number: int) -> list[tuple[str, str, str, bool]]:
    """A class on two Dask workers, of which one is killed half-way."""
    from distributed import LocalCluster

    from gradcourse.grading.many import store
    from gradcourse.grading.many.grade_class import Settings, grade_class

    writes: Counter[str] = Counter()
    write = store.Store.write
    killed: list[int] = []

    with tempfile.TemporaryDirectory() as private:
        marks = hand_in(Path(private) / "class", number)
        options = {"threads_per_worker": 1, "processes": True, "dashboard_address": None}
        with LocalCluster(n_workers=2, silence_logs=50, **options) as dask:

            def counted(self: Any, mark: Any) -> None:
                write(self, mark)
                writes[mark.origin.stem] += 1
                if sum(writes.values()) == number // 2:
                    threading.Thread(target=kill_one, args=(dask, killed)).start()

            store.Store.write = counted  # type: ignore[method-assign]
            out = Path(private) / "grades"
            started = time.perf_counter()
            grade_class(Settings(Path(private) / "class", out, scheduler=dask.scheduler_address))
            seconds = time.perf_counter() - started
            store.Store.write = write  # type: ignore[method-assign]
        found = earned(out)
    what = f"{number:,} submissions, 2 Dask workers, 1 killed"
    wrong = sum(found.get(learner) != mark for learner, mark in marks.items())
    twice = sum(count > 1 for count in writes.values())
    lost = number - len(found)
    speed = f"{seconds:.0f} s, {seconds / number:.2f} s each"
    return [
        (f"{what}: lost", "0", f"{lost} ({len(killed)} worker killed)", lost == 0 and bool(killed)),
        (f"{what}: twice", "0", f"{twice}", twice == 0),
        (f"{what}: wrong marks", "0", f"{wrong}", wrong == 0),
        (f"{what}: time", "–", speed, True),
    ]


def kill_one(dask: Any, killed: list[int]) -> None:
    """End one worker as the system would that runs out of memory."""
    from distributed import Client

    with Client(dask.scheduler_address, set_as_default=False) as client:
        pids = client.run(os.getpid)
    victim = next(iter(pids.values()))
    os.kill(victim, signal.SIGKILL)
    killed.append(victim)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else NUMBER))
