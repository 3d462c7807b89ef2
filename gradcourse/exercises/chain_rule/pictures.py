"""Read three depth pictures: which networks are they?"""

from __future__ import annotations

from gradcourse.checking.question import Choice, Option
from gradcourse.experiments.chain_rule import told_apart

THREE_PICTURES = Choice(
    id="chain/three-pictures",
    title="Three depth pictures",
    question="A, B and C show ‖δ‖ and the relative update of three untrained networks of 20 "
    "layers: a linear one with gain 0.8, a linear one with gain 1 (both without biases), and a "
    "sigmoid network. Which is which?",
    answer="networks",
    options=(
        Option(
            "sigmoid-08-1",
            "A sigmoid, B gain 0.8, C gain 1",
            "A sigmoid layer multiplies δ by a quarter or less: over 18 layers that is ten "
            "decades. Which picture has them?",
        ),
        Option(
            "08-1-sigmoid",
            "A gain 0.8, B gain 1, C sigmoid",
            "Yes: only the sigmoid's signal keeps its size while δ does not.",
        ),
        Option(
            "08-sigmoid-1",
            "A gain 0.8, B sigmoid, C gain 1",
            "At gain 1 δ keeps its size. In which picture is δ level?",
        ),
        Option(
            "1-08-sigmoid",
            "A gain 1, B gain 0.8, C sigmoid",
            "Do not judge by the update alone: in a linear net without biases all layers move "
            "alike, whatever the gain is. In which of the two does δ fall?",
        ),
    ),
    measure=told_apart,
    points=1.0,
    explain="δ has one factor per layer, and the update has the layer's input as well. A level "
    "update alone says neither that δ is level nor that all is well.",
    hints=(
        "Look at ‖δ‖ first: in which picture is it level, and in which does it fall most?",
        "Then the update: it is level in a linear net without biases, whatever δ does.",
        "Gain 1: both lines level. Gain 0.8: one of them falls. What remains is the sigmoid.",
    ),
)
