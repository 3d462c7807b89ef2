"""The learner's own record: the course by lesson, or one lesson question by question."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass

from gradcourse.checking import show
from gradcourse.checking.progress import Best, Progress
from gradcourse.checking.question import Commitment, Question
from gradcourse.checking.table import Row, Table
from gradcourse.checking.verdict import Status, score_text
from gradcourse.checking.verdict_css import STYLE
from gradcourse.exercises.ending import ending_of_lesson
from gradcourse.exercises.registry import all_exercises
from gradcourse.lessons import LESSONS, Lesson, lesson
from gradcourse.markup import page_link

BLOCKS = 10
"""How long a bar is in a terminal."""


@dataclass(frozen=True)
class LessonRecord:
    """What was done of one lesson.

    Attributes
    ----------
    lesson : Lesson
    table : Table
        Every question that earns points, and every other one that was tried.
    locked, predictions : int
        Predictions and votes for no points that were locked in, and how many there are.
    """

    lesson: Lesson
    table: Table
    locked: int
    predictions: int

    @property
    def parts(self) -> list[str]:
        """What was done, in words: "3 of 16 points", "2 of 5 predictions"."""
        words = []
        if self.table.possible:
            words.append(score_text(self.table.earned, self.table.possible))
        if self.predictions:
            words.append(f"{self.locked} of {show.count(self.predictions, 'prediction')}")
        return words

    @property
    def share(self) -> float:
        """How much of the lesson is done, from 0 to 1: points, or predictions where it has none."""
        if self.table.possible:
            return self.table.earned / self.table.possible
        return self.locked / self.predictions if self.predictions else 0.0

    @property
    def complete(self) -> bool:
        """Whether nothing is left."""
        return self.locked == self.predictions and self.table.earned >= self.table.possible


@dataclass(frozen=True)
class CourseRecord:
    """What was done of the course, a line for each lesson.

    Attributes
    ----------
    lessons : tuple of LessonRecord
    """

    lessons: tuple[LessonRecord, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """The questions of all lessons."""
        return tuple(row for record in self.lessons for row in record.table.rows)

    @property
    def summary(self) -> str:
        """The last line: "3 of 143 points, 2 of 46 predictions"."""
        tables = [record.table for record in self.lessons]
        points = score_text(sum(t.earned for t in tables), sum(t.possible for t in tables))
        locked = sum(record.locked for record in self.lessons)
        total = sum(record.predictions for record in self.lessons)
        return f"{points}, {locked} of {show.count(total, 'prediction')}"

    @property
    def next(self) -> Lesson | None:
        """The lesson to go on with: the last one begun, or the first that is not complete."""
        begun = [r for r in self.lessons if (r.locked or r.table.earned) and not r.complete]
        left = begun[-1:] or [record for record in self.lessons if not record.complete]
        return left[0].lesson if left else None

    def __repr__(self) -> str:
        width = max(len(record.lesson.title) for record in self.lessons)
        lines = ["Your progress"]
        for record in self.lessons:
            row = record.lesson
            done = "✓" if record.complete else " "
            bar = _bar(record.share)
            said = ", ".join(record.parts)
            lines.append(f"{done} {row.number} · {row.title:<{width}}  {bar}  {said}".rstrip())
        lines.append(self.summary)
        if self.next is not None:
            lines.append(f"Go on: {self.next.number} · {self.next.title} ({self.next.notebook})")
        lines.append('One lesson, question by question: gc.progress("02") (gradcourse progress 02)')
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(map(_html_row, self.lessons))
        heads = "".join(f'<th scope="col">{h}</th>' for h in ("", "lesson", "", "exercises", ""))
        on = self.next
        go_on = "" if on is None else f"<div>Go on: {page_link(on.notebook, _name(on))}</div>"
        return (
            f'{STYLE}<div class="gc-table"><strong>Your progress</strong>'
            f'<table class="gc-table"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
            f"<div><strong>{html.escape(self.summary)}</strong></div>{go_on}"
            '<div>One lesson, question by question: <code>gc.progress("02")</code></div></div>'
        )


def progress(number: str | None = None) -> CourseRecord | Table:
    """Return your own record: the best attempt at each question, kept on this machine only.

    Parameters
    ----------
    number : str, optional
        Of one lesson, "02"; by default the whole course.

    Returns
    -------
    CourseRecord or Table
        A line for each lesson; or, of one lesson, every question that earns points, and every
        other one that you have tried. Where a lesson is complete, what comes after it.

    Raises
    ------
    GradcourseError
        If there is no such lesson.
    """
    kept = Progress.default()
    best, touched = kept.best(), kept.touched()
    if number is None:
        return CourseRecord(tuple(_record(row, best, touched) for row in LESSONS))
    record = _record(lesson(f"{number:0>2}"), best, touched)
    row, table = record.lesson, record.table
    title = f"Your progress · {row.number} {row.title}"
    if not record.predictions or record.locked < record.predictions:
        return Table(title, table.rows, also=_also(record))
    solved = table.earned >= table.possible
    total = f"{show.points(table.possible)} points"
    predictions = show.count(record.predictions, "prediction")
    ending = ending_of_lesson(row, predictions, total, solved)
    return Table(title, table.rows, also=_also(record), ending=ending)


def _record(row: Lesson, best: Mapping[str, Best], touched: Mapping[str, float]) -> LessonRecord:
    mine = [one for one in all_exercises() if one.id.partition("/")[0] == row.topic]
    asked = [one for one in mine if one.points]
    free = [one for one in mine if not one.points]
    rows = [_row(one, best.get(one.id), str(place)) for place, one in enumerate(asked, start=1)]
    rows += [_row(one, best[one.id]) for one in free if one.id in best]
    guessed = [one for one in free if isinstance(one, Commitment)]
    locked = sum(one.id in touched for one in guessed)
    return LessonRecord(row, Table(row.title, tuple(rows)), locked, len(guessed))


def _row(question: Question, best: Best | None, number: str = "") -> Row:
    name = (question.id, question.title)
    if best is None:
        return Row(*name, "unanswered", 0.0, question.points, number=number)
    share = best.earned / best.possible if best.possible else 0.0
    status: Status = "right" if best.right else "wrong"
    tries = show.count(best.attempts, "attempt")
    return Row(*name, status, share * question.points, question.points, tries, number)


def _also(record: LessonRecord) -> str:
    return f"{record.locked} of {show.count(record.predictions, 'prediction')}"


def _bar(share: float) -> str:
    full = int(share * BLOCKS + 1e-9) or (1 if share else 0)
    return "█" * full + "░" * (BLOCKS - full)


def _html_row(record: LessonRecord) -> str:
    row, share = record.lesson, 100 * record.share
    mark = "✓" if record.complete else ""
    points = score_text(record.table.earned, record.table.possible) if row.earns else ""
    made = f"{record.locked} of {show.count(record.predictions, 'prediction')}"
    bar = (
        '<span style="display:inline-block;width:120px;height:8px;border-radius:2px;background:'
        f'linear-gradient(to right,#009e73 {share:.0f}%,rgba(128,128,128,.3) 0)"></span>'
    )
    exercises = page_link(row.exercises, points) if row.earns else ""
    return (
        f"<tr><td>{mark}</td><td>{page_link(row.notebook, _name(row))}</td><td>{bar}</td>"
        f"<td>{exercises}</td><td>{made if record.predictions else ''}</td></tr>"
    )


def _name(row: Lesson) -> str:
    return f"{row.number} · {row.title}"
