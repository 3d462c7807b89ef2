"""A whole lesson and a whole exercise without a mouse, and what axe-core says of their outputs.

Keys only: no test here clicks, or gives the focus to anything, before the keyboard's part is over.
The lesson takes minutes and is slow; what is in it and not in the exercise, panels of predictions
and figures, is worked by keys in test_second_day.py.
axe-core looks at what is the course's own on the page: rendered text and outputs, not JupyterLab's
menus, toolbars, prompts and editors.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from lab import Notebook, paper

from gradcourse.figures.style import THEMES

expect = pytest.importorskip("playwright.sync_api").expect

SECONDS = 1000
LESSON = "lessons/02_saturation.ipynb"
EXERCISE = "exercises/02_saturation.ipynb"
SOLUTION = "solutions/02_saturation.ipynb"

_ACTIVE = """() => {
  const cells = '.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell';
  const cell = document.querySelector(cells + '.jp-mod-active');
  return [Number(cell.dataset.windowedListIndex), cell.classList.contains('jp-CodeCell')];
}"""
"""The number of the active cell, and whether it holds code."""

_WATCH = """() => {
  window.lost = [];
  let timer = 0;
  document.addEventListener('focusout', (event) => {
    const from = event.target.className + ' ' + event.target.textContent.slice(0, 40);
    clearTimeout(timer);
    const look = () => document.activeElement === document.body && lost.push(from);
    timer = setTimeout(look, 400);
  });
}"""
"""Writes down whose focus fell to the body and stayed there; a moment belongs to JupyterLab."""

OURS = [".jp-OutputArea-output", ".jp-MarkdownOutput"]
NOT_OURS = [".jp-OutputArea-promptOverlay", ".jp-OutputPrompt", ".jp-InternalAnchorLink"]


class Hands:
    """Ten fingers on the keyboard of an open notebook."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook, self.page = notebook, notebook.page
        notebook.wait_until_idle()
        self.page.wait_for_timeout(1500)  # until the page itself knows that it is
        self.page.evaluate(_WATCH)
        self.page.wait_for_function("document.activeElement.closest('.jp-Notebook')")
        self.sources = [cell["source"] for cell in self._stored()["cells"]]

    def _stored(self) -> dict[str, Any]:
        path = self.notebook.lab.folder / self.notebook.name
        return json.loads(path.read_text("utf-8"))

    def at(self) -> int:
        """The number of the active cell."""
        return int(self.page.evaluate(_ACTIVE)[0])

    def cell(self, number: int) -> Any:
        return self.page.locator(f'.jp-Cell[data-windowed-list-index="{number}"]')

    def source(self, number: int) -> str:
        return "".join(self.sources[number])

    def go_on(self) -> None:
        """Press Shift+Enter; the cell has run, the next one is active and has the focus."""
        number, is_code = self.page.evaluate(_ACTIVE)
        prompt = self.cell(number).locator(".jp-InputPrompt")
        before = prompt.inner_text() if is_code else ""
        self.page.keyboard.press("Shift+Enter")
        self.page.wait_for_function(f"({_ACTIVE})()[0] === {number + 1}", timeout=10 * SECONDS)
        if is_code:
            expect(prompt).not_to_have_text(before, timeout=60 * SECONDS)
            expect(prompt).to_have_text(re.compile(r"\[\d+\]"), timeout=60 * SECONDS)
        self.page.wait_for_function("document.activeElement.closest('.jp-Notebook')")

    def reach(self, place: Any) -> None:
        """Shift+Tab until an element has the focus."""
        for _ in range(30):
            if place.evaluate("e => e === document.activeElement"):
                return
            self.page.keyboard.press("Shift+Tab")
        raise AssertionError(f"30 times Shift+Tab do not lead to {place}")

    def answer(self, panel: Any) -> None:
        """Commit to an answer by keys; what was found is said in the region that was there."""
        region = panel.get_by_role("status")
        region.evaluate("e => { e.kept = true; }")
        box, choices = panel.get_by_role("textbox"), panel.get_by_role("radio")
        if box.count():
            low, high = _ends(panel)
            self.reach(box)
            for typed, said in (("0,5001", "is read as 0.5001"), ("1e9", "The scale ends")):
                self.page.keyboard.press("Control+A")
                self.page.keyboard.type(typed)
                self.page.keyboard.press("Enter")
                if low <= 0.5001 <= high or typed == "1e9":
                    expect(region).to_contain_text(said, timeout=10 * SECONDS)
            self.page.keyboard.press("Control+A")
            self.page.keyboard.type(f"{(low * high) ** 0.5 if low > 0 else (low + high) / 2:.3g}")
            self.page.keyboard.press("Enter")
        else:
            self.reach(choices.last)  # where a group of none is entered from below
            self.page.keyboard.press("ArrowDown")
            self.page.keyboard.press("Tab")
            self.page.keyboard.press("Enter")
        lock = panel.get_by_role("button", name=re.compile("Lock in|Vote"))
        expect(lock).to_have_attribute("aria-disabled", "true", timeout=60 * SECONDS)
        expect(panel.locator(".gc-verdict")).to_be_visible(timeout=60 * SECONDS)
        expect(panel.locator(".gc-verdict")).not_to_contain_text("not answered yet")
        assert region.evaluate("e => e.kept"), "the region is written into, not replaced"
        assert panel.evaluate("e => e.contains(document.activeElement)")


