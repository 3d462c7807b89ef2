"""What lesson 05 and its assignment ask before a measurement: in the lesson for no points."""

from __future__ import annotations

from functools import cache

import numpy as np

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction, Tuning
from gradcourse.demos.initialization import EDGE_KNOB
from gradcourse.experiments.common import median, over_seeds
from gradcourse.experiments.initialization import (
    default_delta,
    distinct_units,
    end_to_end,
    half_random_accuracy,
    late_loss,
    relu_growth,
    tanh_variance,
    trained_at,
)

# ---------------------------------------------------------------- copies


def _equal_start():
    units = distinct_units(0.1)
    if units == 1:
        return "one"
    return "all" if units == 32 else "some"


EQUAL_START = Choice(
    id="init/equal-start",
    title="All weights 0.1",
    question="Two hidden layers of 32 tanh units. Every weight starts at 0.1, every bias at 0. "
    "After 300 steps on the digits: how many different units does layer 1 have?",
    answer="equal_start",
    options=(
        Option(
            "one",
            "One: all 32 are still copies of each other.",
            "Equal weights in and out give equal gradients, and equal gradients keep them equal.",
        ),
        Option(
            "some",
            "A few: the ten digits pull some of them apart.",
            "The digits pull on all 32 in the same way: each unit has the same δ for every image.",
        ),
        Option(
            "all",
            "All 32: training makes them different.",
            "It could only if their gradients differed. Units that are equal get equal gradients.",
        ),
    ),
    measure=_equal_start,
    explain="The matrix of layer 1 still has 32 equal rows. The network counts as if it had one "
    "unit per layer.",
    hints=("Compute the gradient for two units with equal weights in and out.",),
)

# ---------------------------------------------------------------- 30 ReLU layers


STANDARD_NORMAL = Prediction(
    id="init/standard-normal",
    title="30 ReLU layers with standard normal weights",
    question="30 ReLU layers of 64 units, every weight drawn from N(0, 1). How large is z in layer "
    "30, if it is 1 in layer 1 (root mean square)?",
    answer="standard_normal",
    measure=lambda: median(lambda seed: relu_growth(1.0, seed)[0]),
    within=30.0,
    low=1e-10,
    high=1e40,
    explain="A sum of 64 products, half of them 0: √32 = 5.7 per layer, 29 times.",
    misconceptions=(
        NamedValue(
            "mean 0 stays near 0",
            1.0,
            "A sum of 64 numbers with mean 0 has mean 0, but its size is √64 times that of one.",
        ),
        NamedValue(
            "without ReLU",
            8.0**29,
            "√64 per layer is a linear network. ReLU sets half of the summands to 0.",
        ),
        NamedValue(
            "32 per layer",
            32.0**29,
            "32 per layer is the factor on the mean square. The size is its root: √32 per layer.",
        ),
    ),
    hints=("How large is a sum of 64 products?", "Half of the inputs are 0: √32 per layer."),
)

# ---------------------------------------------------------------- tanh at Xavier's scale

TANH_HUNDRED = Prediction(
    id="init/tanh-hundred",
    title="100 tanh layers with Xavier's weights",
    question="100 tanh layers of 200 units with Xavier's weights, no biases, at the start. The "
    "variance of z is about 1 in layer 1. What is it in layer 100?",
    answer="tanh_hundred",
    measure=lambda: float(tanh_variance()[-1]),
    within=2.5,
    low=1e-30,
    high=10.0,
    explain="It falls, but not exponentially: like 1/(2l), so 1/200 in layer 100.",
    misconceptions=(
        NamedValue(
            "Xavier keeps it", 1.0, "Xavier's rule keeps the variance if tanh is the identity."
        ),
        NamedValue(
            "half per layer",
            0.5**100,
            "That is ReLU's ½ per layer. tanh becomes linear as its input becomes small.",
        ),
    ),
    hints=("tanh makes every value smaller, large ones most.", "What does it do to small values?"),
)

# ---------------------------------------------------------------- the map

POINTS = {"ordered": 0.8, "edge": 1.4, "chaos": 2.8}


@cache
def _right(where):
    return float(np.mean(over_seeds(lambda seed: trained_at(POINTS[where], 0.3, seed))))


