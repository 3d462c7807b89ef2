"""A stored notebook, made ready for a page without a kernel.

What only a kernel could answer is replaced: a demo by a place where its frames are played, a panel
by one that judges in the browser, a stored figure by its data, which is drawn in the reader's theme
and width. Whatever else was stored stays as it is.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gradcourse.checking.panel import ruler
from gradcourse.checking.question import Choice, Prediction, Question, Tuning
from gradcourse.checking.show import measured
from gradcourse.checking.verdict_css import STYLE
from gradcourse.exercises.registry import get
from gradcourse.experiments.claim import all_claims
from gradcourse.figures.wire import FIGURE
from gradcourse.lessons import HOME
from gradcourse.markup import inline
from gradcourse.site import quiz

Cell = dict[str, Any]

CALL = re.compile(r'gc\.(demo|panel|score|intuition)\((?:"([^"]*)")?\)')
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~)", re.MULTILINE)
LONG = 6
"""Lines of code that are folded where what they make is a picture."""


@dataclass
class Used:
    """What the pages of a site need besides themselves.

    Attributes
    ----------
    demos : dict
        The ids of demos, in the order of their first use.
    stills : dict
        From a file's name to the PNG in it, for readers without JavaScript.
    """

    demos: dict[str, None] = field(default_factory=dict)
    stills: dict[str, bytes] = field(default_factory=dict)


def called(cell: Cell) -> tuple[str, str] | None:
    """Return what a cell asks of the kernel by its first line: ("demo", id), ("panel", id), …"""
    if cell["cell_type"] != "code":
        return None
    match = CALL.fullmatch("".join(cell["source"]).strip().partition("\n")[0])
    return (match[1], match[2] or "") if match else None


def questions(notebook: Mapping[str, Any]) -> list[str]:
    """Return the ids of the questions that can be asked on this notebook's page."""
    calls = [called(cell) for cell in notebook["cells"]]
    ids = [call[1] for call in calls if call is not None and call[0] == "panel"]
    return [id for id in ids if quiz.plays(get(id))]


def ready(
    notebook: Mapping[str, Any], found: Mapping[str, Any], used: Used, row: str
) -> dict[str, Any]:
    """Return a notebook that myst-nb sets as a page.

    Parameters
    ----------
    notebook : mapping
        As stored, in nbformat 4.
    found : mapping
        From the id of each of its `questions` to what was measured.
    used : Used
        Receives what the page needs.
    row : str
        HTML that says where the page can be run; it follows the title.
    """
    deciding = {claim.page.partition(CELL)[2] for claim in all_claims()}
    cells = []
    for cell in notebook["cells"]:
        if cell["id"] in deciding:
            cells.append(_words(f'<span id="{CELL}{cell["id"]}"></span>', f"to-{cell['id']}"))
        cells += _ready(cell, found, used)
    place = 1 if cells and cells[0]["cell_type"] == "markdown" else 0
    cells.insert(place, _words(row, "where-to-run"))
    kept = {key: value for key, value in notebook["metadata"].items() if key != "gradcourse"}
    return {**notebook, "metadata": kept, "cells": cells}


def _ready(cell: Cell, found: Mapping[str, Any], used: Used) -> Iterable[Cell]:
    """Return what stands in a cell's place: none, or one."""
    if cell["metadata"].get("slideshow", {}).get("slide_type") == "notes":
        return []
    if cell["cell_type"] == "markdown":
        return [] if _heads_score(cell) else [{**cell, "source": "".join(cell["source"])}]
    call = called(cell)
    if call is None:
        return [_shown(cell, used)]
    kind, id = call
    makers: dict[str, Callable[[], str]] = {
        "demo": lambda: demo_place(id, *_picture(cell), used),
        "panel": lambda: panel_place(get(id), found, used),
        "intuition": lambda: INTUITION,
        "score": lambda: "",
    }
    made = makers[kind]()
    return [_replaced(cell, made)] if made else []


def _heads_score(cell: Cell) -> bool:
    return cell["id"].endswith("score-intro")


def _words(text: str, id: str) -> Cell:
    return {"cell_type": "markdown", "id": id, "metadata": {}, "source": text}


