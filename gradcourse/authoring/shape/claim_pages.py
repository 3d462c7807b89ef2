"""The table of claims held against the lessons: what is missing, gone, or said otherwise."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gradcourse.authoring.source import Cell, parse_source
from gradcourse.checking.question import Choice
from gradcourse.exercises.registry import get
from gradcourse.experiments.claim import CONDITION, FAILS, HOLDS, Claim, claims_of
from gradcourse.lessons import LESSONS, Lesson
from gradcourse.support import GradcourseError

_DECIDES = '"verdict:'
"""What a cell prints that decides a claim."""

_VOTE = re.compile(r'gc\.panel\("([\w-]+/claim[\w-]*)"\)')
_QUOTE = re.compile(r"(?:^> ?.*\n?)+", re.MULTILINE)
_WORDS = (
    (re.compile(r"\*\*Holds only"), CONDITION),
    (re.compile(r"\*\*Fails"), FAILS),
    (re.compile(r"\*\*Holds"), HOLDS),
)


@dataclass(frozen=True)
class OnPage:
    """A claim as a lesson's page has it.

    Attributes
    ----------
    lesson : Lesson
    cell : str
        The cell that decides it.
    vote : str
        The id of the vote before it; empty where there is none.
    quote : str
        The block quote before it, or the heading without its number.
    source : str
        The words that lead to the quote.
    verdict, scope : str
        As the cells behind it say; empty where they do not.
    quoted : bool
        Whether the quote stands in a block quote.
    """

    lesson: Lesson
    cell: str
    vote: str = ""
    quote: str = ""
    source: str = ""
    verdict: str = ""
    scope: str = ""
    quoted: bool = False

    def skeleton(self) -> str:
        """The row that it wants, to be completed: what measures it, and the criteria."""
        topic = self.lesson.topic
        name = self.cell.removesuffix("-measure").removeprefix("trial-")
        id = self.vote or f"{topic}/{name if name.startswith('claim') else 'claim-' + name}"
        constant = {HOLDS: "HOLDS", CONDITION: "CONDITION", FAILS: "FAILS"}.get(self.verdict, "?")
        lines = [
            "Claim(",
            f"    {id!r},",
            f"    {self.cell!r},",
            f"    {self.quote!r},",
            f"    {constant},",
            f"    {_explained(self.vote)!r},",
            f"    {self.scope!r},",
            "    ...,  # a function that measures",
            "    (needs(...), control(...)),",
        ]
        lines += [f"    source={self.source!r},", "    year=...,"] if self.quoted else []
        return "\n".join([*lines, "),"])


@dataclass(frozen=True)
class Report:
    """Where the table and the lessons differ.

    Attributes
    ----------
    claims : int
        How many the lessons have.
    problems : tuple of str
    """

    claims: int
    problems: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether they say the same."""
        return not self.problems

    def __str__(self) -> str:
        if self.agrees:
            return f"{self.claims} claims in the lessons, and the table has each as it stands there"
        return "\n".join([*self.problems, "", f"{len(self.problems)} differences"])


def compared(root: Path) -> Report:
    """Hold the table against the sources of all lessons.

    Parameters
    ----------
    root : Path
        The course's folder.

    Returns
    -------
    Report
        Each problem says what to do, and brings the row that is missing.
    """
    problems, count = [], 0
    for row in LESSONS:
        path = (root / "source" / row.notebook).with_suffix(".py")
        here = list(on_page(row, parse_source(root, path).cells)) if path.is_file() else []
        count += len(here)
        problems += [f"{row.number} · {text}" for text in _differences(row, here)]
    return Report(count, tuple(problems))


def on_page(row: Lesson, cells: tuple[Cell, ...]) -> Iterator[OnPage]:
    """The claims of a lesson, in order, each with what stands around its deciding cell."""
    last = -1
    for place, cell in enumerate(cells):
        if cell.kind == "code" and _DECIDES in cell.text:
            before = [c for c in cells[last + 1 : place] if "notes" not in c.tags]
            behind = _until_heading(cells[place + 1 :])
            yield _read(row, cell, before, behind)
            last = place


