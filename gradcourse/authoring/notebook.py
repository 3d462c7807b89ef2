"""Source → notebooks as they look before they run: cells, ids, slides, nbgrader's metadata."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import nbformat
from nbformat import NotebookNode

from gradcourse.authoring import printed_numbers, regions
from gradcourse.authoring.shape import COLLAPSED, DEEPER
from gradcourse.authoring.source import SLIDE_TAGS, Cell, Source, at
from gradcourse.authoring.totals import require_totals
from gradcourse.checking.exercise_notebook import grade_id
from gradcourse.checking.question import Question
from gradcourse.colab import first_cell
from gradcourse.lessons import LESSONS, exercise_ways, lesson_ways
from gradcourse.lessons import lesson as lesson_by_number
from gradcourse.support import GradcourseError

WAYS = ("ways-top", "ways-end")
"""The names of the two cells that no source has: the links behind the title and at the end."""

LEDGER = lesson_by_number("13")
"""The lesson that has all claims."""

_CLAIMS = re.compile(r"## Claims on trial\b")

_PAPER = re.compile(
    r"(?<![\[/\w])(?:arXiv:(?P<arxiv>\d{4}\.\d{4,5})"
    r"|doi:(?P<doi>10\.\d{4,9}/[^\s,;)]*[^\s,;).:]))"
)


@dataclass(frozen=True)
class Registry:
    """Where exercises are looked up.

    Attributes
    ----------
    get : callable
        From an exercise's id to the exercise.
    assignment : callable
        From "01" to the ids of its exercises.
    """

    get: Callable[[str], Question]
    assignment: Callable[[str], tuple[str, ...]]


@dataclass(frozen=True)
class Draft:
    """A notebook before it runs.

    Attributes
    ----------
    path : str
        Where it will be written, relative to the course: "exercises/01_chain_rule.ipynb".
    node : NotebookNode
        The notebook, its code cells without outputs.
    cells : tuple of Cell
        The source's cells, one for each cell of the notebook.
    lines : tuple of tuple of int
        For each cell, for each of its lines, the line in the source file.
    """

    path: str
    node: NotebookNode
    cells: tuple[Cell, ...]
    lines: tuple[tuple[int, ...], ...]

    @property
    def source_key(self) -> str:
        """Its source without the folder that all have: "exercises/01_chain_rule"."""
        return printed_numbers.source_key(self.node)

    def place(self, index: int, line: int | None = None) -> str:
        """Return ``source/lessons/01_x.py:123 (cell "measure-chain")``.

        Parameters
        ----------
        index : int
            The cell's position.
        line : int, optional
            The line within the cell, counted from 1; without it, the cell's marker.
        """
        cell, lines = self.cells[index], self.lines[index]
        in_file = lines[min(line, len(lines)) - 1] if line else cell.line
        name = cell.name or cell.check or "unnamed"
        where = "" if self.path.startswith("lessons/") else f" of {self.path}"
        return f'{self.node.metadata.gradcourse.source}:{in_file} (cell "{name}"{where})'


def course_registry() -> Registry:
    """Return the course's own exercises."""
    from gradcourse import exercises

    def assignment(number: str) -> tuple[str, ...]:
        return tuple(exercise.id for exercise in exercises.assignment(number))

    return Registry(exercises.get, assignment)


def drafts(source: Source, registry: Registry, address: str = "") -> tuple[Draft, ...]:
    """Return what one source becomes: a lesson, or an exercise and its solution.

    With the address of the repository, each begins with the cell that brings the course to Colab.

    Raises
    ------
    GradcourseError
        Naming file and line, if solutions, grade cells, or counts in the text break a rule.
    """
    for cell in source.cells:
        regions.require_regions(source, cell)
    if source.folder == "lessons":
        return (_draft(with_colab(with_ways(source), address), "lessons", registry),)
    _require_assignment(source, registry)
    for cell in source.cells:
        if cell.answer:
            regions.require_answers(source, cell, _question(source, cell, registry).answers)
    checks = [cell for cell in source.cells if cell.check]
    require_totals(source, {c.check: _question(source, c, registry).points for c in checks})
    whole = with_colab(with_ways(source), address)
    return (_draft(whole, "exercises", registry), _draft(whole, "solutions", registry))


