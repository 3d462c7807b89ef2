"""Two small pictures as SVG: a divided bar, and a histogram. The numbers stand beside them, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

STATES = ("right", "partly", "wrong", "unanswered")
CLASSES = {"right": "right", "partly": "partly", "wrong": "wrong", "unanswered": "blank"}
WIDTH, HEIGHT = 220, 16


def divided_bar(counts: Mapping[str, int]) -> Markup:
    """Return a bar divided by how a question went."""
    total = sum(counts.values())
    if not total:
        return Markup()
    pieces, at = [], 0.0
    for state in STATES:
        length = WIDTH * counts.get(state, 0) / total
        if length:
            pieces.append(
                f'<rect class="{CLASSES[state]}" x="{at:.1f}" y="0" '
                f'width="{max(length - 1, 0.5):.1f}" height="{HEIGHT}"/>'
            )
        at += length
    label = ", ".join(f"{counts[state]} {state}" for state in STATES if counts.get(state))
    return _svg(WIDTH, HEIGHT, label, "".join(pieces))


def histogram(shares: Sequence[float]) -> Markup:
    """Return how many learners earned which share of the points, in ten steps."""
    bins = [0] * 10
    for share in shares:
        bins[min(9, max(0, int(share * 10 + 1e-9)))] += 1
    highest, width, height = max(bins, default=0) or 1, 40, 90
    pieces = [
        f'<line class="axis" x1="0" x2="{10 * width}" y1="{height + 16}" y2="{height + 16}"/>'
    ]
    for index, count in enumerate(bins):
        tall = height * count / highest
        x, y = index * width, height + 16 - tall
        pieces.append(
            f'<rect class="right" x="{x + 2}" y="{y:.1f}" width="{width - 4}" height="{tall:.1f}"/>'
        )
        if count:
            middle = x + width / 2
            pieces.append(f'<text x="{middle}" y="{y - 3:.1f}" text-anchor="middle">{count}</text>')
    for percent in range(0, 101, 20):
        anchor = {0: "start", 100: "end"}.get(percent, "middle")
        pieces.append(
            f'<text x="{percent * width / 10:g}" y="{height + 31}" text-anchor="{anchor}">'
            f"{percent} %</text>"
        )
    label = "learners by share of the points: " + ", ".join(
        f"{10 * index} to {10 * index + 10} percent {count}"
        for index, count in enumerate(bins)
        if count
    )
    return _svg(10 * width, height + 36, label, "".join(pieces))


def _svg(width: int, height: int, label: str, body: str) -> Markup:
    """Numbers and words of our own: nothing in it comes from a submission."""
    return Markup(
        f'<svg role="img" aria-label="{label}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">{body}</svg>'
    )
