"""The second day: a page opens again, the keyboard is enough, and a prediction is one.

The learner types ``jupyter lab`` here; the other browser tests begin as ``gradcourse lab`` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from lab import Lab, Notebook, open_notebook, paper, running_lab

from gradcourse.figures.style import THEMES

expect = pytest.importorskip("playwright.sync_api").expect

SECONDS = 1000
ANSWER = "def gradient_after(r, L):\n    return {}\n"
HELD = "import ctypes\nctypes.PyDLL(None).sleep(4)  # a cell that lets nothing else run"
CELLS = [
    "import gradcourse as gc",
    'gc.panel("start/first-prediction")',
    'gc.demo("start/first-slider")',
    ANSWER.format("r * L"),
    'gc.panel("start/gradient-after")',
    'gc.panel("chain/tune-gain")',
    'gc.demo("saturation/tangent")',
    ANSWER.format("r ** L"),
    HELD,
]
LAST = len(CELLS) - 1
GUESS = "1/50"


@pytest.fixture(scope="module")
def lab(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab that was not started by the course, in an environment that has it."""
    with running_lab(tmp_path_factory.mktemp("plain"), plain=True) as running:
        yield running


@pytest.fixture(scope="module")
def notebook(lab: Any, browser: Any) -> Iterator[Notebook]:
    """One notebook, which the tests of this file take from one day to the next, in order."""
    lab.write("second_day.ipynb", CELLS)
    opened = open_notebook(
        lab, browser, "second_day.ipynb", viewport={"width": 1100, "height": 3400}
    )
    yield opened
    opened.page.context.close()
    if lab.session(opened.name):
        lab.shut_down(opened.name)


def _focus(page: Any) -> str:
    return str(page.evaluate("document.activeElement.className + document.activeElement.tagName"))


def _go_back_to(page: Any, place: Any) -> None:
    """Shift+Tab until an element has the focus."""
    for _ in range(30):
        if place.evaluate("e => e === document.activeElement"):
            return
        page.keyboard.press("Shift+Tab")
    raise AssertionError(f"30 times Shift+Tab lead to {_focus(page)}")


def _ran(page: Any) -> list[str]:
    return [text for text in page.locator(".jp-InputPrompt").all_inner_texts() if "]" in text]


def _sent_on(notebook: Notebook, cell: int) -> None:
    """Press Shift+Enter; the cell has run again and the focus is on the notebook, below it."""
    page, before = notebook.page, _ran(notebook.page)[cell]
    page.keyboard.press("Shift+Enter")
    prompt = page.locator(".jp-CodeCell .jp-InputPrompt").nth(cell)
    expect(prompt).not_to_have_text(before, timeout=10 * SECONDS)
    expect(prompt).to_have_text(re.compile(r"\[\d+\]"), timeout=10 * SECONDS)
    expect(page.locator(".jp-CodeCell").nth(cell + 1)).to_have_class(re.compile("jp-mod-active"))
    assert "BODY" not in _focus(page)
    notebook.wait_until_idle()


def _panels(page: Any) -> tuple[Any, Any, Any]:
    panels = page.locator(".gc-panel")
    return panels.nth(0), panels.nth(1), panels.nth(2)


