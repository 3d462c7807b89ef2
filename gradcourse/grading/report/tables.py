"""The marks as CSV: for a spreadsheet, for Canvas, and for Moodle."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Iterable, Mapping, Sequence

from gradcourse.grading.ledger.roster import Person
from gradcourse.grading.mark import Mark
from gradcourse.grading.report.page import visible
from gradcourse.grading.report.wording import score

LOGINS = ("plain", "blackboard")
"""The shapes whose names of learners are logins."""

NO_PEOPLE: Mapping[tuple[str, ...], Person] = {}

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for a formula at the beginning of a cell (OWASP, CSV injection)."""


def gradebook(marks: Sequence[Mark], people: People = NO_PEOPLE) -> bytes:
    """Return everything, one line per submission and one column per question.

    What could not be graded has no marks: a 0 in a spreadsheet counts as one.
    """
    ids = list(dict.fromkeys(question.id for mark in marks for question in mark.questions))
    head = ["learner", "assignment", "earned", "possible", "graded", "look", "late", "reasons"]
    rows = []
    for mark in marks:
        questions = mark.questions if mark.graded else ()
        earned = {question.id: _number(question.earned) for question in questions}
        rows.append(
            [
                _text(mark.learner),
                _text(mark.assignment or ""),
                _number(mark.total) if mark.graded else "",
                _number(mark.possible),
                _yes(mark.graded),
                _yes(mark.look),
                _yes(mark.origin.late),
                _text("; ".join(dict.fromkeys(reason.code for reason in mark.reasons))),
                *(earned.get(id, "") for id in ids),
                _changes(mark, "bonus"),
                _changes(mark, "late"),
                _changes(mark, "points"),
                _text(mark.comment),
                _text(_person(mark, people).section),
                mark.origin.canvas,
                mark.origin.moodle,
                _text(mark.origin.name),
            ]
        )
    more = ["bonus", "late_points", "by_hand", "comment", "section"]
    more += ["canvas_id", "moodle_id", "file"]
    return BOM + _csv([[*head, *map(_text, ids), *more], *rows])


BOM = b"\xef\xbb\xbf"
"""By it Excel knows that a table is UTF-8. The platforms' own imports do not need it."""

NOBODY = Person("")
People = Mapping[tuple[str, ...], Person]


def _person(mark: Mark, people: People) -> Person:
    return people.get(mark.origin.key, NOBODY)


def _changes(mark: Mark, kind: str) -> str:
    changes = [change.points for change in mark.adjustments if change.kind == kind]
    return _number(sum(changes)) if changes else ""


def canvas(marks: Sequence[Mark], people: People = NO_PEOPLE) -> bytes:
    """Return what Canvas's gradebook imports.

    Canvas finds a learner by the ID, which bulk downloads carry in their file names; of a folder
    that no platform named, the learner's name stands as the login. A row with neither is nobody's
    until a person has looked: a platform's name may well be another learner's login.
    What could not be graded is left empty: Canvas then changes nothing.
    """
    possible = {mark.assignment: _number(mark.possible) for mark in reversed(marks)}
    names = sorted(filter(None, possible))
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    rows = [[*head, *(f"Assignment {number}" for number in names)]]
    rows.append(["    Points Possible", "", "", "", "", *(possible[name] for name in names)])
    learners: dict[tuple[str, ...], list[Mark]] = {}
    for mark in marks:
        learners.setdefault(mark.origin.key, []).append(mark)
    for own in learners.values():
        name, origin = _text(own[0].learner), own[0].origin
        named = origin.key[0] in LOGINS and not (origin.canvas or origin.moodle)
        named = named and not any("name-in-doubt" in mark.codes for mark in own)
        person = _person(own[0], people)
        login = _text(person.login) or (name if named else "")
        number = origin.canvas or (person.id if person.id.isdigit() else "")
        earned = {mark.assignment: _number(mark.total) for mark in own if mark.graded}
        columns = [earned.get(number, "") for number in names]
        about = [name, number, _text(person.sis), login, _text(person.section)]
        rows.append([*about, *columns])
    return _csv(rows)


def moodle(marks: Iterable[Mark], people: People = NO_PEOPLE) -> bytes:
    """Return a grading worksheet as Moodle's assignment imports it, of one assignment.

    Moodle finds a learner by "Participant 123", which bulk downloads carry in their folder names.
    What could not be graded is left empty: Moodle then changes nothing.
    """
    head = ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade"]
    head += ["Grade can be changed", "Last modified (submission)", "Last modified (grade)"]
    rows = [[*head, "Feedback comments"]]
    for mark in marks:
        known = _person(mark, people)
        number = known.id if known.id.startswith("Participant") else ""
        person = [mark.origin.moodle or number, _text(mark.learner), _text(known.email)]
        handed_in = not any(reason.code == "no-notebook" for reason in mark.reasons)
        status = "Submitted for grading" if handed_in else "No submission"
        grade = f"{mark.total:.2f}" if mark.graded else ""
        rest = [f"{mark.possible:.2f}", "Yes", "-", "-"]
        feedback = _feedback(mark) if mark.graded else ""
        rows.append([*person, status, grade, *rest, _text(feedback)])
    return _csv(rows)


def _feedback(mark: Mark) -> str:
    """A few lines of HTML, which is what a feedback comment is."""
    lines = [score(mark)]
    for question in mark.questions:
        ideas = dict.fromkeys(part.misconception for part in question.parts if part.misconception)
        named = f" ({', '.join(ideas)})" if ideas else ""
        lines.append(f"{question.title}: {question.headline}{named} {question.note}".strip())
    lines += [f"{change.text}: {change.points:+g} points" for change in mark.adjustments]
    lines += mark.comment.splitlines()
    return "<br>".join(html.escape(line) for line in lines)


def _csv(rows: Iterable[Iterable[str]]) -> bytes:
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\r\n").writerows(rows)
    return stream.getvalue().encode("utf-8", "replace")


def _text(text: str) -> str:
    """A cell that no spreadsheet computes."""
    shown = visible(text)
    return f"'{shown}" if shown.lstrip(" ").startswith(FORMULA) else shown


def _number(value: float) -> str:
    return f"{value:.6g}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
