"""The watch over what no limit of the kernel covers: all processes of a submission together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the sandbox's layers are Linux's"
)

sys.path.insert(0, str(Path(__file__).parent))

from toys import QUICK, TOYS  # noqa: E402

from gradcourse.checking.exercise_notebook import Cell  # noqa: E402
from gradcourse.grading.one import run  # noqa: E402
from gradcourse.grading.one.plan import Plan  # noqa: E402
from gradcourse.grading.sandbox import zygotes  # noqa: E402
from gradcourse.grading.sandbox.channel import OWN_STRETCH, STRETCH  # noqa: E402
from gradcourse.grading.sandbox.frames import Closed, Silent  # noqa: E402
from gradcourse.grading.sandbox.inside import zygote as watching  # noqa: E402
from gradcourse.grading.sandbox.walls import resources  # noqa: E402
from gradcourse.grading.sandbox.walls.rooms import Room  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def _end() -> Iterator[None]:
    yield
    zygotes.end_all()


@pytest.mark.parametrize(
    "without", [frozenset(), frozenset({"namespaces"})], ids=["all", "no namespaces"]
)
def test_memory_of_orphans_is_its_own(without: frozenset[str]) -> None:
    source = (
        "import os, time\n"
        "for _ in range(4):\n"
        "    if os.fork() == 0:\n"
        "        if os.fork() == 0:\n"
        "            kept = b'x' * (40 << 20)\n"
        "            time.sleep(99)\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
        "time.sleep(99)\n"
    )
    with zygotes.borrowed(without) as zygote:
        child = zygote.start(replace(QUICK, memory=100 << 20))
        child.begin(60.0)
        with pytest.raises(Closed):
            child.ask({"do": "cell", "source": source, "seconds": 60.0}, 60.0)
        assert child.end(gone=True)["why"] == "memory"


def test_what_was_not_seen_when_a_submission_was_ended_is_ended_at_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between the look and the end a process may be forked; it would keep the grader waiting."""
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    seen, forked = subprocess.Popen(sleep), subprocess.Popen(sleep)
    looks = iter([[seen.pid], [seen.pid]])
    monkeypatch.setattr(resources, "descendants", lambda: next(looks, [seen.pid, forked.pid]))
    monkeypatch.setattr(watching, "_excess", lambda *_: "memory")
    monkeypatch.setattr(watching, "_end", lambda *_: 0)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    arguments = (theirs, seen.pid, QUICK, resources.Memory.now(), Room())
    watch = threading.Thread(target=watching._attend, args=arguments)
    watch.start()
    try:
        assert [one.wait(60) for one in (seen, forked)] == [-signal.SIGKILL] * 2
    finally:
        for one in (seen, forked):
            one.kill()
        ours.close()
        watch.join()
        theirs.close()


def test_a_process_that_keeps_itself_waiting_was_not_kept_by_others() -> None:
    if not Path("/proc/self/schedstat").exists():
        pytest.skip("this kernel does not count it")
    script = (
        "import os, time\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "end = time.monotonic() + 60\n"
        "any(os.fork() == 0 for _ in range(6))\n"
        "while time.monotonic() < end: pass\n"
    )
    one = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    try:
        until = time.monotonic() + 60
        while resources.kept_waiting(one.pid) < 1.0 and time.monotonic() < until:
            time.sleep(0.05)
        waited = resources.kept_waiting(one.pid)
        by_others, used = resources.times(one.pid, resources.family(one.pid))
    finally:
        os.killpg(one.pid, signal.SIGKILL)
        one.wait()
    assert waited >= 1.0
    assert by_others < 0.9 * waited
    assert used > waited - by_others


class _Hanging:
    """A zygote, its children and their channels, in whose time nothing ever ends by itself."""

    layers: ClassVar[dict[str, str]] = {"rlimits": "on"}

    def __init__(self, times: Callable[[float], resources.Times], start: float = 0.1) -> None:
        self.now, self._times, self._start = 0.0, times, start
        self._born = 0.0

    def start(self, *_: Any) -> zygotes.Child:
        self.now += self._start
        self._born = self.now
        return zygotes.Child(self, self)  # type: ignore[arg-type]

    def times(self) -> resources.Times:
        return self._times(self.now - self._born)

    def stop_child(self, gone: bool = False) -> dict[str, Any]:
        return {"status": 0, "why": ""}

    def close(self) -> None:
        pass

    def send(self, value: dict[str, Any], end: Any = None) -> None:
        pass

    def receive(self, end: Any = None) -> Any:
        if self.now == self._born:
            self.now += 1e-6
            return {"n": 0, "layers": self.layers}
        while left := end.left():
            self.now += min(left, 0.05) + 1e-6
        raise Silent("it did not come in time")


NEVER = "while True: pass"
BURNERS = {
    "itself": (lambda clock: resources.Times(0.0, clock), 1.25),
    "all that it has started, seen or not": (lambda clock: resources.Times(clock, clock), 2.5),
    "others, while it waits": (lambda clock: resources.Times(clock, 0.0), STRETCH + 0.5),
}


