"""The pages of class grading on a desk, on a phone and on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gradcourse.checking import PartResult
from gradcourse.grading.mark import Adjustment, Mark, Origin, QuestionMark, Reason
from gradcourse.grading.report.class_page import class_page
from gradcourse.grading.report.learner_page import learner_page

LONG = "def lyapunov(factors):\n    return " + " + ".join(["np.log(np.abs(factors))"] * 9)
SIZES = ((1200, "light"), (1200, "dark"), (390, "light"), (390, "dark"))

CUT = """() => [...document.querySelectorAll('main *')].flatMap(one =>
  one.getBoundingClientRect().right > document.documentElement.clientWidth + 1
    && !one.closest('.scroll, pre') ? [one.outerHTML.slice(0, 100)] : [])"""
"""What is wider than the page, and cannot be scrolled by itself."""

TALL = "Math.max(...[...document.querySelectorAll('tr')].map(one => one.offsetHeight))"


def _mark(learner: str, place: str, earned: float, *reasons: Reason) -> Mark:
    wrong = PartResult("3 chains", "wrong", 0.0, 1.0, "The sign is another.", "the sign")
    right = PartResult("5 chains", "right", 1.0, 1.0, tested="agreed on 5 random cases")
    first = QuestionMark(
        "chain/weight-gradients",
        "A long title of a question, about *logs*",
        earned,
        2.0,
        "right" if earned == 2 else "wrong",
        parts=(right, wrong),
        note="Nearly.",
    )
    others = [
        QuestionMark(
            f"chain/other-{n}", f"Question {n}", 0.5, 1.0, "wrong", "No.", "0.5 of 1 point"
        )
        for n in range(11)
    ]
    questions = (first, *others)
    name = f"{learner}_4711_assignsubmission_file_/{place}"
    return Mark(
        "01",
        questions,
        reasons,
        run=12,
        failed=1,
        sandbox={"namespaces": "on", "landlock": "missing: this kernel has none"},
        learner=learner,
        origin=Origin(stem=learner, name=name, notes=("handed in late",)),
        texts=("A sentence of their own. " * 20, "x" * 400),
        sources={"chain/weight-gradients": LONG},
        adjustments=(Adjustment("late", -0.5, "one day late"),),
        comment="See me after the lecture.",
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    marks = [
        _mark(f"Maximiliane van der Beispiel {number}", f"{number}_01_chain_rule.ipynb", number % 3)
        for number in range(12)
    ]
    marks[3] = marks[3].because(Reason("memory"), Reason("cell-error", "the cell `x = 1`", "Oh."))
    unused = ("overrides.csv, line 3: it fits nobody: 'alicia'",)
    for name, data in (
        ("class", class_page(marks, unused=unused)),
        ("learner", learner_page(marks[3])),
    ):
        (folder / f"{name}.html").write_bytes(data)
    return {path.stem: path for path in folder.glob("*.html")}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}-{size[1]}")
@pytest.mark.parametrize("name", ["class", "learner"])
def test_all_can_be_read(
    browser: Any, pages: dict[str, Path], name: str, size: tuple[int, str]
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    width, scheme = size
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    try:
        page = context.new_page()
        page.goto(pages[name].as_uri())
        assert page.evaluate(CUT) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(TALL) < 300
        assert [found["id"] for found in axe.run(page).response["violations"]] == []
    finally:
        context.close()


@pytest.mark.parametrize("name", ["class", "learner"])
def test_nothing_is_cut_on_paper(browser: Any, pages: dict[str, Path], name: str) -> None:
    """What can be scrolled on a screen cannot on paper."""
    context = browser.new_context(viewport={"width": 680, "height": 1000}, bypass_csp=True)
    try:
        page = context.new_page()
        page.goto(pages[name].as_uri())
        page.emulate_media(media="print")
        wider = "[...document.querySelectorAll('.scroll, pre')]"
        wider += ".filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.ariaLabel)"
        assert page.evaluate(wider) == []
    finally:
        context.close()
