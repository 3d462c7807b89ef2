"""What an open gate does, and which line of a picture belongs to which biases."""

from __future__ import annotations

from gradcourse.checking.question import Choice, Option
from gradcourse.experiments.road import line_that_grows, open_gate

OPEN_GATE = Choice(
    id="lstm/open-gate",
    title="An open forget gate",
    question="In one step of an LSTM the forget gate of a cell is 1 and its input gate is 0. What "
    "becomes of what was in the cell?",
    answer="open_gate",
    options=(
        Option(
            "forgets",
            "It is forgotten: the forget gate is open.",
            "c_t = f·c_(t−1) + i·g. With f = 1 the old content is multiplied by 1. The gate is "
            "named after what it does when it closes.",
        ),
        Option("keeps", "It stays as it is.", "f multiplies the old content, i the new."),
        Option(
            "replaced",
            "It is replaced by what is written.",
            "i multiplies what is written, and i is 0. That would be f = 0 and i = 1.",
        ),
        Option(
            "added",
            "It stays, and what is written is added.",
            "That is f = 1 and i = 1. Here i is 0, and nothing is written.",
        ),
    ),
    measure=open_gate,
    explain="The forget gate says how much is kept; a large forget bias makes a long memory.",
    hints=(
        "Which of the two gates multiplies c_(t−1)?",
        "c_t = f·c_(t−1) + i·g.",
        "Put f = 1 and i = 0 into it.",
    ),
    points=1.0,
)

WHICH_LINE = Choice(
    id="lstm/which-line",
    title="Three pairs of biases",
    question="The picture shows ∂c_T/∂c_t on all paths against lag, for three untrained LSTMs with "
    "the same weights: one with b_f = b_i = 0, one with b_f = 5 and b_i = −5, and one with b_f = 5 "
    "and b_i = 0. Which line is the last one?",
    answer="which_line",
    options=(
        Option(
            "a",
            "A",
            "A loses about a third per step: its forget gates are half open.",
        ),
        Option(
            "b",
            "B",
            "B grows: f is near 1, and i·o·W_g with i = ½ comes on top of it.",
        ),
        Option(
            "c",
            "C",
            "C follows σ(5)^lag: with i = 1 − f the other paths stay small.",
        ),
    ),
    measure=line_that_grows,
    explain="One step is about f·I + i·o·W_g. With f near 1, whether it grows is decided by i.",
    hints=(
        "How large is one step, f·I + i·o·W_g, in each of the three?",
        "Two of them have f = 0.993. In which of these is i = ½, in which 0.007?",
        "With f near 1 and i = ½ the spectral radius is above 1.",
    ),
    points=1.0,
)
