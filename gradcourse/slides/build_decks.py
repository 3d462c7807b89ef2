"""From stored lessons to files that are lectured from: compute, write, print."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradcourse.belongings import Belongings, require_packages
from gradcourse.lessons import Lesson
from gradcourse.site import pages
from gradcourse.site.options import Options
from gradcourse.site.remembered import Remembered
from gradcourse.slides import reveal_js
from gradcourse.slides.deck import deck, plain
from gradcourse.slides.handout import browser, print_pdf
from gradcourse.slides.lecture import core_minutes, parts, timetable
from gradcourse.support import GradcourseError, write_atomically

MARK = ".gradcourse-slides.json"
"""The file that names the files of ours in a folder."""

NEEDED = ("markdown_it", "mdit_py_plugins", "pygments", "a11y_pygments", "math_core")
PRINTING = ("websocket",)


@dataclass(frozen=True)
class Built:
    """One lesson's slides.

    Attributes
    ----------
    files : tuple of Path
        The slides, and where they were asked for the two handouts.
    minutes : int
        Of the core path.
    seconds : float
        How long it took.
    """

    files: tuple[Path, ...]
    minutes: int
    seconds: float


def build_decks(options: Options, pdf: bool = False) -> list[Built]:
    """Write the slides of some lessons.

    Parameters
    ----------
    options : Options
        ``out`` receives a file for each lesson; other files in it are left alone.
    pdf : bool
        Whether to print each as a handout, with and without the speaker's notes.

    Raises
    ------
    GradcourseError
        If a lesson is unknown, a file that is not ours would be overwritten, a package or, for
        ``pdf``, a browser is missing, or a notebook or a formula cannot be read.
    """
    rows = options.rows
    reveal_js.folder()
    require_packages((*NEEDED, *PRINTING) if pdf else NEEDED, "the slides are made with")
    program = browser() if pdf else ""
    ends = (".html", ".pdf", "-notes.pdf") if pdf else (".html",)
    names = {row.number: [f"{Path(row.notebook).stem}{end}" for end in ends] for row in rows}
    take_folder(options.out, [name for few in names.values() for name in few])
    notebooks = {row.number: stored(options.root, row) for row in rows}
    remembered = Remembered.of(options)
    books = list(notebooks.values())
    frames = remembered.results("knob_grid", _once(map(_demos, books)))
    found = remembered.truths(_once(map(pages.questions, books)))
    built = []
    for number, notebook in notebooks.items():
        began = time.perf_counter()
        files = tuple(options.out / name for name in names[number])
        write_atomically(files[0], deck(notebook, found, frames, options.address()))
        for notes, file in zip((False, True), files[1:], strict=False):
            write_atomically(file, print_pdf(program, files[0], notes))
        minutes = core_minutes(parts(notebook))
        built.append(Built(files, minutes, time.perf_counter() - began))
    return built


def stored(root: Path, row: Lesson) -> dict[str, Any]:
    """Return a lesson's notebook.

    Raises
    ------
    GradcourseError
        If it is missing or cannot be read.
    """
    path = root / row.notebook
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise GradcourseError(f"{path} cannot be read: {error}. Try: gradcourse build") from error


def timetables(options: Options) -> str:
    """Return when each part of each lesson's core path begins, as text."""
    lines = []
    for row in options.rows:
        lecture = parts(stored(options.root, row))
        lines += ["", f"{row.number} · {row.title}: {core_minutes(lecture)} min"]
        for begin, minutes, title in timetable(lecture):
            lines.append(f"  {begin // 60}:{begin % 60:02}  {minutes:2} min  {plain(title)}")
    return "\n".join(lines[1:])


def _once(lists: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(itertools.chain.from_iterable(lists)))


def _demos(notebook: Mapping[str, Any]) -> list[str]:
    calls = [pages.called(cell) for cell in notebook["cells"]]
    return [call[1] for call in calls if call is not None and call[0] == "demo"]


def take_folder(out: Path, names: Iterable[str]) -> None:
    """Make the folder ready for some files, and remember that they are ours.

    Raises
    ------
    GradcourseError
        If it is a file, or one of them is there and not ours. Nothing has changed then.
    """
    ours = Belongings(out, MARK)
    ours.require_folder("slides")
    wanted = list(names)
    ours.require_free(wanted)
    out.mkdir(parents=True, exist_ok=True)
    ours.remember({*ours.files(), *wanted})
