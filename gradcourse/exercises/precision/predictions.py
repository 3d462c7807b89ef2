"""The questions of lesson 12 itself: a bet before each measurement, for no points."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import NamedValue, Prediction
from gradcourse.experiments.modern.rates import STANDARD
from gradcourse.experiments.modern.scans import MIN_GRU
from gradcourse.experiments.modern.spikes import ACCIDENT
from gradcourse.experiments.precision import (
    after_accident,
    best_rates,
    layers_served,
    median_needed,
    stuck,
)

WINDOW = Prediction(
    id="precision/window",
    title="One scale for all layers?",
    question="30 sigmoid layers, each of which multiplies δ by about a quarter. All passes are in "
    "float16, whose numbers reach from 2⁻²⁴ to 2¹⁶, and the loss is multiplied by the best of all "
    "scales. How many layers get a gradient that is neither 0 nor infinite?",
    answer="layers",
    measure=lambda: float(np.median([layers_served(seed) for seed in range(5)])),
    within=2.0,
    low=0.0,
    high=30.0,
    log=False,
    explain="The format spans 40 powers of two, and every layer takes two of them.",
    misconceptions=(
        NamedValue("all", 30.0, "A scale moves all layers alike: one end of the gradient leaves."),
        NamedValue("as without a scale", 10.0, "The scale uses the numbers above 1 as well."),
        NamedValue("one power each", 40.0, "A quarter is two powers of two."),
    ),
    hints=("How many powers of two has the format, and how many does a layer take?",),
)

STUCK = Prediction(
    id="precision/stuck",
    title="How many weights stand still?",
    question="A layer of 64 units in bfloat16, weights from He's recipe: standard deviation 0.18. "
    "The first update of Adam, at a rate of 0.0001, changes every weight by 0.0001. Which share "
    "of the weights stays exactly as it was?",
    answer="still",
    measure=lambda: float(np.median([stuck(1e-4, seed) for seed in range(5)])),
    within=0.08,
    low=0.0,
    high=1.0,
    log=False,
    explain="From 1/32 on half a step of bfloat16 is larger than 0.0001, and most weights are "
    "larger than that.",
    misconceptions=(
        NamedValue("none", 0.0, "8 bits of precision: numbers near 0.1 lie 0.0005 apart."),
        NamedValue("all", 1.0, "Small weights have small steps: they move."),
        NamedValue("half", 0.5, "Compare half a step with the update, octave by octave."),
    ),
    hints=("A weight stays if 0.0001 is less than half the distance to the next number.",),
)

BEST_RATE = Prediction(
    id="precision/best-rate",
    title="The best rate of a wide network",
    question="Three ReLU layers of 64 units learn best with some rate of Adam. By which factor is "
    "the best rate of layers of 1024 units smaller, in the geometric mean over five networks?",
    answer="smaller",
    measure=lambda: float(2.0 ** np.mean(best_rates(STANDARD, 64) - best_rates(STANDARD, 1024))),
    within=2.1,
    low=0.1,
    high=100.0,
    explain="Each update is a sum over 16 times as many units, which all pull the same way.",
    misconceptions=(
        NamedValue("none", 1.0, "Adam's steps are η for each weight, and 1024 of them add up."),
        NamedValue("the root", 4.0, "That is for signs by chance. Those of an update agree."),
        NamedValue("larger", 0.25, "A sum over more units is larger: the rate must be smaller."),
    ),
    hints=("By how much does z = Wh change if each of n weights moves by η?",),
)

UPDATES = Prediction(
    id="precision/updates",
    title="Gates that do not see the state",
    question="The adding problem over 200 steps. A GRU, whose gates read input and state, leaves "
    "the plateau after 200 to 300 updates. In a minGRU gates and candidate read the input alone, "
    "in two layers. How many updates does it need, in the median over five networks?",
    answer="updates",
    measure=lambda: median_needed(MIN_GRU),
    within=1.8,
    low=10.0,
    high=10_000.0,
    explain="Half as many as the GRU: what to keep can be read off the input here, the mark.",
    misconceptions=(
        NamedValue("never", 10_000.0, "The mark stands in the input: a gate can read it there."),
        NamedValue("a thousand", 1000.0, "Its gradient passes one gate a step, and no matrix."),
    ),
    hints=("What must a gate know, to keep the marked numbers?",),
)

RETURN = Prediction(
    id="precision/return",
    title="How long is a spike remembered?",
    question="Muon with momentum 0.95. In one update the gradient is 10,000 times as large as it "
    "should be. After how many updates does the rest of Muon's memory outweigh what the accident "
    "put there, in the median over five networks?",
    answer="returned",
    measure=lambda: float(np.median(after_accident(ACCIDENT, "returned"))),
    within=1.35,
    low=1.0,
    high=10_000.0,
    explain="(1 − β) β^k S = 1 gives k = 121.",
    misconceptions=(
        NamedValue("the span of the memory", 20.0, "1/(1 − β) updates divide it by e only."),
        NamedValue("one", 1.0, "The step has its usual length, but its direction is the memory's."),
        NamedValue("Adam's", 11_500.0, "That is v with β₂ = 0.999, squared."),
    ),
    hints=("What is left of 10,000 after k updates, if 5 % fade in each?",),
)
