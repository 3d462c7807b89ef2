"""Hostile, broken and odd submissions, and what is fair to give for each.

Most of them are plain text, in the files beside this one. Attacks that only a sandbox can stop are
written so that a hole shows (in points, in a file with `MARK` in its name, in a process that is
left) and does little harm.
"""

from __future__ import annotations

from corpus.build import MARK, Case
from corpus.documents import CASES as DOCUMENTS
from corpus.text import read_cases

CASES: tuple[Case, ...] = (
    *DOCUMENTS,
    *read_cases("honesty"),
    *read_cases("tampering"),
    *read_cases("snooping"),
    *read_cases("endings"),
)
EVERYDAY: tuple[Case, ...] = (*read_cases("everyday"), *read_cases("courses"))
"""Right work as most of it is; there is much of it, so it is graded among the slow tests."""

__all__ = ["CASES", "EVERYDAY", "MARK", "Case"]
