"""reveal.js, which shows the slides: where it lies, and how it is put into a page.

Not a file of it is in this repository: the package `sphinx-revealjs` brings it, with its licence
(MIT), and it is read there. That package is not loaded.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from gradcourse.support import GradcourseError

PACKAGE = "sphinx_revealjs"
PLACE = "_static/revealjs"
STYLE = "dist/reveal.css"
SCRIPTS = ("dist/reveal.js", "plugin/notes/notes.js")
LICENSE = "LICENSE"


def folder() -> Path:
    """Return where reveal.js lies.

    Raises
    ------
    GradcourseError
        If it is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    for place in (found and found.submodule_search_locations) or ():
        if (Path(place) / PLACE / SCRIPTS[0]).is_file():
            return Path(place) / PLACE
    raise GradcourseError(
        "reveal.js is missing, which the slides are shown with: pip install 'gradcourse[site]'"
    )


def style() -> str:
    """Return its style sheet."""
    return (folder() / STYLE).read_text("utf-8")


def scripts() -> list[str]:
    """Return its scripts, each as it may stand inside of a page; its licence stands first."""
    terms = (folder() / LICENSE).read_text("utf-8").replace("*/", "* /")
    texts = [(folder() / name).read_text("utf-8") for name in SCRIPTS]
    return [inside_a_page(f"/*!\n{terms}\n*/\n{texts[0]}"), *map(inside_a_page, texts[1:])]


def inside_a_page(script: str) -> str:
    """Return a script that means the same and holds nothing at which a page would end it.

    ``<script``, ``</script`` and ``<!--`` stand in strings and patterns only, where a sign may be
    written as its number.
    """
    for end in ("</script", "<script", "<!--"):
        script = script.replace(end, f"\\x3c{end[1:]}")
    return script
