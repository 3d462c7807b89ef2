"""Questions that a formula and a picture answer: a gain, and three gradients against lag."""

from __future__ import annotations

import numpy as np

from gradcourse import theory
from gradcourse.checking.question import Choice, NamedValue, Option, Prediction
from gradcourse.experiments.recurrent import UNNAMED, two_unit_matrix

STRENGTH = 0.5


def _edge():
    """The gain with χ = 1 at this strength of the input, by halving."""
    low, high = 1.0, 3.0
    for _ in range(60):
        middle = (low + high) / 2
        below = theory.chi("tanh", middle, STRENGTH) < 1
        low, high = (middle, high) if below else (low, middle)
    return low


EDGE = Prediction(
    id="recurrent/edge",
    title="The gain at which theory says level",
    question="At which gain g is χ = 1 for a wide tanh network whose inputs have the standard "
    'deviation 0.5 on each pre-activation? gc.theory.chi("tanh", gain, 0.5) gives χ.',
    answer="edge",
    measure=_edge,
    within=0.1,
    low=0.2,
    high=6.0,
    log=False,
    explain="The input drives tanh off its steepest point, so the weights must bring more than 1.",
    misconceptions=(
        NamedValue(
            "a spectral radius of 1",
            1.0,
            "At gain 1 the matrix alone would be level. The slopes are below 1 wherever the "
            "state is not 0, and the input sees to that.",
        ),
    ),
    hints=(
        "Is χ at gain 1 below 1 or above?",
        "It rises with the gain: try 1.4, 1.6 and 1.8.",
        "χ passes 1 between 1.5 and 1.65.",
    ),
    points=1.0,
)


def _small_radius():
    radii = {
        name: np.abs(np.linalg.eigvals(two_unit_matrix(*knobs))).max()
        for name, knobs in UNNAMED.items()
    }
    return "-and-".join(name.lower() for name, radius in radii.items() if radius < 1)


THREE_LAGS = Choice(
    id="recurrent/three-lags",
    title="Three gradients against lag",
    question="The picture shows the gradient of three linear networks of two units against lag. "
    "Whose eigenvalues all lie below 1?",
    answer="radius_below_one",
    options=(
        Option(
            "a",
            "A only",
            "B rises first, and falls in the end: the end is what eigenvalues rule.",
        ),
        Option("b", "B only", "A falls from the first step on, at the same rate as B at the end."),
        Option(
            "a-and-b",
            "A and B",
            "Both fall in the end, by nearly the same factor a step. B rises because of its norm.",
        ),
        Option("c", "C", "C never falls: its slope at the end is above 0."),
    ),
    measure=_small_radius,
    explain="The slope at large lags is the logarithm of the radius. The hump is the norm's.",
    hints=(
        "Eigenvalues rule the end, the norm rules the start.",
        "Compare the slopes at lag 80 to 100.",
        "Two of the lines are nearly parallel there.",
    ),
    points=1.0,
)
