"""The gain for a leak, and what deep leaky networks do."""

from __future__ import annotations

import math

from gradcourse.checking.question import (
    CodeExercise,
    NamedValue,
    Part,
    Prediction,
    Tuning,
    asks,
)
from gradcourse.demos.relu import LEAK_KNOB
from gradcourse.experiments.relu import end_to_end, first_delta, level_leak

# ---------------------------------------------------------------- the gain


def leaky_gain(a):
    """σ_w that keeps the mean square through leaky ReLU layers: √(2/(1 + a²))."""
    return math.sqrt(2 / (1 + a**2))


def leaky_std(a, fan_in):
    """Standard deviation of the weights: the gain over √fan_in."""
    return leaky_gain(a) / math.sqrt(fan_in)


def _leaks(rng):
    return [
        (float(a),) for a in (rng.uniform(0.1, 0.4), rng.uniform(0.6, 0.8), rng.uniform(1.5, 3.0))
    ]


def _leaks_and_fans(rng):
    return [(a, int(rng.integers(20, 600))) for (a,) in _leaks(rng)]


GAIN = CodeExercise(
    id="relu/gain",
    title="The gain for a leak",
    functions=(
        asks(
            leaky_gain,
            "a float",
            {
                "the root is missing": (
                    lambda a: 2 / (1 + a**2),
                    "That is σ_w², the factor on the mean square. The gain multiplies the weights "
                    "themselves: take the root.",
                ),
                "a is not squared": (
                    lambda a: math.sqrt(2 / (1 + a)),
                    "You used the mean slope, (1 + a)/2. What counts for a mean square is the mean "
                    "of the *squared* slopes, (1 + a²)/2.",
                ),
                "one over the mean slope": (
                    lambda a: 2 / (1 + a),
                    "You made the mean slope 1. Sizes go with squares: make σ_w² times the mean "
                    "squared slope equal to 1.",
                ),
                "the factor instead of its inverse": (
                    lambda a: math.sqrt((1 + a**2) / 2),
                    "That is what a layer multiplies the size by at σ_w = 1. The gain undoes it: "
                    "one over it.",
                ),
                "ReLU's gain for every leak": (
                    lambda a: math.sqrt(2),
                    "√2 is right for a = 0. With a leak less is lost, so less has to be paid.",
                ),
                "√2 over the leak's own slope": (
                    lambda a: math.sqrt(2) / (1 + a**2),
                    "You took the root of the 2 only. The root goes over the whole fraction, "
                    "2/(1 + a²).",
                ),
            },
        )
        + asks(
            leaky_std,
            "a float",
            {
                "variance instead of standard deviation": (
                    lambda a, fan_in: leaky_gain(a) ** 2 / fan_in,
                    "You returned the variance. The standard deviation is its root.",
                ),
                "fan_in without a root": (
                    lambda a, fan_in: leaky_gain(a) / fan_in,
                    "You divided by fan_in. A sum of fan_in random terms grows with √fan_in: "
                    "divide by the root.",
                ),
                "He's rule for every leak": (
                    lambda a, fan_in: math.sqrt(2 / fan_in),
                    "√(2/fan_in) is for ReLU, a = 0. Use the gain of this leak.",
                ),
                "times the root of fan_in": (
                    lambda a, fan_in: leaky_gain(a) * math.sqrt(fan_in),
                    "Your weights grow with the number of inputs. More terms in the sum need "
                    "smaller weights: divide.",
                ),
                "the bound of a uniform draw": (
                    lambda a, fan_in: math.sqrt(3) * leaky_std(a, fan_in),
                    "√(6/((1 + a²)·fan_in)) is where torch's `kaiming_uniform_` ends. The standard "
                    "deviation of numbers that are uniform up to there is √3 times smaller.",
                ),
                "Xavier's rule": (
                    lambda a, fan_in: 1 / math.sqrt(fan_in),
                    "√(1/fan_in) keeps the size if all slopes are 1. Multiply by the gain.",
                ),
            },
        )
    ),
    parts=(
        Part(
            title="leaky_gain of 3 random leaks",
            points=1.0,
            cases=_leaks,
            function="leaky_gain",
            example=(0.5,),
            look_at="What is ½ · 1² + ½ · a² for a = 0.5, and what must σ_w² be to undo it?",
        ),
        Part(
            title="leaky_std of 3 random leaks and fan_in",
            points=1.0,
            cases=_leaks_and_fans,
            function="leaky_std",
            example=(0.5, 100),
            look_at="σ_w is the standard deviation of the weights times √fan_in.",
        ),
    ),
    hints=(
        "Half of the units have the slope 1, half have a. What is the mean of their squares?",
        "A layer multiplies the mean square by σ_w² · (1 + a²)/2. Make that 1.",
        "math.sqrt(2 / (1 + a**2)), and the same divided by math.sqrt(fan_in).",
    ),
)

# ---------------------------------------------------------------- a deep leaky network

