"""The ledger in words: lines for a terminal, HTML for a page."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.experiments.maps.places import measured_maps, verdict_map
from gradcourse.markup import inline, page_link

if TYPE_CHECKING:
    from gradcourse.experiments.claim import Criterion
    from gradcourse.ledger.entries import Entry

SIGNS = {"holds": "●", "holds only if": "◐", "fails": "○", "open": "?", "not measured yet": "–"}
"""A verdict as one letter: a disc that is full, half full, or empty."""

WIDTH = 100

STYLE = """<style>
.gc-claim {border-left: 3px solid; padding: 0 0 0 .8em; margin: .7em 0}
.gc-claim > summary {cursor: pointer; padding: .2em 0}
.gc-claim blockquote {margin: .5em 0}
.gc-claim table, .gc-map table {border-collapse: collapse; margin: .5em 0}
.gc-claim td, .gc-claim th, .gc-map td, .gc-map th {padding: .15em .6em; text-align: left}
.gc-map {overflow-x: auto} .gc-claim tbody th {font-weight: normal}
.gc-map td.fails {background: #d55e0040} .gc-map td.holds {background: #0072b240}
.gc-map td.silent {opacity: .75}
.gc-verdict {font-weight: bold; white-space: nowrap}
</style>"""

# ---------------------------------------------------------------- numbers


def number(value: float) -> str:
    """Three digits of it, "more than the limit" for what never came."""
    return "not within the limit" if math.isinf(value) and value > 0 else f"{value:.3g}"


def spread(values: Sequence[float]) -> str:
    """Median, lowest and highest; one number alone where they are equal."""
    found = np.asarray(values, dtype=float)
    if not len(found):
        return "not measured"
    middle, low, high = np.median(found), found.min(), found.max()
    if len({number(x) for x in (middle, low, high)}) == 1:
        return number(float(middle))
    return f"{number(float(middle))} ({number(float(low))} to {number(float(high))})"


def conditions(entry: Entry, quantity: str) -> list[tuple[Criterion, bool]]:
    """What is asked of one quantity, and whether it is so."""
    rules = [rule for rule in entry.claim.criteria if rule.quantity == quantity]
    return [(rule, rule.met(entry.values)) for rule in rules]


def _asked(entry: Entry, quantity: str) -> str:
    parts = []
    for rule, met in conditions(entry, quantity):
        role = "control, " if rule.control else ""
        parts.append(f"{'✓' if met else '✗'} {role}{rule.words.partition(': ')[2]}")
    return "; ".join(parts)


def timed(entry: Entry) -> str:
    """When it was measured, from what, and how long that takes."""
    cost = f"; {entry.seconds:.0f} s of a processor" if entry.seconds >= 1 else ""
    return f"measured {entry.when}: {entry.origin}{cost}"


# ---------------------------------------------------------------- a terminal


def in_lines(entries: Iterable[Entry], width: int = WIDTH) -> str:
    """One or two lines for each claim, under the heads of the lessons."""
    lines, number_before = [], ""
    for entry in entries:
        row = entry.claim.lesson
        if row.number != number_before:
            lines += [f"{row.number} · {row.title}"]
            number_before = row.number
        head = f"  {SIGNS[entry.verdict]} {entry.verdict:13} "
        quote = textwrap.wrap(f"“{entry.claim.quote}”", width - len(head))
        lines += [head + quote[0], *(" " * len(head) + line for line in quote[1:])]
    return "\n".join(lines)


def in_full(entry: Entry, width: int = WIDTH) -> str:
    """Everything about one claim."""
    claim = entry.claim
    lines = textwrap.wrap(f"“{claim.quote}”", width)
    lines += [f"  {_first_up(claim.cited)}; {_placed(entry)} {claim.where}"]
    lines += textwrap.wrap(f"{entry.verdict}. {claim.why}", width)
    lines += textwrap.wrap(f"Scope: {claim.scope}", width)
    for quantity, values in entry.values.items():
        asked = _asked(entry, quantity)
        lines.append(f"  {quantity}: {spread(values)}" + (f"   {asked}" if asked else ""))
    lines.append(timed(entry))
    if claim.map in measured_maps():
        lines += ["", repr(verdict_map(claim.map))]
    return "\n".join(lines)


# ---------------------------------------------------------------- a page


def page(entries: Sequence[Entry]) -> str:
    """All claims, folded, under the heads of the lessons."""
    parts, number_before = [STYLE], ""
    for entry in entries:
        row = entry.claim.lesson
        if row.number != number_before:
            parts.append(f"<h4>{page_link(row.notebook, f'{row.number} · {row.title}')}</h4>")
            number_before = row.number
        parts.append(article(entry))
    return "".join(parts)


def article(entry: Entry, opened: bool = False) -> str:
    """One claim: folded, its verdict and its words; unfolded, everything."""
    claim = entry.claim
    parts = [
        f"<p>{html.escape(_first_up(claim.cited))}; {_placed(entry)} "
        f"{page_link(claim.page, claim.where)}.</p>",
        f"<p>{inline(claim.why)}</p><p><em>Scope:</em> {inline(claim.scope)}</p>",
        _numbers(entry),
        f"<p><small>{html.escape(timed(entry))}</small></p>",
    ]
    if claim.map in measured_maps():
        parts.append(verdict_map(claim.map).html())
    head = (
        f'<span class="gc-verdict">{SIGNS[entry.verdict]} {entry.verdict}</span> '
        f"“{inline(claim.quote)}”"
    )
    state = " open" if opened else ""
    anchor = html.escape(claim.id.replace("/", "-"))
    return (
        f'<details class="gc-claim" id="{anchor}"{state}><summary>{head}</summary>'
        f"{''.join(parts)}</details>"
    )


def _first_up(text: str) -> str:
    return text[0].upper() + text[1:]


def _placed(entry: Entry) -> str:
    return "on trial in" if entry.claim.cell else "it stood in"


def _numbers(entry: Entry) -> str:
    if not entry.values:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{inline(quantity)}</th><td>{spread(values)}</td>'
        f"<td>{inline(_asked(entry, quantity))}</td></tr>"
        for quantity, values in entry.values.items()
    )
    return (
        '<table><thead><tr><th scope="col">measured</th><th scope="col">median (range)</th>'
        f'<th scope="col">needed for the verdict</th></tr></thead><tbody>{rows}</tbody></table>'
    )
