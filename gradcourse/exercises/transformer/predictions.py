"""The questions of lesson 11 itself: a bet before each measurement, for no points."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction
from gradcourse.experiments.transformer import (
    cheapest_end,
    gain_of_60,
    largest_logits,
    ratios,
)

RATIO = Prediction(
    id="transformer/ratio",
    title="The last block's gradient",
    question="16 blocks, before any training. How many times as large is the gradient of the last "
    "block's weights in post-LN as in pre-LN, in the median over eight networks?",
    answer="times",
    measure=lambda: float(np.median(ratios(16))),
    within=1.6,
    low=0.1,
    high=100.0,
    explain="About √16, and somewhat more; single networks lie between 2 and 8.",
    misconceptions=(
        NamedValue("alike", 1.0, "The blocks are alike, but not what stands behind them."),
        NamedValue(
            "as many as there are blocks",
            16.0,
            "Variances add: 16 branches make the stream √16 times as long.",
        ),
        NamedValue("vanishing", 0.15, "It is post-LN that has the larger gradient at the end."),
    ),
    hints=("How long is the stream behind 16 branches, if their squares add?",),
)

THIRD = Choice(
    id="transformer/third",
    title="Whom does nobody miss?",
    question="A trained pre-LN network of 16 blocks that copies without a mistake. Cut one block "
    "out. Where does the cut do the least harm?",
    answer="third",
    options=(
        Option("early", "Among the first.", "The first blocks do the work: the stream is short."),
        Option("late", "Among the last.", "They add to a stream that has become long."),
        Option("alike", "It is alike everywhere.", "What a block adds is, but the stream is not."),
    ),
    measure=cheapest_end,
    explain="The stream grows with every block, so that what a block adds counts for less.",
    hints=("What is the same addition relative to, in block 1 and in block 16?",),
)

LOGIT = Prediction(
    id="transformer/logit",
    title="How large do logits become?",
    question="Four blocks, pre-LN, rate 0.03, 250 updates; untrained, the largest logit q·k/√d is "
    "about 5. How large is the largest that is met, in the median over five networks?",
    answer="logit",
    measure=lambda: float(np.median(largest_logits("loud"))),
    within=2.5,
    low=1.0,
    high=1e5,
    explain="Nothing in the network bounds q·k: both grow, and the product with their square.",
    misconceptions=(
        NamedValue("as at the start", 5.0, "Adam moves every weight by 0.03 at each update."),
        NamedValue("the square root of d", 3.46, "That is the bound under QK-norm: see below."),
    ),
    hints=("exp of it is what the softmax sees.",),
)

GAIN = Prediction(
    id="transformer/gain",
    title="60 mixings of four streams",
    question="Four streams, mixed by I + 0.3 N in each of 60 layers; the entries of N are "
    "N(0, 1). What is the largest gain of the product, in the median over 60 products?",
    answer="gain",
    measure=gain_of_60,
    within=2.2,
    low=0.1,
    high=1e8,
    explain="λ = 0.09 a mixing by lesson 01's rule, so e^(60 λ) = 220 for one vector, and some "
    "four times as much for the direction that does best.",
    misconceptions=(
        NamedValue("none", 1.0, "In the mean over N each mixing is I. Typical products grow."),
        NamedValue(
            "as for scalars", 1.3**60, "That needs a direction that every mixing amplifies."
        ),
    ),
    hints=("Squares add: what is the mean square of (I + sN)v?",),
)
