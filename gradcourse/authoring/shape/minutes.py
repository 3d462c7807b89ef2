"""How long a lesson takes, computed from what stands in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gradcourse.authoring.shape.steps import CellLike, goes_deeper

WORDS_A_MINUTE = 200.0
CODE_LINE = 4.0
EQUATION = 45.0
PREDICTION = 90.0
DEMO = 120.0
ROOM = 300.0
THINKING = 1.5
"""Seconds, but for the first; and the factor for thinking."""

UNREAD = ("## Sources", "## Exercises")
"""Sections that are looked up, not read."""

_EQUATION = re.compile(r"\$\$.+?\$\$", re.DOTALL)
_FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)
_SUMMARY = re.compile(r"<summary>(.*?)</summary>", re.DOTALL)


@dataclass(frozen=True)
class Minutes:
    """The core path alone, and with everything."""

    core: float
    everything: float

    def __str__(self) -> str:
        return f"{self.core:.0f} min, {self.everything:.0f} with everything"


def minutes(cells: Sequence[CellLike]) -> Minutes:
    """Compute the minutes of a lesson.

    200 words a minute; 4 s a line of code, 45 s an equation of its own, 90 s a prediction or a
    vote, 2 min a demo, 5 min in the emergency room; and half as much again for thinking. Speaker
    notes and sources are not read. A folded answer belongs to everything, not to the core.

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
    return Minutes(core * THINKING / 60, everything * THINKING / 60)


def _seconds(cell: CellLike) -> tuple[float, float]:
    """What a cell takes as it is shown, and what is folded in it takes besides."""
    if cell.kind == "markdown":
        shown = _FOLDED.sub(lambda m: " ".join(_SUMMARY.findall(m[0])), cell.text)
        return _reading(shown), _reading(cell.text) - _reading(shown)
    if "gc.panel(" in cell.text:
        return PREDICTION, 0.0
    if "gc.demo(" in cell.text:
        return DEMO, 0.0
    if cell.text.startswith("gc.emergency_room("):
        return ROOM, 0.0
    return CODE_LINE * sum(bool(line.strip()) for line in cell.text.split("\n")), 0.0


def _reading(text: str) -> float:
    equations = len(_EQUATION.findall(text))
    words = len(_EQUATION.sub(" ", text).split())
    return 60.0 * words / WORDS_A_MINUTE + EQUATION * equations