def _replaced(cell: Cell, markup: str) -> Cell:
    """A cell of which only this is seen."""
    output = {"output_type": "display_data", "metadata": {}, "data": {"text/html": markup}}
    metadata = {"tags": ["remove-input"]}
    # Without a source myst-nb would leave the cell out.
    source = "".join(cell["source"]).strip().partition("\n")[0]
    return {**cell, "source": source, "metadata": metadata, "outputs": [output]}


def _shown(cell: Cell, used: Used) -> Cell:
    """A cell of code with what it printed and drew."""
    source = _without_markers("".join(cell["source"]))
    outputs = [_output(output, used) for output in cell["outputs"]]
    tags, metadata = [], {}
    if any(FIGURE in output.get("data", {}) for output in cell["outputs"]):
        tags = ["hide-input"] if source.count("\n") >= LONG else []
    else:
        alt = _picture(cell)[1]
        metadata = {"mystnb": {"image": {"alt": alt, "width": "640px"}}} if alt else {}
    return {**cell, "source": source, "metadata": {"tags": tags, **metadata}, "outputs": outputs}


def _without_markers(source: str) -> str:
    """Of a solution, the code without the marks around it and without hidden tests."""
    visible = source.partition("### BEGIN HIDDEN TESTS")[0].rstrip()
    lines = [line for line in visible.splitlines() if line.strip() not in MARKERS]
    return "\n".join(lines)


MARKERS = ("### BEGIN SOLUTION", "### END SOLUTION")
CELL = "cell-id="
"""How an address names a cell; on the site the cell has such an anchor before it."""

_PAGE = re.compile(r'(href="\.\./(?:lessons|exercises|solutions)/\w+)\.ipynb')


def _output(output: dict[str, Any], used: Used) -> dict[str, Any]:
    data = output.get("data", {})
    if FIGURE in data:
        png, alt = _png(output)
        markup = figure_place(data[FIGURE], png, alt, used)
        return {"output_type": "display_data", "metadata": {}, "data": {"text/html": markup}}
    if "text/html" in data:
        page = _PAGE.sub(r"\1.html", "".join(data["text/html"]).replace(STYLE, ""))
        return {**output, "data": {"text/html": f'<div class="gc-wide" tabindex="0">{page}</div>'}}
    return output


def _picture(cell: Cell) -> tuple[bytes, str]:
    """Return the PNG that is stored with a cell, and its alternative text; both may be empty."""
    for output in cell["outputs"]:
        png, alt = _png(output)
        if png:
            return png, alt
    return b"", ""


def _png(output: Mapping[str, Any]) -> tuple[bytes, str]:
    told = output.get("metadata", {}).get("image/png", {})
    text = "".join(output.get("data", {}).get("image/png", ""))
    return base64.b64decode(text), told.get("alt", "")


# ── Places for what lives in the browser ──────────────────────────────────────────────────────


INTUITION = '<div class="gc-place" data-gc="intuition"></div>'


def demo_place(id: str, png: bytes, alt: str, used: Used) -> str:
    """Return HTML where a demo is played; without JavaScript its first picture."""
    used.demos[id] = None
    name = html.escape(id)
    return f'<div class="gc-place" data-gc="demo" data-id="{name}">{_still(png, alt, used)}</div>'


def figure_place(stored: Mapping[str, Any], png: bytes, alt: str, used: Used) -> str:
    """Return HTML where a stored figure is drawn; without JavaScript its picture."""
    return f'<div class="gc-place" data-gc="figure">{_data(stored)}{_still(png, alt, used)}</div>'


