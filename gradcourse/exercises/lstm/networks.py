"""Questions that networks answer: a lag to predict, a gate to choose, a bias to tune."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction, Tuning
from gradcourse.demos.lstm.cell import HIGH, LOW, TUNE, whole_at_60
from gradcourse.demos.lstm.simulate import direct_path, run

SEEDS = range(5)


def lag_of_one_percent(seed, bias=1.0):
    """The lag at which the direct path of 32 cells has fallen to 1 %."""
    left = np.log(direct_path(run(bias, seed=seed)))
    beyond = int(np.argmax(left < np.log(0.01)))
    step = (np.log(0.01) - left[beyond - 1]) / (left[beyond] - left[beyond - 1])
    return float(beyond - 1 + step)


ONE_PERCENT = Prediction(
    id="lstm/one-percent",
    title="How far does a forget bias of 1 reach?",
    question="The usual advice is to start the forget bias at 1. An untrained LSTM of 32 units has "
    "it, with small weights. At which lag is 1 % of the gradient left on the road? The "
    "check takes the median of five networks.",
    answer="one_percent_lag",
    measure=lambda: float(np.median([lag_of_one_percent(seed) for seed in SEEDS])),
    within=1.2,
    low=1.0,
    high=1000.0,
    unit="steps",
    explain="σ(1) = 0.73 per step, and ln 100/−ln 0.73 = 14.7.",
    misconceptions=(
        NamedValue(
            "the half-life",
            2.2,
            "2.2 steps is the half-life. 1 % is between six and seven half-lives.",
        ),
        NamedValue(
            "a forget bias of 0",
            6.64,
            "You halved at every step. That is a forget bias of 0; σ(1) is 0.73.",
        ),
        NamedValue(
            "the bias taken for the gate",
            1000.0,
            "With a gate of 1 nothing would ever be lost. But 1 is the bias; the gate is σ(1).",
        ),
    ),
    hints=(
        "The gate is σ(1).",
        "Solve 0.731^k = 0.01.",
        "ln 100 / −ln 0.731.",
    ),
    points=1.0,
)


def gru_keeps(block, bias, seed=0):
    """log10 of ‖∂h_T/∂h_t‖ at lag 50, relative to lag 0, with one bias of torch's GRU set."""
    import torch

    from gradcourse.instrument import lag_log_norms
    from gradcourse.nets import recurrent

    rnn = recurrent("gru", 2, 32, 1, seed=seed).rnn
    with torch.no_grad():
        rnn.bias_ih_l0[32 * block : 32 * (block + 1)] = bias
    x = torch.randn(51, 2, generator=torch.Generator().manual_seed(seed))
    logs = lag_log_norms(rnn, x)
    return float((logs[0] - logs[-1]) / np.log(10.0))


def _keep_bias():
    left = {"plus": gru_keeps(1, 5.0), "minus": gru_keeps(1, -5.0), "reset": gru_keeps(0, 5.0)}
    return max(left, key=lambda key: left[key]) if max(left.values()) > -1 else "none"


KEEP_BIAS = Choice(
    id="lstm/keep-bias",
    title="A GRU that remembers",
    question="You want torch's nn.GRU to start with a memory of about a hundred steps. Which bias "
    "do you set?",
    answer="keep_bias",
    options=(
        Option(
            "plus",
            "The update gate's, to +5.",
            "In torch h = (1 − z)·n + z·h: z is the share that is kept, and σ(5) = 0.993.",
        ),
        Option(
            "minus",
            "The update gate's, to −5: to update little is to remember.",
            "That is right where z multiplies the new value, as in some papers. In torch it "
            "multiplies the old one: z near 0 forgets everything at each step.",
        ),
        Option(
            "reset",
            "The reset gate's, to +5: then nothing is reset.",
            "r decides what the candidate n reads. Half of h is still replaced by n at each step.",
        ),
        Option(
            "none",
            "No bias will do: a GRU has no forget gate.",
            "It has one gate for both. z keeps, 1 − z lets in.",
        ),
    ),
    measure=_keep_bias,
    explain="torch writes h = (1 − z)·n + z·h. Before you set a gate, look up which way round "
    "it is.",
    hints=(
        "How does torch combine the old h and the candidate n?",
        "h = (1 − z)·n + z·h. What should z be if h is to stay?",
        "Near 1: a large positive bias.",
    ),
    points=1.0,
)

TUNE_BIAS = Tuning(
    id="lstm/tune-bias",
    title="A forget bias for 60 steps",
    question="A random LSTM of 32 units has the forget bias b and the input bias −b. Choose b so "
    "that through all paths between 0.3 and 0.7 of ∂c is left at lag 60. Less would forget the "
    "start; more would hardly let go in the time of the task.",
    answers=("bias",),
    demo=lambda: TUNE,
    measure=whole_at_60,
    low=LOW,
    high=HIGH,
    quantity="‖∂c_T/∂c_t‖ at lag 60",
    reference={"bias": 4.5},
    misconceptions=(
        NamedValue(
            "the usual advice",
            {"bias": 1.0},
            "A forget bias of 1 is a half-life of 2.2 steps. It is a good start for lags of a few "
            "steps.",
        ),
        NamedValue(
            "torch's start",
            {"bias": 0.0},
            "With b = 0 each step keeps a half. Sixty steps keep 10⁻¹⁸ on the road.",
        ),
        NamedValue(
            "never forget",
            {"bias": 8.0},
            "With b = 8 the half-life is 2000 steps. The cell would keep what it should let go.",
        ),
    ),
    hints=(
        "What half-life leaves about a half after 60 steps?",
        "The road leaves σ(b)^60. Solve it for ½; the other paths add little.",
        "ln(60/ln 2) = 4.46.",
    ),
    points=2.0,
    below="Too little is left at lag 60: a larger forget bias.",
    above="The cell hardly forgets at all: a smaller forget bias.",
)
