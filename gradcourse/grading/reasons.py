"""The codes of all reasons: what each says, and whether a person should look at the submission."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Meaning(NamedTuple):
    """What a code says, and whether a person should look at the submission."""

    text: str
    look: bool


REASONS = {
    # the file
    "no-notebook": Meaning("There is no notebook.", True),
    "unreadable": Meaning("The file cannot be read.", True),
    "unsafe-path": Meaning("The archive names a path outside its own folder.", True),
    "several-notebooks": Meaning("Several notebooks were handed in; the newest was graded.", True),
    "name-in-doubt": Meaning("Another learner's name is nearly the same.", True),
    "number-in-doubt": Meaning("Its number in Canvas or Moodle may be another learner's.", True),
    "not-in-roster": Meaning("Nobody in the roster has this name or number.", True),
    "late-unknown": Meaning("It was handed in late, and how late is not known.", True),
    "link-refused": Meaning("It is a link, and links are not followed.", True),
    "empty-file": Meaning("The file is empty.", True),
    "too-large": Meaning("The file is too large to be a notebook with answers.", True),
    "not-json": Meaning("The file is damaged: it is not JSON, so it is no notebook.", True),
    "wrong-format": Meaning("The notebook is of another format version than 4.", False),
    "wrong-encoding": Meaning("The file is not UTF-8; it was read in another encoding.", False),
    "wrong-kernel": Meaning("The notebook names another language than Python.", True),
    # what is in it
    "unknown-assignment": Meaning("It answers no assignment of this course.", True),
    "other-assignment": Meaning("It is a notebook of another assignment.", True),
    "no-answers": Meaning("It holds none of the assignment's answers.", True),
    "missing-cells": Meaning("Cells of the assignment are missing.", False),
    "duplicate-cells": Meaning("A cell of the assignment stands there more than once.", False),
    "edited-metadata": Meaning(
        "The grading marks of a cell were changed; they are not used.", False
    ),
    "answer-in-test-cell": Meaning("An answer stands in a cell that belongs to the grading.", True),
    "answer-not-code": Meaning("The cell of an answer is no code cell; it was not run.", True),
    "course-function": Meaning("An answer is a function of the course itself.", True),
    # what happened
    "syntax-error": Meaning("A cell is no Python.", False),
    "cell-error": Meaning("A cell raised an exception.", False),
    "cell-timeout": Meaning("A cell did not finish in its time.", True),
    "process-ended": Meaning("It ended its own process.", True),
    "killed": Meaning("Its process was killed by a signal.", True),
    "memory": Meaning("It needed more memory than is allowed.", True),
    "import-supplied": Meaning("An import that every notebook has was missing or failed.", False),
    "one-cause": Meaning("Several questions fail for one cause.", True),
    "not-here": Meaning(
        "It asks for something that is not here: a file, a module, a graphics card.", True
    ),
    "output-cut": Meaning("It gave more output than is kept.", False),
    "question-timeout": Meaning("A question did not finish in its time.", True),
    "submission-timeout": Meaning("The time for the whole submission ran out.", True),
    "wrote-nothing-readable": Meaning("What its process sent was no readable answer.", True),
    "tried-outside": Meaning(
        "It asked the network or another program, which answers nobody here.", False
    ),
    "tried-forbidden": Meaning("It tried what is forbidden while it is graded.", True),
    "internal-error": Meaning("The grading itself failed here; please report it.", True),
}
"""By code. `look` marks those for which a person should open the submission."""


def meaning(code: str) -> str:
    """Return what a code says; the code itself where it is none of ours."""
    return REASONS[code].text if code in REASONS else code


def needs_look(codes: Iterable[str]) -> bool:
    """Whether one of the codes asks for a person."""
    return any(REASONS[code].look for code in codes if code in REASONS)
