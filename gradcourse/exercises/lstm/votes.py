"""Lesson 08: the votes on its claims. Its cells measure them."""

from __future__ import annotations

from gradcourse.checking.question import claim

CLAIM_CAROUSEL = claim(
    "lstm/claim-carousel",
    "“Each memory cell contains an internal state, i.e., a node with a self-connected recurrent "
    "edge of fixed weight 1, ensuring that the gradient can pass across many time steps without "
    "vanishing or exploding” (Dive into deep learning, 2023).",
    "holds-only-if",
    "It holds for the cell of 1997, on the path through the cells alone. Today's factor is the "
    "forget gate, and the other paths can grow.",
)
CLAIM_BIAS = claim(
    "lstm/claim-bias",
    "“Adding a bias of 1 to the LSTM's forget gate closes the gap between the LSTM and the GRU” "
    "(Jozefowicz, Zaremba & Sutskever 2015).",
    "fails",
    "On the adding problem a bias of 1, a half-life of 2.2 steps, leaves most of the gap; chrono's "
    "biases close it.",
)
