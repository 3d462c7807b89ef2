"""A mark: what a learner earned, question by question, and why. Frozen, and plain data as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from gradcourse.checking.question import Question
from gradcourse.checking.verdict import PartResult, Status, Verdict
from gradcourse.grading.reasons import meaning, needs_look

SCHEMA = 1
"""Of the JSON files; another number says that they hold something else."""

LATE = "handed in late"


@dataclass(frozen=True)
class Reason:
    """Why a submission could not be graded fully, or needs a look.

    Attributes
    ----------
    code : str
        One of `reasons.REASONS`.
    where : str
        "cell 7 (lyapunov)"; empty for the whole submission.
    text : str
        In words; by default the code's own.
    """

    code: str
    where: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", self.text or meaning(self.code))

    @property
    def sentence(self) -> str:
        """The text with its place: "Cell 7 (lyapunov): NameError: x"."""
        place = f"{self.where[:1].upper()}{self.where[1:]}: " if self.where else ""
        return place + self.text


@dataclass(frozen=True)
class Adjustment:
    """What the instructor added to a mark, or took off it.

    Attributes
    ----------
    kind : {"points", "bonus", "late"}
    points : float
        Added; negative where they are taken off.
    text : str
        Why, for the learner.
    """

    kind: str
    points: float
    text: str = ""


@dataclass(frozen=True)
class QuestionMark:
    """What was earned for one question.

    Attributes
    ----------
    id, title : str
        Of the exercise.
    earned, possible : float
        Points.
    status : {"right", "wrong", "unanswered"}
    message, headline : str
        What the panel says, and the score in words.
    printed : str
        What the learner's code printed; not for the learner's page.
    parts : tuple of PartResult
        Empty where nothing was tested.
    reasons : tuple of str
        Codes, each once.
    note : str
        What the instructor says of it.
    """

    id: str
    title: str
    earned: float
    possible: float
    status: Status
    message: str = ""
    headline: str = ""
    printed: str = ""
    parts: tuple[PartResult, ...] = ()
    reasons: tuple[str, ...] = ()
    note: str = ""

    @classmethod
    def blank(cls, exercise: Question, *codes: str) -> QuestionMark:
        """Of a question that nobody answered, or that could not be graded for a reason."""
        said = "" if codes else "not answered yet"
        own = exercise.id, exercise.title, 0.0, exercise.points
        return cls(*own, "unanswered", said, said or "not graded", reasons=codes)

    @classmethod
    def of(cls, verdict: Verdict, exercise: Question, codes: Iterable[str]) -> QuestionMark:
        """Of a verdict, without its seed."""
        own = {"possible": exercise.points, "headline": verdict.headline}
        return cls.from_dict(verdict.to_dict() | own | {"reasons": dict.fromkeys(codes)})

    @property
    def state(self) -> str:
        """How it went: right, partly, wrong or unanswered."""
        return "partly" if self.status == "wrong" and self.earned > 0 else self.status

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        data = {**asdict(self), "parts": list(map(asdict, self.parts)), "reasons": [*self.reasons]}
        del data["note"]  # the instructor's, which no result holds
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> QuestionMark:
        """Rebuild it from `to_dict`."""
        parts = tuple(PartResult(**_known(PartResult, part)) for part in data["parts"])
        return cls(**_known(cls, data) | {"parts": parts, "reasons": tuple(data["reasons"])})


@dataclass(frozen=True)
class Origin:
    """Whose submission a mark is of, and all that decides whether it still holds.

    Attributes
    ----------
    identity : str
        JSON of the learner's key and the assignment.
    stem : str
        Of the files that are written.
    sha256, course : str
        Fingerprints of the notebook and of the course.
    forced : str or None
        The assignment that the instructor named.
    name, canvas, moodle, notes, doubts, submitted
        As `intake.Submission` has them, the doubts in words.
    """

    identity: str = '[""]'
    stem: str = ""
    name: str = ""
    sha256: str = ""
    course: str = ""
    forced: str | None = None
    trusted: bool = False
    canvas: str = ""
    moodle: str = ""
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    submitted: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What tells the learner from all others: never a platform's number alone."""
        *key, _ = json.loads(self.identity)
        return tuple(map(str, key))

    @property
    def late(self) -> bool:
        """Whether it was handed in late."""
        return LATE in self.notes


NOWHERE = Origin()


