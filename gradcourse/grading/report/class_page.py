"""The page for the instructor: how the class did, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from statistics import mean, median
from typing import Any, NamedTuple

from gradcourse.checking.question import Played
from gradcourse.checking.show import count, points
from gradcourse.exercises.registry import assignment as questions_of
from gradcourse.grading.ledger.roster import Person
from gradcourse.grading.many.store import LEARNERS
from gradcourse.grading.mark import Mark, QuestionMark
from gradcourse.grading.report.alike import same_answers
from gradcourse.grading.report.page import render
from gradcourse.grading.report.svg import CLASSES, divided_bar, histogram
from gradcourse.grading.report.wording import assignment_title, layers, numbers_left_out
from gradcourse.lessons import LESSONS

WORDS = {"right": "right", "partly": "partly right", "wrong": "wrong", "unanswered": "no answer"}


class Idea(NamedTuple):
    """A misconception at a question, and what those who have it are told."""

    id: str
    name: str
    question: str
    message: str


def class_page(
    marks: Sequence[Mark], missing: Sequence[Person] = (), unused: Sequence[str] = ()
) -> bytes:
    """Return the class page.

    Parameters
    ----------
    marks : sequence of Mark
        In the order in which the learners are listed.
    missing : sequence of Person
        Who is in the roster and handed in nothing.
    unused : sequence of str
        What was decided and changed nothing, and why.
    """
    names = sorted({mark.assignment or "" for mark in marks})
    title = f"Assignment {', '.join(filter(None, names))}" if any(names) else "The class"
    codes: Counter[str] = Counter()
    for mark in marks:
        codes.update({reason.code: 1 for reason in mark.reasons})
    return render(
        "class.html",
        title=title,
        marks=marks,
        summary=list(_summary(marks)),
        assignments=[_assignment(marks, name, len(names) > 1) for name in names if name],
        assignments_named=len(names),
        codes=codes.most_common(),
        missing=missing,
        unused=unused,
        alike=same_answers(marks),
        by_points=sorted(
            marks, key=lambda mark: (mark.graded, mark.total / (mark.possible or 1.0))
        ),
        letters=_letters(marks),
        notes_of=lambda mark: tuple(
            f"{change.text} ({change.points:+g})" for change in mark.adjustments
        ),
        columns=_columns(marks) if len(names) == 1 else [],
        games=list(_games(marks)),
        wrote=[mark for mark in marks if mark.texts],
        failed=[mark for mark in marks if mark.failed and mark.total < mark.possible],
        layers=layers(marks),
        folder=LEARNERS,
        words=WORDS,
        heads=[word.capitalize() for word in WORDS.values()],
        classes=CLASSES,
        histogram=histogram,
        divided_bar=divided_bar,
    )


def _letters(marks: Sequence[Mark]) -> dict[int, str]:
    """Where in the list of everybody a new initial begins: links are a search without code."""
    letters: dict[int, str] = {}
    for index, mark in enumerate(marks):
        letter = mark.learner[:1].upper()
        if letter not in letters.values():
            letters[index] = letter
    return letters


def _games(
    marks: Sequence[Mark],
) -> Iterator[tuple[str, list[tuple[Mark, QuestionMark]]]]:
    """Yield each question that asks for the lines of a game, and who answered it how."""
    known = {mark.assignment for mark in marks if mark.assignment}
    for asked in (question for name in sorted(known) for question in questions_of(name)):
        if isinstance(asked, Played):
            answers = [(mark, one) for mark in marks if mark.graded for one in mark.questions]
            played = [(m, q) for m, q in answers if q.id == asked.id and q.status != "unanswered"]
            if played:
                yield asked.title, played


def _columns(marks: Sequence[Mark]) -> list[tuple[str, str]]:
    """Ids and titles of the questions of the one assignment."""
    return [(question.id, question.title) for question in marks[0].questions] if marks else []


def _summary(marks: Sequence[Mark]) -> Iterator[str]:
    graded = sum(mark.graded for mark in marks)
    yield f"{graded} of {count(len(marks), 'submission')} could be graded."
    looks = sum(mark.look for mark in marks)
    if looks:
        verb = "needs" if looks == 1 else "need"
        yield f"{looks} {verb} a look by hand; the list stands below."
    late = sum(mark.origin.late for mark in marks)
    if late:
        yield f"{late} handed in late."
    if doubt := numbers_left_out(marks):
        yield doubt


def _assignment(marks: Sequence[Mark], number: str, several: bool) -> dict[str, Any]:
    """What is shown of one assignment; what could not be graded is not counted."""
    own = [mark for mark in marks if mark.assignment == number]
    graded = [mark for mark in own if mark.graded]
    earned = [mark.total for mark in graded] or [0.0]
    return {
        "prefix": f"{assignment_title(own[0])}: " if several else "",
        "shares": [mark.total / mark.possible for mark in graded if mark.possible],
        "possible": own[0].possible,
        "mean": mean(earned),
        "median": median(earned),
        "questions": [_question(graded, index) for index in range(len(own[0].questions))]
        if graded
        else [],
        "ideas": _ideas(own),
        "lesson": next((row.notebook for row in LESSONS if row.number == number), ""),
    }


def _question(graded: Sequence[Mark], index: int) -> dict[str, Any]:
    own = [mark.questions[index] for mark in graded]
    return {
        "id": own[0].id,
        "title": own[0].title,
        "possible": own[0].possible,
        "counts": Counter(question.state for question in own),
        "steps": _steps(question.earned for question in own),
        "mean": mean(question.earned for question in own),
    }


def _steps(earned: Iterable[float]) -> str:
    """How many have how many points: "0: 3, 1.5: 2, 3: 14"."""
    return ", ".join(f"{points(one)}: {many}" for one, many in sorted(Counter(earned).items()))


def _ideas(marks: Sequence[Mark]) -> list[tuple[Idea, int]]:
    """What to talk about in the next lecture: the wrong ideas that most learners share."""
    counts: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], Idea] = {}
    for mark in marks:
        ideas = [
            Idea(question.id, part.misconception, question.title, part.message.split("\n")[0])
            for question in mark.questions
            for part in question.parts
            if part.misconception
        ]
        for idea in ideas:
            first.setdefault(idea[:2], idea)
        counts.update(dict.fromkeys((idea[:2] for idea in ideas), 1))
    return [(first[key], learners) for key, learners in counts.most_common()]
