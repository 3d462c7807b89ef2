"""The direct path of a cell: what it keeps, for how long, and the bias for a given time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcourse import theory
from gradcourse.checking.exercise import Arguments, CodeExercise, Function, Misconception, Part

Array = NDArray[np.float64]

# ---------------------------------------------------------------- the direct path


def direct_path(f: Any) -> Array:
    """∂c_T/∂c_t along the cell alone, row k for lag k, from the forget gates f_1 … f_T."""
    f = np.asarray(f, dtype=np.float64)
    return np.concatenate([np.ones((1, f.shape[1])), np.cumprod(f[::-1], axis=0)])


def _from_the_front(f: Any) -> Array:
    return direct_path(np.asarray(f)[::-1])


def _last_gate_to_a_power(f: Any) -> Array:
    f = np.asarray(f)
    return np.asarray(f[-1] ** np.arange(len(f) + 1.0)[:, None])


def _gates(rng: np.random.Generator) -> Sequence[Arguments]:
    return [(rng.uniform(0.2, 0.99, shape),) for shape in ((3, 2), (6, 4), (12, 3))]


DIRECT_PATH = CodeExercise(
    id="lstm/direct-path",
    title="The road",
    lesson="08",
    functions=(
        Function(
            "direct_path",
            ("f",),
            direct_path,
            (
                Misconception(
                    "from the first step",
                    _from_the_front,
                    "You multiplied from the first step on. Lag counts from the end: lag 1 goes "
                    "through the last forget gate, f_T.",
                ),
                Misconception(
                    "in the order of time",
                    lambda f: direct_path(f)[::-1],
                    "Your products are right, in the order of time. Row k belongs to lag k, so row "
                    "0 is 1.",
                ),
                Misconception(
                    "lag 0 left out",
                    lambda f: direct_path(f)[1:],
                    "The row for lag 0 is missing: ∂c_T/∂c_T is 1.",
                ),
                Misconception(
                    "logarithms",
                    lambda f: np.log(direct_path(f)),
                    "You returned the sum of the logs. The derivative is its exponential.",
                ),
                Misconception(
                    "the last gate to a power",
                    _last_gate_to_a_power,
                    "You used f_T for every step. Each step has its own forget gate.",
                ),
                Misconception(
                    "let go instead of kept",
                    lambda f: direct_path(1.0 - np.asarray(f)),
                    "You multiplied 1 − f. The forget gate is what is *kept*: f = 1 forgets "
                    "nothing.",
                ),
                Misconception(
                    "mean over the units",
                    lambda f: direct_path(f).mean(axis=1),
                    "You averaged over the units. Each cell has a path of its own: shape "
                    "(T + 1, n).",
                ),
            ),
            returns="an array of shape (T + 1, n)",
        ),
    ),
    parts=(
        Part(
            title="3 random runs of 3 to 12 steps",
            points=2.0,
            cases=_gates,
            example=(np.array([[0.5, 1.0], [0.8, 0.5], [0.9, 0.9]]),),
            look_at="In the example, cell 1 has 1, then 0.9, then 0.9 · 0.8.",
        ),
    ),
    hints=(
        "c_t = f_t · c_(t−1) + …: one factor for each step back.",
        "Lag 1 is f_T, lag 2 is f_T · f_(T−1). Turn the rows round, then multiply cumulatively.",
        "np.concatenate([np.ones((1, f.shape[1])), np.cumprod(f[::-1], axis=0)])",
    ),
)

# ---------------------------------------------------------------- half-life


def half_life(bias_ih: float, bias_hh: float) -> float:
    """Steps in which the direct path halves, for torch's two biases of a forget gate."""
    return float(theory.forget_half_life(bias_ih + bias_hh))


def forget_bias_for(steps: float) -> float:
    """The forget bias whose half-life this is."""
    return float(theory.forget_bias(steps))


def _gate(bias_ih: float, bias_hh: float) -> float:
    return float(1.0 / (1.0 + np.exp(-bias_ih - bias_hh)))


def _of_gate(value: Callable[[float], Any]) -> Callable[..., float]:
    return lambda bias_ih, bias_hh: float(value(_gate(bias_ih, bias_hh)))


def _no_sigmoid(bias_ih: float, bias_hh: float) -> float:
    with np.errstate(all="ignore"):
        return float(np.log(2.0) / -np.log(np.float64(bias_ih + bias_hh)))


def _logit(gate: float) -> float:
    return float(np.log(gate / (1.0 - gate)))


def _bias_pairs(rng: np.random.Generator) -> Sequence[Arguments]:
    return [(float(rng.uniform(-1.0, 3.0)), float(rng.uniform(0.3, 3.0))) for _ in range(5)]


