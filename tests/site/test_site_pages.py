"""Stored notebooks made ready for a page: nothing is lost but what only a kernel can answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docutils import nodes
from docutils.utils import new_document
from fontTools.ttLib import TTFont
from markdown_it import MarkdownIt
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

from gradcourse.checking.question import Tuning
from gradcourse.exercises import all_exercises
from gradcourse.exercises.registry import get
from gradcourse.experiments.claim import claim_about
from gradcourse.lessons import LESSONS
from gradcourse.site import assets, pages, quiz
from gradcourse.site.formulas import formula
from gradcourse.site.run_elsewhere import launch_row, places
from gradcourse.site.sphinx_part import fold_deeper
from gradcourse.support import GradcourseError

ROOT = Path(__file__).parents[2]
SOMEWHERE = "https://github.com/example/course"
TRUTHS: dict[str, Any] = {
    question.id: question.options[0].key if hasattr(question, "options") else 1.0
    for question in all_exercises()
    if quiz.plays(question)
}


def _notebook(path: str) -> dict[str, Any]:
    return dict(json.loads((ROOT / path).read_text("utf-8")))


def _page(path: str) -> tuple[str, pages.Used]:
    used = pages.Used()
    page = pages.ready(_notebook(path), TRUTHS, used, "ROW")
    markup = [html for cell in page["cells"] for html in _html(cell)]
    return "\n".join(markup), used


def _html(cell: dict[str, Any]) -> Iterator[str]:
    for output in cell.get("outputs", ()):
        if "text/html" in output.get("data", {}):
            yield output["data"]["text/html"]


@pytest.mark.parametrize("row", LESSONS, ids=lambda row: row.number)
def test_a_lesson_has_a_place_for_each_demo_panel_and_figure(row: Any) -> None:
    stored = _notebook(row.notebook)
    page, used = _page(row.notebook)
    calls = [call for cell in stored["cells"] if (call := pages.called(cell))]
    assert set(used.demos) == {id for kind, id in calls if kind == "demo"}
    assert page.count('data-gc="panel"') == len(pages.questions(stored))
    figures = sum(
        pages.FIGURE in output.get("data", {})
        for cell in stored["cells"]
        if cell["cell_type"] == "code" and pages.called(cell) is None
        for output in cell["outputs"]
    )
    assert page.count('data-gc="figure"') == figures
    assert page.count("<noscript><img") == len(set(used.demos)) + figures


@pytest.mark.parametrize("row", [r for r in LESSONS if r.earns], ids=lambda row: row.number)
def test_a_page_of_exercises_gives_no_answer_away(row: Any) -> None:
    stored = _notebook(row.exercises)
    page, used = _page(row.exercises)
    tunings = [
        question.demo().id for id in _asked(stored) if isinstance(question := get(id), Tuning)
    ]
    assert list(used.demos) == tunings
    assert page.count('data-gc="demo"') == len(tunings)
    asked = sum(pages.called(cell) is not None for cell in stored["cells"]) - 1  # gc.score
    assert page.count("Solve it in Jupyter") == asked
    assert 'data-gc="panel"' not in page
    assert "verdicts" not in page
    assert "What is measured" not in page


def _asked(stored: dict[str, Any]) -> list[str]:
    calls = [pages.called(cell) for cell in stored["cells"]]
    return [call[1] for call in calls if call is not None and call[0] == "panel"]


def test_speaker_notes_hidden_tests_and_marks_are_left_out() -> None:
    row = LESSONS[3]
    lesson = json.dumps(pages.ready(_notebook(row.notebook), TRUTHS, pages.Used(), "ROW"))
    assert "Speaker notes" not in lesson
    solved = json.dumps(pages.ready(_notebook(row.solutions), TRUTHS, pages.Used(), "ROW"))
    assert "HIDDEN TESTS" not in solved
    assert "BEGIN SOLUTION" not in solved
    assert "return float(np.linalg.norm(W, 2))" in solved


def test_links_lead_to_pages_to_the_repository_or_nowhere() -> None:
    text = "[a](../exercises/01.ipynb#x) [b](../setup.py) [c](https://d.org) [e](#f) ![g](h.png)"
    there = {"exercises/01.ipynb"}
    kept = "[a](../exercises/01.ipynb#x)", "[c](https://d.org) [e](#f) ![g](h.png)"
    assert pages.mend_links(text, "lessons", there, "") == f"{kept[0]} b {kept[1]}"
    far = f"[b]({SOMEWHERE}/blob/main/setup.py)"
    assert pages.mend_links(text, "lessons", there, SOMEWHERE) == f"{kept[0]} {far} {kept[1]}"
    code = "```\n[b](../setup.py)\n```\n"
    assert pages.mend_links(code, "lessons", there, "") == code
    assert pages.mend_links("[home](../README.md)", "docs", there, "") == "[home](../index.md)"
    way = "[Home](../course-home.md)"
    assert pages.mend_links(way, "lessons", there, "") == "[Home](../index.md)"
    assert pages.mend_links(way, "lessons", (), "") == "Home"  # a slide has no pages about it


def test_a_link_that_a_cell_has_shown_leads_to_a_page_to_the_repository_or_nowhere() -> None:
    shown = '<p><a href="../lessons/03_x.html#a">b <b>c</b></a> <a href="https://d.org">d</a></p>'
    assert pages.mend_shown(shown, {"lessons/03_x.ipynb"}, "") == shown
    rest = '<a href="https://d.org">d</a></p>'
    assert pages.mend_shown(shown, (), "") == f"<p>b <b>c</b> {rest}"
    far = f'<a href="{SOMEWHERE}/blob/main/lessons/03_x.ipynb">b <b>c</b></a>'
    assert pages.mend_shown(shown, (), SOMEWHERE) == f"<p>{far} {rest}"


def test_a_way_to_a_cell_leads_to_its_anchor() -> None:
    there = {"lessons/02.ipynb"}
    way = "[b](02.ipynb#cell-id=02-claim)"  # Sphinx knows no cells: to the page
    assert pages.mend_links(way, "lessons", there, "") == "[b](02.ipynb)"
    cell = claim_about("saturation/claim-zero").page.partition("cell-id=")[2]
    code = {"cell_type": "code", "id": cell, "metadata": {}, "source": "1", "outputs": []}
    made = pages.ready({"cells": [code], "metadata": {}}, {}, pages.Used(), "")
    assert f'<span id="cell-id={cell}"></span>' in [c["source"] for c in made["cells"]]
    shown = {"text/html": f'<a href="../lessons/02_saturation.ipynb#cell-id={cell}">b</a>'}
    output = {"output_type": "display_data", "metadata": {}, "data": shown}
    made = pages.ready(
        {"cells": [{**code, "outputs": [output]}], "metadata": {}}, {}, pages.Used(), ""
    )
    page = made["cells"][-1]["outputs"][0]["data"]["text/html"]
    assert f'href="../lessons/02_saturation.html#cell-id={cell}"' in page


def test_without_a_repository_a_page_links_to_no_other_place() -> None:
    row = launch_row("lessons/03.ipynb", "")
    assert "http" not in row
    assert "gradcourse lab" in row
    assert places("lessons/03.ipynb", "", "https://hub.org") == {}


def test_with_a_repository_a_page_can_be_run_elsewhere() -> None:
    found = places("lessons/03.ipynb", SOMEWHERE, "https://hub.org")
    assert found == {
        "Binder": "https://mybinder.org/v2/gh/example/course/main"
        "?urlpath=lab%2Ftree%2Flessons%2F03.ipynb",
        "Colab": "https://colab.research.google.com/github/example/course/blob/main/lessons/03.ipynb",
        "JupyterHub": "https://hub.org/hub/user-redirect/git-pull"
        "?repo=https%3A%2F%2Fgithub.com%2Fexample%2Fcourse&branch=main"
        "&urlpath=lab%2Ftree%2Fcourse%2Flessons%2F03.ipynb",
    }
    assert "git+https://github.com/example/course" in launch_row("lessons/03.ipynb", SOMEWHERE)
    assert set(places("lessons/03.ipynb", "https://git.example.org/course")) == set()


def test_every_formula_can_be_set_and_the_font_has_its_letters() -> None:
    letters, count = set[str](), 0
    for tex, display in _formulas():
        count += 1
        letters |= set(re.sub(r"<[^>]*>", "", formula(tex, display)))
    assert count > 700
    font = TTFont(assets.STATIC / assets.FONT[0])
    assert "MATH" in font
    drawn = {letter for letter in letters if not letter.isspace() and letter != "\ufe00"}
    assert {letter for letter in drawn if ord(letter) not in font.getBestCmap()} == set()


def test_a_deeper_step_is_folded_behind_its_first_sentence() -> None:
    deeper = nodes.section(
        "", nodes.title("", "Deeper · more"), nodes.paragraph("", "What is in it.")
    )
    deeper += [nodes.paragraph("", "It."), nodes.section("", nodes.title("", "Predict"))]
    core = nodes.section("", nodes.title("", "Step 1"), nodes.paragraph("", "It."))
    document = new_document("page")
    document += [core, deeper]
    fold_deeper(document)
    assert [type(child).__name__ for child in core] == ["title", "paragraph"]
    assert [type(child).__name__ for child in deeper] == ["title", "paragraph", "Folded"]
    assert [child.astext() for child in deeper[2]] == ["It.", "Predict"]


def test_a_formula_that_cannot_be_set_stops_the_build() -> None:
    with pytest.raises(GradcourseError, match="cannot be set"):
        formula(r"\notacommand{x}")


def _formulas() -> Iterator[tuple[str, bool]]:
    reader = MarkdownIt("commonmark").use(dollarmath_plugin).use(amsmath_plugin)
    for row in LESSONS:
        for path in {row.notebook, *([row.exercises, row.solutions] if row.earns else [])}:
            for cell in _notebook(path)["cells"]:
                if cell["cell_type"] == "markdown":
                    yield from _in(reader.parse("".join(cell["source"])))


def _in(tokens: Any) -> Iterator[tuple[str, bool]]:
    for token in tokens:
        if token.type.startswith(("math", "amsmath")):
            yield token.content, token.type != "math_inline"
        yield from _in(token.children or ())
