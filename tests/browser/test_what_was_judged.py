"""A verdict in the page: it says which cell it judged, and warns of what was not run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from lab import Notebook, open_notebook

expect = pytest.importorskip("playwright.sync_api").expect

SECONDS = 1000
ANSWER = "def gradient_after(r, L):\n    return {}"
CELLS = ["import gradcourse as gc", ANSWER.format("r ** L"), 'gc.panel("start/gradient-after")']


@pytest.fixture(scope="module")
def notebook(lab: Any, browser: Any) -> Iterator[Notebook]:
    lab.write("what_was_judged.ipynb", CELLS)
    opened = open_notebook(lab, browser, "what_was_judged.ipynb")
    yield opened
    opened.page.context.close()
    if lab.session(opened.name):
        lab.shut_down(opened.name)


def test_a_check_knows_what_was_typed_and_not_run(notebook: Notebook) -> None:
    page = notebook.page
    notebook.wait_until_idle()
    page.wait_for_timeout(1500)  # until the page itself knows that it is
    page.locator(".jp-Cell").first.focus()
    for cell in range(len(CELLS)):
        page.keyboard.press("Shift+Enter")
        expect(page.locator(".jp-CodeCell .jp-InputPrompt").nth(cell)).to_have_text(
            re.compile(r"\[\d+\]"), timeout=30 * SECONDS
        )
    region = page.locator(".gc-panel [role=status]")
    check = page.locator(".gc-panel").get_by_role("button", name="Check")
    expect(region).to_contain_text("Judged: gradient_after from cell [2], run just now")
    check.click()
    expect(region).to_contain_text("right")
    expect(region).not_to_contain_text("Note")

    # Typed, not run.
    editor = page.locator(".jp-CodeCell .cm-content").nth(1)
    editor.click()
    page.keyboard.press("Control+A")
    page.keyboard.type("def gradient_after(r, L):\nreturn r * L")
    check.click()
    expect(region).to_contain_text("was changed after it ran", timeout=10 * SECONDS)
    expect(region).to_contain_text("from cell [2]")
    notebook.shoot("judged-not-run", page.locator(".gc-panel"))

    # Run: the warning goes, and the new version is judged.
    editor.click()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".jp-CodeCell .jp-InputPrompt").nth(1)).to_have_text(
        "[4]:", timeout=10 * SECONDS
    )
    check.click()
    expect(region).to_contain_text("from cell [4]", timeout=10 * SECONDS)
    expect(region).to_contain_text("factor times layers")
    expect(region).not_to_contain_text("was changed")