def test_the_first_day_needs_no_mouse(notebook: Notebook) -> None:
    page = notebook.page
    notebook.wait_until_idle()
    page.wait_for_timeout(1500)  # until the page itself knows that it is
    page.locator(".jp-Cell").first.focus()
    for cell in range(LAST):
        page.keyboard.press("Shift+Enter")
        expect(page.locator(".jp-CodeCell .jp-InputPrompt").nth(cell)).to_have_text(
            re.compile(r"\[\d+\]"), timeout=30 * SECONDS
        )
    expect(page.locator(".gc-panel")).to_have_count(3, timeout=10 * SECONDS)
    prediction, code, _ = _panels(page)
    box, slider = prediction.get_by_role("textbox"), prediction.get_by_role("slider")
    lock = prediction.get_by_role("button", name="Lock in")
    region = prediction.locator("[role=status]")
    region.evaluate("e => { e.sameNode = true; }")

    # Nothing is set before it is moved, and nothing is locked that was not set.
    expect(box).to_have_value("")
    expect(slider).to_have_attribute("aria-valuetext", "no value yet")
    expect(slider).to_have_attribute("aria-label", re.compile("logarithmic scale from 1e-40 to 1"))
    expect(lock).to_have_attribute("aria-disabled", "true")
    assert prediction.locator(".gc-tick").first.inner_text() == "1e-40"
    notebook.shoot("second-day-untouched", prediction)

    # A slider: its keys move it, Shift+Enter goes on.
    page.locator(".jp-Cell").nth(2).focus()
    _go_back_to(page, slider)
    page.keyboard.press("PageUp")
    expect(slider).to_have_attribute("aria-valuetext", "1e-39")
    expect(lock).to_have_attribute("aria-disabled", "false")
    page.keyboard.press("ArrowUp")
    expect(box).to_have_value("1.26e-39")
    _sent_on(notebook, 1)

    # The box: refused, then understood, then locked; Shift+Enter goes on from there, too.
    prediction, code, _ = _panels(page)
    box, region = prediction.get_by_role("textbox"), prediction.locator("[role=status]")
    _go_back_to(page, box)
    for typed, answer in (("2", "The scale ends at 1"), (GUESS, "is read as 0.02")):
        page.keyboard.press("Control+A")
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
        expect(region).to_contain_text(answer)
        assert not prediction.locator(".gc-measured").count()
    region.evaluate("e => { e.kept = true; }")
    page.keyboard.press("Enter")
    expect(region).to_contain_text("13 of the scale's 40 decades", timeout=10 * SECONDS)
    expect(region).to_contain_text("some way off")
    assert "wrong" not in region.inner_text()
    assert region.evaluate("e => e.kept"), "the region is written into, not replaced"
    expect(prediction.locator(".gc-measured")).to_have_text("measured 8.9e-16")
    page.wait_for_timeout(900)
    mark, track = (prediction.locator(s).bounding_box() for s in (".gc-measured", ".gc-track"))
    assert abs((mark["x"] - track["x"]) / track["width"] - 0.624) < 0.01
    notebook.shoot("second-day-locked", prediction)
    _sent_on(notebook, 1)
    expect(_panels(page)[0].get_by_role("status")).to_contain_text("some way off")

    # A demo's slider, then Check and Hint.
    page.locator(".jp-Cell").nth(3).focus()
    knob = page.locator(".gc-live input[type=range]").first
    _go_back_to(page, knob)
    page.keyboard.press("End")
    expect(page.locator(".gc-live").first.locator("output")).to_have_text("1.50")
    _sent_on(notebook, 2)
    page.locator(".jp-Cell").nth(5).focus()
    code = _panels(page)[1]
    _go_back_to(page, code.get_by_role("button", name="Hint"))
    page.keyboard.press("Enter")
    expect(code.get_by_role("status")).to_contain_text("Hint 1")
    _go_back_to(page, code.get_by_role("button", name="Check"))
    page.keyboard.press("Enter")
    expect(code.get_by_role("status")).to_contain_text("right", timeout=10 * SECONDS)
    _sent_on(notebook, 4)
    assert notebook.errors == []


def test_a_knob_that_is_not_answered_says_so(notebook: Notebook) -> None:
    page = notebook.page
    held = page.locator(".jp-Cell").nth(LAST)
    held.focus()
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(300)
    figure = page.locator(".gc-live").first
    title = figure.locator(".gc-title").inner_text()
    figure.locator("input[type=range]").focus()
    page.keyboard.press("End")
    expect(figure.get_by_role("status")).to_contain_text("Waiting", timeout=3 * SECONDS)
    assert figure.locator(".gc-title").inner_text() == title
    expect(figure.get_by_role("status")).to_have_text("", timeout=10 * SECONDS)
    expect(figure.locator(".gc-title")).to_contain_text(figure.locator("output").inner_text())
    notebook.wait_until_idle()


