"""The size of a normalized layer's weights, dropout in front of it, and three norms in a plot."""

from __future__ import annotations

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction
from gradcourse.experiments.batch_norm import (
    first_relative_step,
    variance_after_dropout,
    which_of_three,
)
from gradcourse.experiments.common import median

HALF_THE_WEIGHTS = Prediction(
    id="batch-norm/half-the-weights",
    title="Weights of half the size",
    question="Every hidden matrix of four batch-normed layers is halved; images, γ, β and the rate "
    "stay. By which factor does the relative step ‖ΔW‖/‖W‖ of a hidden matrix change in the next "
    "update of plain gradient descent? The check takes the median of five networks.",
    answer="relative_step",
    measure=lambda: median(lambda s: first_relative_step(0.5, s) / first_relative_step(1.0, s)),
    within=1.3,
    low=0.05,
    high=20.0,
    unit="times",
    explain="s is halved, so ∂ℒ/∂u and with it ∂ℒ/∂W are doubled; and the step is compared with a "
    "W of half the size. So weight decay, which shrinks W, lengthens the steps.",
    misconceptions=(
        NamedValue(
            "nothing changes",
            1.0,
            "z is the same, so you left the gradient as it was. Backwards δ is divided by s, and s "
            "has halved.",
        ),
        NamedValue(
            "one factor of two",
            2.0,
            "You counted one of two factors: the gradient doubles, and the W that it is compared "
            "with is halved.",
        ),
        NamedValue(
            "half as long",
            0.5,
            "You let the step shrink with the weights. The gradient of a normalized layer grows "
            "when its weights shrink.",
        ),
        NamedValue(
            "upside down",
            0.25,
            "Yours is upside down: smaller weights, smaller s, and δ is divided by s.",
        ),
    ),
    hints=(
        "What becomes of s, and where does s stand in ∂ℒ/∂u?",
        "∂ℒ/∂u = γ/s · (…), and ∂ℒ/∂W is that times h, which has not changed.",
        "The gradient is twice as large, and ‖W‖ half as large.",
    ),
    points=1.0,
)

DROPOUT = Prediction(
    id="batch-norm/dropout",
    title="Dropout in front of batch norm",
    question="Half of h, standard normal, is set to 0 by dropout and the rest doubled; then comes "
    "batch norm with γ = 1 and β = 0. In training mode z has variance 1. You call model.eval(): "
    "dropout is off, and batch norm uses its running statistics. What is the variance of z now?",
    answer="variance",
    measure=lambda: median(lambda seed: variance_after_dropout(seed=seed)),
    within=1.15,
    low=0.05,
    high=20.0,
    explain="Half of the entries, doubled, have mean square ½ · 4 = 2. The running variance is 2, "
    "and in evaluation mode h has variance 1. Put dropout behind the last batch norm (Li et al. "
    "2019).",
    misconceptions=(
        NamedValue(
            "still 1",
            1.0,
            "Dropout doubles what it keeps, so that the *mean* stays. The variance does not, and "
            "batch norm has remembered that of the training.",
        ),
        NamedValue(
            "upside down",
            2.0,
            "That is the running variance. z is divided by its root.",
        ),
        NamedValue(
            "the standard deviation",
            0.71,
            "You gave the standard deviation of z, 1/√2.",
        ),
        NamedValue(
            "squared",
            0.25,
            "You divided by the square of the running variance, which is 2. z is divided by its "
            "root, and its variance by 2.",
        ),
    ),
    hints=(
        "Which variance did batch norm see while it trained?",
        "An entry is 0 with probability ½ and 2h otherwise. What is its mean square?",
        "The running variance is 2; divide the variance of h by it.",
    ),
    points=1.0,
)

THREE_NETWORKS = Choice(
    id="batch-norm/three-networks",
    title="Which norm is it?",
    question="The picture shows δ in three ReLU networks of 20 layers: one without a norm, one "
    "with batch norm, one with layer norm. All matrices, He's, were multiplied by 0.8. Which is "
    "which?",
    answer="which",
    options=(
        Option(
            "ac",
            "A batch norm, B layer norm, C none",
            "Batch norm keeps z level, not δ: its line rises by 1.21 a layer towards layer 1.",
        ),
        Option(
            "bc",
            "B batch norm, A layer norm, C none",
            "The 0.8 cancels in both norms. One is level, and one rises by 1.21 a layer.",
        ),
        Option(
            "ba",
            "B batch norm, C layer norm, A none",
            "He's weights keep δ. Times 0.8 they lose a fifth of it in every layer.",
        ),
        Option(
            "cb",
            "C batch norm, A layer norm, B none",
            "No gain makes δ vanish behind batch norm; and without a norm 0.8 cannot make it grow.",
        ),
    ),
    measure=which_of_three,
    explain="0.8 a layer without a norm, 1.21 a layer with batch norm, whatever the gain; and "
    "layer norm, which divides by the root of E[φ²] and not of Var[φ], is level.",
    hints=(
        "On which of the three does the 0.8 act?",
        "Without a norm each layer multiplies δ by 0.8.",
        "Batch norm divides by the spread over the images, which is smaller than the size.",
    ),
    points=1.0,
)
