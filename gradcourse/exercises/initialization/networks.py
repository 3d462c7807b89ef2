"""Questions that a network answers: the default, half-random starts, the edge, tanh's decay."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction, Tuning
from gradcourse.demos.initialization.edge import EDGE_KNOB, end_to_end
from gradcourse.demos.initialization.random_net import two_ways

if TYPE_CHECKING:
    pass

SEEDS = range(5)

# ---------------------------------------------------------------- nn.Linear's own start


def default_delta(seed, depth=10):
    """δ in layer 1 relative to the last hidden layer, ReLU, nn.Linear's own initialization."""
    import torch

    from gradcourse.data import digits
    from gradcourse.instrument import probe
    from gradcourse.nets import mlp

    data, net = digits(), mlp(depth, 64, "relu", init="default", seed=seed)
    with probe(net) as record:
        torch.nn.functional.cross_entropy(net(data.x_train), data.y_train).backward()
    delta = record.output_gradient_rms[0, record.select("Linear")]
    return float(delta[0] / delta[depth - 1])


DEFAULT_DELTA = Prediction(
    id="init/default-delta",
    title="Ten ReLU layers as PyTorch makes them",
    question="nn.Linear draws its weights with variance 1/(3·fan_in) when nobody says otherwise. "
    "Ten hidden ReLU layers of 64 units, untrained, all training digits. How large is δ in layer "
    "1, if it is 1 in layer 10?",
    answer="default_delta",
    measure=lambda: float(np.median([default_delta(seed) for seed in SEEDS])),
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


def half_random(start, seed):
    """One hidden ReLU layer of 32 units, started in one of four half-random ways."""
    import torch

    from gradcourse.nets import mlp

    net = mlp(1, 32, "relu", seed=seed)
    first, bias, last, _ = net.parameters()
    with torch.no_grad():
        if start in ("first", "biases"):
            first.fill_(0.1)
        if start in ("last", "biases"):
            last.fill_(0.1)
        if start == "biases":
            bias.normal_(generator=torch.Generator().manual_seed(seed))
        if start == "zero":
            first.zero_()
    return net


@cache
def half_random_accuracy(start, seed, steps=600):
    """Test accuracy after training from a half-random start."""
    from gradcourse.data import digits
    from gradcourse.training import train

    net = half_random(start, seed)
    return float(
        train(net, digits(), steps=steps, lr=0.1, seed=seed, every=steps).test_accuracy[-1]
    )


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


def tanh_variance(seeds=SEEDS, depth=100):
    """Variance of z by layer, tanh with σ_w = 1, mean over networks of 200 units."""
    runs = [
        two_ways("tanh", 1.0, depth=depth, width=200, rows=16, seed=seed)[0] ** 2 for seed in seeds
    ]
    return np.mean(runs, axis=0)


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
