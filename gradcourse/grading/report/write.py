"""What an instructor and the learners get: pages, a gradebook, and files for Canvas and Moodle."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from gradcourse.grading.many.store import LEARNERS, cannot_write
from gradcourse.grading.mark import Mark
from gradcourse.grading.report.class_page import class_page
from gradcourse.grading.report.learner_page import learner_page
from gradcourse.grading.report.tables import canvas, gradebook, moodle
from gradcourse.support import write_atomically


def write_reports(out: Path, marks: Sequence[Mark]) -> list[Path]:
    """Write all reports on a class; each file appears whole or not at all.

    Parameters
    ----------
    out : Path
        The output folder.
    marks : sequence of Mark
        Of the class.

    Returns
    -------
    list of Path
        The files for the instructor; the learners' pages lie in ``learners/``.

    Raises
    ------
    GradcourseError
        If the disk is full or the folder cannot be written.
    """
    files = {
        "class.html": class_page(marks),
        "gradebook.csv": gradebook(marks),
        "canvas.csv": canvas(marks),
        **_moodle_files(marks),
    }
    try:
        for mark in marks:
            path = out / LEARNERS / f"{mark.origin.stem}.html"
            write_atomically(path, learner_page(mark))
        for name, content in files.items():
            write_atomically(out / name, content)
        for path in out.glob("moodle*.csv"):  # of an earlier run, with other assignments
            if re.fullmatch(r"moodle(-\d\d)?\.csv", path.name) and path.name not in files:
                path.unlink()
    except OSError as error:
        raise cannot_write(out, error) from error
    return [out / name for name in files]


def _moodle_files(marks: Sequence[Mark]) -> dict[str, bytes]:
    """A worksheet is of one assignment."""
    names = sorted({mark.assignment for mark in marks if mark.assignment})
    if len(names) < 2:
        return {"moodle.csv": moodle(marks)}
    return {
        f"moodle-{name}.csv": moodle(mark for mark in marks if mark.assignment == name)
        for name in names
    }
