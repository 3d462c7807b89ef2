"""How long a page takes: computed from what stands on it, by one formula for all pages.

200 words a minute; 4 s a line of code, 45 s an equation of its own, 90 s a prediction or a vote,
2 min a demo, 5 min in the emergency room; and half as much again for thinking. The rates are
assumptions; they are the same for every page, so pages can be compared.
"""

from __future__ import annotations

import re

WORDS_A_MINUTE = 200.0
CODE_LINE = 4.0
EQUATION = 45.0
PREDICTION = 90.0
DEMO = 120.0
ROOM = 300.0
THINKING = 1.5
"""Seconds, but for the first; and the factor for thinking."""

POINT_MINUTES = 4.0
"""For each point that an exercise gives: to think, to write and to be wrong once."""

UNREAD = ("## Sources", "## Exercises")
"""Sections of a lesson that are looked up, not read."""

_EQUATION = re.compile(r"\$\$.+?\$\$", re.DOTALL)
_FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)
_SUMMARY = re.compile(r"<summary>(.*?)</summary>", re.DOTALL)


def reading_seconds(text: str) -> float:
    """Return the seconds that a markdown text takes, without thinking."""
    equations = len(_EQUATION.findall(text))
    words = len(_EQUATION.sub(" ", text).split())
    return 60.0 * words / WORDS_A_MINUTE + EQUATION * equations


def open_part(text: str) -> str:
    """Return a markdown text as it is read before anything folded in it is opened."""
    return _FOLDED.sub(lambda folded: " ".join(_SUMMARY.findall(folded[0])), text)


def code_seconds(source: str) -> float:
    """Return the seconds that a code cell takes: to read it, or to do what it shows."""
    if "gc.panel(" in source:
        return PREDICTION
    if "gc.demo(" in source:
        return DEMO
    if source.startswith("gc.emergency_room("):
        return ROOM
    return CODE_LINE * sum(bool(line.strip()) for line in source.split("\n"))


def minutes_of(seconds: float) -> float:
    """Return minutes with the time to think."""
    return seconds * THINKING / 60


def rounded(minutes: float) -> int:
    """Return minutes as one says them: by fives, and never none."""
    return max(5, 5 * round(minutes / 5))
