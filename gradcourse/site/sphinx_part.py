"""What Sphinx is told: which extensions, which theme, how a formula and a docstring are set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from gradcourse.site.formulas import formula
from gradcourse.site.reference import plain_bars

DEEPER = "Deeper"
"""How the heading of a step begins that no other step needs."""

TITLE = "Why do gradients vanish and explode?"


def settings(static: Path) -> dict[str, Any]:
    """Return Sphinx's configuration.

    Parameters
    ----------
    static : Path
        The folder of what is copied as it is.
    """
    return {
        "project": "gradcourse",
        "author": "the gradcourse contributors",
        "copyright": "the gradcourse contributors",
        "html_title": TITLE,
        "language": "en",
        "extensions": [
            "myst_nb",
            "sphinx.ext.autodoc",
            "sphinx.ext.napoleon",
            "sphinx_copybutton",
            "gradcourse.site.sphinx_part",
        ],
        "html_theme": "furo",
        "html_static_path": [str(static)],
        "html_show_sourcelink": False,
        "html_copy_source": False,
        "html_show_sphinx": False,
        # From file:// a page must not be fetched, and summaries of found pages would be.
        "html_show_search_summary": False,
        "html_math_renderer": "gradcourse",
        "nb_execution_mode": "off",
        "nb_merge_streams": True,
        # What is named here would be loaded from another host.
        "nb_ipywidgets_js": {},
        "myst_enable_extensions": ["dollarmath", "amsmath"],
        "myst_heading_anchors": 4,
        "suppress_warnings": ["myst.header", "mystnb.unknown_mime_type"],
        "autodoc_typehints": "signature",
        "autodoc_member_order": "bysource",
        "napoleon_google_docstring": False,
        "napoleon_use_rtype": False,
        "python_use_unqualified_type_names": True,
        "default_role": "py:obj",
    }


class Folded(nodes.General, nodes.Element):
    """What is seen only after a reader has asked for it."""


def fold_deeper(doctree: nodes.document) -> None:
    """Fold each step that no other needs, all but its heading and the sentence on what is in it."""
    for section in list(doctree.findall(nodes.section)):
        title = section.next_node(nodes.title)
        if title is None or not title.astext().startswith(DEEPER):
            continue
        shown = 2 if len(section) > 1 and isinstance(section[1], nodes.paragraph) else 1
        folded = section.children[shown:]
        if folded:
            section.children = section.children[:shown]
            section += Folded("", *folded)


def _open_fold(translator: Any, node: nodes.Element) -> None:
    translator.body.append('<details class="gc-deeper"><summary>Open this step</summary>')


def _close_fold(translator: Any, node: nodes.Element) -> None:
    translator.body.append("</details>")


def _resolved(app: Sphinx, doctree: nodes.document, name: str) -> None:
    fold_deeper(doctree)


def _set_formula(translator: Any, node: nodes.Element) -> None:
    display = isinstance(node, nodes.math_block)
    translator.body.append(formula(node.astext(), display))
    raise nodes.SkipNode


def _docstring(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    plain_bars(lines)


def _without_icon(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Say that there is no icon: else a browser asks the server's root for one, in vain."""
    context["metatags"] = f'{context.get("metatags", "")}<link rel="icon" href="data:,">'


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx of the course's own part."""
    app.add_html_math_renderer("gradcourse", (_set_formula, None), (_set_formula, None))
    # After napoleon, which also listens, has read the docstring.
    app.connect("autodoc-process-docstring", _docstring, priority=900)
    app.add_node(Folded, html=(_open_fold, _close_fold))
    app.connect("doctree-resolved", _resolved)
    app.connect("html-page-context", _without_icon)
    app.add_css_file("gradcourse/course.css")
    app.add_js_file("gradcourse/course.js", loading_method="defer")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