def _ends(panel: Any) -> tuple[float, float]:
    words = panel.locator(".gc-words").first.inner_text().replace("−", "-").split(" ")
    low = words.index("from") + 1
    return float(words[low]), float(words[low + 2])


def _serious(notebook: Notebook) -> list[str]:
    """What axe-core finds serious or critical in the course's own parts of the page."""
    context = {"include": [[part] for part in OURS], "exclude": [[part] for part in NOT_OURS]}
    # How a link in a text looks is JupyterLab's theme: no line under it, in a blue near black.
    options = {"resultTypes": ["violations"], "rules": {"link-in-text-block": {"enabled": False}}}
    found = Axe().run(notebook.page, context=context, options=options).response["violations"]
    return [
        f"{one['id']}: {node['html'][:200]} ({node.get('failureSummary', '')[:200]})"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def _no_serious_violation(hands: Hands, name: str) -> None:
    notebook, page = hands.notebook, hands.page
    # JupyterLab's body has no height and hides what overflows: axe-core would take all for hidden.
    page.evaluate("document.body.style.minHeight = '100vh'")
    page.set_viewport_size({"width": 1280, "height": 24_000})  # every cell is on the page
    page.locator(".jp-WindowedPanel-outer").evaluate("e => { e.scrollTop = 0; }")
    calls = [hands.source(number).partition("(")[0] for number in range(len(hands.sources))]
    for kind, call in ((".gc-panel", "gc.panel"), (".gc-live", "gc.demo")):
        tunings = int(name == "exercise" and call == "gc.demo")  # a panel with a figure above it
        count = calls.count(call) + tunings if name != "opened" else 0  # what was stored is a still
        expect(page.locator(kind)).to_have_count(count, timeout=9 * SECONDS)
    assert page.locator("img.gc-static").count() or name == "exercise"
    expect(page.locator(".jp-MarkdownOutput").first).to_be_visible()
    page.wait_for_timeout(1000)
    for theme in ("Light", "Dark"):
        notebook.theme(f"JupyterLab {theme}")
        if theme == "Dark":
            notebook.shoot(f"access-{name}", page.locator(".jp-Notebook"))
        for system in ("dark", "light"):  # the page decides, not the system
            page.emulate_media(color_scheme=system)
            figures = page.locator("img.gc-static:visible")  # not those of folded steps
            for figure in figures.all()[:4]:
                assert paper(figure) == THEMES[theme.lower()].background
        assert _serious(notebook) == [], theme
    # It would have found something: a picture without a sentence, and pale words.
    faults = '<img src="x.png"><p style="color:#777;background:#888">pale words</p>'
    page.locator(".jp-OutputArea-output:visible").last.evaluate(
        "(e, html) => { e.innerHTML = html; }", faults
    )
    found = {one.partition(":")[0] for one in _serious(notebook)}
    assert found == {"image-alt", "color-contrast"}


def _drag(hands: Hands, cell: Any) -> None:
    """Who has a mouse may use it."""
    page, figure = hands.page, cell.locator("svg[role=img]").first
    before, picture = figure.get_attribute("aria-label") or "", figure.screenshot()
    box = cell.locator("input[type=range]").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2, steps=8)
    page.mouse.up()
    expect(figure).not_to_have_attribute("aria-label", before, timeout=30 * SECONDS)
    page.wait_for_timeout(300)
    assert figure.screenshot() != picture


