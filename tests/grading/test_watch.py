"""The watch over what no limit of the kernel covers: all processes of a submission together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the sandbox's layers are Linux's"
)

sys.path.insert(0, str(Path(__file__).parent))

from toys import QUICK  # noqa: E402

from gradcourse.grading.sandbox import zygotes  # noqa: E402
from gradcourse.grading.sandbox.frames import Closed, Silent  # noqa: E402
from gradcourse.grading.sandbox.walls import resources  # noqa: E402


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
        by_others = resources.kept_waiting_by_others(one.pid, resources.family(one.pid))
    finally:
        os.killpg(one.pid, signal.SIGKILL)
        one.wait()
    assert waited >= 1.0
    assert by_others < 0.9 * waited


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
    assert sorted(nice) == [0, *[resources.POLITE] * 3]


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
