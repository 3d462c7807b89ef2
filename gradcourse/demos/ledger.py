"""Lesson 13: a place of a verdict map, and how many networks enclose the truth."""

from __future__ import annotations

import numpy as np

from gradcourse.experiments.ledger import enclosed, enclosed_theory
from gradcourse.experiments.maps.places import FAILS, HOLDS, Place, verdict_map
from gradcourse.figures import Axis, Demo, Knob, Line, Plot

SHOWN = "deeper", "vanish", "start", "shift", "stuck"
"""The maps of the demo, by number."""


def draw_places(claim: int, budget: int, width: int) -> Plot:
    """Accused and control against the rate, at one budget and one width; medians of three."""
    chart = verdict_map(SHOWN[claim - 1])
    widths = sorted({place.width for place in chart.places})
    budgets = sorted({place.budget for place in chart.places})
    chosen = [
        place
        for place in chart.places
        if place.width == widths[width - 1] and place.budget == budgets[budget - 1]
    ]
    says = [place.says for place in chosen]
    told = f"fails at {says.count(FAILS)} of 4 rates, holds at {says.count(HOLDS)}"
    return Plot(
        f"{chart.plan.question} {budgets[budget - 1]:,} updates, width {widths[width - 1]}: {told}",
        Axis("rate", "log"),
        Axis("right on the test digits", limits=(0.0, 1.05)),
        (
            _line(chosen, "control", "blue"),
            _line(chosen, "accused", "vermillion"),
            Line(
                [chosen[0].rate, chosen[-1].rate],
                [chart.plan.passes] * 2,
                "what the control must reach",
                "reference",
                "grey",
            ),
        ),
    )


def _line(places: list[Place], side: str, color: str) -> Line:
    middle = [float(np.median(getattr(place, side))) for place in places]
    return Line([place.rate for place in places], middle, side, color=color)


PLACES = Demo(
    id="ledger/places",
    title="One test, 24 places",
    knobs=(
        Knob("claim", "which map", 1.0, float(len(SHOWN)), 1.0, 1.0, integer=True),
        Knob("budget", "budget: a fifth, the lesson's, fivefold", 1.0, 3.0, 1.0, 2.0, integer=True),
        Knob("width", "width: narrow, wide", 1.0, 2.0, 1.0, 2.0, integer=True),
    ),
    draw=draw_places,
)


def draw_enclosed(networks: int) -> Plot:
    """How often the range over n networks encloses the median, up to the chosen n."""
    every = np.arange(2, 13)
    shown = every[every <= networks]
    return Plot(
        f"{networks} networks: the median lies in their range in {enclosed(networks):.1%} of draws",
        Axis("networks n", limits=(1.5, 12.5)),
        Axis("how often the range encloses it", limits=(0.4, 1.02)),
        (
            Line(shown, [enclosed(int(n)) for n in shown], "measured", color="blue"),
            Line(every, enclosed_theory(every), "theory, 1 − 2^(1 − n)", "theory", "blue"),
        ),
    )


ENCLOSED = Demo(
    id="ledger/enclosed",
    title="How many networks are enough?",
    knobs=(Knob("networks", "networks n", 2.0, 12.0, 1.0, 3.0, integer=True),),
    draw=draw_enclosed,
    linked=True,
)

DEMOS = (PLACES, ENCLOSED)
