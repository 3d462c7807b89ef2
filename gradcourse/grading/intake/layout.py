"""Whose each file is: from the shapes in which learning platforms hand over a class's work.

A learner's own file names and zips never decide whose work it is; only the part of the path that
the platform or the instructor wrote does.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from gradcourse.grading.intake.tree import NOTEBOOK_ENDS, Entry, is_junk, is_notebook
from gradcourse.support import GradcourseError

CANVAS = re.compile(
    r"(?P<name>.+?)_(?P<late>LATE_)?(?P<user>\d+|anon_\w{5})_(?P<upload>\d+)_(?P<file>.+)",
    re.DOTALL,
)
MOODLE = re.compile(
    r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?", re.DOTALL
)
AGAIN = re.compile(r"(?P<stem>.+?)(?:-(?P<serial>\d+))?(?P<end>(?:\.[^.]*)*)", re.DOTALL)
NUMBERED = re.compile(r"(?P<number>\d\d)(?:$|[ _.-])")
NBGRADER = "submitted"
"""The folder that nbgrader collects into, beside its source, release, autograded …"""

OTHER_WORK = (".pdf", ".doc", ".docx", ".odt", ".html", ".htm", ".py", ".rar", ".7z", ".tgz", ".gz")
"""A file with such an end, alone, shows that somebody handed in something."""


@dataclass(frozen=True)
class Found:
    """One file of one learner, or, without an entry, the learner alone.

    Attributes
    ----------
    key : tuple of str
        Equal for two files exactly if they are of the same learner.
    learner : str
        The name to show.
    entry : Entry or None
        The notebook; also something that was refused.
    assignment : str or None
        As a folder of the platform or the instructor names it.
    guess : str or None
        As the learner's file name has it.
    base, serial : tuple of str and of int
        In Canvas, the file's name without the number of the attempt, and that number.
    """

    key: tuple[str, ...]
    learner: str
    entry: Entry | None = None
    assignment: str | None = None
    guess: str | None = None
    canvas: str = ""
    moodle: str = ""
    late: bool = False
    base: str = ""
    serial: tuple[int, ...] = ()


def recognise(entries: Iterable[Entry], known: Collection[str], root: str = "") -> list[Found]:
    """Sort files by learner.

    Parameters
    ----------
    entries : iterable of Entry
        Everything that was handed over.
    known : collection of str
        The numbers of the course's assignments.
    root : str
        The name of the folder that was given.

    Raises
    ------
    GradcourseError
        If there is no submission in them.
    """
    kept = [entry for entry in entries if not is_junk(entry.parts[-1])]
    placed = [(entry.parts, entry) for entry in kept]
    if root != NBGRADER:
        placed = _unwrapped(placed, known)
    found = _sorted(placed, None, known)
    if not found:
        raise GradcourseError("there is no submission in it: no learner's folder and no notebook")
    return found


Placed = tuple[tuple[str, ...], Entry]
"""An entry, and its place from where the learners begin."""


def stem(name: str) -> str:
    """Return a file's name without the end that makes it a notebook or a zip."""
    for end in (*reversed(NOTEBOOK_ENDS), ".zip"):
        if name.lower().endswith(end) and len(name) > len(end):
            return name[: -len(end)]
    return name


def numbered(name: str) -> str | None:
    """Return the "02" at the beginning of "02_saturation.ipynb"."""
    found = NUMBERED.match(name)
    return found["number"] if found else None


def _unwrapped(placed: list[Placed], known: Collection[str]) -> list[Placed]:
    """Go down through folders and zips that hold the learners but are none."""
    for _ in range(4):
        tops = _tops(placed)
        if NBGRADER in tops and not _is_file(tops[NBGRADER]):
            return _below(tops[NBGRADER])
        if len(tops) != 1:
            return placed
        ((name, inside),) = tops.items()
        if _is_file(inside) or MOODLE.fullmatch(name) or CANVAS.fullmatch(name):
            return placed
        below = _below(inside)
        if not below or _looks_like_one_learner(below, known):
            return placed
        placed = below
    return placed


def _looks_like_one_learner(below: list[Placed], known: Collection[str]) -> bool:
    """Whether what lies in a folder is named after assignments, not after people."""
    files = [parts[0] for parts, entry in below if len(parts) == 1 and not entry.folder]
    notebooks = [name for name in files if is_notebook(name)]
    folders = {parts[0] for parts, entry in below if len(parts) > 1 or entry.folder}
    if any(map(MOODLE.fullmatch, folders)) or any(map(CANVAS.fullmatch, files)):
        return False
    if notebooks:
        return all(numbered(name) in known for name in notebooks)
    return bool(folders) and all(numbered(name) in known for name in folders)


