"""A stored notebook as a lecture: parts under their headings, slides, speaker notes, minutes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Cell = Mapping[str, Any]

DEEPER = "deeper"
"""The tag of the heading that opens a step which no other needs."""

LOOKED_UP = ("Sources",)
"""Headings of what is looked up, and not spoken about."""

SILENT = 1
"""Minutes of a part for which no note says any."""

_NOTES = re.compile(
    r"<details>\s*<summary>(?P<head>.*?)</summary>(?P<said>.*)</details>", re.DOTALL
)
_MINUTES = re.compile(r"·\s*(\d+)\s*min")
_HEADING = re.compile(r"#{1,2} (.+)")


@dataclass(frozen=True)
class Slide:
    """What stands on one slide; the browser divides it further where it is too high.

    Attributes
    ----------
    cells : tuple of dict
        Without speaker notes.
    """

    cells: tuple[Cell, ...]

    @property
    def id(self) -> str:
        """The id of its first cell."""
        return str(self.cells[0]["id"])


@dataclass(frozen=True)
class Part:
    """What stands under one heading of the first or second rank: a puzzle, a step, a summary.

    Attributes
    ----------
    title : str
        Its heading, as markdown.
    deeper : bool
        Whether it is a step that no other needs, or a list that is looked up: it lies below the
        slide before it, and the core path passes it by.
    slides : tuple of Slide
    notes : tuple of str
        What the speaker is told, as markdown.
    minutes : int
        As the notes say; where they say nothing, one for a part of the core path.
    """

    title: str
    deeper: bool
    slides: tuple[Slide, ...]
    notes: tuple[str, ...]
    minutes: int


def parts(notebook: Mapping[str, Any]) -> tuple[Part, ...]:
    """Return the parts of a lesson, in its order.

    Parameters
    ----------
    notebook : mapping
        As stored, in nbformat 4, with slide metadata.
    """
    cells = [cell for cell in notebook["cells"] if _kind(cell) != "skip"]
    return tuple(_part(group) for group in _groups(cells) if any(map(_seen, group)))


def core_minutes(lecture: Iterable[Part]) -> int:
    """Return how long the core path takes."""
    return sum(part.minutes for part in lecture if not part.deeper)


def timetable(lecture: Iterable[Part]) -> list[tuple[int, int, str]]:
    """Return when each part of the core path begins, how long it takes, and what it is called."""
    rows, clock = [], 0
    for part in lecture:
        if not part.deeper:
            rows.append((clock, part.minutes, part.title))
            clock += part.minutes
    return rows


def appears(cell: Cell) -> bool:
    """Return whether a cell appears at the press of a key."""
    return _kind(cell) == "fragment"


def _kind(cell: Cell) -> str:
    return str(cell["metadata"].get("slideshow", {}).get("slide_type", "-"))


def _seen(cell: Cell) -> bool:
    return _kind(cell) != "notes"


def _heading(cell: Cell) -> str:
    """The heading of the first or second rank with which a cell begins, or an empty string."""
    if cell["cell_type"] != "markdown":
        return ""
    found = _HEADING.match("".join(cell["source"]))
    return found[1].strip() if found else ""


def _groups(cells: Iterable[Cell]) -> Iterator[list[Cell]]:
    group: list[Cell] = []
    for cell in cells:
        if _heading(cell) and group:
            yield group
            group = []
        group.append(cell)
    yield group


def _part(group: list[Cell]) -> Part:
    title = _heading(group[0])
    deeper = DEEPER in group[0]["metadata"].get("tags", ()) or title in LOOKED_UP
    notes = [_NOTES.search("".join(cell["source"])) for cell in group if not _seen(cell)]
    told = [int(found) for note in notes if note for found in _MINUTES.findall(note["head"])]
    return Part(
        title=title,
        deeper=deeper,
        slides=tuple(_slides(filter(_seen, group))),
        notes=tuple(note["said"].strip() for note in notes if note),
        minutes=sum(told) if told else 0 if deeper else SILENT,
    )


def _slides(cells: Iterable[Cell]) -> Iterator[Slide]:
    shown: list[Cell] = []
    for cell in cells:
        if _kind(cell) in ("slide", "subslide") and shown:
            yield Slide(tuple(shown))
            shown = []
        shown.append(cell)
    yield Slide(tuple(shown))
