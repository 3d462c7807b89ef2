"""Where the course's own pages lie: in the installed package, or in the repository beside it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from gradcourse.support import GradcourseError

FOLDERS = ("lessons", "exercises", "solutions")
FIRST_PAGE = "lessons/00_start_here.ipynb"


@dataclass(frozen=True)
class Shelf:
    """The course's pages as they were built, to be read and never written.

    Attributes
    ----------
    root : Path
        The folder that holds ``lessons/``, ``exercises/`` and ``solutions/``.
    """

    root: Path

    @classmethod
    def default(cls) -> Shelf:
        """The pages that belong to the gradcourse that runs.

        A wheel brings them as ``gradcourse/course/``; an editable install reads the repository's.

        Raises
        ------
        GradcourseError
            If there are none in either place.
        """
        package = Path(__file__).resolve().parents[1]
        for root in (package / "course", package.parent):
            if (root / FIRST_PAGE).is_file():
                return cls(root)
        raise GradcourseError(
            f"the course's pages are missing beside {package}: install gradcourse again"
        )

    def pages(self, solutions: bool = True) -> tuple[str, ...]:
        """Return the names of the pages, "lessons/00_start_here.ipynb", in the course's order."""
        folders = FOLDERS if solutions else FOLDERS[:2]
        return tuple(
            path.relative_to(self.root).as_posix()
            for folder in folders
            for path in sorted((self.root / folder).glob("[0-9]*.ipynb"))
        )

    def text(self, page: str) -> str:
        """Return a page's JSON."""
        return (self.root / page).read_text("utf-8")

    def digest(self) -> str:
        """Return what changes when any page does."""
        together = hashlib.sha256()
        for page in self.pages():
            together.update(page.encode() + b"\0" + (self.root / page).read_bytes() + b"\0")
        return together.hexdigest()[:16]
