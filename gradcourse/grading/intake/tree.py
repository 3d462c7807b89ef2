"""Every file under a folder or in a zip, by its place, and its bytes on demand.

Nothing is unpacked to disk and no link is followed, so a name can lead nowhere. What is too large
is refused by the size that it declares, before it is read, and again while it is read.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gradcourse.grading.intake.slim import TooLarge, slim
from gradcourse.grading.sandbox.budget import Limits
from gradcourse.support import GradcourseError

LARGEST_FILE = Limits.notebook
"""Bytes of a notebook without its outputs and attachments."""

LARGEST_RAW = 256_000_000
"""Bytes of a notebook with them."""

LARGEST_OTHER = 8_000_000
"""Bytes of a file that is no notebook, and may be asked for by one that lies beside it."""

LARGEST_INNER_ZIP = 50_000_000
MOST_FILES = 200_000
"""In one zip, or in the folder that was given, without what is left out."""

MOST_OTHERS = 300
"""In one folder or zip, files that are neither notebooks nor zips; the rest is left out."""

HIGHEST_RATIO = 200
"""How much smaller a zip may store a file than it is; text and pictures reach about 20."""

RATIO_COUNTS_FROM = 50_000_000
UNSAFE = "unsafe-path"
DEEPEST_FOLDER = 12
DEEPEST_ZIP = 2
"""A bulk download may hold zips that learners made; a zip in those is left alone."""


class Refused(Exception):
    """A file that is not read: a reason's code, and why in words."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True)
class Entry:
    """One file.

    Attributes
    ----------
    parts : tuple of str
        Its place: folders, zips, and its name; never an absolute path or "..".
    read : callable
        Returns its bytes or raises `Refused`.
    modified : float
        A time that can be compared with those beside it.
    problem : Refused or None
        Why it will not be read, when that is known before reading.
    folder : bool
        A folder, kept because a learner's may be empty.
    """

    parts: tuple[str, ...]
    read: Callable[[], bytes]
    modified: float = 0.0
    problem: Refused | None = None
    folder: bool = False

    @property
    def leads_out(self) -> bool:
        """Whether its name in a zip leads out of the zip's folder."""
        return self.problem is not None and self.problem.code == UNSAFE


def walk(path: Path) -> list[Entry]:
    """List what a folder, a zip or a single file holds, zips within included.

    Raises
    ------
    GradcourseError
        If there is nothing there, it cannot be read, or it holds more than a class hands in.
    """
    if not path.exists():
        raise GradcourseError(f"{path}: there is no such folder")
    source = _folder(path) if path.is_dir() else iter([_disk_file(path, (path.name,))])
    found: list[Entry] = []
    try:
        for entry in source:
            for one in _expanded(entry, path, 0):
                found.append(one)
                if len(found) > MOST_FILES:
                    raise GradcourseError(
                        f"{path}: there are more than {MOST_FILES} files: give the folder that "
                        "holds the submissions only"
                    )
    except OSError as error:
        raise GradcourseError(f"{path}: it cannot be read: {error.strerror}") from error
    return found


def _folder(root: Path, parts: tuple[str, ...] = ()) -> Iterator[Entry]:
    try:
        with os.scandir(root.joinpath(*parts)) as listing:
            children = sorted(listing, key=lambda child: child.name)
    except OSError as error:
        if not parts:
            raise
        yield _refused(parts, "unreadable", f"The folder cannot be read: {error.strerror}.")
        return
    others = 0
    for child in children:
        others += not is_asked_for(child.name) and child.is_file(follow_symlinks=False)
        if others > MOST_OTHERS and not is_asked_for(child.name) and not child.is_dir():
            continue
        here = (*parts, child.name)
        if child.is_symlink():
            yield _link(here)
        elif not child.is_dir(follow_symlinks=False):
            yield _disk_file(Path(child.path), here)
        elif not is_junk(child.name):
            yield Entry(here, _nothing, child.stat(follow_symlinks=False).st_mtime, folder=True)
            if len(here) < DEEPEST_FOLDER:
                yield from _folder(root, here)


