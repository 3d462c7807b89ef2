"""What a cell of a lesson is on a slide: words, code, what it printed, a figure, a question."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from gradcourse.checking.verdict_css import STYLE
from gradcourse.exercises.registry import get
from gradcourse.figures.wire import FIGURE
from gradcourse.site import pages
from gradcourse.site.formulas import formula
from gradcourse.slides.lecture import Cell, Part, Slide, appears
from gradcourse.slides.show_of_hands import for_the_speaker, hands

MOST_LINES = 12
"""A longer cell of code is folded, whatever it makes."""


@dataclass
class Lesson:
    """What the slides of one lesson are made with.

    Attributes
    ----------
    found : mapping
        From ids of questions to what was measured.
    repository : str
        Its address; links to files lead there, and nowhere without one.
    used : Used
        Receives the demos that are played.
    """

    found: Mapping[str, Any]
    repository: str = ""
    used: pages.Used = field(default_factory=pages.Used)

    def section(self, part: Part, slide: Slide) -> str:
        """Return one slide as reveal.js wants it; the script on the page lays it out."""
        cells = "".join(self._cell(cell) for cell in slide.cells)
        name = html.escape(words(part.title, inline=True))
        where = "" if slide is part.slides[0] else f' data-where="{name}"'
        deeper = " data-deeper" if part.deeper else ""
        return (
            f'<section id="{html.escape(slide.id)}" data-part="{name}"{where}{deeper} '
            f'data-timing="{_seconds(part)}">'
            f'{cells}<aside class="notes">{self._notes(part, slide)}</aside></section>'
        )

    def _notes(self, part: Part, slide: Slide) -> str:
        place = part.slides.index(slide) + 1
        minutes = "" if part.deeper else f" · {part.minutes} min"
        head = f"<p><strong>{words(part.title, inline=True)}</strong>{minutes}"
        head += f" · slide {place} of {len(part.slides)}</p>" if len(part.slides) > 1 else "</p>"
        calls = [pages.called(dict(cell)) for cell in slide.cells]
        asked = [call[1] for call in calls if call is not None and call[0] == "panel"]
        answers = "".join(for_the_speaker(get(id), self.found) for id in asked)
        return head + answers + "".join(self._prose(note) for note in part.notes)

    def _cell(self, cell: Cell) -> str:
        kind, content = self._content(cell)
        steps = " fragment" if appears(cell) else ""
        name = html.escape(cell["id"])
        return f'<div class="cell {kind}{steps}" data-cell="{name}">{content}</div>'

    def _content(self, cell: Cell) -> tuple[str, str]:
        if cell["cell_type"] == "markdown":
            return "prose", self._prose("".join(cell["source"]))
        call = pages.called(dict(cell))
        if call is None:
            return "made", self._made(cell)
        kind, id = call
        makers: dict[str, Callable[[], str]] = {
            "demo": lambda: f'<div class="look">{pages.demo_place(id, b"", "", self.used)}</div>',
            "panel": lambda: hands(get(id), self.found),
        }
        return kind, makers[kind]() if kind in makers else ""

    def _prose(self, text: str) -> str:
        return words(pages.mend_links(text, "lessons", (), self.repository))

    def _made(self, cell: Cell) -> str:
        source = "".join(cell["source"])
        shown = [self._output(output) for output in cell["outputs"]]
        looked_at = any('class="look"' in one for one in shown)
        code = highlighted(source)
        count = source.count("\n") + 1
        if looked_at or count > MOST_LINES or _only_imports(source):
            name = "code" if looked_at else f"code, {count} lines"
            code = f'<details class="code-fold"><summary>{name}</summary>{code}</details>'
            return f'<div class="kept">{code}{"".join(shown)}</div>'
        return code + "".join(shown)

    def _output(self, output: Mapping[str, Any]) -> str:
        if output["output_type"] == "stream":
            return _printed("".join(output["text"]))
        data = output.get("data", {})
        if FIGURE in data:
            place = pages.figure_place(data[FIGURE], b"", "", self.used)
            return f'<div class="look">{place}</div>'
        if "text/html" in data:
            # A <section> is a slide to reveal.js, wherever it stands.
            page = re.sub(r"<(/?)section\b", r"<\1div", "".join(data["text/html"]))
            page = pages.mend_shown(page.replace(STYLE, ""), (), self.repository)
            look = "look" if "<img" in page else "result"
            return f'<div class="{look}">{page}</div>'
        if "image/png" in data:
            alt = html.escape(output.get("metadata", {}).get("image/png", {}).get("alt", ""))
            png = "".join(data["image/png"]).replace("\n", "")
            return f'<div class="look"><img alt="{alt}" src="data:image/png;base64,{png}"></div>'
        return _printed("".join(data.get("text/plain", "")))


def _seconds(part: Part) -> int:
    """How long one of its slides is on; steps that no other needs are given no time."""
    return 0 if part.deeper else round(60 * part.minutes / len(part.slides))


def _printed(text: str) -> str:
    return f'<pre class="out">{html.escape(text.rstrip())}</pre>' if text.strip() else ""


def _only_imports(source: str) -> bool:
    lines = [line for line in source.splitlines() if line.strip()]
    return all(line.startswith(("import ", "from ")) for line in lines)


def highlighted(source: str) -> str:
    """Return Python code as HTML."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return str(highlight(source.strip("\n"), PythonLexer(), HtmlFormatter(cssclass="code")))


def code_css() -> str:
    """Return the colours of code, for the light slides and for the dark ones."""
    from pygments.formatters import HtmlFormatter

    light = HtmlFormatter(style="a11y-high-contrast-light", cssclass="code")
    dark = HtmlFormatter(style="a11y-high-contrast-dark", cssclass="code")
    return "\n".join(
        [light.get_style_defs(".code"), dark.get_style_defs('[data-theme="dark"] .code')]
    )


def words(text: str, inline: bool = False) -> str:
    """Return markdown as HTML, formulas as MathML."""
    reader = _reader()
    return str(reader.renderInline(text) if inline else reader.render(text))


@cache
def _reader() -> Any:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.amsmath import amsmath_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    reader.use(
        dollarmath_plugin, renderer=lambda tex, told: formula(tex, bool(told["display_mode"]))
    )
    return reader.use(amsmath_plugin, renderer=lambda tex: formula(tex, True))
