"""What the sandboxed process may see: Python, the libraries, and the course without answers."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[3]

SEEN = (
    "checking", "data", "demos", "diagnosis", "drivers", "emergency", "experiments", "figures",
    "grading", "instrument", "integrations", "ledger", "nets", "theory", "training",
)  # fmt: skip
"""Folders of the package that a notebook may need. All others are hidden: `exercises` with its
references and cases, `course` with the solutions, which only a wheel has, and what comes later."""

SYSTEM = (
    "/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64",
    "/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/zoneinfo",
    "/etc/ld.so.cache", "/etc/localtime", "/etc/fonts",
)  # fmt: skip
# Not /dev/zero: what is mapped of it, and shared, is memory that nobody is seen to hold.
DEVICES = ("/dev/null", "/dev/full", "/dev/random", "/dev/urandom")


@dataclass(frozen=True)
class Visible:
    """What may be seen.

    Attributes
    ----------
    readable : tuple of str
        Existing files and folders, without links; none lies in another one.
    hidden : tuple of str
        Folders inside them that must not be seen.
    """

    readable: tuple[str, ...]
    hidden: tuple[str, ...]

    def split(self) -> tuple[list[str], list[str]]:
        """Return the readable paths with the hidden ones cut out, and the folders that were cut."""
        whole: list[str] = []
        cut: list[str] = []
        for path in self.readable:
            self._split(path, whole, cut)
        return whole, cut

    def _split(self, path: str, whole: list[str], cut: list[str]) -> None:
        if path in self.hidden:
            return
        if not any(_inside(hole, path) for hole in self.hidden):
            whole.append(path)
            return
        cut.append(path)
        for entry in os.scandir(path):
            if not entry.is_symlink():
                self._split(entry.path, whole, cut)


def visible() -> Visible:
    """Work out what this interpreter and its packages need."""
    readable = _outermost([*SYSTEM, *_python(), str(PACKAGE)])
    return Visible(tuple(readable), (*_unseen_parts(), *_other_copies(readable)))


def _unseen_parts() -> Iterator[str]:
    for entry in os.scandir(PACKAGE):
        if entry.is_dir(follow_symlinks=False) and entry.name not in (*SEEN, "__pycache__"):
            yield entry.path


def _other_copies(readable: Iterable[str]) -> Iterator[str]:
    """Whoever grades from a clone may have installed a wheel beside it."""
    for folder in map(Path, readable):
        for above in ("", "*-packages/", "python*/*-packages/"):
            for found in folder.glob(f"{above}{PACKAGE.name}"):
                if found != PACKAGE and found.is_dir() and not found.is_symlink():
                    yield str(found)


def _python() -> Iterator[str]:
    paths = sysconfig.get_paths()
    yield from (paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"])
    for prefix in {sys.base_prefix, sys.prefix}:
        yield f"{prefix}/lib"
        yield f"{prefix}/pyvenv.cfg"
    # Not every folder on the path: the repository's own would show its tests and solutions.
    yield from (
        path for path in sys.path if path.rstrip("/").endswith(("-packages", "lib-dynload"))
    )


def _outermost(paths: Iterable[str]) -> list[str]:
    found = sorted({os.path.realpath(path) for path in paths if os.path.exists(path)})
    return [path for path in found if not any(_inside(path, other) for other in found)]


def _inside(path: str, folder: str) -> bool:
    return path != folder and path.startswith(folder.rstrip("/") + "/")


def links(paths: Iterable[str] = SYSTEM) -> list[tuple[str, str]]:
    """Return the system's folders that are links, /lib to /usr/lib: the loader needs them."""
    return [(path, os.path.realpath(path)) for path in paths if os.path.islink(path)]
