"""Limits on memory, processor, files and processes, and the watch over what no limit covers."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator

from gradcourse.grading.limits import Limits

PAGE = os.sysconf("SC_PAGE_SIZE")


def limit(limits: Limits) -> None:
    """Limit this process and its children.

    The address space is limited far above the memory, because torch and every thread reserve much
    more than they use; what is really written to is limited by RLIMIT_DATA and the watch.
    """
    space, data = _held()
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


def _held() -> tuple[int, int]:
    """Bytes of address space and of data that this process has now."""
    found = {"VmSize": 0, "VmData": 0}
    with contextlib.suppress(OSError), open("/proc/self/status", encoding="ascii") as stream:
        for line in stream:
            name, _, rest = line.partition(":")
            if name in found:
                found[name] = int(rest.split()[0]) * 1024
    return found["VmSize"], found["VmData"]


def prefer_to_be_killed() -> None:
    """When the machine runs out of memory, this process goes before any other."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as stream:
        stream.write("1000")


def resident(pid: int | str = "self") -> int:
    """Bytes of memory that a process holds; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as stream:
            return int(stream.read().split()[1]) * PAGE
    except (OSError, ValueError, IndexError):
        return 0


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


def kept_waiting_by_others(pid: int) -> float:
    """As `kept_waiting`, without the time in which its own threads and processes ran instead."""
    own = sum(_used(one) for one in family(pid))
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


def beyond(pid: int, idle: int) -> int:
    """Bytes that a family of processes holds beyond what each held when it was forked."""
    return sum(max(0, resident(one) - idle) for one in family(pid))
