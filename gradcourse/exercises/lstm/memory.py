"""How long a cell keeps its content, and the bias for a given time."""

from __future__ import annotations

import numpy as np

from gradcourse import theory
from gradcourse.checking.question import CodeExercise, Part, asks


def half_life(bias_ih, bias_hh):
    """Steps in which the direct path halves, for torch's two biases of a forget gate."""
    return float(theory.forget_half_life(bias_ih + bias_hh))


def forget_bias_for(steps):
    """The forget bias whose half-life this is."""
    return float(theory.forget_bias(steps))


def _gate(bias_ih, bias_hh):
    return float(1.0 / (1.0 + np.exp(-bias_ih - bias_hh)))


def _of_gate(value):
    return lambda bias_ih, bias_hh: float(value(_gate(bias_ih, bias_hh)))


def _no_sigmoid(bias_ih, bias_hh):
    with np.errstate(all="ignore"):
        return float(np.log(2.0) / -np.log(np.float64(bias_ih + bias_hh)))


def _logit(gate):
    return float(np.log(gate / (1.0 - gate)))


def _bias_pairs(rng):
    return [(float(rng.uniform(-1.0, 3.0)), float(rng.uniform(0.3, 3.0))) for _ in range(5)]


def _half_lives(rng):
    return [(float(np.exp(rng.uniform(low, low + 1.0))),) for low in (0.2, 1.5, 3.0, 4.5, 6.0)]


HALF_LIFE = CodeExercise(
    id="lstm/half-life",
    title="The half-life of a forget bias",
    functions=(
        asks(
            half_life,
            "a float",
            {
                "the σ is forgotten": (
                    _no_sigmoid,
                    "You took the bias for the gate. The gate is σ of the bias; a bias above 1 "
                    "would not forget but grow.",
                ),
                "1/e instead of a half": (
                    _of_gate(lambda f: -1.0 / np.log(f)),
                    "You found where 1/e is left, f^k = 1/e. For a half the numerator is ln 2.",
                ),
                "two logarithms mixed": (
                    _of_gate(lambda f: np.log(2.0) / -np.log2(f)),
                    "You divided ln 2 by log₂ f. Take one logarithm for both: ln 2/−ln f, or "
                    "1/−log₂ f.",
                ),
                "one over what is let go": (
                    _of_gate(lambda f: 1.0 / (1.0 - f)),
                    "1/(1 − f) is the mean lifetime of what is in the cell. The half-life solves "
                    "f^k = ½.",
                ),
                "a half is lost in equal parts": (
                    _of_gate(lambda f: 0.5 / (1.0 - f)),
                    "You let each step lose 1 − f of what was there at the start. It loses that "
                    "share of what is left: f^k = ½.",
                ),
                "upside down": (
                    _of_gate(lambda f: -np.log(f) / np.log(2.0)),
                    "Your fraction is upside down. f^k = ½, so k ln f = ln ½.",
                ),
                "a negative time": (
                    _of_gate(lambda f: np.log(2.0) / np.log(f)),
                    "Your time is negative: ln f is, so the other logarithm must be ln ½, not "
                    "ln 2.",
                ),
                "rounded up": (
                    _of_gate(lambda f: np.ceil(np.log(2.0) / -np.log(f) - 1e-9)),
                    "You rounded up to whole steps. The number of steps is asked for unrounded.",
                ),
                "a σ for each bias": (
                    lambda bias_ih, bias_hh: float(
                        np.log(2.0) / -np.log(_gate(bias_ih, 0.0) * _gate(0.0, bias_hh))
                    ),
                    "You took σ of each bias and multiplied. torch adds the biases; there is one "
                    "gate, σ of the sum.",
                ),
                "the formula for large biases": (
                    lambda bias_ih, bias_hh: float(np.log(2.0) * np.exp(bias_ih + bias_hh)),
                    "ln 2 · e^b is what the half-life comes near to for a large b. Solve "
                    "σ(b)^k = ½ itself.",
                ),
                "one bias only": (
                    lambda bias_ih, bias_hh: half_life(bias_ih, 0.0),
                    "You used bias_ih only. torch adds both biases: who writes 1 into each has a "
                    "forget bias of 2.",
                ),
                "the mean of the two biases": (
                    lambda bias_ih, bias_hh: half_life(0.5 * bias_ih, 0.5 * bias_hh),
                    "You took the mean of the two biases. torch adds them.",
                ),
            },
        )
        + asks(
            forget_bias_for,
            "a float",
            {
                "the gate instead of the bias": (
                    lambda steps: 0.5 ** (1.0 / steps),
                    "You returned the gate, f = 2^(−1/k). The bias is what σ turns into it: "
                    "ln(f/(1 − f)).",
                ),
                "a half at every step": (
                    lambda steps: _logit(0.5**steps),
                    "You raised a half to the power of the steps. That is what is left of a gate "
                    "of a half; here the gate is asked of which a half is left, f^k = ½.",
                ),
                "1/e instead of a half": (
                    lambda steps: _logit(float(np.exp(-1.0 / steps))),
                    "After your number of steps 1/e is left. A half is left for f = 2^(−1/k).",
                ),
                "the logarithm of the steps": (
                    lambda steps: float(np.log(steps)),
                    "ln k is chrono's rule of thumb; its half-life is about 0.7 k. Solve "
                    "σ(b)^k = ½ itself.",
                ),
                "the logarithm of the steps, less one": (
                    lambda steps: float(np.log(steps - 1.0)),
                    "That gate keeps 1 − 1/k: the mean lifetime is k. For the half-life solve "
                    "σ(b)^k = ½.",
                ),
                "half of it": (
                    lambda steps: 0.5 * forget_bias_for(steps),
                    "That is what each of torch's two biases would have to be. The forget bias is "
                    "their sum.",
                ),
                "the formula for many steps": (
                    lambda steps: float(np.log(steps / np.log(2.0))),
                    "ln(k/ln 2) is what the bias comes near to for many steps. Solve "
                    "σ(b)^k = ½ itself.",
                ),
                "the sign of the bias": (
                    lambda steps: -forget_bias_for(steps),
                    "Your sign is wrong: a positive bias opens the gate, and an open forget gate "
                    "keeps.",
                ),
                "a half is lost in equal parts": (
                    lambda steps: _logit(1.0 - 0.5 / steps),
                    "You let each step lose the k-th part of a half. Factors multiply: f^k = ½.",
                ),
            },
        )
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
        "f = 1/(1 + np.exp(−b)), with b the sum of the two biases; then solve k·ln f = ln ½. "
        "Backwards start from f = 0.5**(1/steps), and turn σ round.",
    ),
)
