"""Whose each file is: from the shapes in which learning platforms hand over a class's work.

A learner's own file names and zips never decide whose work it is; only the part of the path that
the platform or the instructor wrote does.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from gradcourse.grading.intake.tree import NOTEBOOK_ENDS, Entry, Refused, is_junk, is_notebook
from gradcourse.support import GradcourseError

# Behind its own signs a platform writes the learner's file name, which may hold such signs again:
# the first ones count.
CANVAS = re.compile(
    r"(?P<name>.+?)_(?P<late>LATE_)?(?P<user>\d+|anon_\w{5})_(?P<upload>\d+)_(?P<file>.+)",
    re.DOTALL,
)
MOODLE = re.compile(
    r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?", re.DOTALL
)
BLACKBOARD = re.compile(
    r"(?P<before>.+?)_attempt_(?P<when>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.txt)", re.DOTALL
)
BRIGHTSPACE = re.compile(
    r"(?P<id>\d+)-(?P<upload>\d+) ?- (?P<name>.+?) ?- "
    r"(?P<when>[A-Z][a-z]{2} \d{1,2}, \d{4} \d{3,4} ?[AP]M)(?: ?- (?P<file>.+))?",
    re.DOTALL,
)
GRADESCOPE = re.compile(r"submission_(?P<id>\d+)")
METADATA = "submission_metadata.yml"
"""What Gradescope's export says of its folders: whose each is."""

COPY = re.compile(
    r"^(?:copy of|kopie von|copie de|copia de)\s+|"
    r"(?:\s*\(\d{1,2}\)|\s*[-_ ]\s*(?:copy|kopie|copie|copia)\s*\(?\d*\)?)$",
    re.IGNORECASE,
)
"""What systems add to the name of a file that is there already."""

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
    place : tuple of str
        Where it lies below what is the learner's.
    others : tuple
        Places and entries of what lies there and is no notebook.
    submitted : str
        When it was handed in, as the platform has it in its names: "2025-10-01T12:30:00".
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
    place: tuple[str, ...] = ()
    others: tuple[tuple[tuple[str, ...], Entry], ...] = ()
    submitted: str = ""


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
    kept = [entry for entry in entries if entry.leads_out or not is_junk(entry.parts[-1])]
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
        if _is_file(inside) or any(shape.fullmatch(name) for shape in SHAPES_OF_NAMES):
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
    names = [*folders, *files]
    if any(shape.fullmatch(name) for shape in SHAPES_OF_NAMES for name in names):
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
    shapes = _shapes(tops)
    found: list[Found] = []
    for name, inside in tops.items():
        for shape, of_learner in shapes:
            if match := shape.fullmatch(name):
                found += of_learner(match, inside, assignment)
                break
        else:
            found += _plain(name, inside, assignment)
    return found


Shape = tuple[re.Pattern[str], Callable[[re.Match[str], list[Placed], str | None], list[Found]]]


def _shapes(tops: dict[str, list[Placed]]) -> list[Shape]:
    """The platforms whose names are looked for among these; of several, the one of most names."""
    shapes: list[Shape] = [(MOODLE, _moodle)]
    if any(map(BLACKBOARD.fullmatch, tops)):
        shapes.append((BLACKBOARD, partial(_blackboard, _common_beginning(tops))))
    if _most(BRIGHTSPACE, tops):
        shapes.append((BRIGHTSPACE, _brightspace))
    if METADATA in tops or all(map(GRADESCOPE.fullmatch, tops)):
        names = _gradescope_names(tops.get(METADATA, []))
        shapes.append((GRADESCOPE, partial(_gradescope, names)))
    if _most(CANVAS, tops):
        shapes.append((CANVAS, _canvas))
    return sorted(shapes, key=lambda shape: -_count(shape[0], tops))


def _by_assignment(tops: dict[str, list[Placed]], known: Collection[str]) -> bool:
    """Whether the folders are 01_…, 02_…, with learners inside."""
    return bool(tops) and all(
        numbered(name) in known
        and not _is_file(inside)
        and not _looks_like_one_learner(_below(inside), known)
        for name, inside in tops.items()
    )


def _most(shape: re.Pattern[str], names: Collection[str]) -> bool:
    """Whether most names are of a shape; one alone may look so by chance."""
    return _count(shape, names) * 2 >= len(names)


def _count(shape: re.Pattern[str], names: Collection[str]) -> int:
    return sum(bool(shape.fullmatch(name)) for name in names)


def _common_beginning(names: Iterable[str]) -> str:
    """What stands before the learners' names in Blackboard's: the assignment's, up to its "_"."""
    befores = {m["before"] for m in map(BLACKBOARD.fullmatch, names) if m}
    if len(befores) == 1:
        return befores.pop().rpartition("_")[0] + "_"
    first, last = min(befores), max(befores)  # what these two share, all between them do
    shared = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(sign for sign, _ in shared).rpartition("_")[0] + "_"