def _draft(source: Source, folder: str, registry: Registry) -> Draft:
    texts = [_text(source, cell, folder, registry) for cell in source.cells]
    ids = cell_ids(source)
    cells = []
    for cell, identity, (text, _) in zip(source.cells, ids, texts, strict=True):
        make = nbformat.v4.new_code_cell if cell.kind == "code" else nbformat.v4.new_markdown_cell
        metadata = _metadata(source, cell, identity, registry)
        cells.append(make(text, id=identity, metadata=metadata))
    node = nbformat.v4.new_notebook(cells=cells)
    node.nbformat_minor = 5
    node.metadata = nbformat.from_dict(notebook_metadata(source, folder, cells))
    return Draft(
        f"{folder}/{source.stem}.ipynb", node, source.cells, tuple(lines for _, lines in texts)
    )


def _text(
    source: Source, cell: Cell, folder: str, registry: Registry
) -> tuple[str, tuple[int, ...]]:
    if cell.answer and folder == "exercises":
        return regions.cleared(cell)
    if "notes" in cell.tags:
        return folded(cell.text), cell.lines
    if cell.kind == "markdown":
        return with_papers(cell.text), cell.lines
    if not cell.check:
        return cell.text, cell.lines
    if cell.text != regions.panel_line(cell.check):
        raise at(
            source,
            cell.lines[0],
            f"a check cell holds exactly {regions.panel_line(cell.check)}; the build adds the rest",
        )
    if folder == "exercises":
        return cell.text, cell.lines
    text = regions.with_hidden_test(cell.check, _question(source, cell, registry).answers)
    return text, cell.lines * len(text.split("\n"))


def with_ways(source: Source) -> Source:
    """Return a source with the line of links behind its title and at its end.

    Nobody types them: they follow from the table of lessons. A source that is no row of it, as in
    a test, stays as it is. In a lecture the line is left out.
    """
    path = source.path.removeprefix("source/").removesuffix(".py") + ".ipynb"
    row = next((row for row in LESSONS if path in (row.notebook, row.exercises)), None)
    if row is None:
        return source
    lesson = source.folder == "lessons"
    text, tags = (lesson_ways(row), ("skip",)) if lesson else (exercise_ways(row), ())
    title, *others = source.cells
    if lesson and row.number != LEDGER.number:
        others = [_with_ledger(cell) for cell in others]
    top, end = (
        Cell("markdown", text, place.line, (place.line,), name, tags)
        for name, place in zip(WAYS, (title, source.cells[-1]), strict=True)
    )
    return dataclasses.replace(source, cells=(title, top, *others, end))


def _with_ledger(cell: Cell) -> Cell:
    """A cell that opens the claims on trial, with the way to all of them below its heading."""
    if cell.kind != "markdown" or not _CLAIMS.match(cell.text):
        return cell
    heading, *rest = cell.text.split("\n")
    page = LEDGER.notebook.removeprefix("lessons/")
    link = f"*[All claims of the course, measured]({page}#cell-id={LEDGER.number}-show-ledger)*"
    text = "\n".join([heading, "", link, *rest])
    first, *others = cell.lines
    return dataclasses.replace(cell, text=text, lines=(first, first, first, *others))


def with_colab(source: Source, address: str) -> Source:
    """Return a source with the cell that brings the course to Colab, behind title and links.

    Nobody types it: it needs the repository's address, and without one there is none.
    """
    names = [cell.name for cell in source.cells]
    if not address or WAYS[0] not in names:
        return source
    place = names.index(WAYS[0]) + 1
    line = source.cells[place - 1].line
    cell = Cell("code", first_cell(address), line, (line,), "colab", ("skip",))
    cells = (*source.cells[:place], cell, *source.cells[place:])
    return dataclasses.replace(source, cells=cells)


def with_papers(text: str) -> str:
    """Return a text in which ``arXiv:1211.5063`` and ``doi:10.1109/72.279181`` are links."""

    def link(found: re.Match[str]) -> str:
        arxiv, doi = found["arxiv"], found["doi"]
        address = f"https://arxiv.org/abs/{arxiv}" if arxiv else f"https://doi.org/{doi}"
        return f"[{found[0]}]({address})"

    return _PAPER.sub(link, text)


def folded(notes: str) -> str:
    """Return speaker notes as a section that opens with a click.

    JupyterLab does not fold a rendered markdown cell, whatever its metadata say; ``<details>`` is
    folded there, on code-hosting sites and in exported pages alike.
    """
    first, _, rest = notes.partition("\n")
    summary = first.replace("**Speaker notes**", "<strong>Speaker notes</strong>")
    return f"<details>\n<summary>{summary}</summary>\n\n{rest.strip()}\n\n</details>"


