"""The questions of lesson 04 itself: a guess before each measurement, for no points."""

from __future__ import annotations

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction
from gradcourse.experiments.common import median
from gradcourse.experiments.relu import (
    accuracy_after,
    after_accident,
    dead_units,
    first_delta,
    ordinary_runs,
)
from gradcourse.experiments.saturation import random_delta

HALF = Prediction(
    id="relu/half",
    title="δ through 20 ReLU layers",
    question="20 ReLU layers with Xavier's weights, σ_w = 1. δ travels from layer 20 down to "
    "layer 1, through 19 layers. How large is it in layer 1, if it is 1 in layer 20?",
    answer="half",
    measure=first_delta,
    within=3.0,
    low=1e-8,
    high=10.0,
    explain="Half of the slopes are 0. So half of the sum of squares is lost in each layer, and "
    "the size falls by √½ = 0.71.",
    misconceptions=(
        NamedValue(
            "the slope is 1",
            1.0,
            "The slope is 1 for the units that pass, and 0 for the others. Which share passes?",
        ),
        NamedValue(
            "½ per layer",
            0.5**19,
            "½ is the factor on the mean square. The size is its root.",
        ),
    ),
    hints=("About half of all z are below 0.", "The mean square halves; take the root."),
)

_COMPARED = ("relu", "elu", "gelu")


def _fades_most():
    left = {
        name: median(lambda seed, name=name: random_delta(name, 1.0, depth=8, seed=seed)[0])
        for name in _COMPARED
    }
    return min(left, key=lambda name: left[name])


FADES_MOST = Choice(
    id="relu/fades-most",
    title="Which of the three fades most?",
    question="Eight layers, Xavier's weights. ELU and GELU are smooth relatives of ReLU, and both "
    "are younger. Through which of the three does δ fade most?",
    answer="fades_most",
    options=(
        Option("relu", "ReLU.", "It loses 0.71 per layer. One of the others loses more."),
        Option("elu", "ELU.", "Near z = 0 its slope is 1 on both sides: it loses least."),
        Option("gelu", "GELU.", "Near z = 0 its slope is ½ on both sides."),
    ),
    measure=_fades_most,
    explain="With these weights z shrinks from layer to layer, so what counts is the slope near "
    "z = 0: 1 for ELU, ½ for GELU, and 0 or 1 for ReLU.",
    hints=("The signal shrinks on its way forwards. Where on the curve are the late layers?",),
)


def _small_leak():
    gained = first_delta(0.01) / first_delta(0.0)
    if gained < 1.5:
        return "hardly"
    return "all" if gained > 100 else "some"


SMALL_LEAK = Choice(
    id="relu/small-leak",
    title="What does a leak of 0.01 give back?",
    question="The same 20 layers with Xavier's weights lose a factor of 700. Now the other side "
    "gets a slope of 0.01 in place of 0 (leaky ReLU, PyTorch's default). How much larger is δ in "
    "layer 1?",
    answer="small_leak",
    options=(
        Option("hardly", "Hardly at all.", "(1 + 0.01²)/2 is still one half."),
        Option(
            "some",
            "About ten times.",
            "What a layer loses is 1 − a² of one half, and a² is 0.0001.",
        ),
        Option(
            "all",
            "700 times: nothing is lost any more.",
            "A path that passes 0.01 is open, but it carries almost nothing.",
        ),
    ),
    measure=_small_leak,
    explain="The mean square is multiplied by (1 + a²)/2 per layer, and a² = 0.0001.",
    hints=("What is the mean of the squared slopes, ½ · 1² + ½ · a²?",),
)


def _one_step():
    share = median(lambda seed: dead_units(after_accident(seed))[0]) / 64
    if share < 0.1:
        return "few"
    return "half" if share < 0.75 else "all"


ONE_STEP = Choice(
    id="relu/one-step",
    title="How many units does one large step kill?",
    question="Layer 1 of a healthy ReLU network takes one step of gradient descent with a learning "
    "rate that is 1000 times too large. How many of its 64 units are silent on every digit "
    "afterwards?",
    answer="one_step",
    options=(
        Option("few", "Fewer than a tenth.", "The step is far larger than the weights were."),
        Option("half", "A third to a half.", "It throws most units down for all digits, or up."),
        Option(
            "all",
            "More than three quarters.",
            "For that the step would have to lower all of them. It raises some.",
        ),
    ),
    measure=_one_step,
    explain="For one unit, the step lowers z on nearly all digits, or raises it on nearly all.",
    hints=("Does a step of gradient descent lower every unit, or raise some?",),
)


def _accident():
    first, _, right = ordinary_runs(1.0)
    hit = right[first > 16]
    return "all" if hit.min() > 0.5 else "none" if hit.max() < 0.5 else "some"


ACCIDENT = Choice(
    id="relu/accident",
    title="After a training at a rate of 1",
    question="Ten networks with two hidden ReLU layers of 64 units are trained by plain gradient "
    "descent at a rate of 1, twenty times a good one. Most end with more than a quarter of layer "
    "1 dead. Of those that do, how many read more than half of the test digits?",
    answer="accident",
    options=(
        Option(
            "none",
            "None: a network with so many dead units has failed.",
            "The living units of a layer go on without the dead ones.",
        ),
        Option("some", "Some of them.", "Dead units are lost capacity, not always a failure."),
        Option(
            "all",
            "All of them.",
            "In some too few units of a layer are left, or none, and then no gradient passes.",
        ),
    ),
    measure=_accident,
    explain="Dead units are missing capacity. A network fails when few units of a layer are left.",
    hints=("What can the units that are left still do?",),
)


def _who_learns():
    learned = sum(accuracy_after(kind) > 0.8 for kind in ("healthy", "vanished", "dead"))
    return ("none", "one", "two", "all")[learned]


WHO_LEARNS = Choice(
    id="relu/who-learns",
    title="Three networks, 75 % zeros each",
    question="Three ReLU networks with four hidden layers. In each, 75 % of all activations are "
    "0. How many of them reach 80 % of the test digits in 300 steps?",
    answer="who_learns",
    options=(
        Option(
            "none",
            "None: with 75 % zeros the gradient has nowhere to pass.",
            "A zero on this digit is no zero on the next.",
        ),
        Option("one", "One.", "The count of zeros does not say which one."),
        Option("two", "Two.", "More than the zeros differs between them."),
        Option(
            "all",
            "All three.",
            "In one a whole layer is silent on all digits, in one the signal has vanished.",
        ),
    ),
    measure=_who_learns,
    explain="One is healthy, in one the signal is too small, in one a layer is dead.",
    hints=("A zero can be for this digit only, or for all.",),
)
