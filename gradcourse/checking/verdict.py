"""What a check found: points, what was tested, and what to look at."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any, Literal

from gradcourse.checking import show
from gradcourse.checking.verdict_css import STYLE
from gradcourse.markup import inline

Status = Literal["right", "wrong", "unanswered"]
MARKS: dict[Status, str] = {"right": "✓", "wrong": "✗", "unanswered": "·"}
WORDS: dict[Status, str] = {"right": "right", "wrong": "wrong", "unanswered": "not answered yet"}


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
    tested : str
        When right: on what it was found right.
    note : str
        What is worth knowing whether right or wrong: an explanation, an input changed in place.
    word : str
        Where a guess is no matter of right or wrong, how near it came: "close", "far off".
    """

    title: str
    status: Status
    earned: float
    possible: float
    message: str = ""
    misconception: str | None = None
    tested: str = ""
    note: str = ""
    word: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """Everything there is to say about this part, a sentence or two to a line."""
        named = f"{self.misconception}: {self.message}" if self.misconception else self.message
        return tuple(
            line for text in (named, self.tested, self.note) for line in text.splitlines() if line
        )


@dataclass(frozen=True)
class Verdict:
    """The result of one check. Its text depends only on the answer, not on the random inputs
    of a right answer; ``seed`` lets an instructor repeat it.

    Attributes
    ----------
    id, title : str
        Of the exercise.
    parts : tuple of PartResult
        What was tested, in order.
    seed : int or None
        From which the random inputs were drawn.
    printed : str
        What the learner's code printed while it was checked.
    interrupted : bool
        Whether the check was stopped before it was done.
    judged : str
        What it is about: "`lyapunov` from cell [41], run 3 min ago"; empty where nobody asked.
    warnings : tuple of str
        Why that may be other than the learner thinks: the cell failed since, or was changed.
    """

    id: str
    title: str
    parts: tuple[PartResult, ...]
    seed: int | None = None
    printed: str = ""
    interrupted: bool = False
    judged: str = ""
    warnings: tuple[str, ...] = ()

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
    def status(self) -> Status:
        """Of the whole: "right" only when every part is."""
        if self.right:
            return "right"
        return "unanswered" if self.unanswered else "wrong"

    @property
    def misconceptions(self) -> tuple[str, ...]:
        """The misconceptions that were recognised, each once, in order."""
        return tuple(dict.fromkeys(p.misconception for p in self.parts if p.misconception))

    @property
    def message(self) -> str:
        """What the verdict warns of, and what it says about everything that is not right."""
        blocks = [
            "\n".join(lines)
            for part, lines in zip(self.parts, self._lines, strict=True)
            if part.status == "wrong"
        ]
        if self.unanswered:
            blocks = ["\n".join(self._missing) or WORDS["unanswered"]]
        return "\n".join(dict.fromkeys([*self.warnings, *blocks]))

    @property
    def headline(self) -> str:
        """The score in words: "1 of 2 points", "not answered yet"."""
        if self.unanswered:
            return WORDS["unanswered"]
        if not self.possible:
            return self._word or WORDS[self.status]
        return score_text(self.earned, self.possible)

    @property
    def _word(self) -> str:
        return self.parts[0].word if len(self.parts) == 1 else ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "id": self.id,
            "title": self.title,
            "earned": self.earned,
            "possible": self.possible,
            "status": self.status,
            "message": self.message,
            "seed": self.seed,
            "printed": self.printed,
            "interrupted": self.interrupted,
            **({"judged": self.judged} if self.judged else {}),
            **({"warnings": list(self.warnings)} if self.warnings else {}),
            "parts": [
                {
                    "title": part.title,
                    "status": part.status,
                    "earned": part.earned,
                    "possible": part.possible,
                    "message": part.message,
                    "misconception": part.misconception,
                    "tested": part.tested,
                    "note": part.note,
                    **({"word": part.word} if part.word else {}),
                }
                for part in self.parts
            ],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Verdict:
        """Rebuild a verdict from `to_dict`."""
        names = PartResult.__dataclass_fields__
        return cls(
            id=data["id"],
            title=data["title"],
            parts=tuple(
                PartResult(**{name: part[name] for name in names if name in part})
                for part in data["parts"]
            ),
            seed=data["seed"],
            printed=data["printed"],
            interrupted=data["interrupted"],
            judged=data.get("judged", ""),
            warnings=tuple(data.get("warnings", ())),
        )

    @property
    def _lines(self) -> list[tuple[str, ...]]:
        """The lines of each part; a misconception is explained once and then only named."""
        explained: set[tuple[str, str]] = set()
        blocks = []
        for part in self.parts:
            lines = part.lines
            known = (part.misconception or "", lines[0] if lines else "")
            if part.misconception and known in explained:
                lines = (f"{part.misconception}, again.", *lines[1:])
            explained.add(known)
            blocks.append(lines)
        return blocks

    @property
    def _missing(self) -> tuple[str, ...]:
        """Why nothing is answered, each reason once: all parts say the same."""
        return tuple(dict.fromkeys(line for part in self.parts for line in part.lines))

    def __repr__(self) -> str:
        lines = [f"{self.id}: {self.headline}", *(f"  ! {text}" for text in self.warnings)]
        if self.unanswered:
            return "\n".join([*lines, *(f"  {line}" for line in self._missing)])
        for part, said in zip(self.parts, self._lines, strict=True):
            lines.append(f"  {_mark(part)} {part.title}{_of(part)}")
            lines += [f"    {line}" for line in said]
        if self.printed:
            lines += ["  printed:", *(f"    {line}" for line in self.printed.splitlines())]
        if self.judged:
            lines.append(f"  judged: {self.judged}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        pairs = zip(self.parts, self._lines, strict=True)
        rows = "".join(_part_html(part, lines, self.title) for part, lines in pairs)
        if self.unanswered:
            rows = "".join(f"<li>{inline(line)}</li>" for line in self._missing)
        printed = ""
        if self.printed:
            printed = (
                '<div class="gc-printed">Your code printed'
                f"<pre>{html.escape(self.printed)}</pre></div>"
            )
        warned = "".join(
            f'<p role="note" style="margin: 4px 0"><strong>Note</strong>: {inline(text)}</p>'
            for text in self.warnings
        )
        judged = f'<div style="opacity: 0.8">Judged: {inline(self.judged)}.</div>'
        return (
            f'{STYLE}<div class="gc-verdict gc-{"guess" if self._word else self.status}">'
            f"<div><strong>{html.escape(self.title)}</strong>: {html.escape(self.headline)}</div>"
            f"{warned}<ul>{rows}</ul>{printed}{judged if self.judged else ''}</div>"
        )


def score_text(earned: float, possible: float) -> str:
    """Return "1 of 2 points"."""
    noun = "point" if possible == 1 else "points"
    return f"{show.points(earned)} of {show.points(possible)} {noun}"


def _mark(part: PartResult) -> str:
    return "≈" if part.word and part.status == "wrong" else MARKS[part.status]


def _of(part: PartResult) -> str:
    if not part.possible:
        return ""
    return f" ({show.points(part.earned)} of {show.points(part.possible)})"


def _part_html(part: PartResult, lines: tuple[str, ...], heading: str) -> str:
    said = "".join(f"<div>{inline(line)}</div>" for line in lines)
    if part.title == heading:  # an exercise of one part has said so in its first line
        return f'<li class="gc-{part.status}">{said}</li>'
    return (
        f'<li class="gc-{part.status}"><span class="gc-mark" aria-hidden="true">'
        f'{_mark(part)}</span> <span class="gc-word">{part.word or WORDS[part.status]}</span>: '
        f"{inline(part.title)}{_of(part)}{said}</li>"
    )
