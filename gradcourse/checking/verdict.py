"""What a check found: points, what was tested, and what to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["right", "wrong", "unanswered"]
MARKS: dict[Status, str] = {"right": "✓", "wrong": "✗", "unanswered": "·"}


@dataclass(frozen=True)
class PartResult:
    """One tested part.

    Attributes
    ----------
    title : str
        What was tested.
    status : {"right", "wrong", "unanswered"}
        "unanswered" is the untouched stub.
    earned, possible : float
        Points.
    message : str
        For a learner: the misconception, expected against got, what to look at; empty when right.
    misconception : str or None
        The name of the misconception that the answer matches.
    """

    title: str
    status: Status
    earned: float
    possible: float
    message: str = ""
    misconception: str | None = None


@dataclass(frozen=True)
class Verdict:
    """The result of one check. Its text depends only on the answer, not on the random inputs
    of a right answer; ``seed`` lets an instructor repeat it.
    """

    id: str
    title: str
    parts: tuple[PartResult, ...]
    seed: int | None = None
    printed: str = ""

    @property
    def earned(self) -> float:
        """Points earned."""
        return sum(part.earned for part in self.parts)

    @property
    def possible(self) -> float:
        """Points that could be earned."""
        return sum(part.possible for part in self.parts)

    @property
    def right(self) -> bool:
        """Whether every part is right."""
        return all(part.status == "right" for part in self.parts)

    @property
    def unanswered(self) -> bool:
        """Whether nothing was answered yet."""
        return all(part.status == "unanswered" for part in self.parts)

    @property
    def misconceptions(self) -> tuple[str, ...]:
        """The misconceptions that were recognised, each once, in order."""
        return tuple(dict.fromkeys(p.misconception for p in self.parts if p.misconception))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        raise NotImplementedError
