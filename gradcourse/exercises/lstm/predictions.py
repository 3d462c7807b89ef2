"""The questions of lesson 08 itself: a guess before each measurement, for no points."""

from __future__ import annotations

from functools import cache

import numpy as np

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction
from gradcourse.demos.lstm.explode import LAGS
from gradcourse.demos.lstm.simulate import Run, cell_gradients, half_life, run
from gradcourse.demos.lstm.three import relative_gradient
from gradcourse.demos.lstm.training import moves_at_marks

SEEDS = range(5)


def default_direct_path(seed, lag=20):
    """Mean over cells of the product of the last forget gates of torch's own LSTM."""
    import torch

    from gradcourse.data import adding_problem
    from gradcourse.nets import recurrent

    rnn = recurrent("lstm", 2, 32, 1, seed=seed).rnn
    x = adding_problem(lag, train=1, test=1, seed=seed).x_train
    with torch.no_grad():
        h, _ = rnn(x)
        before = torch.cat([torch.zeros_like(h[:, :1]), h[:, :-1]], dim=1)
        z = x @ rnn.weight_ih_l0.T + before @ rnn.weight_hh_l0.T + rnn.bias_ih_l0 + rnn.bias_hh_l0
        return float(z.chunk(4, dim=2)[1].sigmoid().double().log().sum(1).exp().mean())


DEFAULT_LSTM = Prediction(
    id="lstm/default-lstm",
    title="Twenty steps of a carousel",
    question="torch makes an LSTM, and it reads 20 steps of the adding problem. On the road "
    "through the cell alone, how large is the gradient 20 steps back, if it is 1 at the end?",
    answer="default_lstm",
    measure=lambda: float(np.median([default_direct_path(seed) for seed in SEEDS])),
    within=4.0,
    low=1e-10,
    high=10.0,
    explain="torch's biases are near 0, so every forget gate is near ½, and 0.5²⁰ is about 10⁻⁶.",
    misconceptions=(
        NamedValue(
            "a constant error carousel",
            1.0,
            "That is the cell of 1997, which had no forget gate. Today's has one, and torch "
            "leaves it half open.",
        ),
        NamedValue("one over the steps", 0.05, "That is 1/20. The factors multiply."),
    ),
    hints=("What is σ(0)?", "0.5 multiplied twenty times."),
)


def _bias_for_fifty():
    """The bias whose measured half-life on the road is 50 steps, by bisection."""
    from gradcourse.demos.lstm.simulate import direct_path

    low, high = 0.0, 10.0
    for _ in range(20):
        middle = 0.5 * (low + high)
        measured = np.median([half_life(direct_path(run(middle, -middle, seed=s))) for s in SEEDS])
        low, high = (middle, high) if measured < 50.0 else (low, middle)
    return 0.5 * (low + high)


FIFTY_STEPS = Prediction(
    id="lstm/fifty-steps",
    title="A half-life of 50 steps",
    question="Which forget bias makes half of the gradient survive 50 steps of a cell?",
    answer="fifty_steps",
    measure=cache(_bias_for_fifty),
    within=0.3,
    low=0.0,
    high=10.0,
    log=False,
    explain="σ(b)^50 = ½ gives f = 0.986 and b = 4.27: about ln(50/ln 2).",
    misconceptions=(
        NamedValue(
            "the usual advice",
            1.0,
            "A forget bias of 1 is widely used. Its half-life is 2.2 steps.",
        ),
        NamedValue(
            "the bias grows like the steps",
            10.0,
            "The time grows like e^b: each further 2.3 of bias makes it ten times longer.",
        ),
    ),
    hints=("Which gate f has f^50 = ½?", "f = 0.986. And σ(b) = 0.986 for which b?"),
)


def _at_birth():
    from gradcourse.nets import recurrent

    kept = {}
    for kind in ("rnn", "lstm", "gru"):
        left = [relative_gradient(recurrent(kind, 2, 32, 1, seed=s), s)[60] for s in SEEDS]
        kept[kind] = float(np.median(left)) > 1e-6
    if kept["lstm"] and kept["gru"]:
        return "both"
    names = [kind for kind in ("lstm", "gru") if kept[kind]]
    return names[0] if names else "none"


