"""A table of questions: one line each, the sum at the end. For scores and for progress."""

from __future__ import annotations

import html
from dataclasses import dataclass

from gradcourse.checking import show
from gradcourse.checking.verdict import MARKS, WORDS, Status, score_text
from gradcourse.checking.verdict_css import STYLE


@dataclass(frozen=True)
class Row:
    """One question. ``note`` is a word or two: the misconception, or how often it was tried."""

    id: str
    title: str
    status: Status
    earned: float
    possible: float
    note: str = ""


@dataclass(frozen=True)
class Table:
    """Questions with their points.

    Attributes
    ----------
    title : str
        First line.
    rows : tuple of Row
        One per question.
    """

    title: str
    rows: tuple[Row, ...]

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
        return score_text(self.earned, self.possible)

    def __repr__(self) -> str:
        width = max((len(row.id) for row in self.rows), default=0)
        lines = [self.title]
        for row in self.rows:
            words = row.note or (WORDS["unanswered"] if row.status == "unanswered" else "")
            note = f"  {words}" if words else ""
            line = f"  {MARKS[row.status]} {row.id:<{width}}  {_points(row):>10}{note}"
            lines.append(line.rstrip())
        return "\n".join([*lines, self.summary])

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr class="gc-{row.status}"><td>{MARKS[row.status]} {WORDS[row.status]}</td>'
            f"<td><code>{html.escape(row.id)}</code></td><td>{html.escape(row.title)}</td>"
            f"<td>{_points(row)}</td><td>{html.escape(row.note)}</td></tr>"
            for row in self.rows
        )
        heads = "".join(
            f'<th scope="col">{head}</th>' for head in ("", "question", "", "points", "")
        )
        return (
            f'{STYLE}<div class="gc-table"><strong>{html.escape(self.title)}</strong>'
            f'<table class="gc-table"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
            f"<div><strong>{html.escape(self.summary)}</strong></div></div>"
        )


def _points(row: Row) -> str:
    if not row.possible:
        return "–"
    return f"{show.points(row.earned)} of {show.points(row.possible)}"
