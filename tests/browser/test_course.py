"""A learner's hour: open a lesson, move a figure, be wrong, be told why, be right, come back."""

from __future__ import annotations

from typing import Any

import pytest

from gradcourse.exercises import all_exercises

expect = pytest.importorskip("playwright.sync_api").expect

SECONDS = 1000
PER_CENT = """def saturated_fraction(a, activation):
    slope = a - a**2 if activation == "sigmoid" else 1 - a**2
    largest = 0.25 if activation == "sigmoid" else 1.0
    return 100 * float(np.mean(slope < 0.05 * largest))
"""
RIGHT = PER_CENT.replace("100 * ", "")


def _cell(page: Any, text: str) -> Any:
    return page.locator(".jp-CodeCell", has_text=text).first


def _write_and_run(page: Any, cell: Any, code: str) -> None:
    """Replace a cell's text as a learner does, and press Ctrl+Enter."""
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(code)
    page.keyboard.press("Control+Enter")


def _status(panel: Any) -> Any:
    return panel.locator("[role=status]").last


def test_a_prediction_is_locked_before_it_is_answered(opened: Any) -> None:
    notebook = opened("lessons/00_start_here.ipynb")
    page = notebook.page
    notebook.run_all()
    panel = _cell(page, 'gc.panel("start/first-prediction")').locator(".gc-panel")
    panel.scroll_into_view_if_needed()
    assert "8.9e-16" not in panel.inner_text()
    slider, box = panel.get_by_role("slider"), panel.get_by_role("textbox")
    expect(slider).to_have_attribute("aria-valuetext", "no value yet")
    page.keyboard.press("Tab")  # from now on the focus is the keyboard's
    slider.focus()
    expect(slider).to_have_css("outline-style", "solid")
    box.fill("0.02")
    page.keyboard.press("Tab")
    expect(slider).to_have_attribute("aria-valuetext", "0.02")
    panel.get_by_role("button", name="Lock in").click()
    expect(_status(panel)).to_contain_text("what dividing by 50 gives", timeout=20 * SECONDS)
    expect(_status(panel)).to_contain_text("8.9e-16")
    expect(panel.get_by_role("button", name="Lock in")).to_have_attribute("aria-disabled", "true")
    notebook.shoot("lesson-00-prediction", panel)
    assert notebook.errors == []


def test_an_exercise_is_wrong_then_right_and_stays_so(opened: Any) -> None:
    notebook = opened("exercises/02_saturation.ipynb")
    page = notebook.page
    notebook.run_all()
    answer = _cell(page, "def saturated_fraction")
    panel = _cell(page, 'gc.panel("saturation/saturated-fraction")').locator(".gc-panel")
    (exercise,) = [e for e in all_exercises() if e.id == "saturation/saturated-fraction"]
    (message,) = [m.message for m in exercise.functions[0].misconceptions if "per cent" in m.name]

    _write_and_run(page, answer, PER_CENT)
    notebook.wait_until_idle()
    panel.get_by_role("button", name="Check").focus()
    page.keyboard.press("Enter")
    expect(_status(panel)).to_contain_text(message, timeout=20 * SECONDS)
    notebook.shoot("exercise-02-wrong", panel)

    panel.get_by_role("button", name="Hint").click()
    expect(panel).to_contain_text(exercise.hints[0], timeout=10 * SECONDS)

    _write_and_run(page, answer, RIGHT)
    notebook.wait_until_idle()
    panel.get_by_role("button", name="Check").click()
    expect(_status(panel)).to_contain_text("2 of 2 points", timeout=20 * SECONDS)
    notebook.shoot("exercise-02-right", panel)

    page.click('.lm-MenuBar-itemLabel:text-is("Kernel")')
    page.click('.lm-Menu-itemLabel:text-is("Restart Kernel…")')
    page.click(".jp-Dialog button.jp-mod-accept")
    page.wait_for_timeout(500)
    notebook.wait_until_idle()
    score = page.locator(".jp-CodeCell").last
    _write_and_run(page, score, 'import gradcourse as gc\ngc.progress("02")')
    row = score.locator("tr", has_text="The share of saturated units")
    expect(row).to_contain_text("2 of 2", timeout=30 * SECONDS)
    notebook.shoot("progress-after-restart", score)
    assert notebook.errors == []
