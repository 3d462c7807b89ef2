"""Questions that a picture, a formula or a rate answers: gains, and one rate for all layers."""

from __future__ import annotations

from functools import cache

from gradcourse import theory
from gradcourse.checking.question import Choice, NamedValue, Option, Prediction
from gradcourse.experiments.common import trained
from gradcourse.experiments.saturation import (
    LEARNING_RATE,
    STARTS,
    STEPS,
    deep_net,
    rate_for_layer_one,
)


def _edge():
    """The gain with χ = 1, by halving."""
    low, high = 4.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if theory.chi("sigmoid", middle) < 1 else (low, middle)
    return low


EDGE = Prediction(
    id="saturation/edge",
    title="The gain at which theory says level",
    question="At which gain σ_w does a sigmoid layer neither shrink nor enlarge δ, once q has "
    'settled? gc.theory.chi("sigmoid", gain) gives χ.',
    answer="edge",
    measure=_edge,
    within=0.2,
    low=0.5,
    high=30.0,
    log=False,
    explain="χ = σ_w² E[φ′²] passes 1 there. A larger gain saturates more units, so E[φ′²] falls, "
    "but more slowly than σ_w² rises.",
    misconceptions=(
        NamedValue(
            "one over the largest slope",
            4.0,
            "4 · ¼ = 1 would be right if every unit had the largest slope. At gain 4 the "
            "pre-activations are larger, and χ is 0.4.",
        ),
        NamedValue("Glorot's gain", 1.0, "At gain 1, √χ is 0.236: look at the lesson's step 2."),
    ),
    hints=(
        "χ at gain 1 is 0.06, and it rises with the gain.",
        "Try gains between 9 and 12.",
        "χ is just below 1 at 10 and just above it at 10.3: take what lies between.",
    ),
    points=1.0,
)


@cache
def _right(gain):
    return float(trained(deep_net(gain), STEPS, LEARNING_RATE).test_accuracy[-1])


def _best_start():
    return max(STARTS, key=lambda name: _right(STARTS[name])).lower()


THREE_STARTS = Choice(
    id="saturation/three-starts",
    title="Three histograms of activations",
    question="The picture shows where the activations of three untrained networks of eight sigmoid "
    "layers lie. They differ in the gain only. Each is trained for 1000 steps at η = 0.5. Which "
    "reads most test digits?",
    answer="best_start",
    options=(
        Option(
            "a",
            "A",
            "More than half of its units are saturated. It learns its training digits all the "
            "same, but reads fewer new ones than C.",
        ),
        Option(
            "b",
            "B",
            "Nothing is saturated, and all activations are near ½: what the layers pass on is "
            "nearly the same for all digits.",
        ),
        Option(
            "c",
            "C",
            "Broad, with few units at the ends: the images differ, and the slopes are not small.",
        ),
    ),
    measure=_best_start,
    explain="Too narrow, and the differences between images vanish from layer to layer: nothing is "
    "learned. Too broad, and most units are saturated: the training digits are learned, but fewer "
    "new ones are read.",
    hints=(
        "Whoever has all activations near ½ passes on almost a constant.",
        "Whoever has them at 0 and 1 has slopes of almost 0.",
        "Look for the one that is neither.",
    ),
    points=1.0,
)


def _larger_rate():
    run = trained(deep_net(), 300, rate_for_layer_one())
    if not run.loss[-1] < 1e3 or run.stopped:
        return "thrown"
    return "learns" if run.test_accuracy[-1] > 0.5 else "same"


LARGER_RATE = Choice(
    id="saturation/larger-rate",
    title="A rate for layer 1",
    question="δ in layer 1 is about 28,000 times smaller than in layer 8. So you multiply the "
    "learning rate of the 8-layer network by 28,000. What happens?",
    answer="larger_rate",
    options=(
        Option(
            "learns",
            "It learns: now layer 1 moves.",
            "Layer 1 would move well. The layers behind it get the same rate.",
        ),
        Option(
            "same",
            "Nothing changes: the loss stays near ln 10.",
            "The output layer had a healthy step before. It is now 28,000 times as long.",
        ),
        Option(
            "thrown",
            "The loss becomes enormous.",
            "One rate serves all layers: what fits layer 1 throws the output away.",
        ),
    ),
    measure=_larger_rate,
    explain="The gradients of the layers differ by a factor of 28,000, and plain gradient descent "
    "has one rate for all. Adam divides each by its own size; larger weights make them alike.",
    hints=(
        "How large is the step of the *output* layer at the new rate?",
        "Its relative step was about a hundredth at η = 0.1.",
        "A step of a thousand times the weights: what does the next loss look like?",
    ),
    points=1.0,
)
