"""``gradcourse grade``: a class from the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gradcourse.checking.show import count
from gradcourse.grading.intake.identities import shapes
from gradcourse.grading.intake.layout import shown
from gradcourse.grading.many.grade_class import Graded, Settings, grade_class
from gradcourse.grading.many.store import LEARNERS, RESULTS
from gradcourse.grading.report import write_reports
from gradcourse.grading.report.wording import layers, numbers_left_out, score, sentences

if TYPE_CHECKING:
    from gradcourse.grading.one.grade import Grader

MOST_LOOKS = 20
"""How many of those to look at are listed in the terminal; the class page has all."""


def run_grade_command(settings: Settings, grader: Grader | None = None) -> int:
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
    try:
        graded = grade_class(settings, grader)
        files = write_reports(settings.out, graded.marks)
    except KeyboardInterrupt:
        print(
            f"gradcourse grade: stopped; what is graded is kept in {settings.out}: "
            "go on with --resume",
            file=sys.stderr,
        )
        return 130
    _say(settings, graded)
    print(f"{settings.out}: {', '.join(path.name for path in files)}, {LEARNERS}/, {RESULTS}/")
    return int(bool(graded.looks))


def _say(settings: Settings, graded: Graded) -> None:
    marks = graded.marks
    done = sum(mark.graded for mark in marks)
    line = f"{done} of {count(len(marks), 'submission')} graded"
    if graded.kept:
        line += f"; {count(graded.kept, 'result')} kept from before"
    print(line)
    for shape, learners in shapes(mark.origin.key for mark in marks):
        print(f"{count(learners, 'learner')} by {shape}")
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
