"""How long a page takes: an estimate from what stands on it.

The rates are assumptions, chosen on the slow side: 150 words of technical prose a minute (half of
what a newspaper is read at), ten lines of code a minute, and for each thing to do the time to
think about it. They are the same for every page, so pages can be compared.
"""

from __future__ import annotations

import re

WORDS_A_MINUTE = 150
LINES_A_MINUTE = 10
PANEL_MINUTES = 1.5
DEMO_MINUTES = 2.0
POINT_MINUTES = 4.0
"""For each point that an exercise gives: to think, to write and to be wrong once."""

_DEMO = re.compile(r"\bgc\.demo\(")
_FORMULA = re.compile(r"\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|<[^>]*>", re.DOTALL)
_WORD = re.compile(r"\w+")


def prose_minutes(text: str) -> float:
    """Return the minutes to read a markdown cell; a formula counts as three words."""
    return len(_WORD.findall(_FORMULA.sub(" one two three ", text))) / WORDS_A_MINUTE


def code_minutes(source: str, panels: int = 0) -> float:
    """Return the minutes to read a code cell, to move its figures and to answer its panels."""
    lines = sum(bool(line.strip()) for line in source.splitlines())
    acts = PANEL_MINUTES * panels + DEMO_MINUTES * len(_DEMO.findall(source))
    return acts or lines / LINES_A_MINUTE


def rounded(minutes: float) -> int:
    """Return minutes as one says them: by fives, and never none."""
    return max(5, 5 * round(minutes / 5))
