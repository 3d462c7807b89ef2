"""What the marks of a class say, in the words that all reports share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from gradcourse.checking.show import count, points
from gradcourse.grading.mark import Mark, QuestionMark
from gradcourse.grading.reasons import meaning


def numbers_left_out(marks: Iterable[Mark]) -> str:
    """Say of how many submissions the number is in doubt; empty when of none."""
    doubtful = sum("number-in-doubt" in mark.codes for mark in marks)
    if not doubtful:
        return ""
    return (
        f"{count(doubtful, 'submission')} without a number in canvas.csv and moodle.csv: "
        "it may be another learner's."
    )


def of_points(mark: Mark | QuestionMark) -> str:
    """Return "13 of 16", with all that the instructor decided."""
    earned = mark.total if isinstance(mark, Mark) else mark.earned
    return f"{points(earned)} of {points(mark.possible)}"


def score(mark: Mark) -> str:
    """Return "13 of 16 points", or "not graded"."""
    return f"{of_points(mark)} points" if mark.graded else "not graded"


def sentences(mark: Mark) -> list[str]:
    """All reasons of a submission, each once, as a sentence with its place or its question."""
    known = {reason.code for reason in mark.reasons}
    of_questions = [
        f"{question.title}: {meaning(code)}"
        for question in mark.questions
        for code in question.reasons
        if code not in known
    ]
    return list(dict.fromkeys([*(reason.sentence for reason in mark.reasons), *of_questions]))


def layers(marks: Iterable[Mark]) -> dict[str, Counter[str]]:
    """Count for each sandbox layer how often it was on, or why it was missing."""
    counts: dict[str, Counter[str]] = {}
    for mark in marks:
        for layer, how in mark.sandbox.items():
            counts.setdefault(layer, Counter())[str(how)] += 1
    return counts


def assignment_title(mark: Mark) -> str:
    """Return "Assignment 02"."""
    return f"Assignment {mark.assignment}" if mark.assignment else "Unknown assignment"
