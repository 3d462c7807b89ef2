"""Choose the cure that helps a vanished signal."""

from __future__ import annotations

from gradcourse.checking.question import Choice, Option
from gradcourse.experiments.common import median
from gradcourse.experiments.relu import accuracy_with_cure


def _right_cure():
    right = {
        cure: median(lambda seed, cure=cure: accuracy_with_cure("vanished", cure, seed), range(3))
        for cure in ("leak", "weights", "biases", "rate")
    }
    return max(right, key=lambda cure: right[cure])


RIGHT_CURE = Choice(
    id="relu/right-cure",
    title="The right cure",
    question="A ReLU network with four hidden layers stays at chance. Its record on all digits: "
    "75 % of the outputs of each layer are 0; no unit is silent on all digits; the size of the "
    "outputs is 0.1 in layer 1 and 0.0001 in layer 4. Which change lets it learn in 300 steps?",
    answer="right_cure",
    options=(
        Option(
            "leak",
            "A leak of 0.1 on the negative side.",
            "A leak brings dead units back, and here none is dead. It makes the signal hardly "
            "larger.",
        ),
        Option(
            "weights",
            "Weights ten times larger.",
            "The signal vanishes by a factor of 10 per layer. This pays it back.",
        ),
        Option(
            "biases",
            "All biases to 0, so that only half of the outputs are 0.",
            "The zeros were never the trouble. The weights are as small as before.",
        ),
        Option(
            "rate",
            "A learning rate ten times larger.",
            "The gradient of layer 1 is too small by far more than 10, and a larger rate is "
            "larger for the output biases, too.",
        ),
    ),
    measure=_right_cure,
    explain="No unit is dead, and the size falls by 10 per layer: a vanished signal. Its cure is "
    "larger weights.",
    hints=(
        "Which of the numbers in the record is not what a healthy network has?",
        "Zeros are no illness as long as each unit speaks for some digits.",
        "From 0.1 to 0.0001 in three layers: a factor of 10 per layer is missing.",
    ),
    points=1.0,
)
