"""What an update did, and how it is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gradcourse.workcopy.weave import Section

NEWS = ".gradcourse/news.json"
"""Where the last update's words are kept for the home page."""

LAID, BROUGHT, ALIKE, LEFT = "laid", "brought", "alike", "left"
LINES = 12
"""Lines of a new text that are shown beside a cell that was kept."""


@dataclass(frozen=True)
class PageNews:
    """What happened to one page.

    Attributes
    ----------
    page : str
    kind : {"laid", "brought", "alike", "left"}
        It was missing and is there now; it has a new edition; there was nothing to do; it could
        not be brought up to date and was left as it is.
    sections : tuple of Section
        Where something changed.
    reason : str
        Why it was left.
    """

    page: str
    kind: str
    sections: tuple[Section, ...] = ()
    reason: str = ""


def is_news(item: PageNews) -> bool:
    """Whether a person wants to hear of it."""
    return item.kind in (LAID, LEFT) or (item.kind == BROUGHT and bool(item.sections))


def as_text(news: Sequence[PageNews]) -> str:
    """Return what a person wants to know of an update: what is new, and what was left alone."""
    lines = []
    for item in news:
        if item.kind == LAID:
            lines.append(f"{item.page}: new")
        elif item.kind == LEFT:
            lines.append(f"{item.page}: left as it is: {item.reason}")
        elif item.kind == BROUGHT and item.sections:
            lines.append(f"{item.page}:")
            for section in item.sections:
                lines += _section(section)
    if not lines:
        return "Nothing is new: your pages are those of this version."
    lines.append("What you wrote was left as it was.")
    lines.append("A page that is open: File → Reload Notebook from Disk, before you go on in it.")
    return "\n".join(lines)


def _section(section: Section) -> list[str]:
    counts = [
        (section.added, "new"),
        (section.changed, "changed"),
        (section.dropped, "taken out"),
    ]
    said = ", ".join(
        f"{count} {'cell' if count == 1 else 'cells'} {word}" for count, word in counts if count
    )
    beside = " beside what you wrote" if section.edited and said else ""
    lines = [f"  {section.title or 'at the top'}: {said}{beside}"] if said else []
    for text in section.kept:
        lines.append(f"  {section.title or 'at the top'}: yours was kept; the course now has")
        shown = text.splitlines()
        lines += [f"    | {line}" for line in shown[:LINES]]
        if len(shown) > LINES:
            lines.append(f"    | … {len(shown) - LINES} more")
    return lines
