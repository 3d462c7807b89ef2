"""The marks as CSV: for a spreadsheet, for Canvas, and for Moodle."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Iterable, Sequence

from gradcourse.grading.report.page import visible
from gradcourse.grading.report.wording import Record, is_graded, key_of, score

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for a formula at the beginning of a cell (OWASP, CSV injection)."""


def gradebook(records: Sequence[Record]) -> bytes:
    """Return everything, one line per submission and one column per question.

    What could not be graded has no marks: a 0 in a spreadsheet counts as one.
    """
    ids = list(dict.fromkeys(q["id"] for record in records for q in record["questions"]))
    head = ["learner", "assignment", "earned", "possible", "graded", "look", "late", "reasons"]
    rows = []
    for record in records:
        graded = is_graded(record)
        own = record["questions"] if graded else ()
        earned = {question["id"]: _number(question["earned"]) for question in own}
        rows.append(
            [
                _text(record["learner"]),
                _text(record["assignment"] or ""),
                _number(record["earned"]) if graded else "",
                _number(record["possible"]),
                _yes(graded),
                _yes(record["look"]),
                _yes("handed in late" in record["submission"].get("notes", ())),
                _text("; ".join(dict.fromkeys(one["code"] for one in record["reasons"]))),
                *(earned.get(id, "") for id in ids),
                record["submission"]["canvas"],
                record["submission"]["moodle"],
                _text(record["submission"]["name"]),
            ]
        )
    return _csv([[*head, *map(_text, ids), "canvas_id", "moodle_id", "file"], *rows])


def canvas(records: Sequence[Record]) -> bytes:
    """Return what Canvas's gradebook imports.

    Canvas finds a learner by the ID, which bulk downloads carry in their file names; of a folder
    that no platform named, the learner's name stands as the login. A row with neither is nobody's
    until a person has looked: a platform's name may well be another learner's login.
    What could not be graded is left empty: Canvas then changes nothing.
    """
    names = sorted({record["assignment"] for record in records if record["assignment"]})
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    possible = [
        next(_number(record["possible"]) for record in records if record["assignment"] == number)
        for number in names
    ]
    rows = [[*head, *(f"Assignment {number}" for number in names)]]
    rows.append(["    Points Possible", "", "", "", "", *possible])
    learners: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        learners.setdefault(key_of(record), []).append(record)
    for own in learners.values():
        first = own[0]
        id = first["submission"]["canvas"]
        named = key_of(first)[0] == "plain" and not (id or first["submission"]["moodle"])
        login = _text(first["learner"]) if named else ""
        earned = {one["assignment"]: _number(one["earned"]) for one in own if is_graded(one)}
        marks = [earned.get(number, "") for number in names]
        rows.append([_text(first["learner"]), id, "", login, "", *marks])
    return _csv(rows)


def moodle(records: Iterable[Record]) -> bytes:
    """Return a grading worksheet as Moodle's assignment imports it, of one assignment.

    Moodle finds a learner by "Participant 123", which bulk downloads carry in their folder names.
    What could not be graded is left empty: Moodle then changes nothing.
    """
    head = ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade"]
    head += ["Grade can be changed", "Last modified (submission)", "Last modified (grade)"]
    rows = [[*head, "Feedback comments"]]
    for record in records:
        graded = is_graded(record)
        person = [record["submission"]["moodle"], _text(record["learner"]), ""]
        grade = f"{record['earned']:.2f}" if graded else ""
        rest = [f"{record['possible']:.2f}", "Yes", "-", "-"]
        feedback = _feedback(record) if graded else ""
        handed_in = not any(one["code"] == "no-notebook" for one in record["reasons"])
        status = "Submitted for grading" if handed_in else "No submission"
        rows.append([*person, status, grade, *rest, _text(feedback)])
    return _csv(rows)


def _feedback(record: Record) -> str:
    """A few lines of HTML, which is what a feedback comment is."""
    lines = [score(record)]
    for question in record["questions"]:
        ideas = dict.fromkeys(p["misconception"] for p in question["parts"] if p["misconception"])
        named = f" ({', '.join(ideas)})" if ideas else ""
        lines.append(f"{question['title']}: {question['headline']}{named}")
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
