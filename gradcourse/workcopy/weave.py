"""Three ways of one page made one: what was laid, what the learner has, what is new.

Cells are told apart by their ids. A cell whose source is no longer what was laid was answered or
edited, and is never touched; cells of the learner's own stay behind the cell that they followed.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from nbformat import NotebookNode

from gradcourse.workcopy.ledger import Edition, outputs_digest, source_digest

OURS = ("gradcourse", "nbgrader", "slideshow", "tags")
"""The keys of a cell's metadata that the course writes; others are the front end's."""

_SECTION = re.compile(r"## (?P<title>.*)")
_POINTS = re.compile(r"\s*\*?\(\d+ points?\)\*?$")


@dataclass
class Section:
    """What an update did to one section of a page.

    Attributes
    ----------
    title : str
        Of the page's heading; empty above the first one.
    edited : bool
        Whether the learner has written in it.
    changed, added, dropped : int
        How many of the course's cells have a new text, are new, or were taken out.
    kept : list of str
        The new texts of cells that the learner had edited: those were kept as they are.
    """

    title: str = ""
    edited: bool = False
    changed: int = 0
    added: int = 0
    dropped: int = 0
    kept: list[str] = field(default_factory=list)

    @property
    def touched(self) -> bool:
        """Whether there is anything to say."""
        return bool(self.changed or self.added or self.dropped or self.kept)


@dataclass(frozen=True)
class Woven:
    """The page that came out, and what changed, by section."""

    node: NotebookNode
    sections: tuple[Section, ...]


def weave(
    mine: NotebookNode, base: Edition | None, new: NotebookNode, give_back: Collection[str] = ()
) -> Woven:
    """Bring a learner's page up to a new edition.

    Parameters
    ----------
    mine : NotebookNode
        The learner's page.
    base : Edition or None
        What was laid of it; None where that is not known, and then every cell that is not as the
        new edition has it counts as edited.
    new : NotebookNode
        The new edition.
    give_back : collection of str
        Ids of cells that get the course's text and outputs whatever the learner wrote.
    """
    cells = _keyed(mine.cells)
    course = {cell.id: cell for cell in new.cells}
    laid = {identity: (text, output) for identity, text, output in base.cells} if base else {}
    woven = _Cells(cells, course, laid, frozenset(give_back))
    order = _order(list(cells), list(course), list(laid), woven)
    node = copy.deepcopy(mine)
    node.cells = [woven.result(key) for key in order]
    node.nbformat_minor = max(node.nbformat_minor, 5)
    own = dict(new.metadata.get("gradcourse", {}))
    node.metadata["gradcourse"] = own
    return Woven(node, tuple(_sections(order, woven, new)))


def _keyed(cells: Sequence[NotebookNode]) -> dict[str, NotebookNode]:
    """Name each cell by its id; of two with one id the second is the learner's own."""
    keyed: dict[str, NotebookNode] = {}
    for position, cell in enumerate(cells):
        identity = cell.get("id", "")
        keyed[identity if identity and identity not in keyed else f"#{position}"] = cell
    return keyed


@dataclass(frozen=True)
class _Cells:
    """The three versions of every cell, by id."""

    mine: dict[str, NotebookNode]
    course: dict[str, NotebookNode]
    laid: dict[str, tuple[str, str]]
    give_back: frozenset[str]

    def edited(self, key: str) -> bool:
        """Whether the learner wrote this cell, or wrote in it."""
        if key not in self.mine or key in self.give_back:
            return False
        digest = source_digest(self.mine[key])
        if key in self.course and digest == source_digest(self.course[key]):
            return False
        return key not in self.laid or digest != self.laid[key][0]

    def dropped(self, key: str) -> bool:
        """Whether the course took out a cell that the learner left as it was."""
        return key in self.laid and key not in self.course and not self.edited(key)

    def refused(self, key: str) -> bool:
        """Whether the learner took out a cell of the course."""
        return key in self.laid and key not in self.mine and key not in self.give_back

    def result(self, key: str) -> NotebookNode:
        """Return the cell that stands in the new page."""
        if key not in self.mine:
            return self.course[key]
        if key not in self.course or self.edited(key):
            return self.mine[key]
        return self._renewed(key)

    def changed(self, key: str) -> bool:
        """Whether an untouched cell gets another text."""
        both = key in self.mine and key in self.course and not self.edited(key)
        return both and source_digest(self.mine[key]) != source_digest(self.course[key])

    def kept(self, key: str) -> bool:
        """Whether the course changed a cell that the learner had edited."""
        if key not in self.course or key not in self.laid or not self.edited(key):
            return False
        return source_digest(self.course[key]) != self.laid[key][0]

    def _renewed(self, key: str) -> NotebookNode:
        mine, new = self.mine[key], copy.deepcopy(self.course[key])
        theirs = {name: value for name, value in mine.metadata.items() if name not in OURS}
        new.metadata = {**theirs, **new.metadata}
        as_laid = key in self.laid and outputs_digest(mine) == self.laid[key][1]
        same = source_digest(mine) == source_digest(new)
        if new.cell_type == "code" and same and not as_laid and key not in self.give_back:
            new.outputs, new.execution_count = mine.outputs, mine.execution_count
        return new


def _order(mine: list[str], course: list[str], laid: list[str], cells: _Cells) -> list[str]:
    """Return the keys in the order of the new page: the course's, unless cells were moved."""
    stay = [key for key in mine if not cells.dropped(key)]
    arrive = [key for key in course if not cells.refused(key)]
    common = set(mine) & set(laid)
    moved = [key for key in mine if key in common] != [key for key in laid if key in common]
    return _threaded(stay, arrive) if moved or not laid else _threaded(arrive, stay)


def _threaded(spine: list[str], others: list[str]) -> list[str]:
    """Put what only the second list has behind what it follows there."""
    result = list(spine)
    for before, key in zip([None, *others], others, strict=False):
        if key not in result:
            result.insert(0 if before is None else result.index(before) + 1, key)
    return result


def _sections(order: list[str], cells: _Cells, new: NotebookNode) -> list[Section]:
    """Say what changed, under the heading of the new page where it stands."""
    sections = [Section()]
    for key in order:
        title = _title(cells.result(key))
        if title:
            sections.append(Section(title))
        section = sections[-1]
        section.edited = section.edited or cells.edited(key)
        section.changed += cells.changed(key)
        section.added += key not in cells.mine
        if cells.kept(key):
            section.kept.append(cells.course[key].source)
    sections[0].dropped = sum(cells.dropped(key) for key in cells.mine)
    return sections


def _title(cell: NotebookNode) -> str:
    heading = _SECTION.match(cell.source) if cell.cell_type == "markdown" else None
    return _POINTS.sub("", heading["title"]).strip() if heading else ""


def questions(page: NotebookNode) -> tuple[str, ...]:
    """Return the titles of the questions of an exercise page: "2 · Spectral radius"."""
    return tuple(title for title in map(_title, page.cells) if " · " in title)


def question_cells(page: NotebookNode, number: str) -> tuple[str, tuple[str, ...]]:
    """Return the title and the ids of the cells of one question of an exercise page.

    Parameters
    ----------
    page : NotebookNode
        As the course has it.
    number : str
        "2", for the section "2 · Spectral radius and spectral norm".

    Returns
    -------
    tuple
        An empty title and no ids where there is no such question.
    """
    title, inside, ids = "", False, []
    for cell in page.cells:
        heading = _title(cell)
        if heading:
            inside = heading.split(" · ")[0] == number
            title = heading if inside else title
        if inside:
            ids.append(cell.id)
    return title, tuple(ids)