def panel_place(question: Question, found: Mapping[str, Any], used: Used) -> str:
    """Return HTML where a question is asked, or what it asks where only a notebook can check."""
    if isinstance(question, Prediction | Choice) and question.id in found:
        truth = found[question.id]
        shown = f"{answer(question, truth)} {html.escape(question.explain)}"
        return (
            f'<div class="gc-place" data-gc="panel">{_data(quiz.told(question, truth))}<noscript>'
            f"<p>{inline(question.question)}</p><details><summary>What is measured</summary>"
            f"{shown}</details></noscript></div>"
        )
    hints = "".join(f"<li>{inline(hint)}</li>" for hint in question.hints)
    folded = f"<details><summary>Hints</summary><ol>{hints}</ol></details>" if hints else ""
    # The knobs of a tuning turn here, too; only what they are set to is checked elsewhere.
    knobs = demo_place(question.demo().id, b"", "", used) if isinstance(question, Tuning) else ""
    return (
        f'<div class="gc-solve">{_asked(question)}{knobs}{folded}'
        '<p><a href="#where-to-run">Solve it in Jupyter</a>: the panel there checks your answer '
        "and says what to look at.</p></div>"
    )


def _asked(question: Question) -> str:
    """The question where the page's own words do not ask it."""
    if isinstance(question, Choice):
        options = "".join(f"<li>{inline(option.text)}</li>" for option in question.options)
        return f"<p>{inline(question.question)}</p><ul>{options}</ul>"
    if isinstance(question, Prediction):
        scale = html.escape(ruler.described(question))
        return f"<p>{inline(question.question)}</p><p>Your prediction: {scale}.</p>"
    return f"<p>{inline(question.question)}</p>" if question.question else ""


def answer(question: Prediction | Choice, truth: Any) -> str:
    """Return what was measured, as HTML."""
    if isinstance(question, Choice):
        return next(inline(option.text) for option in question.options if option.key == truth)
    unit = f" {html.escape(question.unit)}" if question.unit else ""
    return f"{measured(truth)}{unit}."


def _data(told: Mapping[str, Any]) -> str:
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    return f'<script type="application/json">{text}</script>'


def _still(png: bytes, alt: str, used: Used) -> str:
    if not png:
        return ""
    name = f"{hashlib.sha256(png).hexdigest()[:16]}.png"
    used.stills[name] = png
    source = f"../_static/gradcourse/stills/{name}"
    return f'<noscript><img src="{source}" alt="{html.escape(alt)}" width="640"></noscript>'


# ── Links ─────────────────────────────────────────────────────────────────────────────────────


def mend_links(text: str, folder: str, pages: Collection[str], repository: str) -> str:
    """Return words whose links lead to pages of the site, to the repository, or nowhere.

    Parameters
    ----------
    text : str
        Markdown; code between fences is left alone.
    folder : str
        Where the page lies: "lessons".
    pages : collection of str
        The site's pages, as they lie in the repository: "docs/learner.md". Its first one is home.
    repository : str
        Its address; where it is empty, a link to another file becomes plain words.
    """

    def mended(match: re.Match[str]) -> str:
        label, target = match[1], match[2]
        path, _, anchor = target.partition("#")
        if not path or ":" in path.partition("/")[0]:
            return match[0]
        if anchor.startswith(CELL):  # JupyterLab's way to a cell; Sphinx knows none
            anchor, target = "", path
        place = posixpath.normpath(posixpath.join(folder, path))
        if place == "README.md" or (place == HOME and pages):
            return f"[{label}](../index.md)"
        if place in pages:
            return f"[{label}]({target})"
        end = f"#{anchor}" if anchor else ""
        return f"[{label}]({repository}/blob/main/{place}{end})" if repository else label

    pieces = FENCE.split(text)
    outside, inside = [], False
    for piece in pieces:
        inside ^= piece in ("```", "~~~")
        outside.append(piece if inside or piece in ("```", "~~~") else LINK.sub(mended, piece))
    return "".join(outside)


_SHOWN = re.compile(
    r'<a href="\.\./((?:lessons|exercises|solutions)/\w+)\.(?:html|ipynb)[^"]*"[^>]*>(.*?)</a>',
    re.DOTALL,
)


def mend_shown(markup: str, pages: Collection[str], repository: str) -> str:
    """Return HTML that a cell has shown; its links lead where those of `mend_links` lead.

    They may name a notebook or its page.
    """

    def mended(link: re.Match[str]) -> str:
        path, label = f"{link[1]}.ipynb", link[2]
        if path in pages:
            return link[0]
        address = html.escape(f"{repository}/blob/main/{path}")
        return f'<a href="{address}">{label}</a>' if repository else label

    return _SHOWN.sub(mended, markup)
