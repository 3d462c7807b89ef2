"""The text that Sphinx reads: notebooks made ready, guides, the reference, contents."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradcourse.lessons import Lesson
from gradcourse.site import assets, pages, reference
from gradcourse.site.options import Options
from gradcourse.site.run_elsewhere import launch_row
from gradcourse.support import GradcourseError, write_atomically
from gradcourse.symbols import SYMBOLS

GUIDES = ("learner", "instructor", "instrument", "diagnosis", "verdicts")
"""Guides that a reader meets first; the other pages of ``docs/`` follow them."""

BAR = r"\|"
"""A bar within a table's cell."""

FIRST = "start/first-slider"
"""The demo on the first page."""


@dataclass(frozen=True)
class Notebooks:
    """The stored notebooks of a site, read once.

    Attributes
    ----------
    options : Options
    files : dict
        From a path in the repository to the notebook.
    """

    options: Options
    files: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, options: Options) -> Notebooks:
        """Read them.

        Raises
        ------
        GradcourseError
            If one is missing or cannot be read.
        """
        paths = [path for row in options.rows for path in _notebooks(row, options.solutions)]
        return cls(options, {path: _read(options.root / path) for path in paths})

    def questions(self) -> list[str]:
        """Return the ids of all questions that the pages ask."""
        asked = [id for notebook in self.files.values() for id in pages.questions(notebook)]
        return list(dict.fromkeys(asked))


def _notebooks(row: Lesson, solutions: bool) -> list[str]:
    own = [row.exercises] if row.earns else []
    solved = [row.solutions] if row.earns and solutions else []
    return [row.notebook, *own, *solved]


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise GradcourseError(f"{path} cannot be read: {error}. Try: gradcourse build") from error


Frames = Callable[[str], str]
"""From a demo's id to the script with its frames."""


def texts(notebooks: Notebooks, found: Mapping[str, Any], used: pages.Used) -> dict[str, str]:
    """Return every text that Sphinx reads, by its path.

    Parameters
    ----------
    notebooks : Notebooks
    found : mapping
        What was measured, by question.
    used : pages.Used
        Receives what the pages need.
    """
    options = notebooks.options
    guides = {
        path.stem: path.read_text("utf-8") for path in sorted((options.root / "docs").glob("*.md"))
    }
    there = {*notebooks.files, *(f"docs/{name}.md" for name in guides)}

    def mend(text: str, folder: str) -> str:
        return pages.mend_links(text, folder, there, options.address())

    made = _notebook_texts(notebooks, found, used, mend)
    for name, text in guides.items():
        more = _link_builder(options) if name == "instructor" else ""
        made[f"docs/{name}.md"] = mend(text, "docs") + more
    made |= {f"api/{n}.rst": text for n, text in reference.pages(reference.grouped()).items()}
    return made | _contents(options, list(guides), used)


