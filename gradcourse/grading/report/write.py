"""What an instructor and the learners get: pages, a gradebook, and files for Canvas and Moodle."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from gradcourse.grading.ledger import Book
from gradcourse.grading.many.store import LEARNERS, cannot_write, forget_members
from gradcourse.grading.report.class_page import class_page
from gradcourse.grading.report.learner_page import learner_page
from gradcourse.grading.report.tables import canvas, gradebook, moodle
from gradcourse.grading.report.upload import feedback_zips, gradescope
from gradcourse.support import write_atomically


def write_reports(out: Path, book: Book, *, anonymous: bool = False) -> list[Path]:
    """Write all reports on a class; each file appears whole or not at all.

    Parameters
    ----------
    out : Path
        The output folder.
    book : Book
        The marks of the class.
    anonymous : bool
        Also a class page and pages that name nobody, to read answers by.

    Returns
    -------
    list of Path
        The files for the instructor; the learners' pages lie in ``learners/``.

    Raises
    ------
    GradcourseError
        If the disk is full or the folder cannot be written.
    """
    marks = book.marks
    pages = {mark.origin.stem: learner_page(mark) for mark in marks}
    files = {
        "class.html": class_page(marks, book.missing, book.unused),
        "gradebook.csv": gradebook(marks, book.people),
        "canvas.csv": canvas(marks, book.people),
        **_moodle_files(book),
        **feedback_zips(marks, pages),
        "gradescope.json": gradescope(marks),
    }
    try:
        for stem, page in pages.items():
            write_atomically(out / LEARNERS / f"{stem}.html", page)
        forget_members(out, pages)
        if anonymous:
            for name, content in _nameless(book).items():
                write_atomically(out / NAMELESS / name, content)
        for name, content in files.items():
            write_atomically(out / name, content)
        for path in out.glob("moodle*.csv"):  # of an earlier run, with other assignments
            if re.fullmatch(r"moodle(-\d\d)?\.csv", path.name) and path.name not in files:
                path.unlink()
    except OSError as error:
        raise cannot_write(out, error) from error
    return [out / name for name in files]


NAMELESS = "anonymous"


def _nameless(book: Book) -> dict[str, bytes]:
    """The pages with numbers for names, in an order that says nothing; and whose each is."""
    order = sorted(book.marks, key=lambda mark: mark.origin.sha256 or mark.origin.stem)
    numbers = {mark.origin.key: number for number, mark in enumerate(order, 1)}
    digits = len(str(len(order)))
    marks, key = [], ["number,learner"]
    for mark in order:
        name = f"Learner {numbers[mark.origin.key]:0{digits}}"
        stem = f"{name.replace(' ', '-')}-{mark.assignment or 'unknown'}"
        origin = replace(mark.origin, stem=stem, name="")
        marks.append(replace(mark, learner=name, origin=origin))
        key.append(f'{name},"{mark.learner.replace(chr(34), chr(39))}"')
    pages = {f"{LEARNERS}/{mark.origin.stem}.html": learner_page(mark) for mark in marks}
    whose = "\r\n".join(dict.fromkeys(key)).encode("utf-8-sig", "replace")
    return {**pages, "class.html": class_page(marks), "names.csv": whose}


def _moodle_files(book: Book) -> dict[str, bytes]:
    """A worksheet is of one assignment."""
    names = sorted({mark.assignment for mark in book.marks if mark.assignment})
    if len(names) < 2:
        return {"moodle.csv": moodle(book.marks, book.people)}
    return {
        f"moodle-{name}.csv": moodle(
            [mark for mark in book.marks if mark.assignment == name], book.people
        )
        for name in names
    }
