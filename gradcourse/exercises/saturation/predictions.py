"""The questions of lesson 02 itself: a guess before each measurement, for no points."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction
from gradcourse.demos.saturation import (
    LEARNING_RATE,
    STEPS,
    deep_net,
    output_deltas,
    two_ways,
)

SEEDS = range(5)


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
    low=1e-5,
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


def saturated_share(gain=1.0, seeds=SEEDS):
    """Share of saturated units in the untrained 8-layer network, mean over the seeds."""
    import torch

    from gradcourse.data import digits
    from gradcourse.exercises.saturation.share import saturated_fraction

    shares = []
    with torch.no_grad():
        for seed in seeds:
            h = digits().x_train
            for module in deep_net(gain, seed):
                h = module(h)
                if isinstance(module, torch.nn.Sigmoid):
                    shares.append(saturated_fraction(h.numpy(), "sigmoid"))
    return float(np.mean(shares))


def _who_is_saturated():
    share = saturated_share()
    if share < 0.01:
        return "none"
    return "all" if share > 0.9 else "half"


WHO_IS_SATURATED = Choice(
    id="saturation/who-is-saturated",
    title="How much of the silent network is saturated?",
    question="Call a unit saturated when its slope is below 5 % of the largest slope, ¼. In the "
    "untrained 8-layer network, shown all training digits: what share of its units is saturated?",
    answer="who_is_saturated",
    options=(
        Option("all", "More than 90 %.", "A network can be silent without saturated units."),
        Option("half", "Between 1 % and 90 %.", "Glorot's weights keep |z| small, near 1 or less."),
        Option("none", "Less than 1 %.", "Almost all units are nearly as steep as σ can be."),
    ),
    measure=_who_is_saturated,
    explain="The pre-activations are small, so σ is near its steepest. The steepest is ¼, and "
    "that is the trouble.",
    hints=("How large are the pre-activations at the start, with weights of size 1/√64?",),
)


def first_delta():
    """Size of δ in layer 1 relative to layer 8, median over five seeds."""
    return float(np.median([delta[0] / delta[-1] for _, delta in map(_two_ways, SEEDS)]))


def _two_ways(seed):
    return two_ways(1.0, seed)


FIRST_DELTA = Prediction(
    id="saturation/first-delta",
    title="δ in layer 1, relative to layer 8",
    question="In the untrained 8-layer network δ travels from layer 8 down to layer 1, through 7 "
    "layers. How large is it in layer 1, if it is 1 in layer 8?",
    answer="first_delta",
    measure=first_delta,
    within=3.0,
    low=1e-8,
    high=10.0,
    explain="Seven factors of about 0.23 each. Weights of Glorot's size neither grow nor shrink a "
    "vector, so the slopes alone decide.",
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
    from gradcourse.data import digits
    from gradcourse.training import train

    model = deep_net()
    first = next(model.parameters())
    before = float(first.detach().norm())
    change = train(model, digits(), steps=STEPS, lr=LEARNING_RATE, every=STEPS).relative_change[-1][
        0
    ]
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


def readout_accuracy(seed=0):
    """Share of test digits that a linear readout of the untrained layer 8 gets right.

    The activations are standardised first, each unit by its mean and standard deviation over the
    training set; the readout is the least-squares fit to one-hot targets.
    """
    import torch

    from gradcourse.data import digits

    data = digits()
    hidden = deep_net(seed=seed)[:-1].double()
    with torch.no_grad():
        train, test = hidden(data.x_train.double()), hidden(data.x_test.double())
    mean, std = train.mean(0), train.std(0)
    targets = torch.nn.functional.one_hot(data.y_train, 10).double()
    fit = torch.linalg.lstsq((train - mean) / std, targets - targets.mean(0)).solution
    scores = (test - mean) / std @ fit + targets.mean(0)
    return float((scores.argmax(1) == data.y_test).double().mean())


def _frozen_readout():
    right = np.mean([readout_accuracy(seed) for seed in SEEDS])
    if right < 0.2:
        return "chance"
    return "high" if right > 0.9 else "between"


FROZEN_READOUT = Choice(
    id="saturation/frozen-readout",
    title="What is left of the digits in layer 8?",
    question="Leave all eight hidden layers as they were born. Standardise each unit of layer 8 "
    "(subtract its mean over the digits, divide by its standard deviation), and fit one linear "
    "layer to that by least squares. How many test digits are right?",
    answer="frozen_readout",
    options=(
        Option("chance", "About 10 %, chance.", "Small is not lost: dividing brings it back."),
        Option("between", "About half.", "Small is not lost: dividing brings it back."),
        Option("high", "More than 90 %.", "The digits were there, as a whisper on a constant."),
    ),
    measure=_frozen_readout,
    explain="Layer 8 holds the digits, about 25,000 times fainter than layer 1. Gradient descent "
    "on the output cannot hear them; a readout that first divides by their size can.",
    hints=("Is a signal that was multiplied by 0.00004 lost, or small?",),
)


def delta_ratio_at_minus_ten():
    """δ of squared error over δ of cross-entropy, for a σ output at z = −10 with target 1."""
    squared, crossed = output_deltas(-10.0)
    return float(squared / crossed)


DELTA_RATIO = Prediction(
    id="saturation/delta-ratio",
    title="Squared error against cross-entropy at z = −10",
    question="A sigmoid output should be 1, and its pre-activation is z = −10. How large is "
    "∂ℒ/∂z for the squared error ½(a − y)², if it is 1 for cross-entropy?",
    answer="delta_ratio",
    measure=delta_ratio_at_minus_ten,
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
