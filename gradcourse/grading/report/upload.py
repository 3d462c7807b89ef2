"""What goes back into a platform: the learners' pages under the names of its download, and JSON."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from gradcourse.grading.intake.layout import CANVAS, GRADESCOPE, MOODLE
from gradcourse.grading.mark import Mark, QuestionMark

EARLIEST = (1980, 1, 1, 0, 0, 0)
"""A zip of the same pages is the same file."""


def feedback_zips(marks: Sequence[Mark], pages: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return a zip for each platform whose names were recognised.

    Canvas finds a learner by the two numbers in the name of the file that was downloaded (Upload
    Submissions), Moodle by the name of the folder (Upload multiple feedback files in a zip).

    Parameters
    ----------
    marks : sequence of Mark
    pages : mapping
        From the stem of a mark's files to the learner's page.
    """
    names = {
        "feedback-canvas.zip": {_canvas_name(mark): mark for mark in marks},
        "feedback-moodle.zip": {_moodle_name(mark): mark for mark in marks},
    }
    return {
        file: _zip({name: pages[mark.origin.stem] for name, mark in own.items() if name})
        for file, own in names.items()
        if any(own)
    }


def _canvas_name(mark: Mark) -> str:
    """The name of the downloaded file, with another end; none where the number is in doubt."""
    for part in mark.origin.name.split("/") if mark.origin.canvas else ():
        found = CANVAS.fullmatch(part)
        if found and found["user"] == mark.origin.canvas:
            return f"{part.rpartition('.')[0] or part}.html"
    return ""


def _moodle_name(mark: Mark) -> str:
    for part in mark.origin.name.split("/") if mark.origin.moodle else ():
        found = MOODLE.fullmatch(part)
        if found:
            folder = part[: found.start("file")] if found["file"] else f"{part.rstrip('_')}_"
            return f"{folder}/assignment-{mark.assignment or 'unknown'}.html"
    return ""


def _zip(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo(name, EARLIEST)
            member.external_attr = 0o600 << 16
            archive.writestr(member, data, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def gradescope(marks: Sequence[Mark]) -> bytes:
    """Return what Gradescope's ``results.json`` holds, by submission or learner.

    Its autograder's format: a score, and a test for each question.
    """
    results = {_gradescope_name(mark): _results(mark) for mark in marks if mark.graded}
    return json.dumps(results, indent=1, ensure_ascii=False).encode("utf-8", "replace")


def _gradescope_name(mark: Mark) -> str:
    parts = mark.origin.name.split("/")
    return next(filter(GRADESCOPE.fullmatch, parts), mark.origin.stem)


def _results(mark: Mark) -> dict[str, Any]:
    changes = [{"name": one.text, "score": one.points} for one in mark.adjustments]
    tests = [*map(_test, mark.questions), *changes]
    return {"score": mark.total, "output": mark.comment, "visibility": "visible", "tests": tests}


def _test(question: QuestionMark) -> dict[str, Any]:
    return {
        "name": question.title,
        "score": question.earned,
        "max_score": question.possible,
        "status": "passed" if question.state == "right" else "failed",
        "output": "\n".join(filter(None, (question.headline, question.message, question.note))),
    }
