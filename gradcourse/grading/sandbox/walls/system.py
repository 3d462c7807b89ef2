"""Calls to the Linux kernel that Python's library does not have.

Written with ctypes: the packages that wrap Landlock, seccomp and mounts need a system library
(libseccomp), a compiler or root, and a grader must install with pip alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform

X86, ARM = "x86_64", "aarch64"
MACHINE = platform.machine()

NUMBERS = {
    "pivot_root": {X86: 155, ARM: 41},
    "capset": {X86: 126, ARM: 91},
    "mount_setattr": {X86: 442, ARM: 442},
    "landlock_create_ruleset": {X86: 444, ARM: 444},
    "landlock_add_rule": {X86: 445, ARM: 445},
    "landlock_restrict_self": {X86: 446, ARM: 446},
}
"""System call numbers; those from 424 on are the same on every machine."""

NEW_NS, NEW_CGROUP, NEW_UTS = 0x20000, 0x2000000, 0x4000000
NEW_IPC, NEW_USER, NEW_PID, NEW_NET = 0x8000000, 0x10000000, 0x20000000, 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 4, 22, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_SET_THP_DISABLE = 36, 38, 41

_libc = ctypes.CDLL(None, use_errno=True)


class Unsupported(OSError):
    """This kernel, machine or user has not got it."""


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise Unsupported(code, f"{what}: {os.strerror(code)}")
    return result


def syscall(name: str, *arguments: object) -> int:
    """Make a system call by its name in `NUMBERS`."""
    numbers = NUMBERS[name]
    if MACHINE not in numbers:
        raise Unsupported(0, f"{name}: not known for {MACHINE}")
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(_libc.syscall(ctypes.c_long(numbers[MACHINE]), *converted), name)


def prctl(option: int, first: object = 0, second: object = 0) -> None:
    """Control this process."""
    if not hasattr(_libc, "prctl"):
        raise Unsupported(0, "prctl: this system has none")
    arguments = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in (first, second)]
    zero = ctypes.c_ulong(0)
    _checked(_libc.prctl(ctypes.c_int(option), *arguments, zero, zero), "prctl")


def unshare(flags: int) -> None:
    """Move this process into new namespaces."""
    if not hasattr(_libc, "unshare"):
        raise Unsupported(0, "unshare: this system has no namespaces")
    _checked(_libc.unshare(ctypes.c_int(flags)), "unshare")


def setns(descriptor: int, kind: int) -> None:
    """Move this process, or its later children, into a namespace."""
    _checked(_libc.setns(ctypes.c_int(descriptor), ctypes.c_int(kind)), "setns")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Mount a file system."""
    result = _libc.mount(
        source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), data.encode()
    )
    _checked(result, f"mount {kind or 'bind'}")


def bind(source: str, target: str) -> None:
    """Show a folder or file at a second place."""
    result = _libc.mount(
        os.fsencode(source), os.fsencode(target), None, ctypes.c_ulong(MS_BIND | MS_REC), None
    )
    _checked(result, f"mount {source}")


def read_only(target: str) -> None:
    """Make a mount and what is mounted below it read-only, without devices or setuid programs."""

    class Attributes(ctypes.Structure):
        _fields_ = [(n, ctypes.c_uint64) for n in ("attr_set", "attr_clr", "propagation", "fd")]

    attributes = Attributes(0x1 | 0x2)  # RDONLY, NOSUID
    everything_below, from_here = 0x8000, -100
    size = ctypes.sizeof(attributes)
    path = ctypes.c_char_p(os.fsencode(target))
    syscall("mount_setattr", from_here, path, everything_below, ctypes.byref(attributes), size)


def unmount(target: str) -> None:
    """Take a mount away; it goes when nobody uses it any more."""
    _checked(_libc.umount2(os.fsencode(target), ctypes.c_int(MNT_DETACH)), "umount")


def drop_bounds() -> None:
    """Give up what programs started from here could ever gain; needs the right to do so."""
    last = 40
    known = "/proc/sys/kernel/cap_last_cap"
    with contextlib.suppress(OSError, ValueError), open(known, encoding="ascii") as stream:
        last = int(stream.read())
    with contextlib.suppress(OSError):
        for capability in range(last + 1):
            prctl(PR_CAPBSET_DROP, capability)


def drop_capabilities() -> None:
    """Give up every capability, for good."""

    class Header(ctypes.Structure):
        _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]

    header, none = Header(0x20080522, 0), (ctypes.c_uint32 * 6)()
    syscall("capset", ctypes.byref(header), ctypes.byref(none))