AT_BIRTH = Choice(
    id="lstm/at-birth",
    title="Three networks at birth",
    question="An RNN, an LSTM and a GRU of 32 units, as torch makes them, untrained, read the "
    "adding problem. In the RNN less than a millionth of the gradient is left at lag 60. In which "
    "of the other two is it more than a millionth?",
    answer="at_birth",
    options=(
        Option(
            "both",
            "In both: that is what they were made for.",
            "They were made so that they *can*. At birth their gates stand in the middle.",
        ),
        Option(
            "lstm",
            "In the LSTM: it has a cell.",
            "The cell keeps a half per step, as long as the forget bias is 0.",
        ),
        Option(
            "gru",
            "In the GRU: it keeps h itself.",
            "It keeps z of it, and z is a half.",
        ),
        Option(
            "none",
            "In neither.",
            "All three lose about a third per step.",
        ),
    ),
    measure=cache(_at_birth),
    explain="With biases near 0 every gate is near ½: half is kept, and the other paths bring it "
    "to about 0.64 per step. An untrained RNN of torch's happens to have about the same.",
    hints=("Where do gates stand if their biases are 0?",),
)


def _at_marks():
    share = moves_at_marks(0)
    if share < 0.25:
        return "little"
    return "half" if share < 0.75 else "same"


AT_MARKS = Choice(
    id="lstm/at-marks",
    title="What does the state do between the marks?",
    question="A GRU has learned the adding problem, 60 steps. Two steps carry a mark, 58 do not, "
    "but each shows a number. How far does the state h move in an unmarked step, compared with a "
    "marked one?",
    answer="at_marks",
    options=(
        Option(
            "same",
            "About as far: every step shows a number.",
            "What is written at each step is lost after a few.",
        ),
        Option(
            "half",
            "About half as far: its gates are about half open.",
            "They were, before the training. They are learned, and they read x.",
        ),
        Option(
            "little",
            "Less than a quarter as far.",
            "The gates read the mark. Without one they hold the state nearly still.",
        ),
    ),
    measure=cache(_at_marks),
    explain="A gate is a number that the network computes from x and h at each step. So it can be "
    "open at a mark and closed elsewhere: one fixed factor per unit cannot.",
    hints=("What must not happen to the first number until the end?",),
)


def explosion(seed, gain=8.0, width=100):
    """‖∂c_T/∂c_t‖ at lag 100 of an LSTM with large recurrent weights, forget bias 0."""
    made = run(0.0, gain=gain, strength=0.5, start=1.0, steps=2 * LAGS, width=width, seed=seed)
    late = Run(made.weights, made.gates[LAGS:], made.cells[LAGS:], made.states[LAGS:])
    assert float(late.gates[:, 1].max()) <= 1.0
    return float(cell_gradients(late)[-1])


def _can_explode():
    largest = [explosion(seed) for seed in SEEDS]
    if min(largest) > 1e3:
        return "explodes"
    return "bounded" if max(largest) <= 1.0 else "little"


CAN_EXPLODE = Choice(
    id="lstm/can-explode",
    title="Every forget gate is below 1",
    question="An LSTM has forget bias 0 and recurrent weights eight times as large as an edge-of-"
    "chaos RNN's (Gaussian, gain 8). All its forget gates are below 1, all |h| are below 1. How "
    "large is ∂c_T/∂c_t at lag 100?",
    answer="can_explode",
    options=(
        Option(
            "bounded",
            "At most 1: it is a product of forget gates.",
            "The road is. But c also goes through h into all gates of the next step.",
        ),
        Option(
            "little",
            "It may exceed 1, but not by much: tanh and σ bound it.",
            "They bound the state. Lesson 03: saturation does not hold the gradient.",
        ),
        Option(
            "explodes",
            "More than 1000.",
            "The paths through h and the gates multiply by W at each step.",
        ),
    ),
    measure=cache(_can_explode),
    explain="A forget gate bounds one path. The others go through W, as in any recurrent network.",
    hints=("On which ways does c_(t−1) reach c_t?",),
)
