"""The layers around a submission: found out once, built around the zygote, closed around a child.

Each layer is tried for what it is worth on this machine. One that is missing leaves its reason in
the report, and the others still hold. In the order in which they are put on:

- namespaces: processes of its own, no network, no shared memory (needs root or user namespaces)
- mounts: a file tree that holds Python and the libraries, read-only, and a private folder in memory
- rlimits: memory, CPU, processes, file sizes, descriptors
- process-group: a session of its own, and descendants that can be found and ended
- landlock: the same file tree as a second lock, and no TCP
- seccomp: no sockets, no other programs, no system calls for administrators
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field

from gradcourse.grading.sandbox.budget import Limits
from gradcourse.grading.sandbox.walls import files, landlock, mounts, resources, seccomp, system

LAYERS = ("rlimits", "process-group", "namespaces", "mounts", "landlock", "seccomp")
HIDING = ("mounts", "landlock")
"""Without one of these, a submission could read the solutions and write to the gradebook."""

ON = "on"

OUTSIDE_ID = 1_963_000_000
"""Added to this process's number: the user that root turns into. No other process has it, so the
limit on its processes is its own."""

INSIDE_ID = 1000


@dataclass
class Room:
    """The layers of this process, and what is needed to close them around a child.

    Attributes
    ----------
    layers : dict
        From each of `LAYERS` to "on" or "missing: " and why.
    scratch : str
        Where a child's private folder is.
    number : int
        The process's number outside of all namespaces.
    """

    layers: dict[str, str] = field(default_factory=dict)
    scratch: str = ""
    number: int = 0
    _rules: int = -1
    _above: str = ""  # of the private folders, where they lie outside memory
    _home: int = -1  # this process's own namespace of processes
    _drop_to: int = 0

    def on(self, layer: str) -> bool:
        """Whether a layer is there."""
        return self.layers.get(layer) == ON

    def attempt(self, layer: str, action: Callable[[], None], without: frozenset[str]) -> bool:
        """Put a layer on, or keep the reason why not."""
        self.layers[layer] = _result(action) if layer not in without else "missing: switched off"
        return self.on(layer)


def _result(action: Callable[[], None]) -> str:
    try:
        action()
    except OSError as error:
        return f"missing: {error.strerror or error}"
    return ON


# ---------------------------------------------------------------- around the zygote


def enter_namespaces(room: Room, without: frozenset[str]) -> bool:
    """Move this process into namespaces of its own; its first child will be their first process.

    Must be called while the process has one thread.
    """

    def enter() -> None:
        own = (
            system.NEW_NS | system.NEW_PID | system.NEW_NET | system.NEW_IPC | system.NEW_UTS
        )  # fmt: skip
        if os.geteuid() == 0:
            with contextlib.suppress(OSError):
                system.unshare(own)
                return
        user, group = os.geteuid(), os.getegid()
        system.unshare(own | system.NEW_USER)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{INSIDE_ID} {user} 1")
        _write("/proc/self/gid_map", f"{INSIDE_ID} {group} 1")

    return room.attempt("namespaces", enter, without)


def build(room: Room, without: frozenset[str]) -> None:
    """Build what all children share: the file tree, the rules, the place for private folders."""
    seen = files.visible()
    if room.on("namespaces"):
        room._home = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        room.attempt("mounts", lambda: mounts.file_tree(seen), without)
    else:
        room.layers["mounts"] = "missing: they need namespaces"
        with contextlib.suppress(OSError):
            system.prctl(system.PR_SET_CHILD_SUBREAPER, 1)
    if room.on("mounts"):
        room.scratch = mounts.SCRATCH
    else:
        room._above = tempfile.mkdtemp(prefix="gradcourse-")
        os.chmod(room._above, 0o711)
        furnish(room)

    def make_rules() -> None:
        whole, cut = seen.split()
        above = [os.path.dirname(room.scratch)] if room.on("mounts") else []
        room._rules = landlock.ruleset(whole, cut, above, files.DEVICES)

    room.attempt("landlock", make_rules, without)
    room.attempt("seccomp", seccomp.available, without)
    room.layers["rlimits"] = room.layers["process-group"] = ON
    if os.geteuid() == 0:
        user = OUTSIDE_ID + room.number % 1_000_000
        room._drop_to = user if _can_read(user) else 0


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as stream:
        stream.write(text)


# ---------------------------------------------------------------- around a child


def fork(room: Room) -> int:
    """Fork a child that is the first process of a namespace of its own, where there are any."""
    if not room.on("namespaces"):
        return os.fork()
    system.unshare(system.NEW_PID)
    try:
        return os.fork()
    finally:
        # In the child this fails: there, the namespace is home.
        with contextlib.suppress(OSError):
            system.setns(room._home, system.NEW_PID)


def close(room: Room, limits: Limits) -> dict[str, str]:
    """Close all layers around this process, a child of the zygote. Nothing opens them again.

    Returns
    -------
    dict
        As `Room.layers`, for what was really put on.
    """
    resources.prefer_to_be_killed()  # first: its own /proc cannot be written to
    resources.use_small_pages()
    layers = dict(room.layers)
    layers["process-group"] = _result(os.setsid)
    if room.on("namespaces"):
        layers["namespaces"] = _result(lambda: system.unshare(system.NEW_NS | system.NEW_IPC))
    if room.on("mounts"):
        layers["mounts"] = _result(lambda: mounts.private_folder(limits))
    _lose_privileges(room)
    os.chdir(room.scratch)
    layers["rlimits"] = _result(lambda: resources.limit(limits))
    if room.on("landlock"):
        layers["landlock"] = _result(lambda: _lock_files(room))
    if room.on("seccomp"):
        only = None if room.on("namespaces") else os.getpid()
        marks = layers["mounts"] == ON
        layers["seccomp"] = _result(lambda: seccomp.restrict(only, marks=marks))
    return layers


def _lock_files(room: Room) -> None:
    # Its own /proc is a new mount, which the shared rules cannot know; of a /proc that shows the
    # whole machine, only what is about itself.
    own = "/proc" if room.on("mounts") else os.path.realpath("/proc/self")
    landlock.allow_reading(room._rules, own)
    if not room.on("mounts"):
        landlock.allow_writing(room._rules, room.scratch)
    landlock.restrict(room._rules)


def furnish(room: Room) -> None:
    """Give the next child a private folder that no other had or will have.

    A folder in memory is made by the child itself. Elsewhere it is made here, in one that no
    child may write to: what a child left, or put in its place, is never used again.
    """
    if room.on("mounts"):
        return
    if room.scratch:
        shutil.rmtree(room.scratch, ignore_errors=True)
    room.scratch = tempfile.mkdtemp(dir=room._above)
    os.chmod(room.scratch, 0o777)
    at_home(room)


def at_home(room: Room) -> None:
    """Name the private folder where programs look for one."""
    os.environ.update(dict.fromkeys(("HOME", "TMPDIR", "MPLCONFIGDIR", "IPYTHONDIR"), room.scratch))
    tempfile.tempdir = None  # Python has found another one before


def _lose_privileges(room: Room) -> None:
    """Become a user that owns nothing, and give up what user namespaces gave."""
    system.drop_bounds()
    if room._drop_to:
        _become(room._drop_to)
    with contextlib.suppress(OSError):
        system.drop_capabilities()


def _become(user: int) -> None:
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def _can_read(user: int) -> bool:
    """Whether another user can read Python and its packages; a child of root's tries it."""
    samples = [sys.modules[name].__file__ for name in ("os", "numpy", "torch", "gradcourse")]
    pid = os.fork()
    if pid == 0:
        try:
            _become(user)
            for sample in samples:
                with open(str(sample), "rb"):
                    pass
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def close_descriptors(keep: int) -> None:
    """Close everything but standard streams, which lead nowhere, and one connection."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.closerange(3, keep)
    os.closerange(keep + 1, max(keep + 2, os.sysconf("SC_OPEN_MAX")))


def remove(room: Room) -> None:
    """Remove what lies outside memory."""
    if room._above:
        shutil.rmtree(room._above, ignore_errors=True)


__all__ = ["HIDING", "LAYERS", "ON", "Room", "build", "close", "enter_namespaces", "fork"]
