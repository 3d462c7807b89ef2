"""HTML that verdicts, records and diagnoses have in common; whatever it is given is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


def inline(text: str) -> str:
    """Set what stands between backticks as code."""
    pieces = html.escape(text).split("`")
    if len(pieces) % 2 == 0:  # an unpaired backtick stays what it is
        return "`".join(pieces)
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(pieces))


def items(lines: Iterable[object]) -> str:
    """Return the items of a list, for ``<ul>`` or ``<ol>``."""
    return "".join(f"<li>{html.escape(str(line))}</li>" for line in lines)


def table(rows: Iterable[Sequence[str]], heads: Sequence[str] = (), caption: str = "") -> str:
    """Return a table; the first cell of a row is its head."""
    head = "".join(f'<th scope="col">{html.escape(text)}</th>' for text in heads)
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
