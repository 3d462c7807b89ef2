"""Reads one notebook's text source: py:percent, with the few markers the course gives a meaning."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gradcourse.authoring.printed_numbers import parse_tolerance
from gradcourse.authoring.shape import DEEPER, require_deeper
from gradcourse.support import GradcourseError

Kind = Literal["markdown", "code"]

SLIDE_TAGS = ("slide", "subslide", "fragment", "skip", "notes", "continue")
OTHER_TAGS = ("nbval-check-output", "stderr")
KEYS = ("name", "tags", "answer", "check", "alt", "tolerance")
LISTS = ("tags", "tolerance")

_MARKER = re.compile(r"^# %%(?P<rest>.*)$")
_OPTION = re.compile(r'\s+(?P<key>[a-z]+)=(?P<value>"(?:[^"\\]|\\.)*"|\[[^\]]*\])')
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FILE = re.compile(r"(?P<number>\d\d)_[a-z0-9_]+")
_NOTES = re.compile(r"\*\*Speaker notes\*\* · \d+ min")


@dataclass(frozen=True)
class Cell:
    """One cell of a source.

    Attributes
    ----------
    kind : {"markdown", "code"}
        What the marker says.
    text : str
        The cell's source; of a markdown cell without the comment signs.
    line : int
        The line of the marker, counted from 1.
    lines : tuple of int
        For each line of ``text``, its line in the file.
    name : str
        Empty where an unnamed markdown cell is allowed to be.
    tags : tuple of str
        As written, slide tags included.
    answer, check : str
        The exercise whose answer is written, or graded, in this cell.
    alt : str
        Alt text for a picture that brings none of its own.
    tolerance : tuple of str
        How far the numbers of a printed line may lie from the stored ones, see
        `gradcourse.authoring.printed_numbers`.
    """

    kind: Kind
    text: str
    line: int
    lines: tuple[int, ...]
    name: str = ""
    tags: tuple[str, ...] = ()
    answer: str = ""
    check: str = ""
    alt: str = ""
    tolerance: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """One source file.

    Attributes
    ----------
    path : str
        Relative to the course, with forward slashes: "source/lessons/01_chain_rule.py".
    folder : {"lessons", "exercises"}
        What kind of notebook it is.
    cells : tuple of Cell
        In order; the first is the title.
    """

    path: str
    folder: str
    cells: tuple[Cell, ...]

    @property
    def stem(self) -> str:
        """The file's name without its suffix."""
        return Path(self.path).stem

    @property
    def number(self) -> str:
        """The two digits in front: the lesson, and the assignment, it belongs to."""
        return self.stem[:2]


def parse_source(root: Path, path: Path) -> Source:
    """Read and check one source.

    Parameters
    ----------
    root : Path
        The course's folder.
    path : Path
        ``source/lessons/NN_name.py`` or ``source/exercises/NN_name.py`` below it.

    Raises
    ------
    GradcourseError
        Naming file and line, if the file breaks a rule of the format.
    """
    relative = path.relative_to(root).as_posix()
    folder = path.parent.name
    if folder not in ("lessons", "exercises") or not _FILE.fullmatch(path.stem):
        raise GradcourseError(
            f"{relative}: a source lies in source/lessons or source/exercises and is called "
            "NN_some_name.py, with two digits in front; rename it"
        )
    cells = _split(relative, path.read_text(encoding="utf-8"))
    source = Source(relative, folder, tuple(cells))
    _require_title(source)
    _require_names(source)
    for cell in source.cells:
        _require_known_tags(source, cell)
        _require_tolerance(source, cell)
        if cell.kind == "code":
            _require_python(source, cell)
    if folder == "exercises":
        _require_pairs(source)
        _require_score(source)
    return source


def at(source: Source | str, line: int, message: str) -> GradcourseError:
    """Return the error that names a place in a source."""
    path = source if isinstance(source, str) else source.path
    return GradcourseError(f"{path}:{line}: {message}")


