"""Landlock: the files that a process may open, the ports it may reach, as a list of what is left.

An ordinary user may use it, and nothing can take it off again.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

from gradcourse.grading.sandbox.walls.system import PR_SET_NO_NEW_PRIVS, Unsupported, prctl, syscall

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
REFER, TRUNCATE, IOCTL = 1 << 13, 1 << 14, 1 << 15
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL
READING = READ_FILE | READ_DIR
RULE_PATH_BENEATH = 1


def version() -> int:
    """Return the version that this kernel speaks.

    Raises
    ------
    Unsupported
        If it has none.
    """
    return syscall("landlock_create_ruleset", 0, 0, 1)


def _rights(found: int) -> int:
    """Every right over files that this version knows."""
    rights = (1 << 13) - 1
    for since, right in ((2, REFER), (3, TRUNCATE), (5, IOCTL)):
        rights |= right if found >= since else 0
    return rights


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def ruleset(
    readable: Iterable[str],
    listable: Iterable[str],
    writable: Iterable[str],
    devices: Iterable[str],
) -> int:
    """Make a set of rules; a process that forks may make it once for all its children.

    Parameters
    ----------
    readable : iterable of str
        Files, and folders with everything below.
    listable : iterable of str
        Folders in which names may be listed, and no more.
    writable : iterable of str
        Folders in which everything is allowed but running programs.
    devices : iterable of str
        Files that may be read and written.

    Returns
    -------
    int
        A descriptor for `restrict`.
    """
    found = version()
    handled = _rights(found)
    attributes = _Ruleset(handled, 3 if found >= 4 else 0, 3 if found >= 6 else 0)
    size = 24 if found >= 6 else 16 if found >= 4 else 8
    rules = syscall("landlock_create_ruleset", ctypes.byref(attributes), size, 0)
    for paths, rights in (
        (readable, READING),
        (listable, READ_DIR),
        (writable, handled & ~(EXECUTE | IOCTL)),
        (devices, READ_FILE | WRITE_FILE | TRUNCATE | IOCTL),
    ):
        for path in paths:
            _allow(rules, path, rights & handled)
    return rules


def allow_reading(rules: int, path: str) -> None:
    """Add one more path that may be read."""
    _allow(rules, path, READING)


def allow_writing(rules: int, path: str) -> None:
    """Add one more folder in which everything is allowed but running programs."""
    _allow(rules, path, _rights(version()) & ~(EXECUTE | IOCTL))


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # what is not there needs no rule
        return
    try:
        if not os.path.isdir(path):
            rights &= FILE_RIGHTS
        beneath = _Beneath(rights, descriptor)
        syscall("landlock_add_rule", rules, RULE_PATH_BENEATH, ctypes.byref(beneath), 0)
    finally:
        os.close(descriptor)


def restrict(rules: int) -> None:
    """Put this process and its children under the rules."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    syscall("landlock_restrict_self", rules, 0)


__all__ = ["Unsupported", "restrict", "ruleset", "version"]