def cell_ids(source: Source) -> tuple[str, ...]:
    """Return one id per cell: from its name, or, without one, from its heading or first line.

    An id changes only with what it is made of, so editing one cell leaves the others' alone.
    """
    seen: Counter[str] = Counter()
    ids = []
    for cell in source.cells:
        if cell.name:
            ids.append(f"{source.number}-{cell.name}")
        elif cell.check:
            ids.append(f"{source.number}-check-{grade_id(cell.check)}"[:64])
        else:
            key = _heading(cell.text)
            digest = hashlib.sha256(f"{source.path}\n{key}\n{seen[key]}".encode()).hexdigest()
            seen[key] += 1
            ids.append(f"text-{digest[:12]}")
    twice = [identity for identity, count in Counter(ids).items() if count > 1]
    if twice:
        line = source.cells[len(ids) - 1 - ids[::-1].index(twice[0])].line
        raise at(source, line, f"two cells get the id {twice[0]!r}; rename one")
    return tuple(ids)


def _heading(text: str) -> str:
    lines = text.split("\n")
    return next((line for line in lines if re.match(r"#{1,6} ", line)), lines[0])


def _metadata(source: Source, cell: Cell, identity: str, registry: Registry) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    tags = [tag for tag in cell.tags if tag not in SLIDE_TAGS]
    if tags:
        metadata["tags"] = tags
    if cell.tolerance:
        metadata["gradcourse"] = {"tolerance": list(cell.tolerance)}
    if source.folder == "lessons":
        slide = _slide_type(cell)
        if DEEPER in cell.tags:
            metadata[COLLAPSED] = True
        metadata["slideshow"] = {"slide_type": slide}
        return metadata
    grading = _nbgrader(source, cell, identity, registry)
    if grading:
        metadata["nbgrader"] = grading
    return metadata


def _slide_type(cell: Cell) -> str:
    for tag in cell.tags:
        if tag in SLIDE_TAGS:
            return "-" if tag == "continue" else tag
    if cell.kind == "markdown" and cell.text.startswith(("# ", "## ")):
        return "slide"
    if cell.kind == "markdown" and cell.text.startswith("### "):
        return "subslide"
    return "-"


def _nbgrader(source: Source, cell: Cell, identity: str, registry: Registry) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "schema_version": 3,
        "grade": False,
        "solution": False,
        "locked": False,
        "task": False,
        "cell_type": cell.kind,
    }
    if cell.check:
        points = float(_question(source, cell, registry).points)
        own = grade_id(cell.check)
        return metadata | {"grade": True, "locked": True, "grade_id": own, "points": points}
    if cell.answer:
        return metadata | {"solution": True, "grade_id": f"{grade_id(cell.answer)}-answer"}
    if cell.kind == "markdown":
        return metadata | {"locked": True, "grade_id": identity}
    return {}


def notebook_metadata(source: Source, folder: str, cells: list[NotebookNode]) -> dict[str, Any]:
    """Return a notebook's metadata: the kernel, and where the notebook comes from."""
    ours: dict[str, Any] = {"source": source.path}
    if source.folder == "exercises":
        ours["assignment"] = source.number
    if folder == "exercises":
        ours["untouched"] = answers_digest(cells)
    return {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "gradcourse": ours,
    }


def answers_digest(cells: list[NotebookNode]) -> str:
    """Return a digest of what stands in the answer cells.

    The exercise notebook carries that of its untouched cells, so that a build can tell a
    learner's work from a notebook that is merely out of date.
    """
    answers = [
        cell.source for cell in cells if cell.metadata.get("nbgrader", {}).get("solution", False)
    ]
    return hashlib.sha256("\0".join(answers).encode()).hexdigest()[:16]


def _question(source: Source, cell: Cell, registry: Registry) -> Question:
    try:
        return registry.get(cell.answer or cell.check)
    except (GradcourseError, KeyError) as error:
        raise at(source, cell.line, f"no such exercise: {error}") from error


def _require_assignment(source: Source, registry: Registry) -> None:
    try:
        wanted = registry.assignment(source.number)
    except (GradcourseError, KeyError) as error:
        raise at(source, 1, f"no assignment {source.number}: {error}") from error
    found = [cell.check for cell in source.cells if cell.check]
    for identity in wanted:
        if identity not in found:
            raise at(
                source,
                source.cells[-1].line,
                f"exercise {identity!r} of assignment {source.number} has no cell here; add "
                f'answer="{identity}" and check="{identity}"',
            )
    for cell in source.cells:
        if cell.check and cell.check not in wanted:
            raise at(
                source,
                cell.line,
                f"{cell.check!r} is not in assignment {source.number}, which has: "
                f"{', '.join(wanted) or 'nothing'}",
            )