JUNK = ("__MACOSX", "__pycache__", "Thumbs.db", "site-packages", "node_modules")
NOTEBOOK_ENDS = (".ipynb", ".ipynb.json", ".ipynb.txt")
"""Mail programs and browsers append the last two."""


def is_junk(name: str) -> bool:
    """Whether a file or folder is an operating system's, an editor's or an installer's own."""
    hidden = name.startswith(".") and not name.startswith("..")
    return hidden or name.startswith("~$") or name in JUNK


def is_notebook(name: str) -> bool:
    """Whether a file's name is a notebook's."""
    return name.lower().endswith(NOTEBOOK_ENDS)


def is_asked_for(name: str) -> bool:
    """Whether a file's name is that of a notebook, or of a zip that may hold some."""
    return is_notebook(name) or name.lower().endswith(".zip")


def _disk_file(path: Path, parts: tuple[str, ...]) -> Entry:
    known = path.stat() if len(parts) == 1 and path.is_symlink() else path.lstat()
    if not stat.S_ISREG(known.st_mode):
        return _refused(parts, "unreadable", "It is not a regular file.")
    return Entry(parts, functools.partial(_read_disk, path), known.st_mtime)


def _read_disk(path: Path) -> bytes:
    """Read a regular file that is no link, even if it became one since it was listed."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    flags |= getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise Refused("unreadable", "It is not a regular file.")
            return _content(stream.read, path.name)
    except OSError as error:
        raise Refused("unreadable", f"The file cannot be read: {error.strerror}.") from error


def _content(read: Callable[[int], bytes], name: str) -> bytes:
    """What a notebook holds without its outputs; any other file as it is, if it is small."""
    notebook = is_notebook(name)
    try:
        if notebook:
            return slim(read, LARGEST_FILE, LARGEST_RAW)
        data = read(LARGEST_OTHER + 1)
        if len(data) > LARGEST_OTHER:
            raise TooLarge
        return data
    except TooLarge:
        raise _too_large(LARGEST_FILE, ", without outputs," if notebook else "") from None


# Zips. An archive is opened when it is read from, and only a few stay open.


@dataclass(frozen=True)
class _Archive:
    """A zip on disk, or one that lies in another."""

    path: Path
    inside: str = ""


@functools.lru_cache(maxsize=8)
def _opened(archive: _Archive) -> zipfile.ZipFile:
    try:
        if not archive.inside:
            return zipfile.ZipFile(archive.path)
        outer = _Archive(archive.path)
        data = _read_member(outer, archive.inside, _zip_content)
        return zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise Refused("unreadable", f"The zip is damaged: {error}.") from error
    except OSError as error:
        raise Refused("unreadable", f"The zip cannot be read: {error.strerror}.") from error


def _expanded(
    entry: Entry, path: Path, depth: int, archive: _Archive | None = None
) -> Iterator[Entry]:
    """The entry itself, or, of a zip, what is in it."""
    if entry.folder or entry.problem or not entry.parts[-1].lower().endswith(".zip"):
        yield entry
        return
    if depth >= DEEPEST_ZIP:
        yield _refused(entry.parts, "unreadable", "It is a zip in a zip in a zip.")
        return
    if archive is None:
        archive = _Archive(path.joinpath(*entry.parts) if path.is_dir() else path)
    try:
        members = _opened(archive).infolist()
    except Refused as refused:
        yield _refused(entry.parts, refused.code, refused.text)
        return
    yield Entry(entry.parts, _nothing, entry.modified, folder=True)
    # Of two members with one name the later counts, as it would on disk.
    if len(members) > MOST_FILES:
        text = f"It holds more than {MOST_FILES} files."
        yield _refused(entry.parts, "too-large", text)
        return
    for member in _asked_for({one.filename: one for one in members}.values()):
        for one in _member(archive, member, entry.parts):
            inner = _Archive(archive.path, member.filename)
            yield from _expanded(one, path, depth + 1, inner)


def _asked_for(members: Iterable[zipfile.ZipInfo]) -> Iterator[zipfile.ZipInfo]:
    """All notebooks, zips and folders, and some others: a learner may have packed a library.

    Of those that lead out of the folder at least one is among them.
    """
    others, outside = 0, False
    for member in members:
        out = _leads_out(_member_name(member))
        if not is_asked_for(member.filename) and not member.filename.endswith("/"):
            others += 1
            if others > MOST_OTHERS and (outside or not out):
                continue
        outside = outside or out
        yield member


def _member(archive: _Archive, member: zipfile.ZipInfo, place: tuple[str, ...]) -> Iterator[Entry]:
    name = _member_name(member)
    pieces = [piece for piece in name.split("/") if piece not in ("", ".")]
    out = _leads_out(name)
    if not pieces or (not out and any(map(is_junk, pieces))):
        return
    parts = (*place, *(piece for piece in pieces if piece != ".."))
    if out:
        text = "Its name in the zip leads out of the folder, so it was not opened."
        yield _refused(parts, UNSAFE, text)
    elif stat.S_ISLNK(member.external_attr >> 16):
        yield _link(parts)
    elif name.endswith("/"):
        yield Entry(parts, _nothing, _time(member), folder=True)
    else:
        read = functools.partial(_read_member, archive, member.filename)
        yield Entry(parts, read, _time(member))


def _member_name(member: zipfile.ZipInfo) -> str:
    """A name that some tools store as UTF-8 without saying so; zipfile then reads it as cp437."""
    name = member.filename
    if not member.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def _leads_out(name: str) -> bool:
    """Whether a member of a zip wants to lie elsewhere than in the folder it is unpacked to."""
    pieces = name.split("/")
    return name.startswith("/") or ".." in pieces or pieces[0].endswith(":")


def _zip_content(read: Callable[[int], bytes], _: str) -> bytes:
    data = read(LARGEST_INNER_ZIP + 1)
    if len(data) > LARGEST_INNER_ZIP:
        raise _too_large(LARGEST_INNER_ZIP)
    return data


def _read_member(
    archive: _Archive, name: str, content: Callable[[Callable[[int], bytes], str], bytes] = _content
) -> bytes:
    file = _opened(archive)
    member = file.getinfo(name)
    if member.flag_bits & 0x1:
        raise Refused("unreadable", "It is encrypted with a password.")
    if member.file_size > LARGEST_RAW:
        raise _too_large(LARGEST_RAW)
    packed = max(member.compress_size, 1)
    if member.file_size > RATIO_COUNTS_FROM and member.file_size / packed > HIGHEST_RATIO:
        raise Refused(
            "too-large", f"It is packed {member.file_size // packed} to 1, as only a zip bomb is."
        )
    try:
        with file.open(member) as stream:
            return content(stream.read, name)
    except Refused:
        raise
    # A damaged archive makes zipfile and its decompressors raise almost anything.
    except Exception as error:
        raise Refused("unreadable", f"It is damaged in the zip: {type(error).__name__}.") from error


def _time(member: zipfile.ZipInfo) -> float:
    """A zip's times have no zone; they are compared with each other only."""
    year, month, day, hour, minute, second = member.date_time
    return float(((((year * 12 + month) * 31 + day) * 24 + hour) * 60 + minute) * 60 + second)


def _nothing() -> bytes:
    raise Refused("no-notebook", "It is a folder.")


def _refused(parts: tuple[str, ...], code: str, text: str) -> Entry:
    problem = Refused(code, text)

    def read() -> bytes:
        raise problem

    return Entry(parts, read, problem=problem)


def _link(parts: tuple[str, ...]) -> Entry:
    return _refused(parts, "link-refused", "It is a link to another file, which is not followed.")


def _too_large(largest: int, what: str = "") -> Refused:
    return Refused("too-large", f"It is{what} larger than {largest // 1_000_000} MB.")
