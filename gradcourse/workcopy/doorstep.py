"""The home page as plain text: what is read of it where the course's JupyterLab does not run.

`gradcourse.home` shows the living page in its place.
"""

from __future__ import annotations

from gradcourse.lessons import LESSONS, Lesson

HEAD = """\
# The course

*Started with* `gradcourse lab`*, JupyterLab shows a living page here: how far you are, where to go
on, your predictions against what was measured. Anywhere else, this is the list of lessons.*

| | lesson | its question | exercises |
|---|---|---|---|
"""


def doorstep() -> str:
    """Return the text of the home page, in Markdown."""
    return HEAD + "".join(map(_row, LESSONS))


def _row(row: Lesson) -> str:
    exercises = f"[{row.number}]({row.exercises})" if row.earns else ""
    lesson = f"[{row.title}]({row.notebook})"
    return f"| {row.number} | {lesson} | {row.question} | {exercises} |\n"
