"""Chrono initialization, and what the other paths do at rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcourse.checking.exercise import Arguments, CodeExercise, Function, Misconception, Part
from gradcourse.drivers.lstm import drive_chrono

Array = NDArray[np.float64]

# ---------------------------------------------------------------- chrono initialization


def _with(
    keep: Callable[[float, Any], Any],
    entering: Callable[[Any], Any] = lambda b: -b,
    *,
    forget_block: int = 1,
    input_block: int = 0,
    both: bool = False,
    clean: bool = True,
) -> Callable[..., None]:
    """Set the biases with one of the rules that learners follow."""

    def chrono_(lstm: Any, longest: float, uniform: Any) -> None:
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


def _log_u(longest: float, uniform: Any) -> Any:
    return (1.0 + (longest - 2.0) * uniform).log()


chrono_reference = _with(_log_u)


def _biases(rng: np.random.Generator) -> Sequence[Arguments]:
    made: list[Arguments] = []
    for n in (3, 5, 4):
        first, second = rng.normal(0.0, 0.5, (2, 4 * n))
        made.append((first, second, float(rng.uniform(20.0, 500.0)), rng.uniform(0.05, 0.95, n)))
    return made


CHRONO = CodeExercise(
    id="lstm/chrono",
    title="Chrono initialization",
    lesson="08",
    functions=(
        Function(
            "chrono_",
            ("lstm", "longest", "uniform"),
            chrono_reference,
            (
                Misconception(
                    "both bias vectors",
                    _with(_log_u, both=True),
                    "You wrote the bias into bias_ih and into bias_hh. torch adds the two, so it "
                    "counts twice: one of them must stay 0.",
                ),
                Misconception(
                    "the old biases stay",
                    _with(_log_u, clean=False),
                    "torch's random biases are still there, and are added to yours. Zero both "
                    "vectors first.",
                ),
                Misconception(
                    "the input gate left alone",
                    _with(_log_u, lambda b: 0.0 * b),
                    "You set the forget gate only. With i = ½ a cell that keeps everything fills "
                    "up: the input bias is −ln u.",
                ),
                Misconception(
                    "the sign of the input bias",
                    _with(_log_u, lambda b: b),
                    "You gave the input gate +ln u. A cell that keeps much should take in little: "
                    "−ln u.",
                ),
                Misconception(
                    "input and forget gate swapped",
                    _with(_log_u, forget_block=0, input_block=1),
                    "You took the first block for the forget gate. torch's order is input, "
                    "forget, cell, output.",
                ),
                Misconception(
                    "the logarithm is spread evenly",
                    _with(lambda longest, uniform: uniform * np.log(longest - 1.0)),
                    "You drew ln u evenly. It is u, the time, that is even on [1, T_max − 1]; then "
                    "take the logarithm.",
                ),
                Misconception(
                    "the time itself",
                    _with(lambda longest, uniform: 1.0 + (longest - 2.0) * uniform),
                    "You wrote u into the bias: σ(50) is 1 to the last digit, and never forgets. "
                    "The bias is ln u.",
                ),
                Misconception(
                    "times from 0 to T_max",
                    _with(lambda longest, uniform: (longest * uniform).log()),
                    "Your times start at 0, where ln u is −∞. They go from 1 to T_max − 1.",
                ),
            ),
            driver=drive_chrono,
            returns="nothing: it changes the biases in place",
        ),
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
        "with torch.no_grad(): zero both; b = torch.log(1 + (longest - 2) * uniform); "
        "lstm.bias_ih_l0[n:2*n] = b; lstm.bias_ih_l0[:n] = -b",
    ),
)

# ---------------------------------------------------------------- growth at rest


def rest_growth(W_hh: Any, forget_bias: float) -> float:
    """Spectral radius of σ(b) I + ¼ W_g, ∂c_t/∂c_(t−1) of an LSTM at rest."""
    return _radius(_step(W_hh, forget_bias, 2, 0.25))


def _step(W_hh: Any, forget_bias: float, block: int, gates: float) -> Array:
    n = np.shape(W_hh)[1]
    kept = 1.0 / (1.0 + np.exp(-forget_bias))
    return np.asarray(kept * np.eye(n) + gates * np.asarray(W_hh)[block * n : (block + 1) * n])


def _radius(matrix: Array) -> float:
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def _radii_added(W_hh: Any, forget_bias: float) -> float:
    kept = 1.0 / (1.0 + np.exp(-forget_bias))
    n = np.shape(W_hh)[1]
    return float(kept + 0.25 * _radius(np.asarray(W_hh)[2 * n : 3 * n]))


def _matrices(rng: np.random.Generator) -> Sequence[Arguments]:
    made: list[Arguments] = []
    for n, bias in ((3, -0.5), (4, 1.0), (6, 2.0)):
        weights = rng.normal(0.0, 1.2, (4 * n, n))
        # A turn: complex eigenvalues, for which radii do not simply add.
        weights[2 * n] -= 3.0 * np.eye(n)[1]
        weights[2 * n + 1] += 3.0 * np.eye(n)[0]
        made.append((weights, float(bias + rng.uniform(-0.3, 0.3))))
    return made


REST = CodeExercise(
    id="lstm/rest-growth",
    title="An LSTM at rest",
    lesson="08",
    functions=(
        Function(
            "rest_growth",
            ("W_hh", "forget_bias"),
            rest_growth,
            (
                Misconception(
                    "the output gate is forgotten",
                    lambda W, b: _radius(_step(W, b, 2, 0.5)),
                    "You multiplied W_g by i = ½ only. h is o·tanh(c), so o = ½ comes in, too: a "
                    "quarter.",
                ),
                Misconception(
                    "no gates before W_g",
                    lambda W, b: _radius(_step(W, b, 2, 1.0)),
                    "You added W_g as it is. Between c_(t−1) and c_t stand o on the way out and i "
                    "on the way in, each ½.",
                ),
                Misconception(
                    "the block of the output gate",
                    lambda W, b: _radius(_step(W, b, 3, 0.25)),
                    "You took the last block, W_o. torch's order is i, f, g, o: W_g is the third.",
                ),
                Misconception(
                    "the block of the forget gate",
                    lambda W, b: _radius(_step(W, b, 1, 0.25)),
                    "You took W_f. At rest c is 0, so what the forget gate does to it has no "
                    "derivative. W_g is the third block.",
                ),
                Misconception(
                    "the road is left out",
                    lambda W, b: _radius(_step(W, b, 2, 0.25) - np.eye(np.shape(W)[1]) * _kept(b)),
                    "You left the road out: σ(b) on the diagonal.",
                ),
                Misconception(
                    "the norm in place of the radius",
                    lambda W, b: float(np.linalg.norm(_step(W, b, 2, 0.25), 2)),
                    "You took the spectral norm: the most that one step can do. After many steps "
                    "it is the spectral radius.",
                ),
                Misconception(
                    "radii added",
                    _radii_added,
                    "You added σ(b) and ¼ of the radius of W_g. Eigenvalues add, their sizes do "
                    "not: take the eigenvalues of the sum.",
                ),
                Misconception(
                    "the σ is forgotten",
                    lambda W, b: _radius(_step(W, b, 2, 0.25) + (b - _kept(b)) * _unit(W)),
                    "You put the bias itself on the diagonal. The gate is σ of it.",
                ),
            ),
            returns="a float",
        ),
    ),
    parts=(
        Part(
            title="3 random LSTMs of 3 to 6 units",
            points=2.0,
            cases=_matrices,
            example=(np.array([[1.0], [1.0], [4.0], [2.0]]), 0.0),
            look_at="In the example W_g is 4 and the gates are ½: 0.5 + 0.25 · 4 = 1.5.",
        ),
    ),
    hints=(
        "At rest h = c = 0 and g = 0, so only two ways lead from c_(t−1) to c_t: the cell itself, "
        "and h_(t−1) into g.",
        "∂c_t/∂c_(t−1) = σ(b)·I + i·W_g·o, with i = o = ½. W_g is rows 2n to 3n of W_hh.",
        "n = W_hh.shape[1]; J = np.eye(n)/(1 + np.exp(-forget_bias)) + W_hh[2*n:3*n]/4; "
        "np.abs(np.linalg.eigvals(J)).max()",
    ),
)


def _kept(bias: float) -> float:
    return float(1.0 / (1.0 + np.exp(-bias)))


def _unit(W_hh: Any) -> Array:
    return np.eye(np.shape(W_hh)[1])
