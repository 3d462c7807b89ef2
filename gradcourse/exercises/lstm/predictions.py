"""What lesson 08 and its assignment ask before a measurement: in the lesson for no points."""

from __future__ import annotations

from functools import cache

import numpy as np

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction, Tuning
from gradcourse.demos.lstm import HIGH, LOW, TUNE
from gradcourse.experiments.common import median, over_seeds
from gradcourse.experiments.lstm import (
    default_direct_path,
    direct_path,
    explosion,
    gru_keeps,
    half_life,
    lag_of_one_percent,
    moves_at_marks,
    relative_gradient,
    run,
    whole_at_60,
)
from gradcourse.experiments.plateau import GRU
from gradcourse.experiments.road import updates

DEFAULT_LSTM = Prediction(
    id="lstm/default-lstm",
    title="Twenty steps of a carousel",
    question="torch makes an LSTM, and it reads 20 steps of the adding problem. On the road "
    "through the cell alone, how large is the gradient 20 steps back, if it is 1 at the end?",
    answer="default_lstm",
    measure=lambda: median(default_direct_path),
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
    low, high = 0.0, 10.0
    for _ in range(20):
        middle = 0.5 * (low + high)
        measured = median(lambda s, b=middle: half_life(direct_path(run(b, -b, seed=s))))
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


GRU_LEAVES = Prediction(
    id="lstm/gru-leaves",
    title="How long does a GRU need?",
    question="The puzzle's task: 60 steps, 32 units, the same rate. An LSTM with torch's biases "
    "needs a median of 760 updates to halve the error of the mean, with chrono's biases 300. How "
    "many does a GRU need, with its biases as torch makes them?",
    answer="gru_leaves",
    measure=lambda: float(np.median(updates(GRU))),
    within=1.5,
    low=20.0,
    high=5000.0,
    unit="updates",
    explain="140 to 180: nearly twice as fast as an LSTM whose biases were chosen for the task.",
    misconceptions=(
        NamedValue(
            "as long as an LSTM with torch's biases",
            760.0,
            "Its gates start half open as well. But one gate for both cannot fill the cell up, and "
            "it opens more easily.",
        ),
        NamedValue(
            "as long as an LSTM with chrono's",
            300.0,
            "A good guess for a gate that keeps and writes in one: it is faster still.",
        ),
        NamedValue(
            "never",
            1500.0,
            "That is the RNN. A GRU's h is kept by a gate that reads the input.",
        ),
    ),
    hints=("Which biases did chrono couple, and what does a GRU couple by construction?",),
)


def _at_birth():
    from gradcourse.nets import recurrent

    def left(kind):
        return median(lambda s: relative_gradient(recurrent(kind, 2, 32, 1, seed=s), s)[60])

    kept = [kind for kind in ("lstm", "gru") if left(kind) > 1e-6]
    return "both" if len(kept) == 2 else kept[0] if kept else "none"


AT_BIRTH = Choice(
    id="lstm/at-birth",
    title="Three networks, untrained",
    question="An RNN, an LSTM and a GRU of 32 units, as torch makes them, untrained, read the "
    "adding problem. In the RNN less than a millionth of the gradient is left at lag 60. In which "
    "of the other two is it more than a millionth?",
    answer="at_birth",
    options=(
        Option(
            "both",
            "In both: that is what they were made for.",
            "They were made so that they *can*. Untrained, their gates stand in the middle.",
        ),
        Option(
            "lstm",
            "In the LSTM: it has a cell.",
            "The cell keeps one half per step while the forget bias is 0.",
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


def _can_explode():
    largest = over_seeds(explosion)
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
    hints=("By which paths does c_(t−1) reach c_t?",),
)

# ================================================================ for points, in the assignment

_GATE = 1.0 / (1.0 + np.exp(-1.0))

_MIXED = {
    "log₁₀ by ln": np.log10(100.0) / -np.log(_GATE),
    "ln by log₁₀": np.log(100.0) / -np.log10(_GATE),
    "log₂ by ln": np.log2(100.0) / -np.log(_GATE),
    "ln by log₂": np.log(100.0) / -np.log2(_GATE),
}

ONE_PERCENT = Prediction(
    id="lstm/one-percent",
    title="How far does a forget bias of 1 reach?",
    question="The usual advice is to start the forget bias at 1. An untrained LSTM of 32 units has "
    "it; its recurrent weights have the variance of torch's own, 1/(3·32), and its input adds a "
    "noise of 0.1 to each gate. At which lag is 1 % of the gradient left on the road? The check "
    "takes the median of five networks.",
    answer="one_percent_lag",
    measure=lambda: median(lag_of_one_percent),
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
        *(
            NamedValue(
                f"two logarithms mixed, {mixed}",
                float(value),
                "Your number is a quotient of two different logarithms. Take one for both.",
            )
            for mixed, value in _MIXED.items()
        ),
        NamedValue(
            "1/e instead of 1 %",
            float(1.0 / -np.log(_GATE)),
            "After that lag 1/e of the gradient is left, more than a third. Asked is 1 %.",
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
