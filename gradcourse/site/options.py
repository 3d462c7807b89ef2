"""What may be chosen about a site."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gradcourse.address import repository_of, web_address
from gradcourse.lessons import LESSONS, Lesson, lesson

MOST = 2000
"""Frames of one demo. A finer grid is thinned, and the slider goes to computed places only."""


@dataclass(frozen=True)
class Options:
    """What to build, and where.

    Attributes
    ----------
    root : Path
        The folder that holds ``lessons/``, ``exercises/`` and ``docs/``.
    out : Path
        The folder that receives the pages.
    lessons : tuple of str
        Numbers of lessons; empty for all of them.
    solutions : bool
        Whether the pages with the solutions are among them.
    repository : str or None
        The address of the repository; empty where there is none, and then no page links to one.
        None for what ``pyproject.toml`` says.
    hub : str
        The address of a JupyterHub that has nbgitpuller; empty without one.
    cache : Path or None
        Where what was computed is kept for the next build; by default ``.site-cache`` in ``root``.
    frames : int
        At most so many frames of a demo.
    """

    root: Path
    out: Path
    lessons: tuple[str, ...] = ()
    solutions: bool = False
    repository: str | None = None
    hub: str = ""
    cache: Path | None = None
    frames: int = MOST

    @property
    def rows(self) -> tuple[Lesson, ...]:
        """The lessons, in the order of the course.

        Raises
        ------
        GradcourseError
            If one is unknown.
        """
        chosen = {lesson(f"{number:0>2}").number for number in self.lessons}
        return tuple(row for row in LESSONS if not chosen or row.number in chosen)

    @property
    def kept(self) -> Path:
        """Where what was computed is kept."""
        return self.cache or self.root / ".site-cache"

    def address(self) -> str:
        """Return the repository's address, without a slash at its end; it may be empty.

        Raises
        ------
        GradcourseError
            If it is no web address.
        """
        told = self.repository
        if told is None:
            told = repository_of(self.root)
        return web_address(told, "repository")
