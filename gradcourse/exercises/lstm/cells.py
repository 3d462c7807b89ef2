"""One step of an LSTM and of a GRU, with torch's weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradcourse.checking.exercise import Arguments, CodeExercise, Function, Misconception, Part
from gradcourse.drivers.lstm import drive_gru_step, drive_lstm_step

# ---------------------------------------------------------------- LSTM


def _sums(cell: Any, x: Any, h: Any) -> Any:
    return x @ cell.weight_ih.T + h @ cell.weight_hh.T + cell.bias_ih + cell.bias_hh


def _finish(i: Any, f: Any, g: Any, o: Any, c: Any) -> tuple[Any, Any]:
    """h and c from the four pre-activations."""
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def lstm_step(cell: Any, x: Any, h: Any, c: Any) -> tuple[Any, Any]:
    """h and c after one step, as nn.LSTMCell computes them."""
    i, f, g, o = _sums(cell, x, h).chunk(4, dim=1)
    return _finish(i, f, g, o, c)


def _ordered(order: str) -> Callable[..., Any]:
    def answer(cell: Any, x: Any, h: Any, c: Any) -> Any:
        parts = dict(zip(order, _sums(cell, x, h).chunk(4, dim=1), strict=True))
        return _finish(parts["i"], parts["f"], parts["g"], parts["o"], c)

    return answer


def _sigmoid_candidate(cell: Any, x: Any, h: Any, c: Any) -> Any:
    i, f, g, o = _sums(cell, x, h).chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.sigmoid()
    return o.sigmoid() * c.tanh(), c


def _tanh_gates(cell: Any, x: Any, h: Any, c: Any) -> Any:
    i, f, g, o = _sums(cell, x, h).chunk(4, dim=1)
    c = f.tanh() * c + i.tanh() * g.sigmoid()
    return o.tanh() * c.tanh(), c


def _cell_not_squashed(cell: Any, x: Any, h: Any, c: Any) -> Any:
    o = _sums(cell, x, h).chunk(4, dim=1)[3].sigmoid()
    c = lstm_step(cell, x, h, c)[1]
    return o * c, c


def _reads_old_cell(cell: Any, x: Any, h: Any, c: Any) -> Any:
    o = _sums(cell, x, h).chunk(4, dim=1)[3].sigmoid()
    return o * c.tanh(), lstm_step(cell, x, h, c)[1]


def _one_bias(cell: Any, x: Any, h: Any, c: Any) -> Any:
    i, f, g, o = (_sums(cell, x, h) - cell.bias_hh).chunk(4, dim=1)
    return _finish(i, f, g, o, c)


def _coupled(cell: Any, x: Any, h: Any, c: Any) -> Any:
    _, f, g, o = _sums(cell, x, h).chunk(4, dim=1)
    c = f.sigmoid() * c + (1.0 - f.sigmoid()) * g.tanh()
    return o.sigmoid() * c.tanh(), c


def _swapped_outputs(cell: Any, x: Any, h: Any, c: Any) -> Any:
    return lstm_step(cell, x, h, c)[::-1]


def _cells(gates: int, states: int) -> Callable[[np.random.Generator], Sequence[Arguments]]:
    def cases(rng: np.random.Generator) -> Sequence[Arguments]:
        made: list[Arguments] = []
        for batch, inputs, n in ((2, 3, 4), (1, 2, 3), (4, 1, 5)):
            shapes = [(gates * n, inputs), (gates * n, n), (gates * n,), (gates * n,)]
            shapes += [(batch, inputs)] + [(batch, n)] * states
            made.append(tuple(rng.normal(0.0, 0.8, shape) for shape in shapes))
        return made

    return cases


def _example(gates: int, states: int) -> Arguments:
    """One unit, one input: numbers that can be followed by hand."""
    weights = np.array([[1.0], [-1.0], [0.5], [2.0]])[:gates]
    recurrent = np.array([[0.5], [1.0], [-2.0], [1.0]])[:gates]
    first, second = np.array([0.0, 1.0, 0.5, -1.0])[:gates], np.array([0.5, 0.0, 1.0, 0.0])[:gates]
    return (weights, recurrent, first, second, np.array([[1.0]]), *[np.array([[0.5]])] * states)


LSTM_STEP = CodeExercise(
    id="lstm/lstm-step",
    title="One step of an LSTM",
    lesson="08",
    functions=(
        Function(
            "lstm_step",
            ("cell", "x", "h", "c"),
            lstm_step,
            (
                Misconception(
                    "gates in the order i, f, o, g",
                    _ordered("ifog"),
                    "You took the third block for the output gate and the fourth for g. torch's "
                    "order is i, f, g, o.",
                ),
                Misconception(
                    "gates in the order f, i, g, o",
                    _ordered("figo"),
                    "You took the first block for the forget gate. torch's order is i, f, g, o: "
                    "the input gate comes first.",
                ),
                Misconception(
                    "gates in the order f, i, o, g",
                    _ordered("fiog"),
                    "Your blocks are in the order of many textbooks: f, i, o, g. torch's is i, f, "
                    "g, o.",
                ),
                Misconception(
                    "σ for the candidate",
                    _sigmoid_candidate,
                    "You put g through σ. It is what is written, not a gate: tanh, so that it can "
                    "be negative.",
                ),
                Misconception(
                    "σ and tanh swapped",
                    _tanh_gates,
                    "You put the gates through tanh and g through σ. A gate is a share from 0 to "
                    "1: σ. What it lets through is tanh.",
                ),
                Misconception(
                    "h = o · c",
                    _cell_not_squashed,
                    "Your c is right, but h is o times tanh(c): the cell may grow beyond 1, the "
                    "state may not.",
                ),
                Misconception(
                    "the output reads the old cell",
                    _reads_old_cell,
                    "Your c is right, but h reads the cell before the step. It is o times tanh of "
                    "the new c.",
                ),
                Misconception(
                    "one bias left out",
                    _one_bias,
                    "You left bias_hh out. torch has two biases for each gate and adds both.",
                ),
                Misconception(
                    "i taken as 1 − f",
                    _coupled,
                    "You let in 1 − f. That is a GRU's rule; an LSTM has an input gate of its own.",
                ),
                Misconception(
                    "h and c swapped",
                    _swapped_outputs,
                    "Your numbers are right, in the wrong order: return h, then c.",
                ),
            ),
            driver=drive_lstm_step,
            returns="two tensors, h and c",
        ),
    ),
    parts=(
        Part(
            title="3 random cells, float64, against torch's formulas",
            points=2.0,
            cases=_cells(4, 2),
            example=_example(4, 2),
            look_at="Compare c first: it needs i, f and g only. If c is right, look at o and tanh.",
        ),
    ),
    hints=(
        "All four blocks come from one sum: x @ weight_ih.T + h @ weight_hh.T plus both biases, "
        "shape (batch, 4n).",
        "Cut it with .chunk(4, dim=1) into i, f, g, o; σ on i, f, o and tanh on g. Then "
        "c = f·c + i·g.",
        "h = o·tanh(c), with the new c; return h, c.",
    ),
)

# ---------------------------------------------------------------- GRU


def _blocks(cell: Any, x: Any, h: Any) -> tuple[Any, Any]:
    from_x = x @ cell.weight_ih.T + cell.bias_ih
    from_h = h @ cell.weight_hh.T + cell.bias_hh
    return from_x.chunk(3, dim=1), from_h.chunk(3, dim=1)


def gru_step(cell: Any, x: Any, h: Any) -> Any:
    """h after one step, as nn.GRUCell computes it."""
    (xr, xz, xn), (hr, hz, hn) = _blocks(cell, x, h)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    return (1.0 - z) * (xn + r * hn).tanh() + z * h


def _z_the_other_way(cell: Any, x: Any, h: Any) -> Any:
    (xr, xz, xn), (hr, hz, hn) = _blocks(cell, x, h)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    return z * (xn + r * hn).tanh() + (1.0 - z) * h


def _reset_before_product(cell: Any, x: Any, h: Any) -> Any:
    (xr, xz, xn), (hr, hz, _) = _blocks(cell, x, h)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    n = len(cell.bias_hh) // 3
    hn = (r * h) @ cell.weight_hh[2 * n :].T + cell.bias_hh[2 * n :]
    return (1.0 - z) * (xn + hn).tanh() + z * h


def _bias_not_reset(cell: Any, x: Any, h: Any) -> Any:
    (xr, xz, xn), (hr, hz, hn) = _blocks(cell, x, h)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    b = cell.bias_hh.chunk(3)[2]
    return (1.0 - z) * (xn + b + r * (hn - b)).tanh() + z * h


def _reset_and_update_swapped(cell: Any, x: Any, h: Any) -> Any:
    (xz, xr, xn), (hz, hr, hn) = _blocks(cell, x, h)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    return (1.0 - z) * (xn + r * hn).tanh() + z * h


def _everything_reset(cell: Any, x: Any, h: Any) -> Any:
    (xr, xz, xn), (hr, hz, hn) = _blocks(cell, x, h)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    return (1.0 - z) * (r * (xn + hn)).tanh() + z * h


def _no_reset(cell: Any, x: Any, h: Any) -> Any:
    (_, xz, xn), (_, hz, hn) = _blocks(cell, x, h)
    z = (xz + hz).sigmoid()
    return (1.0 - z) * (xn + hn).tanh() + z * h


def _sigmoid_n(cell: Any, x: Any, h: Any) -> Any:
    (xr, xz, xn), (hr, hz, hn) = _blocks(cell, x, h)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    return (1.0 - z) * (xn + r * hn).sigmoid() + z * h


GRU_STEP = CodeExercise(
    id="lstm/gru-step",
    title="One step of a GRU",
    lesson="08",
    functions=(
        Function(
            "gru_step",
            ("cell", "x", "h"),
            gru_step,
            (
                Misconception(
                    "z and 1 − z swapped",
                    _z_the_other_way,
                    "You let z take the new value. In torch z is the share of h that is *kept*; "
                    "some papers write it the other way round.",
                ),
                Misconception(
                    "reset before the matrix product",
                    _reset_before_product,
                    "You multiplied h by r before W_hn. That is the GRU of the first paper; torch "
                    "applies r after the product, r·(W_hn h + b_hn).",
                ),
                Misconception(
                    "b_hn outside the reset",
                    _bias_not_reset,
                    "You added b_hn outside of r. In torch it is inside: r·(W_hn h + b_hn).",
                ),
                Misconception(
                    "r and z swapped",
                    _reset_and_update_swapped,
                    "You took the first block for z. torch's order is r, z, n.",
                ),
                Misconception(
                    "the input is reset, too",
                    _everything_reset,
                    "You multiplied the whole sum by r. Only the part that comes from h is reset.",
                ),
                Misconception(
                    "the reset gate is left out",
                    _no_reset,
                    "You left r out. It multiplies what the candidate n reads from h.",
                ),
                Misconception(
                    "σ for the candidate",
                    _sigmoid_n,
                    "You put n through σ. It is what is written, not a gate: tanh.",
                ),
            ),
            driver=drive_gru_step,
            returns="a tensor, h",
        ),
    ),
    parts=(
        Part(
            title="3 random cells, float64, against torch's formulas",
            points=2.0,
            cases=_cells(3, 1),
            example=_example(3, 1),
            look_at="r and z need the two sums only. Then n: which part of its sum does r "
            "multiply?",
        ),
    ),
    hints=(
        "Keep the two sums apart: what comes from x with bias_ih, and what comes from h with "
        "bias_hh. Each is (batch, 3n), in the order r, z, n.",
        "r and z are σ of the two parts' sum. n = tanh(x's part + r · h's part).",
        "return (1 − z)·n + z·h",
    ),
)