def _split(path: str, text: str) -> list[Cell]:
    cells: list[Cell] = []
    marker: tuple[int, str] | None = None
    body: list[tuple[str, int]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = _MARKER.match(line)
        if match:
            if marker:
                cells.append(_cell(path, *marker, body))
            marker, body = (number, match["rest"]), []
        elif marker:
            body.append((line.rstrip(), number))
        elif line.strip():
            raise at(
                path, number, 'text before the first cell marker; start with "# %% [markdown]"'
            )
    if marker:
        cells.append(_cell(path, *marker, body))
    return cells


def _cell(path: str, line: int, rest: str, body: list[tuple[str, int]]) -> Cell:
    kind: Kind = "code"
    if rest.startswith(" [markdown]"):
        kind, rest = "markdown", rest.removeprefix(" [markdown]")
    options = _options(path, line, rest)
    while body and not body[-1][0]:
        body = body[:-1]
    while body and not body[0][0]:
        body = body[1:]
    if not body:
        raise at(path, line, "an empty cell; write something in it or remove its marker")
    if kind == "markdown":
        body = [(_uncomment(path, text, number), number) for text, number in body]
    return Cell(
        kind,
        "\n".join(text for text, _ in body),
        line,
        tuple(number for _, number in body),
        **options,
    )


def _options(path: str, line: int, rest: str) -> dict:
    options: dict = {}
    position = 0
    while match := _OPTION.match(rest, position):
        key, position = match["key"], match.end()
        if key not in KEYS:
            raise at(path, line, f"a marker has no {key!r}; it has {', '.join(KEYS)}")
        options[key] = _value(path, line, key, match["value"])
    if rest[position:].strip():
        raise at(
            path,
            line,
            f"cannot read {rest[position:].strip()!r} in the marker; expected "
            '# %% name="some-name" tags=["slide"]',
        )
    return options


def _value(path: str, line: int, key: str, written: str) -> str | tuple[str, ...]:
    try:
        value = json.loads(written)
    except json.JSONDecodeError:
        value = None
    listed = isinstance(value, list) and all(isinstance(item, str) for item in value)
    if key in LISTS and listed and value:
        return tuple(value)
    if key not in LISTS and isinstance(value, str) and value:
        return value
    wanted = f'{key}=["one", "two"]' if key in LISTS else f'{key}="text"'
    raise at(path, line, f"cannot read {key}={written}; expected {wanted}")


def _uncomment(path: str, text: str, number: int) -> str:
    if text == "#" or not text:
        return ""
    if text.startswith("# "):
        return text[2:]
    raise at(path, number, f"a line of a markdown cell starts with '# '; found {text[:30]!r}")


def _require_title(source: Source) -> None:
    first = source.cells[0] if source.cells else None
    if first is None or first.kind != "markdown" or not first.text.startswith("# "):
        line = first.line if first else 1
        raise at(source, line, "the first cell is markdown and starts with the title, '# # Title'")


def _require_names(source: Source) -> None:
    seen: dict[str, int] = {}
    for cell in source.cells:
        if cell.kind == "code" and not (cell.name or cell.check):
            raise at(source, cell.line, 'a code cell needs a name: # %% name="measure-chain"')
        if not cell.name:
            continue
        if not _NAME.fullmatch(cell.name) or len(cell.name) > 40:
            raise at(
                source,
                cell.line,
                f"the name {cell.name!r} is not in small letters, digits and single hyphens, "
                "40 at most; rename the cell",
            )
        if cell.name in seen:
            raise at(
                source, cell.line, f"the name {cell.name!r} is taken by line {seen[cell.name]}"
            )
        seen[cell.name] = cell.line


def _require_known_tags(source: Source, cell: Cell) -> None:
    unknown = [tag for tag in cell.tags if tag not in (*SLIDE_TAGS, *OTHER_TAGS, DEEPER)]
    if unknown:
        known = ", ".join((*SLIDE_TAGS, *OTHER_TAGS, DEEPER))
        raise at(source, cell.line, f"unknown tag {unknown[0]!r}; known are {known}")
    slides = [tag for tag in cell.tags if tag in SLIDE_TAGS]
    if len(slides) > 1:
        raise at(source, cell.line, f"one slide tag at most; found {', '.join(slides)}")
    if slides and source.folder != "lessons":
        raise at(source, cell.line, f"{slides[0]!r} is for lessons; exercises have no slides")
    if "notes" in slides and cell.kind != "markdown":
        raise at(source, cell.line, 'speaker notes are markdown: # %% [markdown] tags=["notes"]')
    if "notes" in slides and not _NOTES.fullmatch(cell.text.split("\n")[0]):
        raise at(
            source,
            cell.lines[0],
            "speaker notes start with their time: '# **Speaker notes** · 4 min'",
        )
    unfit = require_deeper(cell)
    if unfit or (DEEPER in cell.tags and source.folder != "lessons"):
        raise at(source, cell.line, unfit or "deeper steps are for lessons")
    if cell.kind == "markdown" and any(tag in OTHER_TAGS for tag in cell.tags):
        raise at(source, cell.line, f"{', '.join(OTHER_TAGS)} are tags for code cells")
    if (cell.answer or cell.check) and (source.folder != "exercises" or cell.kind != "code"):
        raise at(source, cell.line, "answer= and check= belong on code cells of exercises")
    if cell.answer and cell.check:
        raise at(source, cell.line, "a cell is for the answer or for the check; make it two")


def _require_tolerance(source: Source, cell: Cell) -> None:
    if not cell.tolerance:
        return
    if cell.kind != "code" or not cell.name:
        raise at(source, cell.line, "tolerance= belongs on a code cell that has a name")
    if "nbval-check-output" in cell.tags:
        raise at(
            source,
            cell.line,
            "a cell's output is compared exactly (nbval-check-output) or within tolerance=, "
            "not both; drop the tag",
        )
    beginnings = []
    for entry in cell.tolerance:
        try:
            beginnings.append(parse_tolerance(entry).line)
        except GradcourseError as error:
            raise at(source, cell.line, str(error)) from error
    for line, count in Counter(beginnings).items():
        if count > 1:
            raise at(source, cell.line, f"two tolerances for the line {line!r}; make it one")


def _require_python(source: Source, cell: Cell) -> None:
    try:
        ast.parse(cell.text)
    except SyntaxError as error:
        line = cell.lines[min(error.lineno or 1, len(cell.lines)) - 1]
        raise at(source, line, f"SyntaxError: {error.msg}") from error


def _require_pairs(source: Source) -> None:
    answers = [(cell.answer, cell.line) for cell in source.cells if cell.answer]
    checks = [(cell.check, cell.line) for cell in source.cells if cell.check]
    for role, found in (("answer", answers), ("check", checks)):
        counts = Counter(identity for identity, _ in found)
        for identity, line in found:
            if counts[identity] > 1:
                raise at(source, line, f'{role}="{identity}" stands on {counts[identity]} cells')
    for identity, line in answers:
        if not any(other == identity and below > line for other, below in checks):
            raise at(source, line, f'no cell check="{identity}" follows this answer; add one')
    for identity, line in checks:
        if identity not in dict(answers):
            raise at(source, line, f'no cell answer="{identity}" stands before this check')


def _require_score(source: Source) -> None:
    code = [cell for cell in source.cells if cell.kind == "code"]
    wanted = f'gc.score("{source.number}")'
    last = code[-1] if code else source.cells[-1]
    if last.text != wanted or "nbval-check-output" not in last.tags:
        raise at(
            source,
            last.line,
            f'the last code cell of an exercise is {wanted}, tagged tags=["nbval-check-output"]',
        )