def test_axe_finds_nothing_serious_in_a_lesson_as_it_is_opened(opened: Any) -> None:
    _no_serious_violation(Hands(opened(LESSON)), "opened")


@pytest.mark.slow
def test_lesson_02_without_a_mouse(opened: Any) -> None:
    notebook = opened(LESSON)
    hands, page = Hands(notebook), notebook.page
    moved, tangent = 0, -1
    for number in range(len(hands.sources)):
        assert hands.at() == number
        source = hands.source(number)
        if source.startswith("## Deeper"):
            page.keyboard.press("ArrowRight")  # unfolds it
        hands.go_on()
        if source.startswith("gc.panel("):
            panel = hands.cell(number).locator(".gc-panel")
            expect(panel).to_be_visible(timeout=20 * SECONDS)
            hands.answer(panel)
            hands.go_on()
        elif source.startswith("gc.demo("):
            figure = hands.cell(number).locator("svg[role=img]").first
            expect(figure).to_be_visible(timeout=20 * SECONDS)
            notebook.wait_until_idle()
            before = figure.get_attribute("aria-label") or ""
            slider = hands.cell(number).locator("input[type=range]").first
            expect(slider).to_be_enabled(timeout=60 * SECONDS)
            hands.reach(slider)
            for _ in range(5):
                page.keyboard.press("ArrowRight")
            expect(figure).not_to_have_attribute("aria-label", before, timeout=30 * SECONDS)
            hands.go_on()
            moved, tangent = moved + 1, number if "tangent" in source else tangent
    assert moved == 6
    assert page.evaluate("lost") == []
    assert notebook.errors == []
    _no_serious_violation(hands, "lesson")
    _drag(hands, hands.cell(tangent))
    assert notebook.errors == []


@pytest.mark.rest
def test_exercise_02_without_a_mouse(opened: Any) -> None:
    notebook = opened(EXERCISE)
    hands, page = Hands(notebook), notebook.page
    solved = json.loads((notebook.lab.folder / SOLUTION).read_text("utf-8"))["cells"]
    right = {cell["id"]: "".join(cell["source"]) for cell in solved}
    ids = [cell["id"] for cell in hands._stored()["cells"]]
    for number in range(len(hands.sources)):
        assert hands.at() == number
        if "SOLUTION" in right[ids[number]] and not hands.source(number).startswith("gc."):
            page.keyboard.press("Enter")
            page.keyboard.press("Control+A")
            page.keyboard.insert_text(right[ids[number]])
        hands.go_on()
        if not hands.source(number).startswith("gc.panel("):
            continue
        panel = hands.cell(number).locator(".gc-panel")
        expect(panel).to_be_visible(timeout=20 * SECONDS)
        region = panel.get_by_role("status")
        region.evaluate("e => { e.kept = true; }")
        hands.reach(panel.get_by_role("button", name="Check"))
        page.keyboard.press("Enter")
        expect(panel.locator(".gc-verdict.gc-right")).to_be_visible(timeout=60 * SECONDS)
        assert region.evaluate("e => e.kept"), "the region is written into, not replaced"
        hands.go_on()
    assert page.evaluate("lost") == []
    assert notebook.errors == []
    _no_serious_violation(hands, "exercise")
