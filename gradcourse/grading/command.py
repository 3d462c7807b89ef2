"""``gradcourse grade``: a class from the terminal."""

from __future__ import annotations

import sys

from gradcourse.checking.show import count
from gradcourse.grading.intake.identities import shapes
from gradcourse.grading.intake.layout import shown
from gradcourse.grading.many.grade_class import Graded, Settings, grade_class
from gradcourse.grading.many.store import LEARNERS, RESULTS
from gradcourse.grading.many.task import Grade
from gradcourse.grading.report import write_reports
from gradcourse.grading.report.wording import (
    is_graded,
    key_of,
    layers,
    numbers_left_out,
    score,
    sentences,
)

MOST_LOOKS = 20
"""How many of those to look at are listed in the terminal; the class page has all."""


def run_grade_command(settings: Settings, grade: Grade | None = None) -> int:
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
        graded = grade_class(settings, grade)
        files = write_reports(settings.out, graded.records)
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
    records = graded.records
    done = sum(map(is_graded, records))
    line = f"{done} of {count(len(records), 'submission')} graded"
    if graded.kept:
        line += f"; {count(graded.kept, 'result')} kept from before"
    print(line)
    for shape, learners in shapes(map(key_of, records)):
        print(f"{count(learners, 'learner')} by {shape}")
    if doubt := numbers_left_out(records):
        print(doubt)
    if graded.looks:
        print(f"{count(len(graded.looks), 'submission')} to look at by hand:")
    for record in graded.looks[:MOST_LOOKS]:
        why = shown(" ".join(sentences(record)) or "see its page")
        print(f"  {record['learner']} ({score(record)}): {why[:300]}")
    if len(graded.looks) > MOST_LOOKS:
        print(f"  and {len(graded.looks) - MOST_LOOKS} more, in class.html")
    for layer, hows in layers(records).items():
        for how, number in hows.items():
            if how != "on":
                print(f"sandbox: {layer} {how} ({count(number, 'submission')})")
    if graded.stale:
        print(
            f"{count(graded.stale, 'older result')} in {settings.out} "
            f"{'is' if graded.stale == 1 else 'are'} of nobody in {settings.submissions}"
        )
