"""What the records of a class say, in the words that all reports share."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from gradcourse.checking.show import count, points
from gradcourse.grading.reasons import REASONS, failed_here

Record = dict[str, Any]


def key_of(record: Record) -> tuple[str, ...]:
    """Return what tells the learner from all others: never a platform's number alone."""
    *key, _ = json.loads(record["submission"]["identity"])
    return tuple(map(str, key))


def numbers_left_out(records: Iterable[Record]) -> str:
    """Say of how many submissions the number is in doubt; empty when of none."""
    codes = [{one["code"] for one in record["reasons"]} for record in records]
    doubtful = sum("number-in-doubt" in found for found in codes)
    if not doubtful:
        return ""
    return (
        f"{count(doubtful, 'submission')} without a number in canvas.csv and moodle.csv: "
        "it may be another learner's."
    )


def is_graded(record: Record) -> bool:
    """Whether the mark means something: code was run, and the grader did not fail."""
    return record["cells"]["run"] > 0 and not failed_here(record)


def score(record: Record) -> str:
    """Return "13 of 16 points", or "not graded"."""
    if not is_graded(record):
        return "not graded"
    return f"{points(record['earned'])} of {points(record['possible'])} points"


def state(question: dict[str, Any]) -> str:
    """Return how a question went: right, partly, wrong or unanswered."""
    if question["status"] == "wrong" and question["earned"] > 0:
        return "partly"
    return str(question["status"])


def sentences(record: Record) -> list[str]:
    """All reasons of a submission, each once, as a sentence with its place or its question."""
    whole = [
        f"{one['where'][:1].upper()}{one['where'][1:]}: {one['text']}"
        if one.get("where")
        else one["text"]
        for one in record["reasons"]
    ]
    known = {one["code"] for one in record["reasons"]}
    of_questions = [
        f"{question['title']}: {reason_text(code)}"
        for question in record["questions"]
        for code in question["reasons"]
        if code not in known
    ]
    return list(dict.fromkeys([*whole, *of_questions]))


def reason_text(code: str) -> str:
    """Return what a code says."""
    return REASONS[code].text if code in REASONS else code


def layers(records: Iterable[Record]) -> dict[str, dict[str, int]]:
    """Count for each sandbox layer how often it was on, or why it was missing."""
    counts: dict[str, dict[str, int]] = {}
    for record in records:
        for layer, how in record["sandbox"].items():
            of_layer = counts.setdefault(layer, {})
            of_layer[str(how)] = of_layer.get(str(how), 0) + 1
    return counts


def names_of(learner: Record) -> str:
    """Return the title of an assignment: "Assignment 02"."""
    number = learner["assignment"]
    return f"Assignment {number}" if number else "Unknown assignment"
