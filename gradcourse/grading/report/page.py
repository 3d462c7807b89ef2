"""The frame of a page that needs no other file: readable in light and dark, and on paper."""

from __future__ import annotations

import html
import unicodedata

from gradcourse.checking.style import STYLE

CSS = """
:root { color-scheme: light dark; --right: #009e73; --partly: #56b4e9; --wrong: #d55e00;
  --blank: #8a8a8a; --line: #8886; --soft: #8882; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto;
  padding: 1.5rem 1.25rem 4rem; background: Canvas; color: CanvasText; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
p { margin: .4rem 0; max-width: 52rem; }
.score { font-size: 1.3rem; }
.quiet { opacity: .8; font-size: .9rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem 1rem .3rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
thead th { white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap; }
a { color: LinkText; }
svg { display: block; max-width: 100%; }
svg text { fill: CanvasText; font: 12px system-ui, sans-serif; }
.right { fill: var(--right); } .partly { fill: var(--partly); } .wrong { fill: var(--wrong); }
.blank { fill: var(--blank); } .axis { stroke: CanvasText; stroke-opacity: .5; }
.key { display: inline-block; width: .8em; height: .8em; margin-right: .35em; }
.key.right { background: var(--right); } .key.partly { background: var(--partly); }
.key.wrong { background: var(--wrong); } .key.blank { background: var(--blank); }
.legend span { margin-right: 1.2em; white-space: nowrap; }
.notice { border-left: 4px solid var(--wrong); padding: .1rem 0 .1rem .8rem; margin: 1rem 0; }
.notice h2 { margin: .3rem 0; }
.notice ul { margin: .3rem 0; padding-left: 1.2rem; }
code { background: var(--soft); padding: 0 3px; }
.gc-verdict { margin: .6rem 0 1rem; max-width: none; font-size: 1rem; }
@media print { body { max-width: none; padding: 0; font-size: 11pt; }
  .gc-verdict, tr, svg { break-inside: avoid; } h2, h3 { break-after: avoid; }
  svg, .key { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""

VERDICTS = STYLE.removeprefix("<style>").removesuffix("</style>")


def page(title: str, body: str) -> bytes:
    """Return a whole HTML page; the title is plain text, the body is HTML.

    Nothing is loaded from anywhere, and no script runs: whatever stands in an answer is text.
    """
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    text = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{plain(title)}</title>\n<style>{VERDICTS}{CSS}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )
    return text.encode("utf-8", "replace")


def plain(text: object) -> str:
    """Escape, and show what cannot be seen: a learner's text must not turn the page around."""
    return html.escape(visible(str(text)))


def visible(text: str) -> str:
    """Replace control signs, except line ends and tabs."""
    return "".join(
        "\ufffd" if unicodedata.category(sign)[0] == "C" and sign not in "\n\t" else sign
        for sign in text
    )


def inline(text: object) -> str:
    """Escape, and set what stands between backticks as code."""
    pieces = plain(text).split("`")
    if len(pieces) % 2 == 0:
        return "`".join(pieces)
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(pieces))


def name(text: str) -> str:
    """A person's name, which may run from right to left."""
    return f"<bdi>{plain(text)}</bdi>"


def table(heads: list[str], rows: list[list[str]], numbers: tuple[int, ...] = ()) -> str:
    """Return a table; cells and heads are HTML, the first cell of a row is its head."""

    def cell(tag: str, index: int, text: str, scope: str = "") -> str:
        kind = ' class="number"' if index in numbers else ""
        return f"<{tag}{kind}{scope}>{text}</{tag}>"

    head = "".join(cell("th", i, text, ' scope="col"') for i, text in enumerate(heads))
    body = "".join(
        "<tr>"
        + "".join(
            cell("td", i, text) if i else f'<th scope="row" style="font-weight:normal">{text}</th>'
            for i, text in enumerate(row)
        )
        + "</tr>\n"
        for row in rows
    )
    return (
        f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}</tbody></table></div>"
    )