WHERE_TRAINS = Choice(
    id="init/where-trains",
    title="Where on the map does a deep network learn?",
    question="30 tanh layers, biases with σ_b = 0.3. δ keeps its size at σ_w = 1.4. Three networks "
    "are trained for 150 steps. Which one learns?",
    answer="where_trains",
    options=(
        Option("ordered", "σ_w = 0.8.", "Every image gives the same output here, and δ vanishes."),
        Option("edge", "σ_w = 1.4.", "δ and the differences between images both keep their size."),
        Option(
            "chaos",
            "σ_w = 2.8.",
            "δ explodes here, and images that are almost alike are driven apart.",
        ),
    ),
    measure=lambda: max(POINTS, key=_right),
    explain="A network can be trained as deep as its depth scale ξ lets a signal through, a few "
    "times ξ.",
    hints=("Which of the three has χ nearest to 1?",),
)

# ---------------------------------------------------------------- beyond one number


def _late(init):
    """Mean over five seeds: rounding alone can double the loss of a single run."""
    return float(np.mean(over_seeds(lambda seed: late_loss(init, seed))))


def _better_start():
    ratio = _late("orthogonal") / _late("he")
    return "orthogonal" if ratio < 0.9 else "he" if ratio > 1 / 0.9 else "same"


BETTER_START = Choice(
    id="init/better-start",
    title="He's variance, two shapes",
    question="30 ReLU layers. One network has Gaussian weights of He's variance, the other √2 "
    "times orthogonal matrices: the same variance. Both are trained for 300 steps, from five "
    "seeds. Whose mean loss is lower, by a tenth or more?",
    answer="better_start",
    options=(
        Option(
            "he",
            "The Gaussian one's.",
            "Gaussian matrices stretch some directions and squash others, layer after layer.",
        ),
        Option(
            "same",
            "Neither's: the variance is what counts.",
            "The variance is a mean over all directions. A matrix has a spectrum, too.",
        ),
        Option(
            "orthogonal",
            "The orthogonal one's.",
            "An orthogonal matrix treats all directions alike; the ReLUs still do not.",
        ),
    ),
    measure=_better_start,
    explain="Same variance, another spectrum: the orthogonal start is ahead after 300 steps.",
    hints=("What are the singular values of a Gaussian matrix, and of an orthogonal one?",),
)

# ================================================================ for points, in the assignment

# ---------------------------------------------------------------- nn.Linear's own start


DEFAULT_DELTA = Prediction(
    id="init/default-delta",
    title="Ten ReLU layers as PyTorch makes them",
    question="nn.Linear draws its weights with variance 1/(3·fan_in) when nobody says otherwise. "
    "Ten hidden ReLU layers of 64 units, untrained, all training digits. How large is δ in layer "
    "1, if it is 1 in layer 10?",
    answer="default_delta",
    measure=lambda: median(default_delta),
    within=2.5,
    low=1e-9,
    high=10.0,
    explain="ReLU lets half of the mean square through, and the weights a third: 1/6 per layer, "
    "nine layers, and a root.",
    misconceptions=(
        NamedValue(
            "the root is missing",
            6.0**-9,
            "6⁻⁹ is the factor on the mean square. The size of δ is its root.",
        ),
        NamedValue(
            "ReLU's half is missing",
            3.0**-4.5,
            "You took the weights' third only. ReLU lets half of the mean square through as well.",
        ),
        NamedValue(
            "Xavier's weights",
            2.0**-4.5,
            "That would be Xavier's variance 1/fan_in. The default is a third of it.",
        ),
        NamedValue(
            "a default keeps things level",
            1.0,
            "A default is a habit, not a law. Compute fan_in times the variance, times ½ for ReLU.",
        ),
    ),
    hints=(
        "How does the mean square of δ change over one layer with weights of variance v?",
        "It is multiplied by n·v from the matrix and by ½ from the ReLU: 1/3 · 1/2.",
        "Nine layers from 10 to 1: (1/6)^(9/2).",
    ),
    points=1.0,
)

# ---------------------------------------------------------------- how random must a start be?


def _who_stays():
    right = {
        start: np.mean([half_random_accuracy(start, seed) for seed in range(3)])
        for start in ("first", "last", "biases", "zero")
    }
    return min(right, key=lambda start: right[start])


