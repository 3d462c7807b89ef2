"""What an instructor and the learners get: pages, a gradebook, and files for Canvas and Moodle."""

from __future__ import annotations

import re
from pathlib import Path

from gradcourse.grading.many.store import LEARNERS, cannot_write
from gradcourse.grading.report.class_page import class_page
from gradcourse.grading.report.learner_page import learner_page
from gradcourse.grading.report.tables import canvas, gradebook, moodle
from gradcourse.grading.report.wording import Record
from gradcourse.support import write_atomically

__all__ = ["write_reports"]


def write_reports(out: Path, records: list[Record]) -> list[Path]:
    """Write all reports on a class; each file appears whole or not at all.

    Parameters
    ----------
    out : Path
        The output folder.
    records : list of dict
        What the JSON files hold.

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
        "class.html": class_page(records),
        "gradebook.csv": gradebook(records),
        "canvas.csv": canvas(records),
        **_moodle_files(records),
    }
    try:
        for record in records:
            path = out / LEARNERS / f"{record['submission']['stem']}.html"
            write_atomically(path, learner_page(record))
        for name, content in files.items():
            write_atomically(out / name, content)
        for path in out.glob("moodle*.csv"):  # of an earlier run, with other assignments
            if re.fullmatch(r"moodle(-\d\d)?\.csv", path.name) and path.name not in files:
                path.unlink()
    except OSError as error:
        raise cannot_write(out, error) from error
    return [out / name for name in files]


def _moodle_files(records: list[Record]) -> dict[str, bytes]:
    """A worksheet is of one assignment."""
    names = sorted({record["assignment"] for record in records if record["assignment"]})
    if len(names) < 2:
        return {"moodle.csv": moodle(records)}
    return {
        f"moodle-{number}.csv": moodle(one for one in records if one["assignment"] == number)
        for number in names
    }
