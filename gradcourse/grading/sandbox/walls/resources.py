"""Limits on memory, processor, files and processes, and the watch over what no limit covers."""

from __future__ import annotations

import contextlib
import os
import resource
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from gradcourse.grading.sandbox.budget import Limits
from gradcourse.grading.sandbox.walls import system


def limit(limits: Limits) -> None:
    """Limit this process and its children.

    The address space is limited far above the memory, because torch and every thread reserve much
    more than they use; what is really written to is limited by RLIMIT_DATA and the watch.
    """
    space, data = _held("VmSize", "VmData")
    seconds = int(2 * limits.submission) + 10
    wanted = {
        "CORE": 0,
        "CPU": seconds,
        "FSIZE": limits.disk,
        "NOFILE": limits.open_files,
        "NPROC": limits.processes,
        "DATA": data + limits.memory,
        "AS": space + 2 * limits.memory + (4 << 30),
        "MEMLOCK": 0,
        "MSGQUEUE": 0,
    }
    for name, amount in wanted.items():
        what = getattr(resource, f"RLIMIT_{name}", None)
        if what is None:  # Linux alone has some of them
            continue
        _, highest = resource.getrlimit(what)
        if highest != resource.RLIM_INFINITY:
            amount = min(amount, highest)
        resource.setrlimit(what, (amount, amount))


def _held(*names: str, pid: int | str = "self") -> list[int]:
    """Bytes that a process holds, of each of these kinds; 0 when it is gone."""
    found = dict.fromkeys(names, 0)
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status", "rb") as stream:
        for line in stream:
            name, _, rest = line.decode("ascii", "replace").partition(":")
            if name in found:
                found[name] = int(rest.split()[0]) * 1024
    return list(found.values())


def prefer_to_be_killed() -> None:
    """When the machine runs out of memory, this process goes before any other."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as stream:
        stream.write("1000")


def use_small_pages() -> None:
    """Let this process and its children have no huge pages.

    Of a huge page that was given back but for a small piece, all of it stays taken, and nobody is
    seen to hold it.
    """
    with contextlib.suppress(OSError):
        system.prctl(system.PR_SET_THP_DISABLE, 1)


def resident(pid: int | str = "self") -> int:
    """Bytes of memory that a process holds, without those of files: a fork begins with few of them,
    and could hold as many bytes of its own before it had more than the one it came from. What the
    kernel needs to find its pages counts: it may be more than they are.
    """
    return sum(_held("RssAnon", "RssShmem", "VmPTE", pid=pid))


def kept_waiting(pid: int | str = "self") -> float:
    """Seconds in which a process could have run and none of the processors was free.

    They are its first thread's. Where the kernel does not count them, 0.
    """
    return _schedule(pid)[1]


def _schedule(pid: int | str) -> tuple[float, float]:
    """Seconds for which a process's first thread ran, and waited to run."""
    try:
        descriptor = os.open(f"/proc/{pid}/schedstat", os.O_RDONLY)
        try:
            ran, waited = os.read(descriptor, 200).split()[:2]
        finally:
            os.close(descriptor)
        return int(ran) / 1e9, int(waited) / 1e9
    except (OSError, ValueError):
        return 0.0, 0.0


class Times(NamedTuple):
    """Seconds of a submission since its process began.

    Attributes
    ----------
    waited : float
        For which its first thread was kept from running, by others than its own.
    used : float
        Of processor, by all its threads and processes, those that have ended included.
    """

    waited: float
    used: float


def times(pid: int, started: Iterable[int]) -> Times:
    """Return how long a process has waited, without the time in which it, or what it has started,
    ran instead; and how long all of them ran.
    """
    own = sum(_used(one) for one in {pid, *started})
    ran, waited = _schedule(pid)
    return Times(max(0.0, waited - max(0.0, own - ran)), own)


