"""The home page as HTML: a fragment that JupyterLab's page is given, whatever was run."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gradcourse.checking.progress import Progress
from gradcourse.checking.show import count, points
from gradcourse.home.cards import standing
from gradcourse.lessons import LESSONS
from gradcourse.pace import rounded
from gradcourse.symbols import SYMBOLS
from gradcourse.workcopy import WorkingCopy
from gradcourse.workcopy.mathml import mathml

NEWS_DAYS = 14
"""How long home tells of an update."""

_PIECES = re.compile(r"\$([^$]+)\$|\*\*(.+?)\*\*|\*(.+?)\*")


def home_html(
    copy: WorkingCopy, progress: Progress, looked_at: Mapping[str, float] | None = None
) -> str:
    """Return the home page of a working copy, as everything stands now.

    Parameters
    ----------
    copy : WorkingCopy
    progress : Progress
        The learner's record.
    looked_at : mapping of str to float, optional
        Pages that were in front in JupyterLab, and when last (seconds since 1970).

    Returns
    -------
    str
        One element. Links are relative to the page, and nothing in it must run.
    """
    now = standing(copy, progress, looked_at)
    when, news = copy.news()
    steps = [step for card in now.cards for step in card.steps]
    return (
        _environment()
        .get_template("home.html.j2")
        .render(
            standing=now,
            way=now.way_on,
            steps=len(steps),
            steps_done=sum(step.done for step in steps),
            earned=sum(card.earned for card in now.cards),
            possible=sum(card.possible for card in now.cards),
            behind=copy.is_behind(),
            news=news if time.time() - when < NEWS_DAYS * 86400 else "",
            news_date=time.strftime("%d %B", time.localtime(when)).lstrip("0"),
            symbols=SYMBOLS,
            lessons={row.number: row for row in LESSONS},
        )
    )


def style() -> str:
    """Return the page's style sheet."""
    return (_folder() / "home.css").read_text("utf-8")


def inline(text: str) -> Markup:
    """Set a line of Markdown: formulas as MathML, emphasis; all else is escaped."""
    pieces, last = [], 0
    for found in _PIECES.finditer(text):
        pieces.append(html.escape(text[last : found.start()]))
        formula, strong, plain = found.groups()
        if formula:
            pieces.append(mathml(formula, display=False))
        else:
            tag = "strong" if strong else "em"
            pieces.append(f"<{tag}>{inline(strong or plain)}</{tag}>")
        last = found.end()
    return Markup("".join([*pieces, html.escape(text[last:])]))


def _folder() -> Path:
    return Path(__file__).parent / "page"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_folder()), autoescape=True, undefined=StrictUndefined
    )
    environment.filters |= {
        "inline": inline,
        "formula": lambda tex: Markup(mathml(tex, display=False)),
        "points": points,
        "rounded": rounded,
        "count": count,
        "anchor": lambda text: quote(text, safe="·"),
    }
    return environment
