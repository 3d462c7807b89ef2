"""The questions of lesson 07 itself: a guess before each measurement, for no points."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction
from gradcourse.experiments.common import median, over_seeds
from gradcourse.experiments.residual import (
    BLOCKS,
    decades,
    gradient_cosine,
    mean_branches,
    mean_squares,
    open_share,
)

ALPHA = BLOCKS**-0.5


def _span():
    """Largest over smallest singular value of 27 factors I + αA, α = 1/√27; median of five."""
    return median(lambda seed: 10 ** (np.ptp(decades(ALPHA, seed=seed))))


SPAN = Prediction(
    id="residual/span",
    title="How far do 27 factors stretch and squeeze?",
    question="Multiply 27 factors I + αA, with random 64 × 64 matrices A that on average keep a "
    "vector's length, and α = 1/√27 ≈ 0.19. By what factor does the product stretch its best "
    "direction more than its worst? (For 27 factors A alone it is about 10³³.)",
    answer="span_27",
    measure=_span,
    within=4.0,
    low=1.0,
    high=1e33,
    explain="Each factor is the identity and a little more. The largest singular value is about 4, "
    "the smallest about a fifth.",
    misconceptions=(
        NamedValue(
            "as for A alone", 1e33, "That is A alone. I + αA leaves most of a vector alone."
        ),
        NamedValue(
            "always in the same direction",
            3.7e4,
            "You let one direction grow by 1 + α and another shrink by 1 − α in every factor. But "
            "each A is a new one: it pushes along a direction as often as against it.",
        ),
    ),
    hints=(
        "27 pushes of size α along one direction, as often forwards as back, add as squares. How "
        "large is their sum?",
    ),
)


MEAN_LENGTH = Prediction(
    id="residual/mean-length",
    title="How many branches does the gradient take?",
    question="27 blocks x + α F(x) with α = 1/√27 ≈ 0.19. A gradient on its way back takes, in "
    "each block, the shortcut or the branch. Weight every path by its share of the squared "
    "gradient: how many of the 27 branches does it take on average?",
    answer="mean_length_27",
    measure=lambda: mean_branches(ALPHA, seeds=5),
    within=0.6,
    low=0.0,
    high=27.0,
    unit="branches",
    log=False,
    explain="A branch carries α² = 1/27 of what the shortcut carries, and there are 27 of them.",
    misconceptions=(
        NamedValue(
            "half of them",
            13.5,
            "Most of the 2²⁷ paths do go through half of the branches. But each branch costs them "
            "a factor of α.",
        ),
        NamedValue(
            "sizes instead of squares",
            4.4,
            "You weighed α against 1. Random paths add as squares: α² against 1.",
        ),
        NamedValue("all of them", 27.0, "Only one path goes through all branches."),
    ),
    hints=("How much of the squared gradient takes the branch, in one block?",),
)


FIRST_VARIANCE = Prediction(
    id="residual/first-variance",
    title="27 blocks, α = 1, no norm",
    question="x + F(x), 27 times, where each branch F keeps the mean square of what it is given "
    "(He's weights). The mean square of x is 1 behind the stem. What is it after 27 blocks?",
    answer="variance_27",
    measure=lambda: median(lambda s: mean_squares(1.0, rows=32, width=192, seed=s)[-1]),
    within=10.0,
    low=1e-2,
    high=1e12,
    explain="Two uncorrelated terms of the same mean square: it doubles. 2^27 is 1.3 · 10⁸.",
    misconceptions=(
        NamedValue("it stays", 1.0, "F keeps the mean square, but the sum of two terms does not."),
        NamedValue(
            "one more per block",
            28.0,
            "That would be so if F(x) always had mean square 1. It has that of x, which grows.",
        ),
    ),
    hints=("What is the mean square of a sum of two uncorrelated terms?",),
)


OPEN_ROAD = Prediction(
    id="residual/open-road",
    title="A ReLU on the road",
    question="The first ResNets put a ReLU behind each sum: x ← relu(x + α F(x)). 60 such blocks, "
    "α = 1/√60 ≈ 0.13. Of the units that are on at the start, through which share are all 60 of "
    "these ReLUs on, so that the shortcuts alone let the gradient through?",
    answer="open_road",
    measure=lambda: float(np.mean(over_seeds(lambda s: open_share(60**-0.5, seed=s)[-1]))),
    within=0.12,
    low=0.0,
    high=1.2,
    log=False,
    explain="A unit's x must stay above 0 for 60 sums. Small steps up and down take most units "
    "below 0 at some time.",
    misconceptions=(
        NamedValue(
            "all of them",
            1.0,
            "x is above 0 to begin with, but every block adds something that may be negative.",
        ),
        NamedValue("none", 0.0, "Half in each block would leave none. But x was positive before."),
    ),
    hints=("Each sum moves x by about 0.13 of its size, up or down.",),
)


def _shattered():
    plain = np.mean(over_seeds(lambda seed: gradient_cosine(False, seed=seed)))
    if plain > 0.7:
        return "alike"
    return "half" if plain > 0.3 else "unlike"


SHATTERED = Choice(
    id="residual/shattered",
    title="Twenty degrees to the side",
    question="A plain network of 54 ReLU layers with He's weights: δ keeps its size. You turn a "
    "digit by 20° towards another digit (as vectors: the cosine is 0.94). f is a random sum of the "
    "last layer. How alike are the two gradients ∂f/∂x?",
    answer="shattered",
    options=(
        Option(
            "alike",
            "Cosine above 0.7: the inputs are nearly the same.",
            "The inputs are. But each of 54 layers switches a few other units.",
        ),
        Option(
            "half",
            "Cosine about a half.",
            "A few layers do that. There are 54.",
        ),
        Option(
            "unlike",
            "Cosine below 0.3: next to nothing in common.",
            "Each layer keeps a bit less than all of it, and 54 of them leave nearly nothing.",
        ),
    ),
    measure=_shattered,
    explain="Going back through a layer multiplies the correlation by the share of common active "
    "units. 54 numbers below 1 make a small one.",
    hints=("In layer 1 about one active unit in nine is another one. And then?",),
)