def _blackboard(
    beginning: str, match: re.Match[str], inside: list[Placed], assignment: str | None
) -> list[Found]:
    user = match["before"].removeprefix(beginning) or match["before"]
    year, month, day, *clock = match["when"].split("-")
    person = Found(
        key=("blackboard", _same(user)),
        learner=shown(user),
        assignment=assignment,
        base=match["file"] or match["when"],
        serial=(int(match["when"].replace("-", "")),),
        submitted=f"{year}-{month}-{day}T{':'.join(clock)}",
    )
    return _files(person, inside, match["file"] or "about.txt")


def _brightspace(match: re.Match[str], inside: list[Placed], assignment: str | None) -> list[Found]:
    with suppress(ValueError):
        text = re.sub(r"(\d{1,2})(\d\d) ?([AP]M)$", r"\1 \2 \3", match["when"])
        moment = datetime.strptime(text, "%b %d, %Y %I %M %p").isoformat()
        person = Found(
            key=("brightspace", _same(match["name"]), match["id"]),
            learner=shown(match["name"]),
            assignment=assignment,
            base=match["file"] or match["when"],
            serial=(int(moment.replace("-", "").replace(":", "").replace("T", "")),),
            submitted=moment,
        )
        return _files(person, inside, match["file"] or "")
    return _plain(match.string, inside, assignment)


def _gradescope(
    names: dict[str, str], match: re.Match[str], inside: list[Placed], assignment: str | None
) -> list[Found]:
    name = names.get(match["id"], match[0])
    key = ("gradescope", _same(name), match["id"])
    person = Found(key=key, learner=shown(name), assignment=assignment)
    return _files(person, inside, "")


_SUBMISSION = re.compile(r"^submission_(\d+):", re.M)
_NAME = re.compile(r"^\s+-?\s*:name:\s*(.+?)\s*$", re.M)


def _gradescope_names(inside: list[Placed]) -> dict[str, str]:
    """From the number of a submission to its learners' names, as the export's list has them."""
    text = ""
    for _, entry in inside:
        with suppress(Refused):
            text = entry.read().decode("utf-8", "replace")
    pieces = _SUBMISSION.split(text)
    named = zip(pieces[1::2], map(_NAME.findall, pieces[2::2]), strict=True)
    return {id: ", ".join(name.strip("'\"") for name in names) for id, names in named if names}


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


SHAPES_OF_NAMES = (MOODLE, CANVAS, BLACKBOARD, BRIGHTSPACE, GRADESCOPE)


def _files(person: Found, inside: list[Placed], name: str) -> list[Found]:
    """The learner's notebooks, and what was refused; the learner alone where there is neither."""
    found = []
    others = []
    for parts, entry in inside:
        place = parts[1:] or (person.base or name,)
        if entry.folder:
            continue
        if not (is_notebook(parts[-1]) or entry.problem):
            others.append((place, entry))
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
                place=place,
            )
        )
    first, *rest = found or [person]
    return [replace(first, others=tuple(others)), *rest]


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
    return readable(unicodedata.normalize("NFC", name)).strip() or "no name"


JOINERS = "\u200c\u200d"
"""They join and part letters in Persian, Sinhala and emoji: without them it is another name."""


def readable(text: str, but: str = "") -> str:
    """Replace control signs, except some, and joiners where they join nothing."""
    signs = []
    for index, sign in enumerate(text):
        joins = sign in JOINERS and 0 < index < len(text) - 1
        if joins:
            beside = text[index - 1] + text[index + 1]
            joins = all(unicodedata.category(one)[0] in "LMS" for one in beside)
        control = unicodedata.category(sign)[0] == "C" and sign not in but and not joins
        signs.append("\ufffd" if control else sign)
    return "".join(signs)


def skeleton(name: str) -> str:
    """Return what is left of a name without all that two spellings of it may differ in: capitals,
    spaces, accents, letters of another script that look alike, the marks of a copy.
    """
    text = unicodedata.normalize("NFKD", COPY.sub("", name.strip())).casefold()
    text = "".join(ALIKE.get(sign, sign) for sign in text)
    return "".join(sign for sign in text if sign.isalnum()) or name


ALIKE = dict(
    zip(
        "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b"
        "\u03b1\u03bf\u03c1\u03bd\u03b9\u03ba\u0131\u043c\u0442\u043a\u043d\u0432",
        "aeopcyxijshdqaopvikimtkhb",
        strict=True,
    )
)
"""Cyrillic and Greek letters, and the Latin ones that they look like."""