def _until_heading(cells: tuple[Cell, ...]) -> str:
    """The text behind a deciding cell, up to the next claim or section."""
    texts = []
    for cell in cells:
        if cell.kind == "markdown" and (cell.text.startswith("#") or "notes" in cell.tags):
            break
        if cell.kind == "code" and _DECIDES in cell.text:
            break
        if cell.kind == "markdown":
            texts.append(cell.text)
    return "\n\n".join(texts)


def _read(row: Lesson, cell: Cell, before: list[Cell], behind: str) -> OnPage:
    votes = [m[1] for c in before if c.kind == "code" for m in _VOTE.finditer(c.text)]
    words = [c.text for c in before if c.kind == "markdown"]
    quoted = [(m, text) for text in words for m in _QUOTE.finditer(text)]
    if quoted:
        match, text = quoted[-1]
        quote = re.sub(r"^> ?", "", match[0], flags=re.MULTILINE)
        source = text[: match.start()].strip().rpartition("\n\n")[2]
    else:
        heads = [line for text in words for line in text.splitlines() if line.startswith("### ")]
        quote = re.sub(r"^### (Claim \d+: )?", "", heads[-1]).strip('“”"') if heads else ""
        source = ""
    verdict = next((word for sign, word in _WORDS if sign.match(behind)), "")
    scope = behind.partition("*Scope:*")[2].strip().split("\n\n")[0]
    one_line = (" ".join(text.split()) for text in (quote, source, scope))
    quote, source, scope = one_line
    return OnPage(
        row, cell.name, votes[-1] if votes else "", quote, source, verdict, scope, bool(quoted)
    )


def _differences(row: Lesson, here: list[OnPage]) -> Iterator[str]:
    table = {claim.cell: claim for claim in claims_of(row)}
    for found in here:
        claim = table.pop(found.cell, None)
        if claim is None:
            skeleton = textwrap.indent(found.skeleton(), "    ")
            yield f"cell {found.cell!r} decides a claim that the table lacks:\n{skeleton}"
        else:
            yield from _apart(found, claim)
    for cell, claim in table.items():
        yield f"{claim.id} names cell {cell!r}, which decides nothing on the page (or is gone)"


def _apart(found: OnPage, claim: Claim) -> Iterator[str]:
    """Where a row and its page differ."""
    if found.vote and found.vote != claim.id:
        yield f"{claim.id} has the vote {found.vote!r} on the page: give the row that id"
    if found.verdict and found.verdict != claim.verdict:
        yield f"{claim.id} is {claim.verdict!r} in the table and {found.verdict!r} on the page"
    if found.vote and _voted(found.vote) != claim.verdict:
        yield f"{claim.id} is {claim.verdict!r} in the table and {_voted(found.vote)!r} in its vote"
    if found.quoted and not all(part in _plain(found.quote) for part in _parts(claim.quote)):
        yield f"{claim.id} quotes {claim.quote!r}, the page {found.quote!r}"
    if found.quoted and claim.year is None:
        yield f"{claim.id} has no source in the table; the page says: {found.source!r}"


def _parts(quote: str) -> list[str]:
    """What stands between marks of omission."""
    return [_plain(part) for part in re.split(r"\[…\]|…", quote)]


def _plain(text: str) -> str:
    """Letters and digits only, so that marks and capitals make no difference."""
    return re.sub(r"\W+", " ", text.lower()).strip()


def _question(id: str) -> Choice | None:
    try:
        question = get(id)
    except GradcourseError:
        return None
    return question if isinstance(question, Choice) else None


def _voted(id: str) -> str:
    """The verdict of a vote, as the table has it."""
    question = _question(id)
    return str(question.measure()).replace("-", " ") if question else "missing"


def _explained(id: str) -> str:
    question = _question(id) if id else None
    return question.explain if question else ""
