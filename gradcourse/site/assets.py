"""What every page loads: one script, one style sheet, one font for formulas.

The script is made of the notebook's own widgets. From file:// a browser loads no modules, so they
are wrapped as functions of a classic script.
"""

from __future__ import annotations

import json
from pathlib import Path

from gradcourse.checking.verdict_css import STYLE
from gradcourse.exercises.guesses import Guess, Intuition
from gradcourse.figures.wire import stored, style_table
from gradcourse.support import GradcourseError

STATIC = Path(__file__).parent / "static"
PACKAGE = Path(__file__).parents[1]
WIDGETS = {"figure": "figures/live.js", "panel": "checking/panel/panel.js"}
EXPORT = "export default { render };"
SCRIPTS = ("judge.js", "intuition.js", "player.js")
FONT = ("course-math.woff2", "course-math.OFL.txt")


def course_js() -> str:
    """Return the script of every page: what plays it, and that it begins."""
    return f"{player_js()}gcSite.begin();\n"


def player_js() -> str:
    """Return what plays figures and questions; it waits until it is told to."""
    widgets = "".join(_wrapped(name, path) for name, path in WIDGETS.items())
    own = "\n".join((STATIC / name).read_text("utf-8") for name in SCRIPTS)
    told = (
        f"gcSite.style = {json.dumps(style_table())};\n"
        f"gcSite.dots = {json.dumps(_dots(), ensure_ascii=False)};\n"
    )
    return f"(() => {{\n{own}\n}})();\n{widgets}{told}"


def _wrapped(name: str, path: str) -> str:
    page = (PACKAGE / "figures" / "page.js").read_text("utf-8")
    widget = (PACKAGE / path).read_text("utf-8")
    if EXPORT not in widget:
        raise GradcourseError(f"{path} does not end in {EXPORT!r}")
    return (
        f"gcSite.{name} = (() => {{\n{page}\n{widget.replace(EXPORT, 'return render;')}\n}})();\n"
    )


def _dots() -> dict[str, object]:
    """The picture of one's intuition with a dot of each kind; the page moves and repeats them."""
    guesses = (Guess("", 1.0, 1.0, True), Guess("", 1.0, 2.0, False))
    figure = Intuition(guesses).figure
    assert figure is not None
    return dict(stored([figure])["frames"][0])


def course_css() -> str:
    """Return the style sheet of every page."""
    verdicts = STYLE.removeprefix("<style>").removesuffix("</style>")
    sheets = [
        (PACKAGE / "figures" / "live.css").read_text("utf-8"),
        (PACKAGE / "checking" / "panel" / "panel.css").read_text("utf-8"),
        verdicts,
        (STATIC / "site.css").read_text("utf-8"),
    ]
    return "\n".join(sheets)