HALF_RANDOM = Choice(
    id="init/half-random",
    title="How random must a start be?",
    question="One hidden layer of 32 ReLU units, 600 steps with η = 0.1. Biases start at 0 where "
    "nothing else is said, and 'random' means Xavier. Three of these four starts reach 90 % of the "
    "test digits. Which one learns nothing?",
    answer="half_random",
    options=(
        Option(
            "first",
            "Hidden weights all 0.1, output weights random.",
            "The units are copies in the first step only. Each has another δ, because its output "
            "weights differ.",
        ),
        Option(
            "last",
            "Hidden weights random, output weights all 0.1.",
            "The units differ from the start, so the gradients of their output weights differ.",
        ),
        Option(
            "biases",
            "All weights 0.1, hidden biases random with standard deviation 1.",
            "Different biases switch the ReLUs at different places. That is difference enough.",
        ),
        Option(
            "zero",
            "Hidden weights all 0, output weights random.",
            "Every z is exactly 0, where PyTorch's ReLU has slope 0: no δ reaches the hidden "
            "layer, and h = 0 gives the output weights no gradient either.",
        ),
    ),
    measure=_who_stays,
    explain="Copies part as soon as anything tells them apart. Where all slopes are 0, nothing "
    "can.",
    hints=(
        "For each start ask two questions: do the units differ in h, and do they differ in δ?",
        "∂ℒ/∂W of a layer is δ hᵀ. It tells units apart if δ differs, or if h differs in the next "
        "layer.",
        "What are h and the slope of ReLU where z is exactly 0?",
    ),
    points=1.0,
)

# ---------------------------------------------------------------- the edge of chaos

EDGE = Tuning(
    id="init/edge",
    title="Find the edge of chaos",
    question="Choose σ_w so that δ in layer 1 of a random tanh network of 40 layers, with biases "
    "of standard deviation 0.3, is between 0.4 and 2.5 times δ in layer 40.",
    answers=("sigma_w",),
    demo=lambda: EDGE_KNOB,
    measure=end_to_end,
    low=0.4,
    high=2.5,
    quantity="δ in layer 1 relative to layer 40",
    reference={"sigma_w": 1.42},
    misconceptions=(
        NamedValue(
            "Xavier, the edge without biases",
            {"sigma_w": 1.0},
            "σ_w = 1 is the edge without biases. Biases hold the pre-activations away from 0, "
            "where tanh is flatter: the weights must make up for it.",
        ),
        NamedValue(
            "PyTorch's gain for tanh",
            {"sigma_w": 1.67},
            "5/3 is what calculate_gain('tanh') returns. It keeps up the signal going forwards "
            "(q* is 1.3 here), and backwards δ explodes.",
        ),
        NamedValue(
            "the forward gain at q = 1",
            {"sigma_w": 1.59},
            "1.59 keeps a variance of 1 going forwards, without biases. For tanh that is not what "
            "keeps δ: "
            "here χ is above 1.",
        ),
    ),
    hints=(
        "The factor per layer is √χ, and χ depends on q*, which depends on both σ.",
        "Below the edge δ falls towards layer 1, above it grows. Halve the interval.",
        '`gc.theory.edge_of_chaos("tanh", 0.3)` is 1.396. Over 40 layers one network wanders a '
        "little.",
    ),
    points=2.0,
    below="δ vanishes on the way to layer 1: χ is below 1, the ordered side.",
    above="δ explodes on the way to layer 1: χ is above 1, the chaotic side.",
)

# ---------------------------------------------------------------- tanh's slow decay


def first_layer_below(variance):
    """The first layer whose variance is below a value."""
    return float(np.argmax(tanh_variance() < variance) + 1)


TANH_LAYER = Prediction(
    id="init/tanh-layer",
    title="When has tanh lost 98 % of its variance?",
    question="tanh layers of 200 units with Xavier's weights, no biases, and 200 inputs of mean "
    "square 1. Which is the first layer in which the variance of z is below 0.02 (mean of five "
    "networks)?",
    answer="tanh_layer",
    measure=lambda: first_layer_below(0.02),
    within=1.35,
    low=2.0,
    high=2000.0,
    explain="1/(2l) = 0.02 at l = 25; it is a little later, because 2 l q_l comes down to 1 from "
    "above.",
    misconceptions=(
        NamedValue(
            "1/l",
            50.0,
            "That is 1/l. The series is tanh²(x) = x² − ⅔x⁴ + …, and E[z⁴] = 3q²: q falls by 2q² "
            "per layer, so 1/q grows by 2.",
        ),
        NamedValue(
            "half per layer",
            6.0,
            "That is a factor ½ per layer, as for ReLU. tanh loses less and less: its slope at 0 "
            "is 1.",
        ),
        NamedValue(
            "hardly ever",
            1000.0,
            "Xavier's rule keeps the variance of a linear layer. tanh makes every value smaller.",
        ),
    ),
    hints=(
        "The smaller q is, the more linear tanh is: the decay slows down.",
        "q falls by about 2q² per layer, so 1/q grows by about 2 per layer.",
        "1/q = 50 is reached near layer 25.",
    ),
    points=1.0,
)
