"""Home in a real JupyterLab: there at once, fresh when it is looked at, and the links lead on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import nbformat
import pytest
from lab import Lab, Notebook, open_page
from nbformat import v4

from gradcourse.checking import PartResult, Verdict
from gradcourse.checking.progress import Progress
from gradcourse.lessons import HOME, LESSONS
from gradcourse.workcopy.folder import WORKSPACES

expect = pytest.importorskip("playwright.sync_api").expect

SECONDS = 1000
LESSON = "lessons/00_start_here.ipynb"
THEMES = ("Light", "Dark")
WIDTHS = (1000, 1400, 1920)

# Of every text the width in characters, an average one being half as wide as the letters are high;
# and what is wider than the room it has.
TOO_WIDE = """page => [...page.querySelectorAll('p, li, dd, a, h1')].flatMap(one => {
  const size = parseFloat(getComputedStyle(one).fontSize), box = one.getBoundingClientRect();
  const text = [...one.childNodes].some(part => part.nodeType === 3 && part.textContent.trim());
  const long = text && one.textContent.length > 90 && box.width / (0.5 * size) > 96;
  const cut = one.clientWidth && one.scrollWidth > one.clientWidth + 1;
  return long || cut ? [one.outerHTML.slice(0, 200)] : [];
})"""


WIDEST = """Math.max(...[...document.querySelectorAll(
  '.jp-MarkdownOutput p, .jp-RenderedHTML > p'
)].map(one =>
  one.getBoundingClientRect().width / (0.5 * parseFloat(getComputedStyle(one).fontSize))))"""
"""Characters that fit into the widest line of text."""


@pytest.fixture(scope="module")
def home(lab: Lab, browser: Any) -> Iterator[Notebook]:
    """The home page, opened once, of a learner who has done a little."""
    progress = Progress(lab.folder.parent / "progress.sqlite")
    for id, guess, value in (
        ("start/first-prediction", 0.02, 8.9e-16),
        ("chain/predict-gain", 0.13, 0.1257),
    ):
        progress.lock(id, guess)
        progress.measured(id, value)
    page = open_page(lab, browser, HOME)
    page.page.wait_for_selector(".gc-home", timeout=60 * SECONDS)
    yield page
    page.page.context.close()


def test_it_is_there_without_running_anything(home: Notebook) -> None:
    page = home.page.locator(".gc-home")
    expect(page.locator(".home-card")).to_have_count(len(LESSONS))
    expect(page.locator(".home-way-on")).to_contain_text("01 · Products of the chain rule")
    expect(page.locator("[data-figure] svg[role=img]")).to_be_visible(timeout=20 * SECONDS)
    expect(page.locator("[data-said]")).to_contain_text("2 predictions")
    assert not home.lab.get("/api/sessions")
    assert home.page.locator(".lm-TabBar-tab.jp-mod-dirty").count() == 0
    assert home.errors == []


@pytest.mark.parametrize("theme", THEMES)
def test_it_has_room_at_every_width_in_both_themes(home: Notebook, theme: str) -> None:
    home.theme(f"JupyterLab {theme}")
    page = home.page.locator(".gc-home")
    for width in WIDTHS:
        home.page.set_viewport_size({"width": width, "height": 1000})
        home.page.wait_for_timeout(400)
        assert page.evaluate(TOO_WIDE) == [], width
        assert page.evaluate(
            "page => page.parentElement.scrollWidth <= page.parentElement.clientWidth"
        )
        home.shoot(f"home-{theme.lower()}-{width}")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(home.page, context=".gc-home").response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    home.page.set_viewport_size({"width": 1280, "height": 1000})


def test_it_is_fresh_when_it_is_shown_again_and_the_links_lead_on(home: Notebook) -> None:
    page, lab = home.page, home.lab
    part = PartResult("p", "right", 1.0, 1.0)
    Progress(lab.folder.parent / "progress.sqlite").record(Verdict("chain/lyapunov", "t", (part,)))
    page.locator(".home-card h3 a", has_text="Start here").click()
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60 * SECONDS)
    assert "/lab/" in page.url
    page.locator(".jp-NotebookPanel a", has_text="Home").first.click()
    expect(page.locator(".gc-home")).to_be_visible()
    chain = page.locator(".home-card", has_text="Products of the chain rule")
    expect(chain).to_contain_text("1 of 18 points", timeout=2 * SECONDS)
    assert page.locator(".lm-TabBar-tab", has_text=HOME).count() == 1
    # One has just looked at lesson 00: home goes on there, at the step that is not done; and it
    # still does when JupyterLab has noted that home is in front.
    way = page.locator(".home-way-on")
    expect(way).to_contain_text("00 · Start here", timeout=2 * SECONDS)
    for _ in range(100):
        if HOME in _in_front(lab):
            break
        page.wait_for_timeout(200)
    assert HOME in _in_front(lab)
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    page.wait_for_timeout(SECONDS)
    expect(way).to_contain_text("00 · Start here")
    expect(way).to_contain_text("How a lesson works")
    way.focus()
    page.keyboard.press("Enter")
    heading = page.locator(
        ".jp-NotebookPanel:not(.lm-mod-hidden) h2", has_text="How a lesson works"
    )
    expect(heading).to_be_in_viewport(timeout=20 * SECONDS)
    assert home.errors == []


AT_ONCE = """new MutationObserver((_, seen) => {
  const link = document.querySelector('.gc-home .home-card h3 a[href*="/files/"]');
  if (link) { seen.disconnect(); setTimeout(() => link.click(), 100); }
}).observe(document, { childList: true, subtree: true, attributes: true })"""
"""Clicks on the first lesson as soon as home's links lead into JupyterLab."""


