"""Slides on paper: the browser that is on this machine prints them."""

from __future__ import annotations

import shutil
from pathlib import Path

from gradcourse.support import GradcourseError

BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    *("microsoft-edge", "msedge", "brave-browser"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
"""Programs that print by themselves; Firefox cannot be told to."""


def browser() -> str:
    """Return the program that prints.

    Raises
    ------
    GradcourseError
        If there is none.
    """
    for name in BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    raise GradcourseError(
        "--pdf needs Chromium, Chrome or Edge on this machine; without it, open the slides in any "
        "browser with ?print-pdf at the end of the address, and print from there"
    )


def print_pdf(program: str, page: Path, notes: bool) -> bytes:
    """Return the slides as a PDF.

    Parameters
    ----------
    program : str
        As of `browser`.
    page : Path
        The slides.
    notes : bool
        Whether the speaker's notes follow each slide.

    Raises
    ------
    GradcourseError
        If the browser prints nothing.
    """
    from gradcourse.slides.devtools import headless

    asked = "?print-pdf&showNotes=separate-page" if notes else "?print-pdf"
    with headless(program) as window:
        window.go(page.resolve().as_uri() + asked)
        window.wait_for("deckReady")
        return window.pdf()
