"""Core steps and deeper ones: a deeper step is folded behind its heading and one sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

DEEPER = "deeper"
"""The tag of the heading that opens a deeper step; it ends at the next "## "."""

COLLAPSED = "jp-MarkdownHeadingCollapsed"
"""JupyterLab's own key: the cells under such a heading are hidden until it is clicked."""

MOST_WORDS = 45


class CellLike(Protocol):
    """What is read of a cell."""

    @property
    def kind(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def tags(self) -> tuple[str, ...]: ...


def goes_deeper(cells: Sequence[CellLike]) -> tuple[bool, ...]:
    """Say of each cell whether it belongs to a deeper step."""
    inside, flags = False, []
    for cell in cells:
        if cell.kind == "markdown" and cell.text.startswith(("# ", "## ")):
            inside = DEEPER in cell.tags
        flags.append(inside)
    return tuple(flags)


def require_deeper(cell: CellLike) -> str:
    """Return what is wrong with a cell that opens a deeper step, or an empty string."""
    if DEEPER not in cell.tags:
        return ""
    heading, _, rest = cell.text.partition("\n")
    if cell.kind != "markdown" or not heading.startswith("## "):
        return 'a deeper step opens with a markdown cell whose heading is "## …"'
    sentence = " ".join(rest.split())
    if len(re.findall(r"[.!?](?:\s|$)", sentence)) != 1 or len(sentence.split()) > MOST_WORDS:
        return (
            "a deeper step is folded behind its heading and one sentence that says what is in "
            f"there, {MOST_WORDS} words at most; put the rest into the next cell"
        )
    return ""
