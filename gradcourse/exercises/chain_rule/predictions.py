"""The predictions of lesson 01. They earn no points: the measurement opens once you commit."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction
from gradcourse.experiments.chain_rule import (
    backward_growth,
    coin_factors,
    directions_left,
    gaussian_factors,
    linear_net_gradients,
    running_product,
)
from gradcourse.experiments.common import SEEDS, median


def _measure_underflow():
    return float(np.argmax(running_product(0.25, 100, "float32") == 0))


UNDERFLOW = Prediction(
    id="chain/predict-underflow",
    title="Where float32 ends",
    question="A float32 number starts at 1 and is multiplied by 0.25 again and again. After how "
    "many factors is it exactly 0?",
    answer="predicted_depth",
    measure=_measure_underflow,
    within=1.02,
    low=5,
    high=2000,
    unit="factors",
    explain="0.25 is 2 to the power -2. The smallest float32 above 0 is 2 to the power -149, and "
    "half of it, 2 to the power -150, rounds to 0: 150/2 = 75 factors.",
    misconceptions=(
        NamedValue(
            "end of the normal numbers",
            63.0,
            "That is where the normal numbers end, at 2 to the power -126. Below them lie the "
            "subnormal numbers, with fewer and fewer digits.",
        ),
        NamedValue(
            "float64",
            538.0,
            "That is the depth for float64, which Python uses. Networks compute in float32.",
        ),
    ),
)


def _measure_typical():
    return float(np.exp(np.median(np.log(coin_factors(0)).sum(axis=1))))


TYPICAL = Prediction(
    id="chain/predict-typical",
    title="The median of a random product",
    question="Each of 100 factors is 0.5 or 1.6, with equal chances: 1.05 on average. What is the "
    "median of the product, over 10,000 such chains?",
    answer="predicted_median",
    measure=_measure_typical,
    within=10.0,
    low=1e-10,
    high=1e10,
    explain="The typical chain has fifty factors of each kind, and 0.5 times 1.6 is 0.8: its "
    "product is 0.8 to the power 50.",
    misconceptions=(
        NamedValue(
            "the mean product",
            1.05**100,
            "That is the mean of the product, 1.05 to the power 100. A few huge chains carry it, "
            "and the median chain is nowhere near.",
        ),
        NamedValue(
            "gains and losses cancel",
            1.0,
            "Half a gain and half a loss would cancel if they were added. Multiplied, 0.5 and 1.6 "
            "leave 0.8 for each pair.",
        ),
    ),
)


def _measure_directions():
    """Median over five products: one product's count moves by one or two."""
    from gradcourse.instrument import product_log_singular_values

    return median(
        lambda seed: directions_left(product_log_singular_values(gaussian_factors(64, 50, seed)))
    )


DIRECTIONS = Prediction(
    id="chain/predict-directions",
    title="How many directions are left?",
    question="Multiply 50 Gaussian matrices, 64 by 64, scaled so that each keeps the mean square "
    "of a vector. How many of the product's 64 singular values are above 1/1000 of the largest?",
    answer="predicted_directions",
    measure=_measure_directions,
    within=1.5,
    low=1,
    high=64,
    unit="directions",
    explain="Each singular value falls at a rate of its own. After 50 matrices those rates have "
    "spread the values over some 60 decades.",
    misconceptions=(
        NamedValue(
            "all of them",
            64.0,
            "The matrices keep the mean square of a vector, not every direction. A product "
            "stretches a few directions and crushes the rest.",
        ),
        NamedValue(
            "one",
            1.0,
            "The product does tend to rank one, but at depth 50 and width 64 it is not there yet. "
            "The two strongest directions separate only after about twice as many layers as the "
            "width.",
        ),
    ),
)


def _measure_gain():
    """The growth of a backward vector is linear in the entries' standard deviation."""
    growth = [backward_growth(64, 50, seed) for seed in SEEDS]
    return float(1 / 8 / math.exp(np.mean(growth)))


GAIN = Prediction(
    id="chain/predict-gain",
    title="The weights that keep a gradient's size",
    question="A linear net has 50 layers of 64 units, and Gaussian weights. Which standard "
    "deviation of a weight keeps the gradient's size from layer to layer?",
    answer="predicted_std",
    measure=_measure_gain,
    within=1.05,
    low=0.005,
    high=50.0,
    explain="Each component of the new delta is a sum of 64 products, with 64 times the variance "
    "of a weight. That is 1 when the standard deviation is 1/8.",
    misconceptions=(
        NamedValue(
            "a standard normal",
            1.0,
            "With weights of standard deviation 1 each layer multiplies the gradient by the root "
            "of 64, which is 8.",
        ),
        NamedValue(
            "one over the width",
            1 / 64,
            "You divided by the number of terms. The terms have random signs, so their sum grows "
            "like the root of their number: divide by 8, not by 64.",
        ),
        NamedValue(
            "the factor of the puzzle",
            1 / math.sqrt(3),
            "That is near the factor per layer in the puzzle's net. Asked is the size of a weight.",
        ),
        NamedValue(
            "PyTorch's default",
            1 / math.sqrt(3 * 64),
            "That is what nn.Linear draws by default. It is the puzzle's net, and its gradient "
            "vanishes.",
        ),
    ),
)


def _measure_stillest():
    def ratio(seed):
        weights = linear_net_gradients(0.8, depth=20, seed=seed)[1]
        return weights[0] / weights[18]

    typical = median(ratio)
    if 1 / 3 < typical < 3:
        return "alike"
    return "first" if typical < 1 else "hidden-last"


STILLEST = Choice(
    id="chain/predict-stillest",
    title="Which layer learns least?",
    question="A linear net without biases has 20 layers and gain 0.8, so delta shrinks by 0.8 per "
    "layer on its way back. Take one step of gradient descent. Which layer changes less, relative "
    "to its weights: layer 1, or layer 19?",
    answer="predicted_layer",
    options=(
        Option(
            "first",
            "Layer 1, by a factor of about 0.8 to the power 18, or 1/55.",
            "That would follow from delta alone. The update also has the layer's input as a "
            "factor, and that is largest at layer 1.",
        ),
        Option(
            "alike",
            "Neither: both change about alike.",
            "Yes. What delta loses on the way back, the signal has not yet lost on the way in.",
        ),
        Option(
            "hidden-last",
            "Layer 19.",
            "Its input is the smallest, but its delta is the largest. The update has both as "
            "factors.",
        ),
    ),
    measure=_measure_stillest,
    explain="The gradient of a weight matrix is delta times the layer's input. Every layer's "
    "product holds the factors of all the other layers, so all are equally small.",
)

LESSON_QUESTIONS = (UNDERFLOW, TYPICAL, DIRECTIONS, GAIN, STILLEST)
