"""How long a lesson takes, computed from what stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gradcourse.authoring.shape.deeper import CellLike, goes_deeper
from gradcourse.pace import UNREAD, code_seconds, minutes_of, open_part, reading_seconds


@dataclass(frozen=True)
class Minutes:
    """The core path alone, and with everything."""

    core: float
    everything: float

    def __str__(self) -> str:
        return f"{self.core:.0f} min, {self.everything:.0f} with everything"


def minutes(cells: Sequence[CellLike]) -> Minutes:
    """Compute the minutes of a lesson.

    By the formula of `gradcourse.pace`. Speaker notes and sources are not read. A folded answer
    belongs to everything, not to the core.

    Parameters
    ----------
    cells : sequence of Cell
        Of a lesson's source.
    """
    core = everything = 0.0
    unread = False
    for cell, deeper in zip(cells, goes_deeper(cells), strict=True):
        if cell.kind == "markdown" and cell.text.startswith("## "):
            unread = cell.text.startswith(UNREAD)
        if unread or "notes" in cell.tags:
            continue
        open_part, folded = _seconds(cell)
        everything += open_part + folded
        core += 0.0 if deeper else open_part
    return Minutes(minutes_of(core), minutes_of(everything))


def _seconds(cell: CellLike) -> tuple[float, float]:
    """What a cell takes as it is shown, and what is folded in it takes besides."""
    if cell.kind != "markdown":
        return code_seconds(cell.text), 0.0
    shown = reading_seconds(open_part(cell.text))
    return shown, reading_seconds(cell.text) - shown
