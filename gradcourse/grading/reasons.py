"""Why a submission could not be graded fully, or needs a look: a code, a text, and for whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Reason(NamedTuple):
    """What a code says, and whether a person should look at the submission."""

    text: str
    look: bool


REASONS = {
    # the file
    "no-notebook": Reason("There is no notebook.", True),
    "unreadable": Reason("The file cannot be read.", True),
    "unsafe-path": Reason("The archive names a path outside its own folder.", True),
    "several-notebooks": Reason("Several notebooks were handed in; the newest was graded.", True),
    "name-in-doubt": Reason("Another learner's name is nearly the same.", True),
    "number-in-doubt": Reason("Its number in Canvas or Moodle may be another learner's.", True),
    "link-refused": Reason("It is a link, and links are not followed.", True),
    "empty-file": Reason("The file is empty.", True),
    "too-large": Reason("The file is too large to be a notebook with answers.", True),
    "not-json": Reason("The file is damaged: it is not JSON, so it is no notebook.", True),
    "wrong-format": Reason("The notebook is of another format version than 4.", False),
    "wrong-encoding": Reason("The file is not UTF-8; it was read in another encoding.", False),
    "wrong-kernel": Reason("The notebook names another language than Python.", True),
    # what is in it
    "unknown-assignment": Reason("It answers no assignment of this course.", True),
    "other-assignment": Reason("It is a notebook of another assignment.", True),
    "no-answers": Reason("It holds none of the assignment's answers.", True),
    "missing-cells": Reason("Cells of the assignment are missing.", False),
    "duplicate-cells": Reason("A cell of the assignment stands there more than once.", False),
    "edited-metadata": Reason(
        "The grading marks of a cell were changed; they are not used.", False
    ),
    "answer-in-test-cell": Reason("An answer stands in a cell that belongs to the grading.", True),
    "answer-not-code": Reason("The cell of an answer is no code cell; it was not run.", True),
    # what happened
    "syntax-error": Reason("A cell is no Python.", False),
    "cell-error": Reason("A cell raised an exception.", False),
    "cell-timeout": Reason("A cell did not finish in its time.", True),
    "process-ended": Reason("It ended its own process.", True),
    "killed": Reason("Its process was killed by a signal.", True),
    "memory": Reason("It needed more memory than is allowed.", True),
    "output-cut": Reason("It gave more output than is kept.", False),
    "question-timeout": Reason("A question did not finish in its time.", True),
    "submission-timeout": Reason("The time for the whole submission ran out.", True),
    "wrote-nothing-readable": Reason("What its process sent was no readable answer.", True),
    "tried-forbidden": Reason("It tried what is forbidden while it is graded.", True),
    "internal-error": Reason("The grading itself failed here; please report it.", True),
}
"""By code. `look` marks those for which a person should open the submission."""


def reason(code: str, where: str = "", text: str = "") -> dict[str, str]:
    """Return a reason as plain data.

    Parameters
    ----------
    code : str
        One of `REASONS`.
    where : str
        "cell 7 (lyapunov)"; empty for the whole submission.
    text : str
        Instead of the code's own text.
    """
    return {"code": code, "where": where, "text": text or REASONS[code].text}


def failed_here(result: Mapping[str, Any]) -> bool:
    """Whether the grader itself failed anywhere in it: then its mark means nothing."""
    codes = {one["code"] for one in result["reasons"]}
    return "internal-error" in codes.union(*(one["reasons"] for one in result["questions"]))


def needs_look(codes: list[str]) -> bool:
    """Whether one of the codes asks for a person."""
    return any(REASONS[code].look for code in codes)
