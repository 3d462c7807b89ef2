"""The colours of panels and knobs can be seen in both themes: WCAG 2.2, 1.4.3 and 1.4.11."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gradcourse import checking, figures
from gradcourse.figures.style import THEMES, contrast

PANEL = (Path(checking.__file__).parent / "panel" / "panel.css").read_text("utf-8")
LIVE = (Path(figures.__file__).parent / "live.js").read_text("utf-8")
TEXT = ("muted", "measured", "accent")
"""What words are written in: a contrast of 4.5. The accent is that of a foremost button's face."""
PARTS = ("rule", "accent", "measured")
"""Edges, marks and tracks: 3."""


def _panel(theme: str) -> dict[str, str]:
    """The colours that panel.css gives to a theme; the dark one changes what it names."""
    rules = {}
    for selector in (r"\.gc-panel", r"\.gc-panel\.gc-dark")[: 1 + (theme == "dark")]:
        (block,) = re.findall(rf"^{selector} \{{(.*?)\}}", PANEL, re.MULTILINE | re.DOTALL)
        rules |= dict(re.findall(r"--gc-([\w-]+): ?(#\w{3,8});", block))
    return {
        name: "#" + "".join(2 * c for c in value[1:]) if len(value) == 4 else value
        for name, value in rules.items()
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_and_parts_of_a_panel_stand_out(theme: str) -> None:
    colors, page = _panel(theme), THEMES[theme].background
    for name in TEXT:
        assert contrast(colors[name], page) >= 4.5, name
    for name in PARTS:
        assert contrast(colors[name], page) >= 3, name
    assert contrast(colors["on-accent"], colors["accent"]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_marks_of_a_live_figure_stand_out(theme: str) -> None:
    pairs = re.findall(r'"--gc-(accent|alarm)", name === "dark" \? "(#\w+)" : "(#\w+)"', LIVE)
    assert len(pairs) == 2
    for name, dark, light in pairs:
        shown = dark if theme == "dark" else light
        assert contrast(shown, THEMES[theme].background) >= 3, name
