"""nbconvert's page, with formulas that a browser typesets by itself."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from traitlets import default

from gradcourse.workcopy.mathml import mathml

_CODE = re.compile(r"(<pre.*?</pre>|<code.*?</code>)", re.DOTALL)
_FORMULA = re.compile(
    r"\$\$(?P<display>.+?)\$\$|(?<![\\$])\$(?P<inline>[^$]+?)\$|"
    r"(?P<environment>\\begin\{(?P<name>\w+\*?)\}.*?\\end\{(?P=name)\})",
    re.DOTALL,
)


class PageExporter(HTMLExporter):
    """Reads the template in ``readable/``, and turns TeX into MathML."""

    @default("template_name")
    def _template_name_default(self) -> str:
        return "readable"

    @default("extra_template_basedirs")
    def _extra_template_basedirs_default(self) -> list[str]:
        return [str(Path(__file__).parent)]

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Turn words into HTML, and the formulas in them into MathML."""
        return typeset(str(super().markdown2html(context, source)))


def typeset(page: str) -> str:
    """Turn the formulas of a piece of HTML into MathML; code is left alone."""
    pieces = _CODE.split(page)
    return "".join(
        piece if index % 2 else _FORMULA.sub(_formula, piece) for index, piece in enumerate(pieces)
    )


def _formula(match: re.Match[str]) -> str:
    tex = match["display"] or match["inline"] or match["environment"]
    return mathml(html.unescape(tex), display=not match["inline"])
