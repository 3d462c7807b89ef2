"""The pages of a working copy as steps and questions: what there is to do, and what was run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from gradcourse.pace import (
    POINT_MINUTES,
    UNREAD,
    code_seconds,
    minutes_of,
    open_part,
    reading_seconds,
)

RECORD = re.compile(r"gc\.(progress|score)\(")
"""A cell that only shows the learner's record is no work."""

PANEL = re.compile(r"""\bgc\.panel\(\s*["']([\w/-]+)["']""")
_HEADING = re.compile(r"## +(?P<title>.+)")
_POINTS = re.compile(r"\s*\*?\((?P<points>\d+) points?\)\*?$")
_NEEDS = re.compile(
    r"^\*\d+ minutes\.\s+(?:With the deeper steps \d+\.\s+)?(?P<needs>.+?)\*$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class CodeCell:
    """A code cell: the questions whose panels it shows, and whether it was run, as last saved."""

    panels: tuple[str, ...]
    ran: bool
    points: float = 0.0


@dataclass
class Section:
    """What stands under one heading.

    Attributes
    ----------
    title : str
        "Step 4 · The cliff"; empty above the first heading.
    cells : list of CodeCell
    minutes : float
    """

    title: str = ""
    cells: list[CodeCell] = field(default_factory=list)
    minutes: float = 0.0

    @property
    def anchor(self) -> str:
        """The heading's name in an address, as JupyterLab gives it."""
        return re.sub(r"\s", "-", self.heading)

    heading: str = ""

    @property
    def panels(self) -> tuple[str, ...]:
        """The questions that it asks."""
        return tuple(id for cell in self.cells for id in cell.panels)

    @property
    def points(self) -> float:
        """What its questions can earn."""
        return sum(cell.points for cell in self.cells)


@dataclass(frozen=True)
class Page:
    """A page of the working copy.

    Attributes
    ----------
    needs : str
        What a lesson says that one needs for it.
    sections : tuple of Section
        Those in which there is something to run. What stands above the first heading belongs to
        the first.
    """

    needs: str
    sections: tuple[Section, ...]

    @property
    def panels(self) -> tuple[str, ...]:
        """The questions of the whole page."""
        return tuple(id for section in self.sections for id in section.panels)


def read_page(path: Path) -> Page | None:
    """Return a page's steps; None where it is missing or cannot be read."""
    try:
        state = path.stat()
        return _read(path, state.st_mtime_ns, state.st_size)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int, _size: int) -> Page:
    cells = json.loads(path.read_text("utf-8"))["cells"]
    needs = _NEEDS.search(_source(cells[0])) if cells else None
    sections = _with_work(list(_sections(cells)))
    return Page(" ".join(needs["needs"].split()) if needs else "", tuple(sections))


def _sections(cells: list[dict[str, Any]]) -> Iterator[Section]:
    section = Section()
    for cell in cells:
        source = _source(cell)
        if cell["cell_type"] == "markdown":
            heading = _HEADING.match(source)
            if heading:
                yield section
                title = _POINTS.sub("", heading["title"]).strip()
                section = Section(title, heading=heading["title"].strip())
            if not f"## {section.heading}".startswith(UNREAD):
                section.minutes += minutes_of(reading_seconds(open_part(source)))
        # JupyterLab adds an empty cell after the last one that is run.
        elif cell["cell_type"] == "code" and source.strip() and not RECORD.match(source):
            code = _code_cell(cell, source)
            section.cells.append(code)
            section.minutes += POINT_MINUTES * code.points or minutes_of(code_seconds(source))
    yield section


def _code_cell(cell: dict[str, Any], source: str) -> CodeCell:
    grading = cell.get("metadata", {}).get("nbgrader", {})
    points = float(grading.get("points", 0.0)) if grading.get("grade") else 0.0
    return CodeCell(tuple(PANEL.findall(source)), cell.get("execution_count") is not None, points)


def _with_work(sections: list[Section]) -> list[Section]:
    """Give a section without cells to the one before it, and the page's beginning to the next."""
    begin, *titled = sections
    kept: list[Section] = []
    for section in titled:
        if section.cells:
            kept.append(section)
        elif kept:
            kept[-1].minutes += section.minutes
    if kept:
        kept[0].cells[:0] = begin.cells
        kept[0].minutes += begin.minutes
    return kept


def _source(cell: dict[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)
