"""The questions of lesson 09 itself: a guess before each measurement, for no points."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction
from gradcourse.experiments.clipping import (
    accuracy_after_accident,
    angle,
    clipped_by_torch,
    share_that_arrives,
    shrinkage,
)


def _turned():
    raw = np.array([100.0, 1.0])
    return angle(raw, np.clip(raw, -1.0, 1.0))


BY_VALUE = Prediction(
    id="clipping/by-value",
    title="Each entry cut at 1",
    question="A gradient has two entries, 100 and 1. Clip it by value at 1: every entry that is "
    "larger becomes 1. By how many degrees does the arrow turn?",
    answer="turned",
    measure=_turned,
    within=3.0,
    low=0.0,
    high=180.0,
    log=False,
    unit="degrees",
    explain="(100, 1) points along the first axis, (1, 1) halfway to the second.",
    misconceptions=(
        NamedValue(
            "it only gets shorter",
            0.0,
            "It would, if both entries were divided by the same number. One is divided by 100, "
            "the other by 1.",
        ),
        NamedValue("a right angle", 90.0, "The first entry does not vanish: it becomes 1."),
    ),
    hints=("Draw (100, 1) and (1, 1).",),
)


def _smallest():
    shares = {"large": 100.0, "middle": 5.0, "small": 0.1}
    found = {key: share_that_arrives(threshold) for key, threshold in shares.items()}
    return max(found, key=lambda key: found[key])


SMALLEST = Choice(
    id="clipping/smallest",
    title="How small a threshold?",
    question="Lesson 03's cliff: 300 steps of gradient descent, learning rate 0.02, now with the "
    "norm of the gradient clipped at c. With which c do the most runs arrive on the plain below "
    "the wall?",
    answer="best_threshold",
    options=(
        Option(
            "large",
            "c = 100, so that only the wall itself is clipped.",
            "A step is then at most 2 long, and 2 is still wider than the picture.",
        ),
        Option("middle", "c = 5", "Steps of at most 0.1: too short to be thrown, long enough."),
        Option(
            "small",
            "c = 0.1, the safest.",
            "Nobody is thrown. But 300 steps of 0.002 are a way of 0.6 at the very most.",
        ),
    ),
    measure=_smallest,
    explain="A threshold c makes every step at most ηc long. That bounds the throw, and the way.",
    hints=("The longest step is 0.02 · c.",),
)


def _huge():
    norm = clipped_by_torch(1e20)
    if np.isnan(norm):
        return "nan"
    if norm == 0.0:
        return "zero"
    return "one" if abs(norm - 1.0) < 0.01 else "same"


HUGE = Choice(
    id="clipping/huge",
    title="A large, finite gradient",
    question="Four float32 gradients, each 1e20: large, but float32 reaches 3.4e38. torch's "
    "clip_grad_norm_ clips them to norm 1. What is their norm afterwards?",
    answer="huge",
    options=(
        Option("one", "1, as asked.", "It would be, if the norm could be computed in float32."),
        Option(
            "zero",
            "0",
            "The square of 1e20 is beyond float32, so the norm is inf, and 1/inf is 0.",
        ),
        Option(
            "nan", "NaN", "inf · 0 would be NaN. But these gradients are finite: 1e20 · 0 is 0."
        ),
        Option(
            "same",
            "As before: clipping fails and leaves them.",
            "It does not notice. It multiplies by 1/inf.",
        ),
    ),
    measure=_huge,
    explain="A norm is the root of a sum of squares, and squares overflow at 1.8e19.",
    hints=("What is the square of 1e20 in float32?",),
)


def _accident():
    right = {name: accuracy_after_accident(name, 0) > 0.8 for name in ("never", "only", "others")}
    if right["never"]:
        return "all"
    if right["only"]:
        return "only"
    return "others" if right["others"] else "none"


ACCIDENT = Choice(
    id="clipping/accident",
    title="One gradient, ten thousand times too large",
    question="Eight ReLU layers learn the digits with Adam, η = 0.001. At update 20 there is an "
    "accident: the gradient comes out 10,000 times too large. Which runs have more than 80 % of "
    "the test digits right after 100 updates?",
    answer="accident",
    options=(
        Option(
            "all",
            "All, clipped or not: Adam does not know the size of a gradient.",
            "The step of update 20 is of ordinary length. But what do the steps after it divide "
            "by?",
        ),
        Option(
            "only",
            "Those in which update 20 is clipped.",
            "What Adam has once put into its memory v stays there for a thousand updates.",
        ),
        Option(
            "others",
            "Those in which all updates after it are clipped.",
            "That makes the good gradients smaller. They are divided by the same large √v.",
        ),
        Option(
            "none",
            "None: one such gradient ruins the weights.",
            "Adam's step is bounded, so the weights hardly move. And clipped, it is an ordinary "
            "gradient.",
        ),
    ),
    measure=_accident,
    explain="Adam divides by the root of a running mean of squares, with a memory of about 1000 "
    "updates. One enormous gradient in it makes all later steps tiny.",
    hints=("Which of Adam's two running means has the longer memory?",),
)


def _press():
    weak, strong = (shrinkage("adam", strength) for strength in (0.01, 1.0))
    if abs(weak - strong) < 0.01:
        return "same"
    return "hundred" if weak > strong else "less"


PRESS = Choice(
    id="clipping/press",
    title="A hundred times the penalty",
    question="torch's Adam with weight_decay = λ adds λw to the gradient. Take weights that have "
    "no gradient from the loss. Which λ pulls them to 0 faster, 0.01 or 1?",
    answer="press",
    options=(
        Option("hundred", "λ = 1, a hundred times as fast.", "So it would be without Adam."),
        Option(
            "same",
            "Both as fast.",
            "Adam's step does not know the size of a gradient, and λw is all of the gradient here.",
        ),
        Option(
            "less",
            "λ = 0.01.",
            "A smaller pull cannot win, but it does not lose either: Adam divides it by its own "
            "size.",
        ),
    ),
    measure=_press,
    explain="Adam divides λw by its own size. What is left is a step of η, for any λ.",
    hints=("What does Adam do with a gradient that is 100 times as large?",),
)
