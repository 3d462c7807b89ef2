"""HTML that verdicts, records and diagnoses have in common; whatever it is given is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

# What one letter carries: h_t, T_max, h_(t−1), r^L, e^(−z). Names of Python have backticks.
_BRACKET = r"\(((?:[^()]|\([^()]*\))*)\)"
_INDEX = re.compile(rf"(?<![\w])([^\W\d_])_(?:{_BRACKET}|([A-Za-z0-9]{{1,3}}))(?![A-Za-z0-9_])")
_POWER = re.compile(rf"(?<=[\w)|])\^(?:{_BRACKET}|([−-]?\w+))")


def inline(text: str) -> str:
    """Set what stands between backticks as code, and indices and powers elsewhere as such.

    Examples
    --------
    >>> inline("h_t = w h_(t−1), so r^L; see `h_t`")
    'h<sub>t</sub> = w h<sub>t−1</sub>, so r<sup>L</sup>; see <code>h_t</code>'
    """
    pieces = html.escape(text).split("`")
    if len(pieces) % 2 == 0:  # an unpaired backtick stays what it is
        return "`".join(pieces)
    return "".join(f"<code>{p}</code>" if i % 2 else _formulas(p) for i, p in enumerate(pieces))


def _formulas(text: str) -> str:
    text = _INDEX.sub(lambda found: f"{found[1]}<sub>{found[2] or found[3]}</sub>", text)
    text = _POWER.sub(lambda found: f"<sup>{found[1] or found[2]}</sup>", text)
    return text.replace("/√", "/\u2060√")  # a fraction is not broken across lines


def page_link(page: str, words: str) -> str:
    """Return a link from one page of the course to another, whose path is below the course."""
    return f'<a href="../{html.escape(page)}">{html.escape(words)}</a>'


def items(lines: Iterable[object]) -> str:
    """Return the items of a list, for ``<ul>`` or ``<ol>``."""
    return "".join(f"<li>{html.escape(str(line))}</li>" for line in lines)


def table(rows: Iterable[Sequence[str]], heads: Sequence[str] = (), caption: str = "") -> str:
    """Return a table; the first cell of a row is its head."""
    head = "".join(
        f'<th scope="col">{html.escape(text)}</th>' if text else "<td></td>" for text in heads
    )
    body = "".join(
        f'<tr><th scope="row">{html.escape(first)}</th>'
        + "".join(f"<td>{html.escape(text)}</td>" for text in others)
        + "</tr>"
        for first, *others in rows
    )
    return (
        "<table>"
        + (f"<caption>{html.escape(caption)}</caption>" if caption else "")
        + (f"<thead><tr>{head}</tr></thead>" if head else "")
        + f"<tbody>{body}</tbody></table>"
    )
