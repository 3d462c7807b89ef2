"""A table of questions: one line each, the sum at the end. For scores and for progress."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from gradcourse.checking import show
from gradcourse.checking.verdict import MARKS, WORDS, Status, score_text
from gradcourse.checking.verdict_css import STYLE


@dataclass(frozen=True)
class Row:
    """One question.

    ``note`` is a word or two: the misconception, or how often it was tried. With a ``number``, the
    question's own in its notebook, it goes by its title, and without by its id.
    """

    id: str
    title: str
    status: Status
    earned: float
    possible: float
    note: str = ""
    number: str = ""

    @property
    def name(self) -> str:
        """What it is called in plain text."""
        return f"{self.number} · {self.title}" if self.number else self.id

    @property
    def mark(self) -> str:
        """Its sign; a guess that cost nothing is never wrong."""
        return "≈" if self.status == "wrong" and not self.possible else MARKS[self.status]

    @property
    def words(self) -> str:
        """Its state in words."""
        return "tried" if self.status == "wrong" and not self.possible else WORDS[self.status]


@dataclass(frozen=True)
class Table:
    """Questions with their points.

    Attributes
    ----------
    title : str
        First line.
    rows : tuple of Row
        One per question.
    also : str
        What stands beside the sum of the points: "2 of 5 predictions".
    ending : object, optional
        What is said below, when all is done; it shows itself as text and as HTML.
    """

    title: str
    rows: tuple[Row, ...]
    also: str = ""
    ending: Any = None

    @property
    def earned(self) -> float:
        """Points earned, all questions together."""
        return sum(row.earned for row in self.rows)

    @property
    def possible(self) -> float:
        """Points that could be earned."""
        return sum(row.possible for row in self.rows)

    @property
    def summary(self) -> str:
        """The last line: "3 of 14 points"."""
        points = score_text(self.earned, self.possible) if self.possible or not self.also else ""
        return ", ".join(filter(None, (points, self.also)))

    def __repr__(self) -> str:
        width = max((len(row.name) for row in self.rows), default=0)
        lines = [self.title]
        for row in self.rows:
            words = row.note or (WORDS["unanswered"] if row.status == "unanswered" else "")
            note = f"  {words}" if words else ""
            line = f"  {row.mark} {row.name:<{width}}  {_points(row):>10}{note}"
            lines.append(line.rstrip())
        ending = [] if self.ending is None else [repr(self.ending)]
        return "\n".join([*lines, self.summary, *ending])

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr class="gc-{row.status}"><td>{row.mark} {row.words}</td>'
            f"<td>{_short_name(row)}</td><td>{html.escape(row.title)}</td>"
            f"<td>{_points(row)}</td><td>{html.escape(row.note)}</td></tr>"
            for row in self.rows
        )
        heads = "".join(
            f'<th scope="col">{head}</th>' for head in ("", "question", "", "points", "")
        )
        return (
            f'{STYLE}<div class="gc-table"><strong>{html.escape(self.title)}</strong>'
            f'<table class="gc-table"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
            f"<div><strong>{html.escape(self.summary)}</strong></div>"
            f"{'' if self.ending is None else self.ending._repr_html_()}</div>"
        )


def _short_name(row: Row) -> str:
    return html.escape(row.number) or f"<code>{html.escape(row.id)}</code>"


def _points(row: Row) -> str:
    if not row.possible:
        return "–"
    return f"{show.points(row.earned)} of {show.points(row.possible)}"
