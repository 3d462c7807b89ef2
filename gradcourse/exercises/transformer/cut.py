"""Read a plot: which block to cut."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import Choice, Option
from gradcourse.experiments.transformer import of

OFFERED = (1, 2, 3, 12)


def _cheapest():
    damage = np.median(of("pre", "damage"), axis=0)
    return str(min(OFFERED, key=lambda number: damage[number - 1]))


CUT = Choice(
    id="transformer/cut",
    title="Which block to cut",
    question="The picture shows what cutting one block costs. Your network must get one block "
    "smaller, without further training. Which do you cut?",
    answer="cut",
    options=(
        Option("1", "block 1", "Look at the axis: to lose it costs more than 1, and a guess 2.77."),
        Option("2", "block 2", "It is the dearest of all: here the copying is done."),
        Option("3", "block 3", "Cheap, but not the cheapest: the axis is logarithmic."),
        Option("12", "block 12", "What it adds is small beside the stream that it is added to."),
    ),
    measure=_cheapest,
    points=1.0,
    explain="Late blocks add to a long stream, and no one misses them. They were paid for in "
    "every update all the same.",
    hints=(
        "Low in the picture is cheap.",
        "The axis is logarithmic: each grid line is a factor of ten.",
        "Which of the four lies lowest?",
    ),
)
