"""The pages: templates that escape every text, so that nothing in an answer can act.

A page needs no other file, loads nothing and runs no script; it is readable in light and dark, and
on paper.
"""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from gradcourse.checking.show import count, points
from gradcourse.checking.verdict_css import STYLE
from gradcourse.grading.intake.layout import readable
from gradcourse.grading.reasons import meaning
from gradcourse.grading.report import wording


def render(template: str, **values: Any) -> bytes:
    """Return a whole HTML page from a template and what it shows."""
    text = _ENVIRONMENT.get_template(template).render(**values)
    return text.encode("utf-8", "replace")


def visible(text: str) -> str:
    """Replace control signs, except line ends and tabs: a text must not turn the page around."""
    return readable(text, but="\n\t")


def inline(text: str) -> Markup:
    """Escape, and set what stands between backticks as code."""
    pieces = [escape(piece) for piece in text.split("`")]
    if len(pieces) % 2 == 0:  # an unpaired backtick stays what it is
        return Markup("`").join(pieces)
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(p) if i % 2 else p for i, p in enumerate(pieces))


def _shown(value: Any) -> Any:
    """What stands in the page for a value, before it is escaped."""
    return type(value)(visible(value)) if isinstance(value, str) else value


_ENVIRONMENT = Environment(
    loader=PackageLoader("gradcourse.grading.report"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_shown,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.globals["verdict_css"] = Markup(STYLE.removeprefix("<style>").removesuffix("</style>"))
_ENVIRONMENT.filters |= {
    "capitalize_first": lambda text: text[:1].upper() + text[1:],
    "assignment_title": wording.assignment_title,
    "count": count,
    "inline": inline,
    "meaning": meaning,
    "of_points": wording.of_points,
    "points": points,
    "score": wording.score,
    "sentences": wording.sentences,
}
