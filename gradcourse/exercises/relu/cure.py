"""Choose the cure that helps; read a picture of three networks."""

from __future__ import annotations

from gradcourse.checking.question import Choice, Option
from gradcourse.diagnosis import diagnose
from gradcourse.experiments.common import median, probed
from gradcourse.experiments.relu import SHUFFLED, accuracy_of_default, prepared


def _right_cure():
    right = {
        cure: median(lambda seed, cure=cure: accuracy_of_default(cure, seed), range(3))
        for cure in ("leak", "weights", "biases", "rate")
    }
    return max(right, key=lambda cure: right[cure])


RIGHT_CURE = Choice(
    id="relu/right-cure",
    title="The right cure",
    question="Twelve ReLU layers as nn.Linear makes them stay at chance. In the last four layers "
    "about half of the units are silent on all digits; in each layer δ is 0.41 times what it is in "
    "the layer behind. Which change lets the network learn in 300 steps?",
    answer="right_cure",
    options=(
        Option(
            "leak",
            "A leak of 0.1 on the negative side.",
            "It opens the silent units, and nothing comes through them: (1 + 0.1²)/2 is still "
            "about one half.",
        ),
        Option(
            "weights",
            "All weights √6 times larger.",
            "√6 · 0.41 = 1: δ comes back level, and many of the silent units wake as well.",
        ),
        Option(
            "biases",
            "All biases to 0.",
            "Then no unit is held down, and the signal still falls by 0.41 per layer.",
        ),
        Option(
            "rate",
            "A learning rate ten times larger.",
            "δ in layer 1 is too small by far more than 10, and a larger rate is larger for the "
            "output biases, too.",
        ),
    ),
    measure=_right_cure,
    explain="The signal has faded below the biases, so units are on or off for all digits alike. "
    "The dead units are a consequence; the weights are the cause.",
    hints=(
        "Two signs, one cause. Which of the two could follow from the other?",
        "Where a signal has faded, z is the bias alone: its sign is the same for all digits.",
        "0.41 per layer is √(1/6). What must the weights be multiplied by?",
    ),
    points=1.0,
)

_LETTER = {"vanishing": "v", "dead": "d", "healthy": "h"}


def _which():
    return "".join(_LETTER[diagnose(probed(prepared(kind, 0))).primary.kind] for kind in SHUFFLED)


WHICH = Choice(
    id="relu/which-is-which",
    title="Three pictures of δ",
    question="The picture shows δ by layer in three networks with 75 % zeros each. Which is which?",
    answer="which",
    options=(
        Option(
            "hvd",
            "A healthy, B vanished, C dead",
            "Look at the strip at the foot of the picture: a 0 there is exact.",
        ),
        Option(
            "vhd",
            "A vanished, B healthy, C dead",
            "A falls by a factor per layer, so it is no dead one; but is the strip at the foot a "
            "sign of health?",
        ),
        Option(
            "vdh",
            "A vanished, B dead, C healthy",
            "A falls by a factor per layer, B is exactly 0 before its last layer, C stays level.",
        ),
        Option(
            "dvh",
            "A dead, B vanished, C healthy",
            "A dead layer leaves exactly 0 before it, not a small number.",
        ),
    ),
    measure=_which,
    explain="Vanishing is a straight line on a log axis, death an exact 0, however many zeros the "
    "activations have.",
    hints=(
        "What does a dead layer do to δ of the layers before it?",
        "An exact 0 has no place on a log axis: it stands on a strip of its own.",
        "One is level, one falls by a factor of ten per layer, one is 0. Read them off.",
    ),
    points=1.0,
)