@dataclass(frozen=True)
class Mark:
    """What one learner earned with one notebook, and why not more.

    Attributes
    ----------
    assignment : str or None
        "02"; None where nobody knows.
    questions : tuple of QuestionMark
        All of the assignment.
    reasons : tuple of Reason
        What is to be known of the whole submission.
    run, failed : int
        Code cells that were run, and those of them that did not come to their end.
    sandbox : mapping
        Its layers: "on", or why it was missing.
    trusted : bool
        Whether it might run without them.
    seconds : float
        How long it took.
    fault : str
        The traceback of a fault of the grader itself.
    seconds_on_worker : float or None
        How long a worker of a cluster had it.
    learner : str
    seed : int or None
        From which the random inputs were drawn.
    origin : Origin
        `NOWHERE` for a notebook that was graded alone.
    crowded : bool
        Whether it ran out of time or memory while the machine was busy with others: graded again
        without them, it may earn more.
    sources : mapping
        From a question to the cell that answers it, as the learner wrote it.
    texts : tuple of str
        What the learner wrote in words, for a person to read; no points hang on it.
    adjustments : tuple of Adjustment
        What the instructor decided; never written to ``results/``.
    comment : str
        The instructor's.
    by_hand : bool
        Whether the instructor gave points, so that it means something whatever was found.
    attempt : int
        Of several attempts, which it is of: 0 is the newest, 1 the one before it.
    """

    assignment: str | None
    questions: tuple[QuestionMark, ...] = ()
    reasons: tuple[Reason, ...] = ()
    run: int = 0
    failed: int = 0
    sandbox: Mapping[str, str] = field(default_factory=dict)
    trusted: bool = False
    seconds: float = 0.0
    fault: str = ""
    seconds_on_worker: float | None = None
    learner: str = ""
    seed: int | None = None
    origin: Origin = NOWHERE
    crowded: bool = False
    sources: Mapping[str, str] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    comment: str = ""
    by_hand: bool = False
    attempt: int = 0

    @property
    def total(self) -> float:
        """Points that count, with all that the instructor decided; never below 0."""
        changes = sum((change.points for change in self.adjustments), 0.0)
        return max(0.0, round(self.earned + changes, 4))

    @property
    def earned(self) -> float:
        """Points earned at the questions."""
        return sum((question.earned for question in self.questions), 0.0)

    @property
    def possible(self) -> float:
        """Points that could be earned."""
        return sum(question.possible for question in self.questions)

    @property
    def codes(self) -> list[str]:
        """The codes of all reasons, those of the whole submission first."""
        whole = [reason.code for reason in self.reasons]
        return whole + [code for question in self.questions for code in question.reasons]

    @property
    def look(self) -> bool:
        """Whether a person should look at it."""
        return needs_look(self.codes)

    @property
    def faulty(self) -> bool:
        """Whether the grader itself failed anywhere in it: then it means nothing."""
        return "internal-error" in self.codes

    @property
    def graded(self) -> bool:
        """Whether it means something: code was run, and the grader did not fail."""
        return self.by_hand or (self.run > 0 and not self.faulty)

    def adjusted(self, change: Adjustment) -> Mark:
        """Return the same mark with one more adjustment."""
        return replace(self, adjustments=(*self.adjustments, change))

    def because(self, *reasons: Reason) -> Mark:
        """Return the same mark with more reasons."""
        return replace(self, reasons=(*self.reasons, *reasons))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; whose it is, where that is known."""
        data = {
            "schema": SCHEMA,
            "assignment": self.assignment,
            "earned": self.earned,
            "possible": self.possible,
            "questions": [question.to_dict() for question in self.questions],
            "reasons": [asdict(reason) for reason in self.reasons],
            "cells": {"run": self.run, "failed": self.failed},
            "sandbox": dict(self.sandbox),
            "trusted": self.trusted,
            "seconds": self.seconds,
            "look": self.look,
        }
        optional: dict[str, Any] = {
            "fault": self.fault,
            "seconds_on_worker": self.seconds_on_worker,
        }
        optional |= {"crowded": self.crowded or None, "sources": dict(self.sources) or None}
        optional |= {"attempt": self.attempt or None, "texts": list(self.texts) or None}
        data |= {name: value for name, value in optional.items() if value not in ("", None)}
        if self.origin != NOWHERE:
            about = asdict(self.origin)
            about |= {name: list(about[name]) for name in ("notes", "doubts")}
            data |= {"learner": self.learner, "seed": self.seed, "submission": about}
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Mark:
        """Rebuild a mark from `to_dict`.

        Raises
        ------
        LookupError, TypeError, ValueError, AttributeError
            If it is something else.
        """
        about = data.get("submission", {})
        lists = {name: tuple(about.get(name, ())) for name in ("notes", "doubts")}
        sources = {str(id): str(text) for id, text in dict(data.get("sources") or {}).items()}
        own = _known(cls, data) | {
            "questions": tuple(map(QuestionMark.from_dict, data["questions"])),
            "reasons": tuple(Reason(**_known(Reason, reason)) for reason in data["reasons"]),
            "run": data["cells"]["run"],
            "failed": data["cells"]["failed"],
            "sources": sources,
            "texts": tuple(map(str, data.get("texts") or ())),
            "origin": Origin(**_known(Origin, about) | lists),
        }
        return cls(**own)


def _known(cls: type[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Those entries that a class has fields for: a later version may have written more."""
    return {own.name: data[own.name] for own in fields(cls) if own.name in data}
