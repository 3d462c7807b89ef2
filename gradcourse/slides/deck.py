"""One lesson's slides as one file: it opens with a double click and asks nobody for anything."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradcourse.site import assets
from gradcourse.slides import reveal_js
from gradcourse.slides.lecture import core_minutes, parts, timetable
from gradcourse.slides.on_slides import Lesson, code_css, words

STATIC = Path(__file__).parent / "static"

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="gradcourse slides">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
<div class="reveal"><div class="slides">
{slides}
</div></div>
<noscript>These slides need JavaScript.</noscript>
{scripts}
</body>
</html>
"""


def deck(
    notebook: Mapping[str, Any],
    found: Mapping[str, Any],
    frames: Mapping[str, str],
    repository: str = "",
) -> str:
    """Return the page.

    Parameters
    ----------
    notebook : mapping
        A stored lesson.
    found : mapping
        From ids of questions to what was measured.
    frames : mapping
        From a demo's id to the script that hands over its frames.
    repository : str
        The course's address, or nothing.
    """
    lecture = parts(notebook)
    lesson = Lesson(found, repository)
    slides = [lesson.section(part, slide) for part in lecture for slide in part.slides]
    slides[0] = slides[0].replace(
        '<aside class="notes">', f'<aside class="notes">{_timetable(notebook)}', 1
    )
    played = [frames[id] for id in lesson.used.demos]
    ours = [assets.player_js(), *played, (STATIC / "deck.js").read_text("utf-8")]
    scripts = [*reveal_js.scripts(), *map(reveal_js.inside_a_page, ours)]
    return PAGE.format(
        title=html.escape(plain(lecture[0].title)),
        style=_style(),
        slides="\n".join(slides),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


def plain(title: str) -> str:
    """Return a heading without markdown's signs."""
    return title.replace("*", "").replace("`", "").replace("$", "")


def _timetable(notebook: Mapping[str, Any]) -> str:
    lecture = parts(notebook)
    rows = "".join(
        f"<tr><td>{begin // 60}:{begin % 60:02}</td><td>{minutes} min</td>"
        f"<td>{words(title, inline=True)}</td></tr>"
        for begin, minutes, title in timetable(lecture)
    )
    whole = core_minutes(lecture)
    return f"<table>{rows}</table><p>The core path takes {whole} minutes.</p>"


def _style() -> str:
    font = base64.b64encode((assets.STATIC / assets.FONT[0]).read_bytes()).decode()
    course = assets.course_css().replace(assets.FONT[0], f"data:font/woff2;base64,{font}")
    own = (STATIC / "deck.css").read_text("utf-8")
    return "\n".join([reveal_js.style(), course, own, code_css()])
