"""A file tree of what a submission may see, in a mount namespace, and its private folder."""

from __future__ import annotations

import ctypes
import os

from gradcourse.grading.sandbox.budget import Limits
from gradcourse.grading.sandbox.walls import files, system

SCRATCH = "/scratch/work"
"""The private folder of a child. The rule that makes it writable is on its parent: Landlock looks
at what lies above a mount, not at the folder under it."""


def file_tree(seen: files.Visible) -> None:
    """Make a new root of what may be seen, all of it read-only, and leave the old one."""
    system.mount("", "/", flags=system.MS_REC | system.MS_PRIVATE)
    root = next(
        place
        for place in ("/mnt", "/media", "/srv", "/sys", "/opt", "/tmp")
        if os.path.isdir(place) and not any(p.startswith(place + "/") for p in seen.readable)
    )
    system.mount("tmpfs", root, "tmpfs", system.MS_NOSUID | system.MS_NODEV, "size=1m,mode=755")
    for path in seen.readable:
        _show(path, root)
    for path in seen.hidden:
        system.mount("tmpfs", root + path, "tmpfs", system.MS_RDONLY, "size=4k,mode=755")
    for path in seen.readable:
        system.read_only(root + path)
    for path in files.DEVICES:
        _show(path, root)
    for link, target in files.links():
        os.makedirs(os.path.dirname(root + link), exist_ok=True)
        if not os.path.lexists(root + link):
            os.symlink(target, root + link)
    for folder in ("/proc", SCRATCH, "/old"):
        os.makedirs(root + folder)
    for folder in ("/tmp", "/var/tmp", "/dev/shm"):
        os.makedirs(os.path.dirname(root + folder), exist_ok=True)
        if not os.path.lexists(root + folder):  # Python itself may be installed below /tmp
            os.symlink(SCRATCH, root + folder)
    system.mount("proc", root + "/proc", "proc", system.MS_NOSUID | system.MS_NODEV)
    os.chdir(root)
    system.syscall("pivot_root", _path(root), _path(root + "/old"))
    os.chdir("/")
    system.unmount("/old")
    os.rmdir("/old")
    system.mount("", "/", flags=system.MS_REMOUNT | system.MS_BIND | system.MS_RDONLY)


def _path(text: str) -> object:
    return ctypes.c_char_p(os.fsencode(text))


def _show(path: str, root: str) -> None:
    """Show a path of the old tree at the same place in the new one."""
    place = root + path
    if os.path.isdir(path):
        os.makedirs(place, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb"):
            pass
    system.bind(path, place)


def private_folder(limits: Limits) -> None:
    """A folder in memory, with a size; and the processes of this namespace only."""
    options = f"size={limits.disk},nr_inodes=10000,mode=777"
    system.mount("tmpfs", SCRATCH, "tmpfs", system.MS_NOSUID | system.MS_NODEV, options)
    flags = system.MS_NOSUID | system.MS_NODEV | system.MS_NOEXEC | system.MS_RDONLY
    system.mount("proc", "/proc", "proc", flags)