def _used(pid: int) -> float:
    """Seconds of processor that a process, its threads and its ended children have used."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            after_name = stream.read().rpartition(")")[2].split()
        return sum(map(int, after_name[11:15])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0


def family(pid: int) -> Iterator[int]:
    """Yield a process and all its descendants."""
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        yield one
        try:
            for thread in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{thread}/children", encoding="ascii") as stream:
                    waiting += map(int, stream.read().split())
        except OSError:
            continue


def descendants() -> list[int]:
    """Return the processes below this one.

    In the zygote, they are those of the one submission that runs: its orphans come here where it
    has no namespace.
    """
    return [pid for pid in family(os.getpid()) if pid != os.getpid()]


def give_way(pids: Iterable[int], first: int) -> None:
    """Let all processes and threads of a submission but its first thread run when others do not.

    A submission with forty of them would else have forty shares of the processors, and another
    that is graded beside it one.
    """
    for pid in pids:
        with contextlib.suppress(OSError):
            for thread in map(int, os.listdir(f"/proc/{pid}/task")):
                if thread != first and os.getpriority(os.PRIO_PROCESS, thread) < POLITE:
                    os.setpriority(os.PRIO_PROCESS, thread, POLITE)


POLITE = 15
"""As `nice` has it: 36 shares of the processors, where an ordinary process has 1024."""


# ---------------------------------------------------------------- memory

SOCKET = 512 << 10
"""Bytes that the two directions of a socket may hold, at most: twice the kernel's default."""

LOW = 0.1
"""The share of the machine's memory below which a fall of what is left is a submission's."""

KERNEL, SPARE = 1 / 8, 128 << 20
"""What share of the memory that is allowed, and how many bytes at least, the kernel itself may come
to need while a submission runs: for locks, mappings and timers, which no limit counts."""


@dataclass(frozen=True)
class Memory:
    """What the machine and this process hold before a submission begins.

    Attributes
    ----------
    shared : int
        Bytes of this process, which the submission's begin with and share.
    resident : int
        The same where pages that are shared cannot be told.
    available : int
        Bytes that the machine could still give.
    kernel : int
        Bytes that its kernel needs for itself.
    """

    shared: int
    resident: int
    available: int
    kernel: int

    @classmethod
    def now(cls) -> Memory:
        """Measure."""
        left, _, kernel = machine()
        return cls(_share("self") or 0, resident(), left, kernel)

    def again(self) -> Memory:
        """Measure what the machine has; this process has not changed."""
        left, _, kernel = machine()
        return replace(self, available=left, kernel=kernel)

    def taken(self, pids: Sequence[int], most: int) -> int:
        """Bytes that processes forked from this one have taken, all together.

        Each page counts once, by the share that each process has in it, wherever it was inherited
        from; and what lies in sockets, which no process is seen to hold.

        Parameters
        ----------
        pids : sequence of int
            All processes of a submission.
        most : int
            Bytes below which an estimate that is too large will do: shares take long to count.
        """
        estimate = sum(map(resident, pids)) + SOCKET * sum(map(_descriptors, pids))
        if estimate <= most:
            return estimate
        owners: list[int | str] = ["self", *pids]
        shares = [_share(pid) for pid in owners]
        if None in shares[:2]:
            own = sum(max(0, resident(pid) - self.resident) for pid in pids)
        else:
            own = max(0, sum(share or 0 for share in shares) - self.shared)
            own += sum(sum(_held("VmPTE", pid=pid)) for pid in pids)
        return own + SOCKET * len(set[int]().union(*map(_sockets, pids)))

    def fell(self, most: int) -> bool:
        """Whether the machine has little left, and so many bytes less than before; or whether its
        kernel took a part of so many.
        """
        left, whole, kernel = machine()
        low = left < LOW * whole and self.available - left > most
        return low or kernel - self.kernel > max(KERNEL * most, SPARE)


def _share(pid: int | str) -> int | None:
    """Bytes of memory that are a process's own, and its share of what it has in common with others.

    None where the kernel does not tell, or the process is gone.
    """
    total, known = 0, False
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup", "rb") as stream:
        for line in stream:
            if line.startswith((b"Pss_Anon:", b"Pss_Shmem:")):
                total, known = total + int(line.split()[1]) * 1024, True
    return total if known else None


def _descriptors(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def _sockets(pid: int) -> set[int]:
    """The sockets that a process has open, by their numbers in the kernel."""
    found = set()
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                about = os.stat(f"/proc/{pid}/fd/{name}")
                if stat.S_ISSOCK(about.st_mode):
                    found.add(about.st_ino)
    return found


def machine() -> tuple[int, int, int]:
    """Bytes that the machine could give to programs, that it has, and that its kernel holds for
    good; 0 where it does not say.
    """
    found = {"MemAvailable": 0, "MemTotal": 0, "SUnreclaim": 0}
    with contextlib.suppress(OSError), open("/proc/meminfo", "rb") as stream:
        for line in stream:
            name, _, rest = line.decode("ascii", "replace").partition(":")
            if name in found:
                found[name] = int(rest.split()[0]) * 1024
    return found["MemAvailable"], found["MemTotal"], found["SUnreclaim"]
