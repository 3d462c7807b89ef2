r"""Cases as plain text: a head line, a few settings, and the cells.

    ======== the name of the case
    fair: chain/lyapunov 0..0.5
    reasons: question-timeout killed
    secret: what must not stand in the result
    limits: question 4
    ---- before
    a cell after the imports
    ---- answer
    the answer cell of one question
    ---- after
    a cell at the end

The answer is that of "chain/lyapunov", or of "saturation/loss-from-logits" where there is the line
"assignment: 02". Some other questions are answered rightly, before and after it; fair is what they
earn, unless there is a line "fair: …": "full" adds the answer's own points, "spoiled" lets the
others be lost, "nothing" calls for it; or single questions are named. "clean: yes" says that no
reason may be reported.

With a line "question: relu/prelu" the answer is that of another question, alone in the notebook of
its assignment, and full points are fair.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from corpus.build import (
    ASSIGNMENTS,
    Assignment,
    Case,
    Points,
    alone,
    answered,
    packed,
)

CASE, CELL = "======== ", "---- "


def read_cases(file: str) -> tuple[Case, ...]:
    """Return the cases of one of the files."""
    text = (Path(__file__).parent / f"{file}.cases").read_text("utf-8")
    return tuple(read_case(block) for block in text.split(f"\n{CASE}")[1:])


def read_case(block: str) -> Case:
    """Return one case from its text."""
    head, *blocks = block.split(f"\n{CELL}")
    name, *lines = head.strip().splitlines()
    settings = dict(line.split(": ", 1) for line in lines)
    cells = dict(cell.split("\n", 1) for cell in blocks)
    assert set(cells) <= {"before", "answer", "after"}, (name, set(cells))
    about = ASSIGNMENTS[settings.pop("assignment", "01")]
    fair = settings.pop("fair", "")
    if "question" in settings:
        about, fair = alone(about, settings.pop("question")), "full"
    answer = cells.get("answer", about.right if fair == "full" else "")
    limits = [item.split() for item in settings.pop("limits", "").split(",") if item]
    case = Case(
        name,
        partial(
            _packed, about, answer.strip("\n"), cells.get("before", ""), cells.get("after", "")
        ),
        _fair(about, fair),
        about.name,
        reasons=frozenset(settings.pop("reasons", "").split()),
        clean=settings.pop("clean", "no") == "yes",
        secret=settings.pop("secret", ""),
        limits={limit: float(value) for limit, value in limits},
    )
    assert not settings, (name, settings)
    return case


def _packed(about: Assignment, answer: str, before: str, after: str) -> bytes:
    answers = {about.question: answer} if answer else {}
    return packed(
        answered(answers, tuple(about.others), about.name, before.rstrip("\n"), after.rstrip("\n"))
    )


def _fair(about: Assignment, text: str) -> dict[str, Points]:
    fair: dict[str, Points] = dict(about.others)
    if text == "full":
        return about.full
    if text == "nothing":
        return {}
    if text == "spoiled":
        return {question: (0.0, points) for question, points in about.others.items()}
    for item in filter(None, text.split(", ")):
        question, points = item.split()
        low, _, high = points.partition("..")
        fair[question] = (float(low), float(high or low))
    return fair
