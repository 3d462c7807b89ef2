"""The questions of lesson 10 itself: a bet before each measurement, for no points."""

from __future__ import annotations

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction
from gradcourse.experiments.diagnosis import share_of_heads, tally
from gradcourse.experiments.measurements import stored

SIGN = "‖g‖ > 1 always"


def _counted(sign):
    return tally(stored("signs").rows)[sign]


CAUSES = Prediction(
    id="diagnosis/causes",
    title="What people bring",
    question="109 public questions about networks that did not learn, their causes counted. In "
    "which share of them does the last layer not fit the loss and the targets?",
    answer="heads",
    measure=lambda: 100 * share_of_heads(),
    within=8.0,
    low=0.0,
    high=100.0,
    log=False,
    unit="%",
    explain="A softmax on one unit, a ReLU under targets of both signs, a sigmoid in a regression: "
    "no gradient norm shows them.",
    misconceptions=(
        NamedValue(
            "as many as vanish",
            6.0,
            "So few? Deep stacks of sigmoid or tanh, this course's own theme, are among the "
            "other 38.",
        ),
    ),
    hints=("Think of your own last three bugs.",),
)

HITS = Prediction(
    id="diagnosis/hits",
    title="Your bet: hits",
    question="The sign: the norm of the gradient is above 1 at every step. Of 108 sick networks of "
    "18 kinds, which share shows it?",
    answer="hits",
    measure=lambda: 100 * _counted(SIGN).sensitivity,
    within=8.0,
    low=0.0,
    high=100.0,
    log=False,
    unit="%",
    explain="Most diseases make the gradient small, or leave its size alone.",
    hints=("What does the norm of a network do whose head is wrong?",),
)

ALARMS = Prediction(
    id="diagnosis/alarms",
    title="Your bet: false alarms",
    question="And of 110 healthy networks of 10 kinds, which share shows the same sign?",
    answer="alarms",
    measure=lambda: 100 * _counted(SIGN).false_alarms,
    within=6.0,
    low=0.0,
    high=100.0,
    log=False,
    unit="%",
    explain="A norm has units: it grows with the loss, with the targets, with the width.",
    hints=("What does a loss of 1000 do to the norm?",),
)


def _survivor():
    from dataclasses import replace

    from gradcourse.experiments.ward import admit, outcome

    recipe = admit("sound", 3)
    at_one, at_thousand = (
        outcome(replace(recipe, optimizer="adam", rate=1e-3, scale=scale))
        for scale in (1.0, 1000.0)
    )
    return "same" if abs(at_one.measured - at_thousand.measured) < 0.03 else "worse"


SURVIVOR = Choice(
    id="diagnosis/thousand",
    title="A thousand times the loss",
    question="A healthy network, trained by Adam. Multiply its loss by 1000, so that its "
    "gradient's norm is 1000 times as large at every step. How well does it read the test digits?",
    answer="thousand",
    options=(
        Option("worse", "Worse: a gradient that large destroys the weights.",
               "It would, with plain gradient descent at the same rate. Adam divides by the size."),
        Option("same", "As well as before, within 3 points.",
               "Adam's step is the gradient divided by its own running size."),
    ),
    measure=_survivor,
    explain="What counts is the update relative to the weights, and that has not changed.",
    hints=("What does Adam divide by?",),
)  # fmt: skip
