"""How many questions and points an exercise's text speaks of, against the questions themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gradcourse.authoring.source import Cell, Source, at
from gradcourse.checking.show import count, points

_WORDS = (
    *("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen"),
)
_NUMBER = rf"\d+|{'|'.join(_WORDS)}"
_TOTAL = re.compile(r"\b(?P<questions>\w+) questions?, (?P<points>[\d.]+) points?\b")
_ALL = re.compile(rf"\ball (?P<questions>{_NUMBER}) at once\b", re.IGNORECASE)
_HEADING = re.compile(r"## (?P<number>\d+) · .*\((?P<points>[\d.]+) points?\)\*?")


def require_totals(source: Source, worth: Mapping[str, float]) -> None:
    """Raise if the text counts other questions or points than there are.

    Parameters
    ----------
    source : Source
        Of an exercise notebook. It says "Seven questions, 13 points", "all seven at once", and
        above each question "## 3 · Lyapunov exponent (3 points)".
    worth : mapping
        From the id of each of its questions, in their order, to the points that it earns.

    Raises
    ------
    GradcourseError
        Naming file and line.
    """
    asked = len(worth)
    numbers = {identity: number for number, identity in enumerate(worth, start=1)}
    heading: tuple[int, re.Match[str]] | None = None
    for cell in source.cells:
        if cell.check and heading is not None:
            _require_heading(source, *heading, numbers[cell.check], worth[cell.check])
            heading = None
        for line, text in _lines(cell):
            for match in (*_TOTAL.finditer(text), *_ALL.finditer(text)):
                _require_total(source, line, match, asked, sum(worth.values()))
            if titled := _HEADING.match(text):
                heading = line, titled


def _lines(cell: Cell) -> list[tuple[int, str]]:
    if cell.kind == "code":
        return []
    return list(zip(cell.lines, cell.text.split("\n"), strict=True))


def _require_total(
    source: Source, line: int, match: re.Match[str], asked: int, earned: float
) -> None:
    named = match.groupdict()
    wrong = _value(named["questions"]) != asked
    if wrong or float(named.get("points", earned)) != earned:
        there = f"{count(asked, 'question')}, {_points(earned)}"
        raise at(source, line, f"the text says {match[0]!r}; the notebook has {there}")


def _require_heading(
    source: Source, line: int, match: re.Match[str], number: int, worth: float
) -> None:
    if (int(match["number"]), float(match["points"])) != (number, worth):
        raise at(
            source,
            line,
            f"the heading says {match[0]!r}; it is question {number}, and earns {_points(worth)}",
        )


def _value(word: str) -> int:
    """Numbers above ten are written in digits; any other word is none."""
    known = word.lower() in _WORDS
    return _WORDS.index(word.lower()) if known else int(word) if word.isdigit() else -1


def _points(worth: float) -> str:
    return count(int(worth), "point") if worth == int(worth) else f"{points(worth)} points"
