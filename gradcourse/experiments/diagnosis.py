"""Lesson 10: signs held against networks whose state is known, what people bring, histograms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from gradcourse.experiments.ward.signs import SIGNS
from gradcourse.figures import Axis, Line, Plot, SideBySide, side_by_side
from gradcourse.instrument import Record
from gradcourse.instrument.histogram import Log2Histogram


@dataclass(frozen=True)
class Tally:
    """How often a sign is shown by the sick and by the healthy.

    Attributes
    ----------
    sick, healthy : int
        How many there are.
    hits, alarms : int
        How many of each show it.
    """

    sick: int
    healthy: int
    hits: int
    alarms: int

    @property
    def sensitivity(self) -> float:
        """Share of the sick that show it."""
        return self.hits / self.sick

    @property
    def false_alarms(self) -> float:
        """Share of the healthy that show it."""
        return self.alarms / self.healthy

    @property
    def advantage(self) -> float:
        """The difference: 0 for a coin, 1 for a perfect sign (Youden 1950)."""
        return self.sensitivity - self.false_alarms


def tally(rows: Iterable[Mapping[str, Any]]) -> dict[str, Tally]:
    """Count each sign, and the diagnosis, over examined networks."""
    rows = list(rows)
    sick = [row for row in rows if not row["healthy"]]
    healthy = [row for row in rows if row["healthy"]]

    def count(shows: Callable[[Mapping[str, Any]], bool]) -> Tally:
        return Tally(len(sick), len(healthy), sum(map(shows, sick)), sum(map(shows, healthy)))

    counted = {
        sign.key: count(lambda row, key=sign.key: key in row["signs"])  # type: ignore[misc]
        for sign in SIGNS
    }
    counted["gc.diagnose"] = count(lambda row: row["diagnosis"] != ["healthy"])
    return counted


# ---------------------------------------------------------------- what people bring

CAUSES: tuple[tuple[str, int, bool], ...] = (
    ("softmax on one unit", 26, True),
    ("a squashing output in a regression", 17, True),
    ("sigmoid under a categorical loss", 14, True),
    ("ReLU on the output", 11, True),
    ("raw outputs under a loss of probabilities", 3, True),
    ("rate, depth, start, scale, data, number of steps", 38, False),
)
"""Causes of 109 public questions (the set of deepmufl, Ghanbari et al. 2023, counted for this
course): a name, how many, and whether it is the last layer."""


def share_of_heads() -> float:
    """Share of the questions in which the last layer does not fit loss and targets."""
    return sum(n for _, n, head in CAUSES if head) / sum(n for _, n, _ in CAUSES)


# ---------------------------------------------------------------- one threshold on a norm


def threshold_rule(rows: Iterable[Mapping[str, Any]], power: float) -> Tally:
    """The rule "‖g‖ is above 10**power at every step", counted over examined networks."""
    rows = list(rows)
    shows = [row["least_norm"] > power for row in rows]
    sick = [not row["healthy"] for row in rows]
    hits = sum(shown and ill for shown, ill in zip(shows, sick, strict=True))
    return Tally(sum(sick), len(rows) - sum(sick), hits, sum(shows) - hits)


# ---------------------------------------------------------------- pictures


def signs_plot(
    stored: Mapping[str, Tally],
    live: Mapping[str, Tally] | None = None,
    bet: tuple[float | None, float | None] = (None, None),
) -> Plot:
    """Each sign a point: false alarms against hits.

    Parameters
    ----------
    stored : mapping
        What was measured on all networks.
    live : mapping, optional
        The same from fewer, drawn as small grey points.
    bet : (float or None, float or None)
        The learner's hits and false alarms, in per cent, for "‖g‖ > 1 always".
    """
    lines = [Line([0.0, 100.0], [0.0, 100.0], "a coin", "reference", "grey")]
    for key, counted in stored.items():
        free = {sign.key: sign.scale_free for sign in SIGNS}.get(key)
        color = "green" if free is None else "blue" if free else "vermillion"
        lines.append(_point(counted, key, color))
    for counted in (live or {}).values():
        lines.append(_point(counted, "", "grey"))
    if None not in bet:
        lines.append(Line([bet[1]], [bet[0]], "your bet", color="purple"))
    return Plot(
        "Each sign: hits among the sick, false alarms among the healthy",
        Axis("healthy networks that show it, %", limits=(-3.0, 103.0)),
        Axis("sick networks that show it, %", limits=(-3.0, 103.0)),
        tuple(lines),
    )


def _point(counted: Tally, name: str, color: str) -> Line:
    x, y = [100 * counted.false_alarms], [100 * counted.sensitivity]
    return Line(x, y, name, color=color)


# ---------------------------------------------------------------- three histograms to read


@cache
def three_networks() -> dict[str, Record]:
    """A healthy network, one whose gradient vanishes, and one with a small loss; each probed once."""
    from gradcourse.experiments.common import cross_entropy
    from gradcourse.instrument import probe
    from gradcourse.nets import mlp

    records = {}
    for name, depth, activation, init, scale in (
        ("A", 6, "relu", "he", 1.0),
        ("B", 6, "sigmoid", "xavier", 1.0),
        ("C", 6, "relu", "he", 2.0**-14),
    ):
        model = mlp(depth, activation=activation, init=init, seed=3)
        with probe(model, level="everything") as record:
            (scale * cross_entropy(model, 256)).backward()
        records[name] = record
    return records


def _ends(record: Record) -> tuple[Log2Histogram, Log2Histogram]:
    first, *_, last = (h[0] for h in record.log2_histograms.values())
    return first, last


def _middle(histogram: Log2Histogram) -> float:
    """The power of two below which half of the entries lie."""
    below = np.cumsum(histogram.counts) / histogram.counts.sum()
    return float(histogram.exponents[int(np.searchsorted(below, 0.5))])


def vanishing_one() -> str:
    """Key of the network whose first and last histogram lie furthest apart."""
    apart = {
        name: abs(_middle(first) - _middle(last))
        for name, (first, last) in ((n, _ends(r)) for n, r in three_networks().items())
    }
    return max(apart, key=lambda name: apart[name]).lower()


def three_histograms() -> SideBySide:
    """|∂ℒ/∂w| of the first and the last matrix in three networks."""
    plots = []
    for name, record in three_networks().items():
        lines = []
        for histogram, label, color in zip(
            _ends(record), ("first", "last"), ("vermillion", "blue"), strict=True
        ):
            share = histogram.counts / histogram.counts.sum()
            lines.append(Line(histogram.exponents.astype(float), share, label, color=color))
        plots.append(
            Plot(name, Axis("log₂ |∂ℒ/∂w|", limits=(-40.0, 0.0)), Axis("share"), tuple(lines))
        )
    return side_by_side(*plots)
