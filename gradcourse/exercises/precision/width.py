"""µP: what each matrix's weights and rate are multiplied by; and a picture to read."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import Choice, CodeExercise, Option, Part, asks
from gradcourse.experiments.modern.rates import STANDARD, WIDTHS
from gradcourse.experiments.precision import LETTERS, best_rate


def mup(width, base, rate):
    """Standard deviation of the weights and Adam's rate: input, hidden, output; (3, 2)."""
    ratio = base / width
    return np.array(
        [
            [np.sqrt(2 / 64), rate],
            [np.sqrt(2 / width), rate * ratio],
            [np.sqrt(1 / width) * np.sqrt(ratio), rate * ratio],
        ]
    )


def _table(*, hidden=1.0, first=0.0, last=1.0, output=0.5):
    """The same with other powers of base/width on the three rates and the output's weights."""

    def answer(width, base, rate):
        ratio = base / width
        return np.array(
            [
                [np.sqrt(2 / 64), rate * ratio**first],
                [np.sqrt(2 / width), rate * ratio**hidden],
                [np.sqrt(1 / width) * ratio**output, rate * ratio**last],
            ]
        )

    return answer


def _widths(rng):
    return [
        (int(base * 2 ** rng.integers(1, 6)), base, float(2.0 ** -rng.integers(5, 10)))
        for base in (32, 64, 128)
    ]


MULTIPLIERS = CodeExercise(
    id="precision/mup",
    title="µP's multipliers",
    functions=asks(
        mup,
        "an array of shape (3, 2)",
        {
            "everything as in standard": (
                _table(hidden=0.0, last=0.0, output=0.0),
                "You left everything as in the standard parametrization, whose best rate falls "
                "with the width. Which matrices read n units, and what does that ask of them?",
            ),
            "the same rate everywhere": (
                _table(hidden=0.0, last=0.0),
                "All your rates are alike: that is the standard parametrization with smaller "
                "outputs. What reads n units gets η · base/n.",
            ),
            "the first matrix as well": (
                _table(first=1.0),
                "You lowered the rate of the first matrix. It reads 64 pixels at every width.",
            ),
            "the output's rate is whole": (
                _table(last=0.0),
                "The output reads n units, as a hidden layer does: its rate is η · base/n, too.",
            ),
            "the output's weights as before": (
                _table(output=0.0),
                "The output's weights are drawn as at standard. In µP they are smaller by "
                "√(base/n).",
            ),
            "the output's weights by base/n": (
                _table(output=1.0),
                "You multiplied the output's standard deviation by base/n. Its *variance* is.",
            ),
            "1/n for the output": (
                lambda width, base, rate: np.array(
                    [
                        [np.sqrt(2 / 64), rate],
                        [np.sqrt(2 / width), rate * base / width],
                        [1 / width, rate * base / width],
                    ]
                ),
                "Your output's standard deviation falls like 1/n, as it should. But at n = base it "
                "must be that of standard, √(1/base).",
            ),
            "roots of the rates": (
                _table(hidden=0.5, last=0.5),
                "You multiplied the rates by √(base/n). Updates are coherent: n of them add up "
                "to n, not to √n.",
            ),
            "larger with the width": (
                _table(hidden=-1.0, last=-1.0),
                "Your rates grow with the width. It is base/n, not n/base.",
            ),
            "n/base everywhere": (
                _table(hidden=-1.0, last=-1.0, output=-0.5),
                "You took n/base for base/n: your rates and the output's weights grow with the "
                "width.",
            ),
            "variances": (
                lambda width, base, rate: mup(width, base, rate) ** [2, 1],
                "Your first column has variances. The standard deviations are asked: their roots.",
            ),
        },
    ),
    parts=(
        Part(
            title="three widths, bases and rates",
            points=1.0,
            cases=_widths,
            example=(256, 64, 0.008),
            look_at="n is 4 times the base: the rates are 0.008, 0.002, 0.002.",
        ),
    ),
    hints=(
        "Which matrices read n units, and which reads the pixels?",
        "Rates: η for the first, η · base/n for the two others.",
        "Standard deviations: √(2/64), √(2/n), and √(1/n) · √(base/n).",
    ),
)


def _of_1024():
    places = [best_rate(STANDARD, width) for width in WIDTHS]
    return LETTERS[int(np.argmin(places))].lower()


WHICH_WIDTH = Choice(
    id="precision/which-width",
    title="Which curve is width 1024?",
    question="The picture shows the loss after 60 updates against Adam's rate, in the standard "
    "parametrization, for the widths 64, 256 and 1024, in another order. Which curve is 1024?",
    answer="curve",
    options=(
        Option("a", "A", "Its lowest point lies farthest to the left."),
        Option("b", "B", "Its lowest point lies farthest to the right: it bears the largest rate."),
        Option("c", "C", "Its lowest point lies between those of the two others."),
    ),
    measure=_of_1024,
    points=1.0,
    explain="The best rate falls with the width: the wider, the more units add up in one update.",
    hints=(
        "The height of a curve is not the question: where is its lowest point?",
        "One update moves z by η times the number of units that are read.",
        "The widest network has the smallest best rate.",
    ),
)
