"""Limits on memory, processor, files and processes, and the watch over what no limit covers."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterable, Iterator

from gradcourse.grading.sandbox.budget import Limits


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


def resident(pid: int | str = "self") -> int:
    """Bytes of memory that a process holds, without those of files: a fork begins with few of them,
    and could hold as many bytes of its own before it had more than the one it came from.
    """
    return sum(_held("RssAnon", "RssShmem", pid=pid))


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


def kept_waiting_by_others(pid: int, started: Iterable[int]) -> float:
    """As `kept_waiting`, without the time in which it, or what it has started, ran instead."""
    own = sum(_used(one) for one in {pid, *started})
    ran, waited = _schedule(pid)
    return max(0.0, waited - max(0.0, own - ran))


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


def beyond(pids: Iterable[int], idle: int) -> int:
    """Bytes that processes hold beyond what each held when it was forked."""
    return sum(max(0, resident(one) - idle) for one in pids)
