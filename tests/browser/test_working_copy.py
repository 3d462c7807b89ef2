"""A page is as it was laid until somebody works in it, and JupyterLab knows where one was."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from gradcourse.workcopy import WorkingCopy
from gradcourse.workcopy.export import export

expect = pytest.importorskip("playwright.sync_api").expect

LESSON = "lessons/01_products_of_the_chain_rule.ipynb"
EXERCISE = "exercises/03_recurrent.ipynb"


@pytest.mark.parametrize("page", [LESSON, EXERCISE])
def test_opening_a_page_does_not_change_it(opened: Any, page: str) -> None:
    notebook = opened(page)
    before = (notebook.lab.folder / page).read_bytes()
    notebook.wait_until_idle()
    notebook.page.wait_for_timeout(2000)  # the kernel's answer is written into the page's metadata
    assert notebook.page.locator(".lm-TabBar-tab.jp-mod-dirty").count() == 0
    notebook.page.keyboard.press("Control+s")
    notebook.page.wait_for_timeout(1000)
    assert (notebook.lab.folder / page).read_bytes() == before
    assert notebook.errors == []


def test_before_the_first_run_questions_and_figures_are_there_and_answers_are_not(
    opened: Any,
) -> None:
    notebook = opened(LESSON)
    page = notebook.page
    panel = page.locator(".jp-CodeCell", has_text="gc.panel(").first
    panel.scroll_into_view_if_needed()
    expect(panel.locator(".jp-OutputArea-output").first).to_contain_text("not answered yet")
    demo = page.locator(".jp-CodeCell", has_text="gc.demo(").first
    demo.scroll_into_view_if_needed()
    expect(demo.locator("img")).to_be_visible()
    assert "Speaker notes" not in page.locator(".jp-Notebook").inner_text()
    notebook.shoot("working-copy-untouched")


def test_jupyterlab_notes_where_the_learner_was(opened: Any) -> None:
    notebook = opened(EXERCISE)
    copy = WorkingCopy(notebook.lab.folder)
    deadline = time.monotonic() + 30
    while EXERCISE not in copy.last_used():
        assert time.monotonic() < deadline, "JupyterLab has not written its workspace"
        notebook.page.wait_for_timeout(200)


def _wait_until_laid_aside(notebook: Any) -> None:
    """A live figure's picture is kept a second after it came to rest."""
    stills = notebook.lab.folder.parent / "runtime" / "gradcourse-stills"
    deadline = time.monotonic() + 30
    while not any("gc-still" in path.read_text("utf-8") for path in stills.glob("*.json")):
        assert time.monotonic() < deadline, "no live figure has been laid aside"
        notebook.page.wait_for_timeout(100)


def test_an_executed_page_is_read_offline(opened: Any, browser: Any, tmp_path: Path) -> None:
    notebook = opened("lessons/00_start_here.ipynb")
    saved = notebook.lab.folder / notebook.name
    before = saved.read_bytes()
    notebook.run_all()
    _wait_until_laid_aside(notebook)
    notebook.page.keyboard.press("Control+s")
    notebook.page.wait_for_timeout(1500)
    assert saved.read_bytes() != before
    assert "widget-view" not in saved.read_text("utf-8")  # what is saved are stills
    written = export(saved, tmp_path / "read.html")
    saved.write_bytes(before)  # other tests open it
    context = browser.new_context(offline=True, viewport={"width": 1000, "height": 1000})
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(written.as_uri())
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    body = page.locator("body").inner_text()
    assert "Model not found" not in body
    assert "not answered yet" in body
    left = page.locator(".gc-still img.gc-static").last  # the live figure, as it was left
    assert "to the power L" in (left.get_attribute("alt") or "")
    shown = page.locator("img")
    assert shown.count() >= 1
    loaded = "images => images.every(image => image.complete && image.naturalWidth > 0)"
    assert shown.evaluate_all(loaded)
    page.screenshot(path=str(tmp_path / "read.png"), full_page=True)
    context.close()
