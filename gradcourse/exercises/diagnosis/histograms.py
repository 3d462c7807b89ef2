"""Read three histograms: what is small everywhere, and what gets smaller."""

from __future__ import annotations

from gradcourse.checking.question import Choice, Option
from gradcourse.experiments.diagnosis import vanishing_one

THREE_HISTOGRAMS = Choice(
    id="diagnosis/three-histograms",
    title="Three histograms",
    question="The picture shows |∂ℒ/∂w| of the first and of the last matrix in three networks, "
    "A, B and C, on an axis of powers of two. In which does the gradient vanish over the depth?",
    answer="vanishes",
    options=(
        Option("a", "A", "Both histograms lie one upon the other: nothing vanishes on the way."),
        Option("b", "B", "First and last are many powers of two apart, whatever their size."),
        Option(
            "c",
            "C",
            "All its gradients are small, first and last alike: the loss was multiplied by a small "
            "number. Adam would not notice.",
        ),
        Option(
            "b-and-c",
            "B and C",
            "C is small everywhere, and nothing gets smaller on its way: compare first with last.",
        ),
    ),
    measure=vanishing_one,
    points=1.0,
    explain="Vanishing is a change from layer to layer. A place on the axis is a matter of units.",
    hints=(
        "What would a loss multiplied by 10⁻⁶ do to all histograms?",
        "Compare first and last within one picture, not one picture with another.",
        "In which picture are the two humps far apart?",
    ),
)