def _paper(page: Any) -> set[str]:
    """The colours of the grid in all live figures."""
    lines = page.locator(".gc-live svg.gc-figure > path[stroke]")
    return set(lines.evaluate_all("all => all.map(e => e.getAttribute('stroke'))"))


def test_a_reload_keeps_what_lives_and_its_theme(notebook: Notebook) -> None:
    page = notebook.page
    page.locator(".gc-live input[type=range]").first.focus()  # a command gets through to JupyterLab
    page.keyboard.press("Control+S")
    page.wait_for_timeout(800)
    stored = (notebook.lab.folder / notebook.name).read_text()
    assert "some way off" in stored
    assert "widget-view" not in stored
    for theme in ("light", "dark"):
        _reload(page)
        expect(page.locator(".gc-live")).to_have_count(3, timeout=20 * SECONDS)
        expect(page.locator(".gc-live svg.gc-figure > path")).not_to_have_count(0)
        page.wait_for_timeout(700)
        other = THEMES["dark" if theme == "light" else "light"].grid
        assert THEMES[theme].grid in _paper(page)
        assert other not in _paper(page)
        assert page.evaluate(_FAINT) == []
        assert page.evaluate(_NAMELESS) == []
        if theme == "dark":
            notebook.shoot("second-day-dark", page.locator(".jp-Notebook"))
        notebook.theme(f"JupyterLab {'Dark' if theme == 'light' else 'Light'}")


_FAINT = """() => {
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parts = (color) => (color.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const below = (e) => {
    for (; e; e = e.parentElement) {
      const color = parts(getComputedStyle(e).backgroundColor);
      if ((color[3] ?? 1) > 0.5) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const e of document.querySelectorAll('.gc-panel *, .gc-live *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || e.closest('svg, style') || !e.getClientRects().length) continue;
    const pair = [parts(getComputedStyle(e).color), below(e)].map(light).sort((x, y) => y - x);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < 4.5) faint.push(`${e.className} ${e.textContent.slice(0, 30)} ${ratio}`);
  }
  return faint;
}"""
"""Texts whose contrast is below 4.5 (WCAG 2.2, 1.4.3)."""

_NAMELESS = """() => {
  const all = '.gc-panel :is(input, button, [role=group]), .gc-live :is(input, [role=img])';
  const named = (e) => e.getAttribute('aria-label') || e.labels?.length || e.textContent.trim();
  const nameless = [...document.querySelectorAll(all)].filter((e) => !e.hidden && !named(e));
  return nameless.map((e) => e.outerHTML);
}"""
"""Controls and pictures without a name."""


def _reload(page: Any) -> None:
    page.reload()
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60 * SECONDS)


def test_forced_colours_leave_nothing_invisible(notebook: Notebook) -> None:
    page = notebook.page
    page.emulate_media(forced_colors="active")
    prediction, code, _ = _panels(page)
    check = code.get_by_role("button", name="Check")
    for place, part in (
        (prediction.locator(".gc-track"), "backgroundColor"),
        (check, "borderTopColor"),
    ):
        seen = place.evaluate("(e, part) => getComputedStyle(e)[part]", part)
        around = prediction.evaluate("e => getComputedStyle(e).backgroundColor")
        assert seen not in (around, "rgba(0, 0, 0, 0)")
    notebook.shoot("second-day-forced-colours", page.locator(".jp-Notebook"))
    page.emulate_media(forced_colors="none")


def _restart(page: Any) -> None:
    page.click('.lm-MenuBar-itemLabel:text-is("Kernel")')
    page.click('.lm-Menu-itemLabel:text-is("Restart Kernel…")')
    page.click(".jp-Dialog button.jp-mod-accept")


