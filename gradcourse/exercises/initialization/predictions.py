"""What lesson 05 and its assignment ask before a measurement: in the lesson for no points."""

from __future__ import annotations

from functools import cache

import numpy as np

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction, Tuning
from gradcourse.demos.initialization import EDGE_KNOB
from gradcourse.experiments.common import median, over_seeds
from gradcourse.experiments.initialization import (
    LETTERED,
    default_delta,
    distinct_units,
    end_to_end,
    half_random_accuracy,
    hundred,
    image_cosines,
    level_sigma_w,
    relu_growth,
    tanh_variance,
    trained_at,
)
from gradcourse.experiments.isometry import KINDS

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
    question="30 tanh layers, biases with σ_b = 0.3. Three networks are trained for 150 steps: "
    "σ_w is 0.8, 1.4 or 2.8. Which one learns?",
    answer="where_trains",
    options=(
        Option("ordered", "σ_w = 0.8.", "Every image gives the same output here, and δ vanishes."),
        Option("edge", "σ_w = 1.4.", "δ keeps its size here, and images become alike only slowly."),
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


def _hundred_layers():
    learned = {kind: float(np.median(hundred(kind, 0.003))) > 0.8 for kind in KINDS}
    if all(learned.values()):
        return "both"
    return next((kind for kind in KINDS if learned[kind]), "neither")


HUNDRED_LAYERS = Choice(
    id="init/hundred-layers",
    title="One variance, two kinds of weights",
    question="100 tanh layers of 64 units, σ_w = 1, trained for 300 steps at a rate of 0.003. One "
    "kind of network starts from Gaussian weights, the other from orthogonal matrices, whose "
    "entries have the same variance. Which kind gets 80 % of the test digits right, in the median "
    "of five seeds?",
    answer="hundred_layers",
    options=(
        Option(
            "neither",
            "Neither: 100 plain layers are too many.",
            "What is lost over many layers depends on more than their number.",
        ),
        Option(
            "both",
            "Both: what counts is the variance.",
            "The variance is a mean over all directions. A matrix has a spectrum, too.",
        ),
        Option(
            "gaussian",
            "The Gaussian one.",
            "Gaussian matrices stretch some directions and squash others, layer after layer.",
        ),
        Option(
            "orthogonal",
            "The orthogonal one.",
            "An orthogonal matrix changes no length, in no direction.",
        ),
    ),
    measure=_hundred_layers,
    explain="Same variance, another spectrum: 100 orthogonal layers pass every direction, 100 "
    "Gaussian ones hardly any.",
    hints=("What are the singular values of a Gaussian matrix, and of an orthogonal one?",),
)

# ================================================================ for points, in the assignment

# ---------------------------------------------------------------- nn.Linear's own start


DEFAULT_DELTA = Prediction(
    id="init/default-delta",
    title="Ten tanh layers as PyTorch makes them",
    question="nn.Linear draws its weights with variance 1/(3·fan_in) when nobody says otherwise. "
    "Ten hidden tanh layers of 64 units, untrained, all training digits. How large is δ in layer "
    "1, if it is 1 in layer 10?",
    answer="default_delta",
    measure=lambda: median(default_delta),
    within=2.0,
    low=1e-9,
    high=10.0,
    explain="The signal shrinks, so tanh works near 0, where its slope is 1: what is left is the "
    "weights' third, nine layers, and a root.",
    misconceptions=(
        NamedValue(
            "the root is missing",
            3.0**-9,
            "3⁻⁹ is the factor on the mean square. The size of δ is its root.",
        ),
        NamedValue(
            "ReLU's half",
            6.0**-4.5,
            "You took ReLU's half as well. tanh near 0 lets everything through: its slope is 1.",
        ),
        NamedValue(
            "a default keeps things level",
            1.0,
            "A default is a habit, not a law. Compute fan_in times the variance.",
        ),
    ),
    hints=(
        "How does the mean square of δ change over one layer with weights of variance v?",
        "It is multiplied by n·v = 1/3 and by the mean squared slope. Where on its curve is tanh, "
        "if the signal shrinks?",
        "Nine layers from 10 to 1: (1/3)^(9/2).",
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

EDGE_VALUE = Prediction(
    id="init/edge-value",
    title="Where is the edge?",
    question="tanh with biases of σ_b = 0.3. At which σ_w is χ = 1, so that δ keeps its size?",
    answer="edge_value",
    measure=level_sigma_w,
    within=1.06,
    low=0.5,
    high=3.0,
    explain="q* = σ_w² E[tanh²] + 0.09 and σ_w² E[tanh′²] = 1 have the solution σ_w = 1.40.",
    misconceptions=(
        NamedValue(
            "the edge without biases",
            1.0,
            "σ_w = 1 is the edge without biases. Biases hold z away from 0, where tanh is flatter.",
        ),
        NamedValue("σ_w² for σ_w", 1.96, "That is σ_w², the variance times fan_in. Take the root."),
        NamedValue(
            "PyTorch's gain for tanh",
            1.667,
            "5/3 is what calculate_gain('tanh') returns. Backwards δ explodes with it.",
        ),
    ),
    hints=(
        "For one σ_w: q_star gives q*, chi gives χ there.",
        "χ grows with σ_w. Halve the interval between 1 and 2.",
        "Fifteen halvings between 1 and 2, each with chi(w, q_star(w, 0.3)), give 1.396.",
    ),
    points=1.0,
)

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
    points=1.0,
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

# ---------------------------------------------------------------- read a plot


def _alike():
    cosine = {w: float(np.mean([image_cosines(w, k)[-1] for k in range(3)])) for w in LETTERED}
    return "abc"[int(np.argmax([cosine[w] for w in LETTERED]))]


ALIKE = Choice(
    id="init/alike",
    title="Read δ, and say what became of the images",
    question="The picture shows δ by layer in three untrained tanh networks with biases of σ_b = "
    "0.3. In which of them are the z of two different digits in layer 30 nearly the same?",
    answer="alike",
    options=(
        Option(
            "a",
            "In A.",
            "Where δ grows on its way back, χ is above 1: small differences grow on their way "
            "forwards.",
        ),
        Option("b", "In B.", "Where δ shrinks on its way back, differences shrink forwards."),
        Option("c", "In C.", "Where δ is level, images become alike only slowly."),
        Option(
            "none",
            "δ does not tell.",
            "δ is how the loss changes with z. A network that forgets its input has a δ that "
            "vanishes.",
        ),
    ),
    measure=_alike,
    explain="χ is the factor on δ backwards, and on the difference of two nearly equal images "
    "forwards: order has both vanish, chaos both grow.",
    hints=(
        "What is χ on each of the three lines?",
        "A small change of an input travels forwards through the same matrices and slopes as δ "
        "does backwards.",
        "χ below 1: differences die out. Which line falls towards layer 1?",
    ),
    points=1.0,
)
