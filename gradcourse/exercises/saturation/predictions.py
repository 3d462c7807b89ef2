"""What lesson 02 and its assignment ask before a measurement: in the lesson for no points."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction, Tuning
from gradcourse.demos.saturation import GAIN
from gradcourse.experiments.common import first_to_last, median, over_seeds, trained, weights_of
from gradcourse.experiments.saturation import (
    LEARNING_RATE,
    STEPS,
    deep_net,
    end_to_end,
    first_deaf_layer,
    norm_ratio_with_decay,
    output_deltas,
    readout_accuracy,
    saturated_share,
    two_ways,
)


def slope_at_six():
    """σ′(6), by automatic differentiation."""
    import torch

    z = torch.tensor(6.0, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(torch.sigmoid(z), z)
    return float(slope)


SLOPE_AT_SIX = Prediction(
    id="saturation/slope-at-six",
    title="The slope of σ at z = 6",
    question="A sigmoid unit has the pre-activation z = 6. A gradient comes back through it. By "
    "what factor does the unit multiply that gradient?",
    answer="slope_at_six",
    measure=slope_at_six,
    within=2.0,
    low=1e-4,
    high=1.0,
    explain="σ(6) = 0.9975, and the slope is σ(1 − σ).",
    misconceptions=(
        NamedValue(
            "the value instead of the slope",
            0.9975,
            "That is near σ(6), the value that goes forwards. Backwards goes the slope.",
        ),
        NamedValue(
            "the largest slope",
            0.25,
            "That is the largest slope, at z = 0. At z = 6 the curve is almost flat.",
        ),
    ),
    hints=("σ(6) = 0.9975. How fast can it still grow?", "σ′ = σ(1 − σ)."),
)


def _who_is_saturated():
    share = saturated_share()
    if share < 0.01:
        return "none"
    return "all" if share > 0.9 else "half"


WHO_IS_SATURATED = Choice(
    id="saturation/who-is-saturated",
    title="How much of the network is saturated?",
    question="Call a unit saturated when its slope is below 5 % of the largest slope, ¼. In the "
    "untrained 8-layer network, shown all training digits: what share of its units is saturated?",
    answer="who_is_saturated",
    options=(
        Option("all", "More than 90 %.", "A gradient can vanish without saturated units."),
        Option("half", "Between 1 % and 90 %.", "Glorot's weights keep |z| small, near 1 or less."),
        Option("none", "Less than 1 %.", "Almost all units are nearly as steep as σ can be."),
    ),
    measure=_who_is_saturated,
    explain="The pre-activations are small, so σ is near its steepest. The steepest is ¼, and "
    "that is the trouble.",
    hints=("How large are the pre-activations at the start, with weights of size 1/√64?",),
)


def _first_delta():
    """Size of δ in layer 1 relative to layer 8, median over five seeds."""
    return median(lambda seed: first_to_last(two_ways(1.0, seed)[1]))


FIRST_DELTA = Prediction(
    id="saturation/first-delta",
    title="δ in layer 1, relative to layer 8",
    question="In the untrained 8-layer network δ travels from layer 8 down to layer 1, through 7 "
    "layers. How large is it in layer 1, if it is 1 in layer 8?",
    answer="first_delta",
    measure=_first_delta,
    within=3.0,
    low=1e-8,
    high=10.0,
    explain="Seven factors of about 0.23 each. Weights of Glorot's size neither stretch nor shrink "
    "a vector in the mean square, so the slopes alone decide.",
    misconceptions=(
        NamedValue("one layer", 0.25, "That is the factor of a single layer. There are seven."),
        NamedValue(
            "½ per layer",
            0.5**7,
            "That is ½ per layer, and ½ is the value σ(0). The chain rule multiplies slopes.",
        ),
        NamedValue(
            "Glorot keeps it",
            1.0,
            "Glorot's weights keep a vector's size if the slopes are 1. Those of σ are at most ¼.",
        ),
    ),
    hints=("What is the largest slope of σ?", "Seven layers, a little less than ¼ each."),
)


def _early_weights():
    model = deep_net()
    first = weights_of(model)[0]
    before = float(first.detach().norm())
    change = trained(model, STEPS, LEARNING_RATE).relative_change[-1][0]
    if float(first.detach().norm()) < 0.5 * before:
        return "zero"
    return "stay" if change < 0.01 else "move"


EARLY_WEIGHTS = Choice(
    id="saturation/early-weights",
    title="Where are the weights of layer 1 after 1000 steps?",
    question="The 8-layer network takes 1000 steps of gradient descent. What becomes of the "
    "weights of layer 1?",
    answer="early_weights",
    options=(
        Option(
            "zero",
            "They converge towards 0.",
            "A gradient of 0 does not pull a weight to 0. It does not pull at all.",
        ),
        Option(
            "stay",
            "They stay within 1 % of where they started.",
            "A step is η times the gradient, and almost nothing arrives.",
        ),
        Option(
            "move",
            "They move by more than 1 %, but in useless directions.",
            "To move they need a gradient, useful or not.",
        ),
    ),
    measure=_early_weights,
    explain="‖W_t − W_0‖ / ‖W_0‖ is below one thousandth in layer 1.",
    hints=("What is the update of a weight whose gradient is nearly 0?",),
)


def _frozen_readout():
    right = np.mean(over_seeds(readout_accuracy))
    if right < 0.2:
        return "chance"
    return "high" if right > 0.9 else "between"


FROZEN_READOUT = Choice(
    id="saturation/frozen-readout",
    title="What is left of the digits in layer 8?",
    question="Leave all eight hidden layers as they were drawn. Standardize each unit of layer 8 "
    "(subtract its mean over the digits, divide by its standard deviation), and fit one linear "
    "layer to that by least squares. How many test digits are right?",
    answer="frozen_readout",
    options=(
        Option("chance", "About 10 %, chance.", "Small is not lost: dividing brings it back."),
        Option("between", "About half.", "Small is not lost: dividing brings it back."),
        Option(
            "high",
            "More than 90 %.",
            "The digits were there, as small differences on a large constant.",
        ),
    ),
    measure=_frozen_readout,
    explain="Layer 8 holds the digits, some 30,000 times smaller than layer 1. Gradient descent "
    "on the output does not find them; a readout that first divides by their size does.",
    hints=("Is a signal that was multiplied by 0.00004 lost, or small?",),
)


def _delta_ratio():
    squared, crossed = output_deltas(-10.0)
    return float(squared / crossed)


DELTA_RATIO = Prediction(
    id="saturation/delta-ratio",
    title="Squared error against cross-entropy at z = −10",
    question="A sigmoid output should be 1, and its pre-activation is z = −10. How large is "
    "∂ℒ/∂z for the squared error ½(a − y)², if it is 1 for cross-entropy?",
    answer="delta_ratio",
    measure=_delta_ratio,
    within=3.0,
    low=1e-8,
    high=10.0,
    explain="Cross-entropy gives a − y, the squared error (a − y)σ′(z). The ratio is σ′(−10).",
    misconceptions=(
        NamedValue("both alike", 1.0, "The squared error has one more factor: the slope of σ."),
        NamedValue("the largest slope", 0.25, "¼ is σ′ at z = 0. This output is at z = −10."),
    ),
    hints=("One of the two has σ′(z) as a factor.", "For z far below 0, σ′(z) is nearly e^z."),
)

# ================================================================ for points, in the assignment

DEAF_LAYER = Prediction(
    id="saturation/deaf-layer",
    title="From which layer on does nothing change?",
    question="A network of 20 sigmoid layers of 64 units and an output layer, Glorot's "
    "initialization, float32. It takes one step of gradient descent with η = 0.1 on 64 digits. "
    "Call a layer unchanged when more than half of its weights are exactly the same number after "
    "the step as before. Count from the output: the output layer is 1, the layer nearest the input "
    "is 21. Which is the first unchanged layer?",
    answer="deaf_layer",
    measure=lambda: median(first_deaf_layer),
    within=1.0,
    low=1.0,
    high=25.0,
    log=False,
    explain="float32 has 24 binary digits. A step smaller than about 2⁻²⁴ of a weight changes "
    "nothing, and each layer costs a factor of about 0.24.",
    misconceptions=(
        NamedValue(
            "only at the far end",
            21.0,
            "You expected only the layer nearest the input to stay. A step need not be 0 to "
            "be lost: it need only be smaller than half the last digit of the weight.",
        ),
        NamedValue(
            "η left out",
            13.0,
            "You counted how often ¼ goes into 2⁻²⁴: 12 layers. But the step in the output layer "
            "is not as large as the weight: it is η times a gradient below 1. (Or you counted "
            "from the input: the output layer is 1.)",
        ),
        NamedValue(
            "the first layer",
            2.0,
            "The last hidden layer gets a large gradient: it went through one slope only.",
        ),
    ),
    hints=(
        "Two numbers decide: the factor per layer, and the smallest relative change that float32 "
        "can store.",
        "The factor is about 0.24, the smallest relative change about 2⁻²⁴ = 6·10⁻⁸. The relative "
        "step of the output layer is about 10⁻².",
        "Solve 10⁻² · 0.24^k = 6·10⁻⁸ for k, and count the output layer as 1.",
    ),
    points=1.0,
)


TUNE_GAIN = Tuning(
    id="saturation/gain",
    title="A gain for 20 sigmoid layers",
    question="Choose the gain σ_w of the weights so that δ in layer 1 of a random 20-layer "
    "sigmoid network is between 0.1 and 10 times δ in layer 20.",
    answers=("gain",),
    demo=lambda: GAIN,
    measure=end_to_end,
    low=0.1,
    high=10.0,
    quantity="δ in layer 1 relative to layer 20",
    reference={"gain": 10.5},
    misconceptions=(
        NamedValue(
            "Glorot's gain",
            {"gain": 1.0},
            "Gain 1 keeps a vector's size only if the slopes are near 1. Those of σ are at most ¼.",
        ),
        NamedValue(
            "one over the largest slope",
            {"gain": 4.0},
            "4 · ¼ = 1 would be right if every unit had the largest slope. At gain 4 the "
            "pre-activations are larger, and the mean slope is smaller than ¼.",
        ),
        NamedValue(
            "more is better",
            {"gain": 20.0},
            "Now every layer multiplies δ by more than 1: it explodes on the way down.",
        ),
    ),
    hints=(
        "The factor per layer is σ_w·√E[φ′²]. A larger gain makes the first larger and the second "
        "smaller.",
        "E[φ′²] shrinks more slowly than σ_w² grows, so a gain with factor 1 exists. It is well "
        "above 4.",
        "It is what you computed in the question before, up to the luck of three networks of 20 "
        "layers.",
    ),
    points=1.0,
    below="δ vanishes on the way to layer 1. The factor per layer is still below 1.",
    above="δ explodes on the way to layer 1. The factor per layer is above 1.",
)


def _weight_decay():
    measured, expected = norm_ratio_with_decay()
    if measured > 0.9:
        return "stay"
    return "shrink" if abs(measured / expected - 1.0) < 0.1 else "learn"


WEIGHT_DECAY = Choice(
    id="saturation/weight-decay",
    title="The early weights under weight decay",
    question="Train the lesson's 8-layer network again for 1000 steps with η = 0.5, now with "
    "weight decay λ = 0.005: each step is W ← W − η(∂ℒ/∂W + λW). What becomes of ‖W‖ in layer 1?",
    answer="weight_decay",
    options=(
        Option(
            "stay",
            "It stays within 10 % of its start.",
            "Without decay it does. λW does not depend on the gradient that vanished.",
        ),
        Option(
            "shrink",
            "It shrinks to e^(−ηλ·1000), 8 % of its start, whatever the digits show.",
            "The decay is the only force left on these weights.",
        ),
        Option(
            "learn",
            "It shrinks less, because the digits pull the other way.",
            "They would, if a gradient arrived. Nothing pulls the other way.",
        ),
    ),
    measure=_weight_decay,
    explain="Weights that go to 0 are a sign of weight decay. The vanished gradient only lets it "
    "win.",
    hints=(
        "Two forces act on a weight: ∂ℒ/∂W and λW. Which one vanished?",
        "With ∂ℒ/∂W = 0 each step multiplies W by 1 − ηλ.",
        "(1 − 0.0025)^1000 = 0.08.",
    ),
    points=1.0,
)
