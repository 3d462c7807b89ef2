"""Links that nobody types: home, lesson and exercises at both ends of a notebook, and papers.

A paper that is named in a text by ``arXiv:1211.5063`` or ``doi:10.1109/72.279181`` is a link.
"""

from __future__ import annotations

import dataclasses
import re

from gradcourse.authoring.source import Cell, Source
from gradcourse.lessons import HOME, LESSONS, Lesson

_PAPER = re.compile(
    r"(?<![\[/\w])(?:arXiv:(?P<arxiv>\d{4}\.\d{4,5})|doi:(?P<doi>10\.\d{4,9}/[^\s,;)]*[^\s,;).:]))"
)

NAMES = ("ways-top", "ways-end")


def with_ways(source: Source) -> Source:
    """Return a source with the line of links behind its title and at its end.

    Nobody types them: they follow from the table of lessons. A source that is no row of it, as in
    a test, stays as it is. In a lecture the line is left out.
    """
    stem = source.stem
    row = next((row for row in LESSONS if stem in (f"{row.number}_{row.slug}", _asks(row))), None)
    if row is None:
        return source
    text = lesson_ways(row) if source.folder == "lessons" else exercise_ways(row)
    tags = ("skip",) if source.folder == "lessons" else ()
    title, *others = source.cells
    top, end = (
        Cell("markdown", text, place.line, (place.line,), name, tags)
        for name, place in zip(NAMES, (title, source.cells[-1]), strict=True)
    )
    return dataclasses.replace(source, cells=(title, top, *others, end))


def lesson_ways(row: Lesson) -> str:
    """Return the links of a lesson: "Home | ← 02 | Exercises 03 | 04 →"."""
    before, after = row.neighbours
    links = [_link("Home", f"../{HOME}")]
    if before is not None:
        links.append(f"← {_lesson(before)}")
    if row.earns:
        links.append(_link(f"Exercises {row.number}", f"../{row.exercises}"))
    if after is not None:
        links.append(f"{_lesson(after)} →")
    return " | ".join(links)


def exercise_ways(row: Lesson) -> str:
    """Return the links of an exercise notebook and of its solution."""
    _, after = row.neighbours
    links = [_link("Home", f"../{HOME}"), f"← {_lesson(row)}"]
    if after is not None:
        links.append(f"{_lesson(after)} →")
    return " | ".join(links)


def with_papers(text: str) -> str:
    """Return a text in which each paper's number is a link to it."""

    def link(found: re.Match[str]) -> str:
        arxiv, doi = found["arxiv"], found["doi"]
        address = f"https://arxiv.org/abs/{arxiv}" if arxiv else f"https://doi.org/{doi}"
        return _link(found[0], address)

    return _PAPER.sub(link, text)


def _lesson(row: Lesson) -> str:
    return _link(f"{row.number} · {row.title}", f"../{row.notebook}")


def _link(text: str, target: str) -> str:
    return f"[{text}]({target})"


def _asks(row: Lesson) -> str:
    return f"{row.number}_{row.folder}"