@pytest.mark.parametrize(("times", "most"), BURNERS.values(), ids=BURNERS)
def test_a_submission_that_never_ends_costs_a_few_of_its_limits(
    times: Callable[[float], resources.Times], most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of cells that hang, each for the little that is left and the moment to stop."""
    zygote = _Hanging(times)
    monkeypatch.setattr("gradcourse.grading.sandbox.channel.monotonic", lambda: zygote.now)
    monkeypatch.setattr(run.time, "monotonic", lambda: zygote.now)
    cells = tuple(Cell(number, NEVER) for number in range(600))
    limits = replace(QUICK, cell=20.0, question=20.0, submission=120.0)
    ran = run.Running(zygote, Plan(cells, (), TOYS), limits, seed=1).all(TOYS)  # type: ignore[arg-type]
    assert not any(question.earned for question in ran.questions)
    assert zygote.now <= most * limits.submission


def test_its_own_seconds_of_processor_make_a_limit_twice_as_long_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for own, longest in ((0.0, STRETCH), (0.15, STRETCH), (0.6, OWN_STRETCH), (2.0, OWN_STRETCH)):
        zygote = _Hanging(lambda clock, own=own: resources.Times(clock, own * clock))
        monkeypatch.setattr("gradcourse.grading.sandbox.channel.monotonic", lambda z=zygote: z.now)
        child = zygote.start()
        child.begin(1.0)
        with pytest.raises(Silent):
            child.ask({"do": "cell"}, 10.0)
        assert longest * 10.0 <= zygote.now <= longest * 10.0 + 0.5


def test_it_cannot_let_all_others_go_first() -> None:
    source = (
        "import os\n"
        "os.nice(7)\n"
        "os.setpriority(os.PRIO_PROCESS, 0, 19)\n"
        "os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\n"
        "how = [os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)]\n"
    )
    with zygotes.borrowed() as zygote:
        if zygote.layers["seccomp"] != "on":
            pytest.skip("nothing can refuse it")
        child = zygote.start(QUICK)
        child.begin(60.0)
        answer = child.ask({"do": "cell", "source": source, "seconds": 30.0}, 30.0)
        how = child.ask({"do": "describe", "names": ["how"]}, 30.0)["names"]["how"]["value"]
        child.end()
    assert answer["ending"] == ""
    assert how == [os.getpriority(os.PRIO_PROCESS, 0), os.SCHED_OTHER]


@pytest.mark.parametrize(
    "without", [frozenset(), frozenset({"namespaces"})], ids=["all", "no namespaces"]
)
def test_a_submissions_processes_go_before_any_other_and_after_all_others(
    without: frozenset[str],
) -> None:
    """When memory is short the kernel ends them first; when processors are, they wait."""
    source = (
        "import os, time\n"
        "for _ in range(3):\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(20)\n"
        "time.sleep(20)\n"
    )
    with zygotes.borrowed(without) as zygote:
        child = zygote.start(QUICK)
        child.begin(60.0)
        with pytest.raises(Silent):
            child.ask({"do": "cell", "source": source, "seconds": 60.0}, 1.0)
        first, *others = list(resources.family(zygote._process.pid))[-4:]
        nice = [os.getpriority(os.PRIO_PROCESS, pid) for pid in (first, *others)]
        adjusted = [Path(f"/proc/{pid}/oom_score_adj").read_text() for pid in (first, *others)]
        child.end()
    assert [int(text) for text in adjusted] == [1000] * 4
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert sorted(nice) == [own, *[resources.POLITE] * 3]


def test_pages_that_forks_share_count_once_and_their_own_for_each() -> None:
    """Against what this process and its forks hold together, whatever each of them shows."""
    script = (
        "import os, sys, time\n"
        "from gradcourse.grading.sandbox.walls.resources import Memory\n"
        "kept = bytearray(b'x') * (64 << 20)\n"
        "before, own = Memory.now(), []\n"
        "for number in range(3):\n"
        "    read, write = os.pipe()\n"
        "    own.append(os.fork())\n"
        "    if own[-1] == 0:\n"
        "        if number == 0:\n"
        "            kept[::4096] = b'y' * len(kept[::4096])\n"
        "        os.write(write, b'x')\n"
        "        time.sleep(60)\n"
        "    os.read(read, 1)\n"
        "print(before.taken(own, 0) >> 20, before.taken(own, 4 << 30) >> 20)\n"
        "for pid in own: os.kill(pid, 9)\n"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    exact, estimate = map(int, told.stdout.split())
    assert 60 <= exact <= 80, told
    assert estimate >= 180


def test_what_the_kernel_comes_to_need_ends_a_submission(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks and mappings are in no process's pages; the machine alone shows them."""
    memory, most = resources.Memory.now(), 2 << 30
    left, whole, kernel = resources.machine()
    assert whole > left > 0
    assert kernel > 0

    def found(more: int) -> bool:
        monkeypatch.setattr(resources, "machine", lambda: (whole, whole, memory.kernel + more))
        return memory.fell(most)

    assert not found(most // 8)
    assert found(most // 8 + 1)
    assert not memory.again().fell(most)
