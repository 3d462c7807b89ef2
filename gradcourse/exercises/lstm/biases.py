"""Chrono initialization."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.drivers.lstm import drive_chrono


def _with(
    keep,
    entering=lambda b: -b,
    *,
    forget_block=1,
    input_block=0,
    both=False,
    clean=True,
):
    """Set the biases with one of the rules that learners follow."""

    def chrono_(lstm, longest, uniform):
        import torch

        n, bias = len(uniform), keep(longest, uniform)
        with torch.no_grad():
            if clean:
                lstm.bias_ih_l0.zero_()
                lstm.bias_hh_l0.zero_()
            for vector in (lstm.bias_ih_l0, lstm.bias_hh_l0)[: 1 + both]:
                vector[forget_block * n : (forget_block + 1) * n] = bias
                vector[input_block * n : (input_block + 1) * n] = entering(bias)

    return chrono_


def _one_vector_cleaned(lstm, longest, uniform):
    import torch

    left = lstm.bias_hh_l0.detach().clone()
    chrono_reference(lstm, longest, uniform)
    with torch.no_grad():
        lstm.bias_hh_l0.copy_(left)


def _weights_cleaned(lstm, longest, uniform):
    import torch

    chrono_reference(lstm, longest, uniform)
    with torch.no_grad():
        lstm.weight_ih_l0.zero_()
        lstm.weight_hh_l0.zero_()


def _log_u(longest, uniform):
    return (1.0 + (longest - 2.0) * uniform).log()


def _gate(longest, uniform):
    return 1.0 - 1.0 / (2.0 + (longest - 2.0) * uniform)


chrono_reference = _with(_log_u)


def _biases(rng):
    made = []
    for n in (3, 5, 4):
        first, second = rng.normal(0.0, 0.5, (2, 4 * n))
        made.append((first, second, float(rng.uniform(20.0, 500.0)), rng.uniform(0.05, 0.95, n)))
    return made


CHRONO = CodeExercise(
    id="lstm/chrono",
    title="Chrono initialization",
    functions=asks(
        chrono_reference,
        "nothing: it changes the biases in place",
        {
            "both bias vectors": (
                _with(_log_u, both=True),
                "You wrote the bias into bias_ih and into bias_hh. torch adds the two, so it "
                "counts twice: one of them must stay 0.",
            ),
            "the old biases stay": (
                _with(_log_u, clean=False),
                "torch's random biases are still there, and are added to yours. Zero both "
                "vectors first.",
            ),
            "one old bias stays": (
                _one_vector_cleaned,
                "You zeroed one of the two bias vectors. The random numbers in the other are "
                "still added.",
            ),
            "no bias is changed": (
                lambda lstm, longest, uniform: None,
                "The biases are as they came. Change them in place, under their own names: "
                "lstm.bias_ih_l0[…] = …; a copy, another name or a return changes nothing.",
            ),
            "the weights are changed": (
                _weights_cleaned,
                "Your biases are right, but you changed the weights, too. Zero the two bias "
                "vectors only.",
            ),
            "the input gate left alone": (
                _with(_log_u, lambda b: 0.0 * b),
                "You set the forget gate only. With i = ½ a cell that keeps everything fills "
                "up: the input bias is −ln u.",
            ),
            "the sign of the input bias": (
                _with(_log_u, lambda b: b),
                "You gave the input gate +ln u. A cell that keeps much should take in little: "
                "−ln u.",
            ),
            "input and forget gate swapped": (
                _with(_log_u, forget_block=0, input_block=1),
                "You took the first block for the forget gate. torch's order is input, "
                "forget, cell, output.",
            ),
            "the logarithm is spread evenly": (
                _with(lambda longest, uniform: uniform * np.log(longest - 1.0)),
                "You drew ln u evenly. It is u, the time, that is even on [1, T_max − 1]; then "
                "take the logarithm.",
            ),
            "times from 1 to T_max": (
                _with(lambda longest, uniform: (1.0 + (longest - 1.0) * uniform).log()),
                "Your times go from 1 to T_max. In the paper's rule they end one step before, "
                "at T_max − 1: the factor is T_max − 2.",
            ),
            "the time itself": (
                _with(lambda longest, uniform: 1.0 + (longest - 2.0) * uniform),
                "You wrote u into the bias: σ(50) is 1 to the last digit, and never forgets. "
                "The bias is ln u.",
            ),
            "the gate in place of the bias": (
                _with(_gate, lambda kept: 1.0 - kept),
                "You wrote the gates, u/(1 + u) and 1/(1 + u), into the biases. A gate is σ of its "
                "bias: the bias of u/(1 + u) is ln u.",
            ),
            "times from 0 to T_max": (
                _with(lambda longest, uniform: (longest * uniform).log()),
                "Your times start at 0, where ln u is −∞. They go from 1 to T_max − 1.",
            ),
        },
        driver=drive_chrono,
        inputs=("bias_ih_l0", "bias_hh_l0", "longest", "uniform"),
    ),
    parts=(
        Part(
            title="3 random LSTMs",
            points=2.0,
            cases=_biases,
            example=(
                np.full(8, 0.25),
                np.full(8, -0.5),
                12.0,
                np.array([0.1, 0.9]),
            ),
            look_at="What is shown is bias_ih + bias_hh of each gate. In the example u is 2 and "
            "10, so the forget biases are ln 2 and ln 10.",
        ),
    ),
    hints=(
        "u = 1 + (T_max − 2)·uniform is even between 1 and T_max − 1. Its logarithm is the forget "
        "bias.",
        "Zero both vectors. With n = len(uniform), bias_ih_l0[:n] belongs to the input gate and "
        "bias_ih_l0[n:2*n] to the forget gate.",
        "Under torch.no_grad(), vector.zero_() empties a vector in place. Then b = torch.log(1 "
        "+ (longest − 2)·uniform) goes into one of the two: with which sign into which block?",
    ),
)
