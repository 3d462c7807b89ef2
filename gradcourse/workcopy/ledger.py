"""What was laid: for each page the editions it had, each cell by its id and a digest.

A page says itself which edition it was last brought up to (`metadata.gradcourse.edition`), in the
same file and so in the same moment as its cells. The ledger is only ever added to, and before the
page that will refer to it is written. So at every moment each page has its base, whatever was
interrupted.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from gradcourse.support import GradcourseError, write_atomically

PLACE = ".gradcourse/laid.json"
VERSION = 1

CellDigest = tuple[str, str, str]
"""A cell's id, the digest of its source, and that of its outputs."""


def source_digest(cell: NotebookNode) -> str:
    """Return what changes when a cell's kind or source does."""
    return _digest([cell.cell_type, cell.source, cell.get("attachments", {})])


def outputs_digest(cell: NotebookNode) -> str:
    """Return what changes when a cell's outputs do."""
    kept = [
        {name: value for name, value in output.items() if name != "execution_count"}
        for output in cell.get("outputs", [])
    ]
    return _digest(kept)


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Edition:
    """The cells of one page as they were laid at one time, in order."""

    cells: tuple[CellDigest, ...]

    @classmethod
    def of(cls, node: NotebookNode) -> Edition:
        """The edition of a page that is about to be laid."""
        return cls(
            tuple((cell.id, source_digest(cell), outputs_digest(cell)) for cell in node.cells)
        )

    @property
    def key(self) -> str:
        """Its name in the ledger and in the page."""
        return _digest(self.cells)


@dataclass
class Ledger:
    """The file ``.gradcourse/laid.json`` of a working copy.

    Attributes
    ----------
    solutions : bool
        Whether the solutions were asked for.
    complete : bool
        Whether every page was laid once; until then a missing page is one that is still to come.
    course : str
        `Shelf.digest` of what was last laid or brought.
    kernel : dict
        The kernel's metadata that the pages were last written for.
    editions : dict
        From a page to its editions by key.
    """

    solutions: bool = True
    complete: bool = False
    course: str = ""
    kernel: dict[str, Any] = field(default_factory=dict)
    editions: dict[str, dict[str, Edition]] = field(default_factory=dict)

    def edition(self, page: str, node: NotebookNode) -> Edition | None:
        """Return the edition that a page in the working copy says it has."""
        key = node.metadata.get("gradcourse", {}).get("edition", "")
        return self.editions.get(page, {}).get(key)

    def add(self, page: str, edition: Edition) -> None:
        """Note an edition before a page of it is written."""
        self.editions.setdefault(page, {})[edition.key] = edition

    @classmethod
    def read(cls, folder: Path) -> Ledger | None:
        """Return the ledger of a working copy; None where there is none.

        Raises
        ------
        GradcourseError
            If it is damaged, or written by a newer gradcourse.
        """
        path = folder / PLACE
        try:
            data = json.loads(path.read_text("utf-8"))
            if data["version"] > VERSION:
                raise GradcourseError(f"{path} was written by a newer gradcourse: update it")
            editions = {
                page: {key: Edition(tuple(map(tuple, cells))) for key, cells in known.items()}
                for page, known in data["editions"].items()
            }
            return cls(
                data["solutions"], data["complete"], data["course"], data["kernel"], editions
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise GradcourseError(
                f"{path} cannot be read ({type(error).__name__}): your pages are as you left them; "
                "move them elsewhere, and lay a new working copy"
            ) from error

    def write(self, folder: Path) -> None:
        """Write it whole, or not at all."""
        editions = {
            page: {key: edition.cells for key, edition in known.items()}
            for page, known in self.editions.items()
        }
        data = {
            "version": VERSION,
            "solutions": self.solutions,
            "complete": self.complete,
            "course": self.course,
            "kernel": self.kernel,
            "editions": editions,
        }
        write_atomically(folder / PLACE, json.dumps(data, ensure_ascii=False) + "\n")