def _sorted(placed: list[Placed], assignment: str | None, known: Collection[str]) -> list[Found]:
    tops = _tops(placed)
    if assignment is None and _by_assignment(tops, known):
        return [
            found
            for name, inside in tops.items()
            for found in _sorted(_below(inside), numbered(name), known)
        ]
    canvas = _is_canvas(tops)
    found: list[Found] = []
    for name, inside in tops.items():
        match = MOODLE.fullmatch(name)
        if match:
            found += _moodle(match, inside, assignment)
            continue
        match = CANVAS.fullmatch(name) if canvas else None
        found += _canvas(match, inside, assignment) if match else _plain(name, inside, assignment)
    return found


def _by_assignment(tops: dict[str, list[Placed]], known: Collection[str]) -> bool:
    """Whether the folders are 01_…, 02_…, with learners inside."""
    return bool(tops) and all(
        numbered(name) in known
        and not _is_file(inside)
        and not _looks_like_one_learner(_below(inside), known)
        for name, inside in tops.items()
    )


def _is_canvas(tops: dict[str, list[Placed]]) -> bool:
    """Whether most files bear Canvas's names; one alone may look so by chance."""
    fitting = sum(bool(CANVAS.fullmatch(name)) for name in tops)
    return fitting * 2 >= len(tops)


def _canvas(match: re.Match[str], inside: list[Placed], assignment: str | None) -> list[Found]:
    again = AGAIN.fullmatch(match["file"])
    assert again is not None  # it takes any name
    user = match["user"]
    person = Found(
        key=("canvas", _same(match["name"]), user),
        learner=shown(match["name"]),
        assignment=assignment,
        canvas="" if user.startswith("anon") else user,
        late=bool(match["late"]),
        base=again["stem"] + again["end"],
        serial=(int(again["serial"] or 0), int(match["upload"])),
    )
    return _files(person, inside, match["file"])


def _moodle(match: re.Match[str], inside: list[Placed], assignment: str | None) -> list[Found]:
    person = Found(
        key=("moodle", _same(match["name"]), match["id"]),
        learner=shown(match["name"] if match["name"] != "Participant" else _participant(match)),
        assignment=assignment,
        moodle=_participant(match),
    )
    return _files(person, inside, match["file"] or "")


def _participant(match: re.Match[str]) -> str:
    return f"Participant {match['id']}"


def _plain(name: str, inside: list[Placed], assignment: str | None) -> list[Found]:
    raw = stem(name)
    if _is_file(inside) and inside[0][1].problem is None and not is_notebook(name):
        lower = name.lower()
        if not lower.endswith(OTHER_WORK) or lower.startswith(("readme", "index.")):
            return []  # a roster, a note
        raw = name.rpartition(".")[0]
    person = Found(key=("plain", _same(raw)), learner=shown(raw), assignment=assignment)
    return _files(person, inside, name)


def _files(person: Found, inside: list[Placed], name: str) -> list[Found]:
    """The learner's notebooks, and what was refused; the learner alone where there is neither."""
    found = []
    for parts, entry in inside:
        if entry.folder or not (is_notebook(parts[-1]) or entry.problem):
            continue
        file = name if len(parts) == 1 else parts[-1]
        folder = numbered(parts[1]) if len(parts) > 2 else None
        # nbgrader names the folder in a learner's; in a zip the learner did.
        named = folder if person.key[0] == "plain" and not _in_zip(parts[:2]) else None
        found.append(
            replace(
                person,
                entry=entry,
                assignment=person.assignment or named,
                guess=numbered(file) or folder,
            )
        )
    return found or [person]


def _tops(placed: Sequence[Placed]) -> dict[str, list[Placed]]:
    """What lies under each name of the top level, in order."""
    tops: dict[str, list[Placed]] = {}
    for parts, entry in placed:
        tops.setdefault(parts[0], []).append((parts, entry))
    return tops


def _below(inside: list[Placed]) -> list[Placed]:
    return [(parts[1:], entry) for parts, entry in inside if len(parts) > 1]


def _is_file(inside: list[Placed]) -> bool:
    return len(inside) == 1 and len(inside[0][0]) == 1 and not inside[0][1].folder


def _in_zip(parts: Sequence[str]) -> bool:
    return any(part.lower().endswith(".zip") for part in parts)


def _same(name: str) -> str:
    """Two spellings of one name (NFC, NFD) are the same learner; another case is not."""
    return unicodedata.normalize("NFC", name)


def shown(name: str) -> str:
    """Return a name as it may be printed: one line, no signs that cannot be seen."""
    text = unicodedata.normalize("NFC", name)
    text = "".join("\ufffd" if unicodedata.category(sign)[0] == "C" else sign for sign in text)
    return text.strip() or "no name"