def _half_lives(rng: np.random.Generator) -> Sequence[Arguments]:
    return [(float(np.exp(rng.uniform(low, low + 1.0))),) for low in (0.2, 1.5, 3.0, 4.5, 6.0)]


HALF_LIFE = CodeExercise(
    id="lstm/half-life",
    title="The half-life of a forget bias",
    lesson="08",
    functions=(
        Function(
            "half_life",
            ("bias_ih", "bias_hh"),
            half_life,
            (
                Misconception(
                    "the σ is forgotten",
                    _no_sigmoid,
                    "You took the bias for the gate. The gate is σ of the bias; a bias above 1 "
                    "would not forget but grow.",
                ),
                Misconception(
                    "1/e instead of a half",
                    _of_gate(lambda f: -1.0 / np.log(f)),
                    "You found where 1/e is left, f^k = 1/e. For a half the numerator is ln 2.",
                ),
                Misconception(
                    "two logarithms mixed",
                    _of_gate(lambda f: np.log(2.0) / -np.log2(f)),
                    "You divided ln 2 by log₂ f. Take one logarithm for both: ln 2/−ln f, or "
                    "1/−log₂ f.",
                ),
                Misconception(
                    "one over what is let go",
                    _of_gate(lambda f: 1.0 / (1.0 - f)),
                    "1/(1 − f) is the mean lifetime of what is in the cell. The half-life solves "
                    "f^k = ½.",
                ),
                Misconception(
                    "the formula for large biases",
                    lambda bias_ih, bias_hh: float(np.log(2.0) * np.exp(bias_ih + bias_hh)),
                    "ln 2 · e^b is what the half-life comes near to for a large b. Solve "
                    "σ(b)^k = ½ itself.",
                ),
                Misconception(
                    "one bias only",
                    lambda bias_ih, bias_hh: half_life(bias_ih, 0.0),
                    "You used bias_ih only. torch adds both biases: who writes 1 into each has a "
                    "forget bias of 2.",
                ),
                Misconception(
                    "the mean of the two biases",
                    lambda bias_ih, bias_hh: half_life(0.5 * bias_ih, 0.5 * bias_hh),
                    "You took the mean of the two biases. torch adds them.",
                ),
            ),
            returns="a float",
        ),
        Function(
            "forget_bias_for",
            ("steps",),
            forget_bias_for,
            (
                Misconception(
                    "the gate instead of the bias",
                    lambda steps: 0.5 ** (1.0 / steps),
                    "You returned the gate, f = 2^(−1/k). The bias is what σ turns into it: "
                    "ln(f/(1 − f)).",
                ),
                Misconception(
                    "1/e instead of a half",
                    lambda steps: _logit(float(np.exp(-1.0 / steps))),
                    "After your number of steps 1/e is left. A half is left for f = 2^(−1/k).",
                ),
                Misconception(
                    "the logarithm of the steps",
                    lambda steps: float(np.log(steps)),
                    "ln k is chrono's rule of thumb; its half-life is about 0.7 k. Solve "
                    "σ(b)^k = ½ itself.",
                ),
                Misconception(
                    "the formula for many steps",
                    lambda steps: float(np.log(steps / np.log(2.0))),
                    "ln(k/ln 2) is what the bias comes near to for many steps. Solve "
                    "σ(b)^k = ½ itself.",
                ),
                Misconception(
                    "the sign of the bias",
                    lambda steps: -forget_bias_for(steps),
                    "Your sign is wrong: a positive bias opens the gate, and an open forget gate "
                    "keeps.",
                ),
                Misconception(
                    "a half is lost in equal parts",
                    lambda steps: _logit(1.0 - 0.5 / steps),
                    "You let each step lose the k-th part of a half. Factors multiply: f^k = ½.",
                ),
            ),
            returns="a float",
        ),
    ),
    parts=(
        Part(
            title="half_life of 5 random pairs of biases",
            points=1.0,
            cases=_bias_pairs,
            function="half_life",
            example=(0.5, 0.5),
            look_at="With biases 0.5 and 0.5 the gate is σ(1) = 0.731. How often must it be "
            "multiplied to reach a half?",
        ),
        Part(
            title="forget_bias_for 5 random half-lives, from 1 to 1000 steps",
            points=1.0,
            cases=_half_lives,
            function="forget_bias_for",
            example=(10.0,),
            look_at="For 10 steps the gate is 0.933. Which bias gives it?",
        ),
    ),
    hints=(
        "σ(b) is the gate; after k steps σ(b)^k is left.",
        "f^k = ½ gives k = ln 2/−ln f. Backwards, f = 2^(−1/k), and b = ln(f/(1 − f)).",
        "f = 1/(1 + np.exp(-(bias_ih + bias_hh))); np.log(2)/-np.log(f). And "
        "f = 0.5**(1/steps); np.log(f/(1 - f)).",
    ),
)
