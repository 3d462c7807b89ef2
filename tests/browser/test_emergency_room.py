"""The emergency room in a real JupyterLab: played by keyboard, spoken, light and dark."""

from __future__ import annotations

from typing import Any

import pytest

DESK = ".gc-desk"


@pytest.fixture
def desk(lab: Any, opened: Any) -> Any:
    lab.write("room.ipynb", ["import gradcourse as gc\ngc.emergency_room(4, 2)"])
    notebook = opened("room.ipynb")
    notebook.run_all(180)
    notebook.page.wait_for_selector(f"{DESK} svg")
    return notebook


def _press(page: Any, name: str) -> None:
    """Focus a button by its label and press it by keyboard; wait until the kernel is done."""
    page.locator(f"{DESK} button", has_text=name).first.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(
        f"() => !document.querySelector('{DESK} .gc-wait:not([hidden])')", timeout=60_000
    )


def test_a_patient_is_played_by_keyboard_and_what_was_found_is_spoken(desk: Any) -> None:
    page = desk.page
    spoken = page.locator(f"{DESK} [role=status]")
    _press(page, "outputs")
    page.wait_for_function(
        f"() => document.querySelector('{DESK} [role=status]').textContent.includes('outputs')"
    )
    treat = page.locator(f"{DESK} button", has_text="Carry it out")
    assert treat.get_attribute("aria-disabled") == "true"  # nothing was named yet
    page.get_by_label("What is it?").select_option("head")
    _press(page, "Name it")
    page.wait_for_function(
        f"() => document.querySelector('{DESK} [role=status]').textContent.startsWith('Named')"
    )
    page.get_by_label("What is to be done?").select_option("free the head")
    _press(page, "Carry it out")
    page.wait_for_selector(f"{DESK} button:has-text('take back: free the head')")
    assert "as it came" in (page.locator(f"{DESK} svg").get_attribute("aria-label") or "").lower()
    desk.shoot("emergency-room-light", page.locator(DESK))
    desk.theme("JupyterLab Dark")
    page.wait_for_selector(f"{DESK}.gc-dark")
    desk.shoot("emergency-room-dark", page.locator(DESK))
    _press(page, "Discharge")
    page.wait_for_function(
        f"() => document.querySelector('{DESK} [role=status]').textContent.startsWith('97 points')"
    )
    assert spoken.get_attribute("aria-live") == "polite"
    assert page.locator(f"{DESK} pre").first.inner_text().startswith("4.2: ?outputs; =head")
    assert desk.errors == []
