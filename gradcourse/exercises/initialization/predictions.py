"""The questions of lesson 05 itself: a guess before each measurement, for no points."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction
from gradcourse.demos.initialization.edge import trained
from gradcourse.exercises.initialization.networks import SEEDS, tanh_variance

if TYPE_CHECKING:
    pass

DEPTH = 30

# ---------------------------------------------------------------- copies


@cache
def distinct_units(constant, seed=0, steps=300):
    """How many different units layer 1 has after training from equal weights."""
    import torch

    from gradcourse.data import digits
    from gradcourse.nets import constant_, mlp
    from gradcourse.training import train

    net = mlp(2, 32, "tanh")
    constant_(net, constant)
    train(net, digits(), steps=steps, lr=0.1, seed=seed, every=steps)
    return len(torch.unique(next(net.parameters()).detach().round(decimals=3), dim=0))


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


def start_net(init, seed, depth=DEPTH):
    """The lesson's ReLU network: 64 units per layer, started by a recipe of the lesson."""
    from gradcourse.data import digits
    from gradcourse.nets import lsuv_, mlp, orthogonal_

    net = mlp(depth, 64, "relu", init="he" if init in ("orthogonal", "lsuv") else init, seed=seed)
    if init == "orthogonal":
        orthogonal_(net, math.sqrt(2), seed=seed)
    if init == "lsuv":
        lsuv_(net, digits().x_train[:256], seed=seed)
    return net


@cache
def he_experiment(init, seed, steps=300):
    """Train 30 ReLU layers on digits: gradient descent with momentum 0.9 and η = 0.003."""
    import torch

    from gradcourse.data import digits
    from gradcourse.training import train

    return train(
        start_net(init, seed),
        digits(),
        steps=steps,
        lr=3e-3,
        seed=seed,
        every=steps,
        optimizer=lambda p: torch.optim.SGD(p, lr=3e-3, momentum=0.9, fused=True),
    )


def relu_growth(init, seed, depth=DEPTH):
    """Size of z in the last hidden layer relative to the first, and of δ the other way."""
    import torch

    from gradcourse.data import digits
    from gradcourse.instrument import probe

    data, net = digits(), start_net(init, seed, depth)
    with probe(net) as record:
        torch.nn.functional.cross_entropy(net(data.x_train), data.y_train).backward()
    layers = record.select("Linear")
    z, delta = record.activation_rms[0, layers], record.output_gradient_rms[0, layers]
    return float(z[depth - 1] / z[0]), float(delta[0] / delta[depth - 1])


STANDARD_NORMAL = Prediction(
    id="init/standard-normal",
    title="30 ReLU layers with standard normal weights",
    question="30 ReLU layers of 64 units, every weight drawn from N(0, 1). How large is z in layer "
    "30, if it is 1 in layer 1 (root mean square)?",
    answer="standard_normal",
    measure=lambda: float(np.median([relu_growth(1.0, seed)[0] for seed in SEEDS])),
    within=30.0,
    low=1e-10,
    high=1e50,
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
    return float(np.mean([trained(POINTS[where], 0.3, seed) for seed in SEEDS]))


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


def late_loss(init):
    """Mean over five seeds: rounding alone can double the loss of a single run."""
    return float(np.mean([he_experiment(init, seed).loss[-50:].mean() for seed in SEEDS]))


def _better_start():
    ratio = late_loss("orthogonal") / late_loss("he")
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
