"""A verdict map: what the stored arms say at each rate, budget and width."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from gradcourse.experiments.maps.plans import ARMS, PLANS, Plan
from gradcourse.experiments.measurements import stored
from gradcourse.support import GradcourseError, nearest

FAILS, HOLDS, SILENT = "fails", "holds", "silent"
SIGNS = {FAILS: "○", HOLDS: "●", SILENT: "·"}
WORDS = {
    FAILS: "the claim fails here",
    HOLDS: "it does not fail here",
    SILENT: "the control has not learned either: this place says nothing",
}


@dataclass(frozen=True)
class Place:
    """One rate, one budget, one width.

    Attributes
    ----------
    rate : float
    budget, width : int
    accused, control : tuple of float
        What each of three networks reached.
    says : {"fails", "holds", "silent"}
    """

    rate: float
    budget: int
    width: int
    accused: tuple[float, ...]
    control: tuple[float, ...]
    says: str


@dataclass(frozen=True)
class VerdictMap:
    """The same test at 24 places.

    Attributes
    ----------
    name : str
    plan : Plan
    places : tuple of Place
        By width, then rate, then budget.
    """

    name: str
    plan: Plan
    places: tuple[Place, ...]

    @property
    def counts(self) -> dict[str, int]:
        """At how many places the claim fails, holds, and at how many nothing can be said."""
        return {word: sum(place.says == word for place in self.places) for word in WORDS}

    @property
    def heading(self) -> str:
        """What is compared with what."""
        accused, control = ARMS[self.plan.accused].words, ARMS[self.plan.control].words
        pair = (
            accused if self.plan.accused == self.plan.control else f"{accused}, against {control}"
        )
        return f"{self.plan.question} {pair[0].upper()}{pair[1:]}"

    @property
    def summary(self) -> str:
        """The counts as a sentence."""
        fails, holds, silent = self.counts.values()
        return (
            f"Of {len(self.places)} places the claim fails at {fails} and holds at {holds}; "
            f"{silent} say nothing"
        )

    def _rows(self) -> Iterator[tuple[float, list[Place]]]:
        """A row for each rate: its places, narrow networks first."""
        for rate in dict.fromkeys(place.rate for place in self.places):
            yield rate, [place for place in self.places if place.rate == rate]

    def __repr__(self) -> str:
        first = next(places for _, places in self._rows())
        lines = [f"{self.heading}.", f"{self.summary}."]
        heads = " ".join(f"{place.width}×{place.budget}".rjust(9) for place in first)
        lines.append(f"{'rate':>8}  {heads}   (width × updates)")
        for rate, places in self._rows():
            cells = " ".join(f"{_pair(place)} {SIGNS[place.says]}".rjust(9) for place in places)
            lines.append(f"{rate:8g}  {cells}")
        legend = ", ".join(f"{SIGNS[word]} {words}" for word, words in WORDS.items())
        return "\n".join([*lines, f"accused/control in hundredths, median of 3; {legend}"])

    def html(self) -> str:
        """The map as a table."""
        first = next(places for _, places in self._rows())
        widths = list(dict.fromkeys(place.width for place in first))
        span = len(first) // len(widths)
        top = "".join(
            f'<th scope="colgroup" colspan="{span}">width {width}</th>' for width in widths
        )
        heads = "".join(f'<th scope="col">{place.budget:,} updates</th>' for place in first)
        body = "".join(
            f'<tr><th scope="row">rate {rate:g}</th>{"".join(map(_cell, places))}</tr>'
            for rate, places in self._rows()
        )
        legend = "; ".join(f"{SIGNS[word]} {words}" for word, words in WORDS.items())
        return (
            f'<div class="gc-map"><table><caption>{html.escape(self.heading)}</caption><thead>'
            f"<tr><td></td>{top}</tr><tr><td></td>{heads}</tr></thead><tbody>{body}</tbody></table>"
            f"<p><small>{html.escape(self.summary)}. In each place the accused / the control, "
            f"median of three networks, in per cent; {legend}.</small></p></div>"
        )


def _pair(place: Place) -> str:
    accused, control = (round(100 * float(np.median(v))) for v in (place.accused, place.control))
    return f"{accused}/{control}"


def _cell(place: Place) -> str:
    return f'<td class="{place.says}">{SIGNS[place.says]} {_pair(place)}</td>'


@cache
def verdict_map(name: str) -> VerdictMap:
    """Return a stored map.

    Raises
    ------
    GradcourseError
        If there is none of that name.
    """
    if name not in PLANS:
        near = nearest(name, list(PLANS)) or list(PLANS)
        raise GradcourseError(f"no verdict map is called {name!r}: {', '.join(near)}")
    plan, rows = PLANS[name], _rows_by_arm()
    if name not in measured_maps():
        raise GradcourseError(f"the map {name!r} is not measured yet: make measurements")
    accused, arm = rows[plan.accused], ARMS[plan.accused]
    against = rows[plan.control]
    places = []
    for width, against_width in zip(arm.widths, ARMS[plan.control].widths, strict=True):
        for r, rate in enumerate(arm.rates):
            for b, budget in enumerate(arm.budgets):
                here = [_at(row, r, b, budget, plan.rule) for row in accused[width]]
                there = [_at(row, r, b, budget, plan.rule) for row in against[against_width]]
                places.append(_place(plan, rate, budget, width, here, there))
    return VerdictMap(name, plan, tuple(places))


def measured_maps() -> tuple[str, ...]:
    """The names of all maps whose arms are stored."""
    rows = set(_rows_by_arm())
    return tuple(name for name, plan in PLANS.items() if {plan.accused, plan.control} <= rows)


@dataclass(frozen=True)
class _At:
    """What one network had reached at one place."""

    score: float
    fitted: float
    least: float
    shift: float


def _at(row: Mapping[str, Any], r: int, b: int, budget: int, rule: str) -> _At:
    fitted = row["fitted"][r][b] if row["fitted"][r] else 0.0
    score = float(row["survived"][r] > budget) if rule == "survived" else row["right"][r][b]
    return _At(score, fitted, row["least"][r], row["shift"][r])


def _place(
    plan: Plan, rate: float, budget: int, width: int, here: list[_At], there: list[_At]
) -> Place:
    accused, control = (tuple(at.score for at in side) for side in (here, there))
    mine, other = float(np.median(accused)), float(np.median(control))
    speaks = other >= plan.passes
    if plan.rule == "fitted":
        speaks = min(np.median([at.fitted for at in side]) for side in (here, there)) > 0.995
    if plan.rule == "shift":
        shifts = [np.median([at.shift for at in side]) for side in (here, there)]
        speaks = speaks and bool(shifts[0] < shifts[1])
    if plan.rule == "norm":
        speaks = min(at.least for at in here) > 1.0
        fails = mine >= plan.passes
    else:
        fails = mine < other - plan.margin
    says = SILENT if not speaks else FAILS if fails else HOLDS
    return Place(rate, budget, width, accused, control, says)


@cache
def _rows_by_arm() -> dict[str, dict[int, list[dict[str, Any]]]]:
    found: dict[str, dict[int, list[dict[str, Any]]]] = {}
    for row in stored("maps").rows:
        found.setdefault(row["arm"], {}).setdefault(row["width"], []).append(row)
    return found