def test_who_goes_on_at_once_is_not_brought_back(lab: Lab, browser: Any) -> None:
    """A second after its start JupyterLab opens what the address names, which is home."""
    page = browser.new_context().new_page()
    page.add_init_script(AT_ONCE)
    page.goto(f"{lab.url}/lab/workspaces/at-once/tree/{HOME}?token={lab.token}")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60 * SECONDS, state="attached")
    page.wait_for_timeout(3 * SECONDS)
    expect(page.locator(".jp-NotebookPanel")).to_be_visible()
    expect(page.locator(".gc-home")).to_be_hidden()
    page.context.close()


def _in_front(lab: Lab) -> str:
    """What JupyterLab has noted to be in front."""
    notes = (lab.folder / WORKSPACES).glob("*.jupyterlab-workspace")
    latest = max(notes, key=lambda path: path.stat().st_mtime)
    try:
        noted = json.loads(latest.read_text("utf-8"))["data"]["layout-restorer:data"]
    except ValueError:  # it is being written
        return ""
    return str(noted["main"]["current"])


def test_a_line_of_the_courses_is_not_as_wide_as_the_screen_and_nobody_elses_is_shortened(
    opened: Any, lab: Lab
) -> None:
    own = v4.new_notebook(cells=[v4.new_markdown_cell("some words of one's own " * 30)])
    nbformat.write(own, lab.folder / "own.ipynb")
    widths = []
    for name in (LESSON, "own.ipynb"):
        page = opened(name).page
        page.set_viewport_size({"width": 1920, "height": 1000})
        page.wait_for_selector(".jp-MarkdownOutput p")
        widths.append(page.evaluate(WIDEST))
    assert widths[0] <= 97 < widths[1]


def test_a_long_cell_counts_and_then_shows_only_what_it_printed(opened: Any, lab: Lab) -> None:
    code = "import time\nimport gradcourse as gc\nprint('begun')", "time.sleep(4)\nprint('over')"
    notebook = opened(lab.write("slow.ipynb", code))
    notebook.wait_until_idle()
    page = notebook.page
    page.click('.lm-MenuBar-itemLabel:text-is("Run")')
    page.click('.lm-Menu-itemLabel:text-is("Run All Cells")')
    slow = page.locator(".jp-CodeCell").nth(1)
    expect(slow.locator("progress")).to_be_visible(timeout=15 * SECONDS)
    expect(slow.locator(".jp-OutputArea")).to_contain_text(" s")
    expect(slow.locator(".jp-OutputArea")).to_contain_text("over", timeout=10 * SECONDS)
    expect(slow.locator("progress")).to_have_count(0)
    page.keyboard.press("Control+s")
    page.wait_for_timeout(1500)
    saved = (lab.folder / "slow.ipynb").read_text("utf-8")
    assert "over" in saved
    assert "progress" not in saved
    assert '"data": {}' not in saved
