"""``gradcourse grade``: a class from the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gradcourse.checking.show import count
from gradcourse.grading.intake import Refused, find_submissions
from gradcourse.grading.intake.identities import shapes
from gradcourse.grading.intake.layout import shown
from gradcourse.grading.ledger import Book, Decisions, check_overrides, settle
from gradcourse.grading.ledger.late import policy_of
from gradcourse.grading.ledger.roster import read_groups, read_roster
from gradcourse.grading.ledger.sheets import moment
from gradcourse.grading.many.grade_class import Graded, Settings, grade_class
from gradcourse.grading.many.store import LEARNERS, RESULTS
from gradcourse.grading.report import write_reports
from gradcourse.grading.report.wording import layers, numbers_left_out, score, sentences
from gradcourse.support import GradcourseError

if TYPE_CHECKING:
    from gradcourse.grading.one.grade import Grader

MOST_LOOKS = 20
"""How many of those to look at are listed in the terminal; the class page has all."""


@dataclass(frozen=True)
class Wishes:
    """What belongs to the pages and tables, and not to grading.

    Attributes
    ----------
    overrides : Path or None
        By default ``overrides.csv`` in the output folder, where there is one.
    late, due : str or None
        "10%/day, at most 3"; the deadline.
    roster, groups : Path or None
    anonymous : bool
    """

    overrides: Path | None = None
    late: str | None = None
    due: str | None = None
    roster: Path | None = None
    groups: Path | None = None
    anonymous: bool = False

    def decisions(self, out: Path) -> Decisions:
        """Read the tables.

        Raises
        ------
        GradcourseError
            If one cannot be read or understood.
        """
        if self.overrides is not None and not self.overrides.exists():
            raise GradcourseError(f"{self.overrides}: there is no such file")
        due = moment(self.due) if self.due is not None else None
        if self.due is not None and due is None:
            raise GradcourseError(f"--due {self.due}: give it as 2026-10-01T23:59")
        overrides = self.overrides or out / OVERRIDES
        check_overrides(overrides)
        return Decisions(
            overrides,
            policy_of(self.late) if self.late is not None else None,
            due,
            read_roster(self.roster) if self.roster else None,
            read_groups(self.groups) if self.groups else {},
        )


OVERRIDES = "overrides.csv"


def run_list_command(settings: Settings) -> int:
    """Say who and what was recognised, without running anything.

    Raises
    ------
    GradcourseError
        If there is no submission.
    """
    submissions = find_submissions(
        settings.submissions, settings.assignment, all_attempts=settings.best
    )
    for one in submissions:
        about = one.assignment or (f"{one.guess}?" if one.guess else "?")
        notes = [*one.notes, *(doubt.text for doubt in one.doubts)]
        try:
            size = f"{len(one.read()) / 1000:.0f} kB"
        except Refused as refused:
            size, notes = "–", [refused.text, *notes]
        number = one.canvas or one.moodle
        place = f"{one.name} ({size})"
        said = shown(" ".join(notes)) if notes else ""
        print("  ".join(filter(None, (one.learner, number, about, place, said))))
    print(count(len(submissions), "submission"))
    _say_shapes(one.key for one in submissions)
    return int(any(one.doubts for one in submissions))


def _say_shapes(keys: Iterable[tuple[str, ...]]) -> None:
    for shape, learners in shapes(keys):
        print(f"{count(learners, 'learner')} by {shape}")


def run_grade_command(
    settings: Settings, grader: Grader | None = None, wishes: Wishes | None = None
) -> int:
    """Grade a class, write the reports, and say what to do next.

    Returns
    -------
    int
        0 when everybody could be graded, 1 when a person should look at some, 130 when it was
        stopped.

    Raises
    ------
    GradcourseError
        If something of this machine or of what was asked for is in the way.
    """
    wishes = wishes or Wishes()
    decisions = wishes.decisions(settings.out)  # a slip in a table is told before hours of work
    try:
        graded = grade_class(settings, grader)
        book = settle(graded.marks, decisions)
        graded = replace(graded, marks=book.marks)
        files = write_reports(settings.out, book, anonymous=wishes.anonymous)
    except KeyboardInterrupt:
        print(
            f"gradcourse grade: stopped; what is graded is kept in {settings.out}: "
            "go on with --resume",
            file=sys.stderr,
        )
        return 130
    _say(settings, graded)
    _say_book(book)
    print(f"{settings.out}: {', '.join(path.name for path in files)}, {LEARNERS}/, {RESULTS}/")
    return int(bool(graded.looks or book.unused))


def _say_book(book: Book) -> None:
    changed = sum(bool(mark.adjustments or mark.by_hand or mark.comment) for mark in book.marks)
    if changed:
        print(f"{count(changed, 'mark')} changed by overrides and late work")
    if book.missing:
        names = ", ".join(person.name for person in book.missing[:MOST_LOOKS])
        print(f"{len(book.missing)} of the roster handed in nothing: {shown(names)}")
    for text in book.unused:
        print(shown(text))


def _say(settings: Settings, graded: Graded) -> None:
    marks = graded.marks
    done = sum(mark.graded for mark in marks)
    line = f"{done} of {count(len(marks), 'submission')} graded"
    if graded.kept:
        line += f"; {count(graded.kept, 'result')} kept from before"
    print(line)
    _say_shapes(mark.origin.key for mark in marks)
    if doubt := numbers_left_out(marks):
        print(doubt)
    if graded.looks:
        print(f"{count(len(graded.looks), 'submission')} to look at by hand:")
    for mark in graded.looks[:MOST_LOOKS]:
        why = shown(" ".join(sentences(mark)) or "see its page")
        print(f"  {mark.learner} ({score(mark)}): {why[:300]}")
    if len(graded.looks) > MOST_LOOKS:
        print(f"  and {len(graded.looks) - MOST_LOOKS} more, in class.html")
    for layer, hows in layers(marks).items():
        for how, number in hows.items():
            if how != "on":
                print(f"sandbox: {layer} {how} ({count(number, 'submission')})")
    if graded.stale:
        print(
            f"{count(graded.stale, 'older result')} in {settings.out} "
            f"{'is' if graded.stale == 1 else 'are'} of nobody in {settings.submissions}"
        )
