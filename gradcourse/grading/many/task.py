"""One submission on its way: what is sent to wherever it is graded, and what comes back."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gradcourse.grading.mark import Mark, QuestionMark, Reason
from gradcourse.grading.sandbox.frames import clean
from gradcourse.support import GradcourseError

if TYPE_CHECKING:
    from gradcourse.grading.one.grade import Grader


@dataclass(frozen=True)
class Task:
    """One notebook to grade.

    Attributes
    ----------
    number : int
        Which submission it is, counted from 0.
    data : bytes
        The notebook.
    assignment : str or None
        What it must be graded as; None leaves that to the notebook.
    guess : str or None
        What it is graded as when the notebook does not tell.
    trusted : bool
        Whether it may run without any sandbox.
    seed : int
        Fixes the random inputs: the whole class meets the same.
    files : mapping of str to bytes
        What was handed in beside the notebook.
    earlier : tuple of Task
        The same learner's attempts before this one; the best counts.
    """

    number: int
    data: bytes
    assignment: str | None = None
    guess: str | None = None
    trusted: bool = False
    seed: int = 0
    files: Mapping[str, bytes] = field(default_factory=dict)
    earlier: tuple[Task, ...] = ()


def grade_task(grader: Grader, task: Task) -> Mark:
    """Grade one notebook; a fault of the grader is a reason in the mark, and costs no other.

    Where there are earlier attempts, the mark is that of the best: of equal ones, the newest. A
    fault of the grader in any of them is the mark, for nobody knows what that one is worth.

    Raises
    ------
    GradcourseError
        If this machine cannot grade at all.
    """
    marks = [_grade_attempt(grader, one) for one in (task, *task.earlier)]
    attempts = range(len(marks))
    best = max(attempts, key=lambda one: (marks[one].faulty, marks[one].earned, -one))
    return replace(marks[best], attempt=best)


def _grade_attempt(grader: Grader, task: Task) -> Mark:
    try:
        grader.prepare(task.data, task.assignment)
        mark = _graded(grader, task, task.assignment)
        if task.assignment is None and task.guess and "unknown-assignment" in mark.codes:
            mark = _graded(grader, task, task.guess)
        return replace(mark, sources=answers_of(task.data, mark), texts=tuple(texts_of(task)))
    except GradcourseError:
        raise
    except Exception:
        mark = not_graded("internal-error", task.assignment)
        return replace(mark, fault=traceback.format_exc())


LONGEST_ANSWER = 4000
"""Characters of an answer's cell, or of a text, that are kept for the pages."""


def answers_of(data: bytes, mark: Mark) -> dict[str, str]:
    """Return for each question the last cell that gives its answer and is no stub."""
    from gradcourse.exercises.registry import assignment as questions_of
    from gradcourse.grading.intake.contents import defined, read, untouched

    if mark.assignment is None or not mark.questions:
        return {}
    cells = [(defined(cell.source), cell) for cell in read(data, len(data)).notebook.cells]
    found = {}
    for question in questions_of(mark.assignment):
        names = set(question.answers)
        for given, cell in reversed(cells):
            if given & names and not untouched(cell.source, names):
                found[question.id] = clean(cell.source[:LONGEST_ANSWER])
                break
    return found


def texts_of(task: Task) -> Iterator[str]:
    """Yield what a learner wrote in words, there and in a lesson's notebook beside it."""
    from gradcourse.grading.intake.contents import read
    from gradcourse.grading.intake.tree import is_notebook

    beside = [data for name, data in task.files.items() if is_notebook(name)]
    for data in (task.data, *beside):
        for text in read(data, len(data)).written:
            yield clean(text if len(text) <= LONGEST_ANSWER else f"{text[:LONGEST_ANSWER]} …")


def _graded(grader: Grader, task: Task, assignment: str | None) -> Mark:
    return grader.grade(
        task.data, assignment, trusted=task.trusted, seed=task.seed, files=task.files
    )


def not_graded(code: str, assignment: str | None, text: str = "") -> Mark:
    """Return the mark of a submission of which nothing could be graded."""
    from gradcourse.exercises.registry import assignment as questions_of

    questions = questions_of(assignment) if assignment else ()
    blank = tuple(QuestionMark.blank(question, code) for question in questions)
    return Mark(assignment, blank, (Reason(code, text=text),))