DEEP_LEAKY = Prediction(
    id="relu/deep-leaky",
    title="δ through 30 leaky layers",
    question="30 layers of leaky ReLU with a = 0.5, weights of σ_w = 1. δ travels from layer 30 "
    "down to layer 1, through 29 layers. How large is it in layer 1, if it is 1 in layer 30?",
    answer="deep_leaky",
    measure=lambda: first_delta(0.5, 30),
    within=2.0,
    low=1e-8,
    high=10.0,
    explain="The mean square is multiplied by (1 + 0.25)/2 = 0.625 per layer, the size by 0.79.",
    misconceptions=(
        NamedValue(
            "as if it were ReLU",
            0.5**14.5,
            "That is ReLU's loss. With a leak the other half passes something too: a² of it.",
        ),
        NamedValue(
            "the leak alone",
            0.5**29,
            "You multiplied the leak 29 times. Only half of the units stand on the negative side, "
            "where the slope is 0.5; the others have the slope 1.",
        ),
        NamedValue(
            "the mean slope",
            0.75**29,
            "You used the mean slope, (1 + a)/2 = 0.75. Sizes go with the root of the mean "
            "squared slope.",
        ),
        NamedValue(
            "the mean square",
            0.625**29,
            "0.625 is the factor on the mean square. The size is its root.",
        ),
        NamedValue(
            "nothing is lost",
            1.0,
            "Half of the slopes are 0.5, so something is lost at each layer.",
        ),
    ),
    hints=(
        "Half of the slopes are 1, half are 0.5. You need the root of the mean of their squares.",
        "√((1 + 0.25)/2) = 0.79 per layer. How many layers lie between layer 30 and layer 1?",
        "0.625 ** (29 / 2)",
    ),
    points=1.0,
)


LEAK_VALUE = Prediction(
    id="relu/leak-value",
    title="Which leak does the formula ask for?",
    question="50 leaky layers have weights of σ_w = 1.3, and you may not change them. Which leak a "
    "keeps the size of δ from layer to layer?",
    answer="leak_value",
    measure=level_leak,
    within=1.15,
    low=0.01,
    high=1.0,
    explain="1.3² (1 + a²)/2 = 1 gives a = √(2/1.69 − 1) = 0.43.",
    misconceptions=(
        NamedValue("the root is missing", 0.183, "0.183 is a². Take the root."),
        NamedValue(
            "the mean slope",
            0.538,
            "You made σ_w times the *mean* slope 1. Sizes go with the mean of the squares.",
        ),
        NamedValue(
            "PReLU's first value",
            0.25,
            "0.25 is where PReLU starts. It fits σ_w = √(2/1.0625) = 1.37; yours is 1.3.",
        ),
    ),
    hints=(
        "The factor per layer is σ_w √((1 + a²)/2).",
        "Make it 1: 1.3² · (1 + a²)/2 = 1.",
        "a² = 2/1.69 − 1 = 0.183.",
    ),
    points=1.0,
)

TUNE_LEAK = Tuning(
    id="relu/leak-for-weights",
    title="A leak for weights that are given",
    question="Somebody gives you a 50-layer network with weights of σ_w = 1.3, and you may not "
    "change them. Choose the leak a so that δ in layer 1 is between 0.2 and 5 times δ in layer 50.",
    answers=("leak",),
    demo=lambda: LEAK_KNOB,
    measure=end_to_end,
    low=0.2,
    high=5.0,
    quantity="δ in layer 1 relative to layer 50",
    reference={"leak": 0.43},
    misconceptions=(
        NamedValue(
            "ReLU",
            {"leak": 0.0},
            "ReLU needs σ_w = √2 = 1.41. With 1.3 each layer keeps 0.92, and 0.92⁴⁹ = 0.016.",
        ),
        NamedValue(
            "no kink at all",
            {"leak": 1.0},
            "With a = 1 nothing is lost, so σ_w = 1.3 multiplies δ by 1.3 per layer. It is also "
            "a linear network.",
        ),
        NamedValue(
            "PReLU's first value",
            {"leak": 0.25},
            "0.25 is where PReLU starts. It fits σ_w = √(2/1.0625) = 1.37; yours is 1.3.",
        ),
        NamedValue(
            "a² instead of a",
            {"leak": 0.183},
            "0.183 is a². Take the root.",
        ),
        NamedValue(
            "the mean slope",
            {"leak": 0.54},
            "You made σ_w times the *mean* slope 1. Sizes go with the mean of the squares.",
        ),
    ),
    hints=(
        "The factor per layer is σ_w √((1 + a²)/2). At 50 layers it must be very near 1.",
        "Solve 1.3² · (1 + a²)/2 = 1 for a.",
        "a² = 2/1.69 − 1 = 0.183: try 0.43.",
    ),
    points=1.0,
    below="δ vanishes on the way to layer 1. The leak passes too little.",
    above="δ explodes on the way to layer 1. The leak passes too much for these weights.",
)