def test_after_a_restart_everything_says_what_to_do(notebook: Notebook) -> None:
    page = notebook.page
    knob = page.locator(".gc-live").first.locator("input[type=range]")
    expect(knob).to_be_enabled(timeout=10 * SECONDS)
    knob.focus()
    page.keyboard.press("Home")
    expect(page.locator(".gc-title").first).to_contain_text("0.50")
    page.wait_for_timeout(1500)  # until its picture was laid aside
    _restart(page)
    prediction, code, _ = _panels(page)
    for panel in (prediction, code):
        expect(panel.get_by_role("status")).to_contain_text("run this cell", timeout=10 * SECONDS)
    expect(code.get_by_role("button", name="Check")).to_have_attribute("aria-disabled", "true")
    figures = page.locator(".gc-live")
    for number in range(figures.count()):
        expect(figures.nth(number).get_by_role("status")).to_contain_text("Not connected")
        expect(figures.nth(number).locator("input[type=range]").first).to_be_disabled()
    expect(page.locator(".gc-title").first).to_contain_text(
        figures.first.locator("output").inner_text()
    )
    _all_is_still_there(page, notebook)
    page.wait_for_timeout(2000)  # a kernel that is just being restarted cannot be shut down
    notebook.wait_until_idle()


def test_the_second_day_begins_where_the_first_one_ended(notebook: Notebook, browser: Any) -> None:
    page = notebook.page
    notebook.lab.shut_down(notebook.name)
    page.wait_for_timeout(500)
    for button in page.locator(".jp-Dialog button").all():
        button.click()
    _reload(page)
    _all_is_still_there(page, notebook, live=False)
    page.emulate_media(color_scheme="dark")  # of the system, which does not decide
    for theme in ("Dark", "Light"):
        notebook.theme(f"JupyterLab {theme}")
        left = page.locator("img.gc-static[width='640'], .gc-still > img")
        assert left.count() == 3
        for figure in left.all():
            assert paper(figure) == THEMES[theme.lower()].background
        notebook.shoot(f"second-day-reopened-{theme.lower()}", page.locator(".jp-Notebook"))
    # The profile is deleted, another browser opens the page, and saves it; a third day follows.
    notebook.wait_until_idle()
    page.locator(".jp-Cell").first.focus()
    page.keyboard.press("Shift+Enter")
    notebook.wait_until_idle()
    page.keyboard.press("Control+S")
    page.wait_for_timeout(800)
    other = open_notebook(
        notebook.lab, browser, notebook.name, viewport={"width": 1100, "height": 3400}
    )
    _all_is_still_there(other.page, other, live=False)
    other.page.context.close()
    # Running a cell goes on.
    page.locator(".jp-Cell").nth(1).focus()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".gc-panel").first.get_by_role("status")).to_contain_text(
        "some way off", timeout=20 * SECONDS
    )


def _all_is_still_there(page: Any, notebook: Notebook, live: bool = True) -> None:
    """Questions, latest verdicts and last pictures, and what to do, on every panel and figure."""
    cells = page.locator(".jp-CodeCell")
    for cell, words in (
        (1, ("multiplied by 0.5 at each of 50", "13 of the scale's 40 decades")),
        (2, ("Drag the factor", "One factor of 0.50 at each of 50 layers", "0.50")),
        (4, ("right", "6 random factors and depths")),
        (6, ("z",)),
    ):
        for text in (*words, "run this cell"):
            output = cells.nth(cell).locator(".jp-OutputArea")
            expect(output).to_contain_text(re.compile(re.escape(text), re.IGNORECASE))
        assert "--c0" not in output.inner_text()  # no style sheet among the words
    if not live:
        expect(cells.nth(4)).to_contain_text("Judged: gradient_after from cell [")
        expect(cells.nth(4)).not_to_contain_text("just now")
    assert not page.get_by_text("model not found").count()
    assert page.locator(".gc-live").count() == (3 if live else 0)
    cell = cells.nth(2)
    said = (
        cell.locator("svg[role=img]").first.get_attribute("aria-label")
        if live
        else cell.locator("img.gc-static").last.get_attribute("alt")
    )
    assert "0.50 to the power L" in said
