"""The warm process that is forked for each submission.

It imports what learners' code uses, once, and never a reference, a case or a misconception: the
modules of `gradcourse.exercises` are not loaded here, and cannot be. It speaks with the grader
only, runs nothing of a learner's, and ends with the grader: at the end of its connection.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import select
import shutil
import signal
import socket
import sys
import time
from dataclasses import asdict
from typing import Any

from gradcourse.grading.sandbox.budget import Limits
from gradcourse.grading.sandbox.walls import resources, rooms, system

MESSAGE = 1 << 16
LINGER = 0.5
"""Seconds that a process which closed its connection has to end by itself."""

WATCH = 0.1
CLOSE_WATCH = 0.01
"""Seconds between two looks at the memory of a child's processes, and when they have much."""


def main(descriptor: int) -> None:
    """Build the room, import, then fork children on request until the grader is gone."""
    control = socket.socket(fileno=descriptor)
    control.set_inheritable(False)
    job = json.loads(control.recv(MESSAGE))
    without = frozenset(job["without"])
    room = rooms.Room(number=os.getpid())
    if rooms.enter_namespaces(room, without):
        _become_first()
    os.environ["HOME"] = job["home"]
    folder = os.getcwd()
    _import_everything(folder)
    os.chdir("/")
    shutil.rmtree(folder, ignore_errors=True)  # before the new file tree hides it
    rooms.build(room, without)
    rooms.at_home(room)
    _cut_off()
    gc.collect()
    gc.freeze()
    control.send(json.dumps({"layers": room.layers}).encode())
    try:
        _serve(control, room)
    finally:
        rooms.remove(room)
        os._exit(0)


def _become_first() -> None:
    """Go on as the first process of the new namespace; this one only waits for it to end."""
    pid = os.fork()
    if pid:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
        os._exit(0)
    with contextlib.suppress(OSError):
        system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)


def _import_everything(folder: str) -> None:
    for name in ("numpy", "torch", "torch.nn.functional", "matplotlib.pyplot"):
        importlib.import_module(name)
    import torch

    torch.set_num_threads(1)
    import gradcourse.drivers

    for found in pkgutil.iter_modules(gradcourse.drivers.__path__, "gradcourse.drivers."):
        importlib.import_module(found.name)
    for name in ("theory", "nets"):
        importlib.import_module(f"gradcourse.{name}")
    importlib.import_module("gradcourse.grading.sandbox.inside.child").warm_up(folder)


def _load_optimizers() -> bool:
    """Make an optimizer, so that torch loads what it loads with the first; False if it has."""
    if "torch._dynamo" in sys.modules:
        return False
    import torch

    # torch asks for a folder for what it compiles. Nothing is compiled, and none is writable here.
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = "/"
    with contextlib.suppress(Exception):  # if it cannot be done here, the child does it
        torch.optim.SGD([torch.zeros(1)], lr=0.1)
    del os.environ["TORCHINDUCTOR_CACHE_DIR"]
    gc.collect()
    gc.freeze()
    return True


def _cut_off() -> None:
    """Make the exercises unreachable by import, whatever is on the disk."""
    from gradcourse.grading.sandbox.inside.stubs import install

    install()
    loaded = [name for name in sys.modules if name.startswith("gradcourse.exercises")]
    if loaded:
        raise SystemExit(f"the zygote has loaded {loaded[0]}")


# ---------------------------------------------------------------- serving


def _serve(control: socket.socket, room: rooms.Room) -> None:
    before = resources.Memory.now()
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, MESSAGE, 1)
        if not data:
            return
        job = json.loads(data)
        if job["do"] != "start" or not descriptors:
            continue
        limits = Limits(**job["limits"])
        if job["optimizers"] and _load_optimizers():
            before = resources.Memory.now()
        before = before.again()
        rooms.furnish(room)
        pid = rooms.fork(room)
        if pid == 0:
            _live(control, room, limits, descriptors[0])
        os.close(descriptors[0])
        control.send(json.dumps({"pid": pid}).encode())
        ending = _attend(control, pid, limits, before, room)
        if ending is None:
            return
        control.send(json.dumps(ending).encode())


def _live(control: socket.socket, room: rooms.Room, limits: Limits, descriptor: int) -> None:
    """The child's life; it never returns."""
    try:
        with contextlib.suppress(OSError):
            system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # whoever started the grader may ignore it
        control.close()
        layers = rooms.close(room, limits)
        rooms.close_descriptors(keep=descriptor)
        from gradcourse.grading.sandbox.inside import child

        child.live(socket.socket(fileno=descriptor), layers)
    finally:
        os._exit(70)


MACHINE = "the machine's memory"
"""Why a child was ended that may have had no part in it."""


def _attend(
    control: socket.socket, pid: int, limits: Limits, before: resources.Memory, room: rooms.Room
) -> dict[str, Any] | None:
    """Watch over a child until the grader wants its end; None when the grader is gone."""
    waiting = select.poll()
    waiting.register(control, select.POLLIN)
    why, pause = "", WATCH
    while True:
        if not waiting.poll(pause * 1000):
            if not why:
                own = resources.descendants()
                resources.give_way(own, first=pid)
                taken = before.taken(own, limits.memory // 2)
                pause = CLOSE_WATCH if 4 * taken > limits.memory else WATCH
                why = _excess(limits, own, taken, room)
                if not why and before.fell(limits.memory):
                    why = MACHINE
            if why:
                # All of them, and once more what was forked meanwhile: any that is left holds the
                # grader's connection, and the grader would wait for it.
                _kill_all()
                pause = CLOSE_WATCH
            continue
        data = control.recv(MESSAGE)
        job = json.loads(data) if data else {"do": "end", "gone": False}
        if job["do"] == "times":
            times = resources.times(pid, resources.descendants())
            control.send(json.dumps(times._asdict()).encode())
            continue
        status = _end(pid, room, LINGER if job["gone"] else 0.0)
        return {"status": status, "why": why} if data else None


def _excess(limits: Limits, own: list[int], taken: int, room: rooms.Room) -> str:
    """What a child uses too much of; limits in the kernel hold one process at a time."""
    if taken > limits.memory:
        return "memory"
    if len(own) > 2 * limits.processes:
        return "processes"
    if not room.on("mounts") and _size(room.scratch) > limits.disk:
        return "disk"
    return ""


def _end(pid: int, room: rooms.Room, linger: float) -> int:
    """Kill a child and everything that it started, and return its status.

    Returns
    -------
    int
        As `os.waitstatus_to_exitcode`, negative for a signal; 0 when it had to be killed.
    """
    status = _exit_status(pid, linger)
    if status is None:
        os.kill(pid, signal.SIGKILL)
        if room.on("namespaces"):  # its whole namespace dies with it
            os.waitpid(pid, 0)
    if not room.on("namespaces"):
        _end_family(pid)
    return status or 0


def _exit_status(pid: int, linger: float) -> int | None:
    deadline = time.monotonic() + linger
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found == pid:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.002)


def _end_family(pid: int) -> None:
    """Without a namespace: all orphans come to this process, so its children are all there is."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    while True:
        _kill_all()
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _kill_all() -> None:
    for one in resources.descendants():
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


def _size(folder: str) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
    return total


def start_message(limits: Limits, optimizers: bool = False) -> bytes:
    """The request for a child, as the grader sends it."""
    request = {"do": "start", "limits": asdict(limits), "optimizers": optimizers}
    return json.dumps(request).encode()