def _notebook_texts(
    notebooks: Notebooks,
    found: Mapping[str, Any],
    used: pages.Used,
    mend: Callable[[str, str], str],
) -> dict[str, str]:
    options, made = notebooks.options, {}
    for path, notebook in notebooks.files.items():
        row = launch_row(path, options.address(), options.hub)
        page = pages.ready(notebook, found, used, row)
        for cell in page["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = mend(cell["source"], path.partition("/")[0])
            for data in (output.get("data", {}) for output in cell.get("outputs", ())):
                if shown := data.get("text/html"):
                    data["text/html"] = pages.mend_shown(shown, notebooks.files, options.address())
        made[path] = json.dumps(page, ensure_ascii=False)
    return made


def _link_builder(options: Options) -> str:
    """Return the end of the instructor's page: a link that opens a notebook on a JupyterHub."""
    page = options.rows[0].notebook
    return f"""

## A link for your JupyterHub

With [nbgitpuller](https://nbgitpuller.readthedocs.io) on the hub, one link brings the course into a
learner's folder there and opens a page.

<div class="gc-place" data-gc="hub" data-page="{page}" data-hub="{html.escape(options.hub)}"
data-repository="{html.escape(options.address())}"></div>
"""


def _contents(options: Options, guides: list[str], used: pages.Used) -> dict[str, str]:
    """Return the first page and those that list others."""
    rows = [row for row in options.rows if row.earns]
    used.demos[FIRST] = None
    known = [name for name in GUIDES if name in guides]
    listed = [*known, *(name for name in guides if name not in known)]
    solved = options.solutions and bool(rows)
    parts = {
        "lessons": ("Lessons", [_stem(row.notebook) for row in options.rows]),
        "exercises": ("Exercises", [_stem(row.exercises) for row in rows]),
        "solutions": ("Solutions", [_stem(row.solutions) for row in rows] if solved else []),
        "docs": ("Guides", listed),
    }
    parts = {name: part for name, part in parts.items() if part[1]}
    made = {f"{name}/index.md": _list(*part) for name, part in parts.items()}
    made["lessons/intuition.md"] = (
        "# Your intuition\n\nEach prediction on a logarithmic scale that you lock in on these "
        f"pages is a dot here. They stay in this browser.\n\n{pages.INTUITION}\n"
    )
    made["lessons/letters.md"] = _letters(options)
    made["lessons/index.md"] = _list("Lessons", [*parts["lessons"][1], "letters", "intuition"])
    made["index.md"] = _first_page(options, [*parts, "api"])
    return made


def _letters(options: Options) -> str:
    """Return the table of the course's letters."""
    pages = {row.number: f"[{row.number}]({Path(row.notebook).name})" for row in options.rows}
    rows = "\n".join(
        f"| ${one.tex}$ | {one.meaning.replace('|', BAR)} | {pages.get(one.lesson, one.lesson)} |"
        for one in SYMBOLS
    )
    return (
        "# Letters\n\nEach letter of the course, and the lesson that first defines it.\n\n"
        f"| letter | meaning | lesson |\n|---|---|---|\n{rows}\n"
    )


def _stem(path: str) -> str:
    return Path(path).stem


def _list(title: str, names: list[str]) -> str:
    return "\n".join([f"# {title}", "", "```{toctree}", ":maxdepth: 1", "", *names, "```", ""])


def _first_page(options: Options, parts: list[str]) -> str:
    rows = "\n".join(
        f"| [{row.number} · {row.title}]({row.notebook}) | {row.question} | {row.minutes} min |"
        for row in options.rows
    )
    demo = pages.demo_place(FIRST, b"", "", pages.Used())
    hidden = "\n".join(f"{name}/index" for name in parts)
    return f"""# Why do gradients vanish and explode, and what cures them?

You predict a number, drag a knob, see it measured on a real network, and explain it. Try the first
knob: fifty layers, each of which multiplies by the same factor.

{demo}

Predictions and live figures work on these pages as they are, without a kernel and without a
network. What you lock in stays in your browser. To change the code and to solve the exercises,
open the course in Jupyter.

{launch_row(options.rows[0].notebook, options.address(), options.hub)}

| Lesson | Question | Time |
|---|---|---|
{rows}

```{{toctree}}
:hidden:

{hidden}
```
"""


def write_tree(folder: Path, made: Mapping[str, str]) -> bool:
    """Write texts where they changed, remove those that are gone; return whether the set changed.

    Sphinx reads again what is newer than its last visit: a text that is the same is not written.
    """
    before = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for name in before - set(made):
        (folder / name).unlink()
    for name, text in made.items():
        path = folder / name
        if name not in before or path.read_text("utf-8") != text:
            write_atomically(path, text)
    return before != set(made)


def static_files(folder: Path, used: pages.Used, frames: Frames) -> bool:
    """Write what the pages load: script, style sheet, font, frames, and pictures.

    Returns
    -------
    bool
        Whether the script or the style sheet changed. A page names their hash, so that no browser
        shows it with older ones.
    """
    own = folder / "gradcourse"
    named = {"course.js": assets.course_js().encode(), "course.css": assets.course_css().encode()}
    wanted: dict[str, bytes] = {
        **named,
        **{name: (assets.STATIC / name).read_bytes() for name in assets.FONT},
        **{f"frames/{id.replace('/', '--')}.js": frames(id).encode() for id in used.demos},
        **{f"stills/{name}": png for name, png in used.stills.items()},
    }
    for path in [path for path in own.rglob("*") if path.is_file()]:
        if path.relative_to(own).as_posix() not in wanted:
            path.unlink()
    changed = [name for name, content in wanted.items() if not _holds(own / name, content)]
    for name in changed:
        write_atomically(own / name, wanted[name])
    return not named.keys().isdisjoint(changed)


def _holds(path: Path, content: bytes) -> bool:
    return path.exists() and path.read_bytes() == content
