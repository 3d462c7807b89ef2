"""One step of an LSTM, with torch's weights."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.drivers.lstm import drive_lstm_step


def _sums(cell, x, h):
    return x @ cell.weight_ih.T + h @ cell.weight_hh.T + cell.bias_ih + cell.bias_hh


def _finish(i, f, g, o, c):
    """h and c from the four pre-activations."""
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def lstm_step(cell, x, h, c):
    """h and c after one step, as nn.LSTMCell computes them."""
    i, f, g, o = _sums(cell, x, h).chunk(4, dim=1)
    return _finish(i, f, g, o, c)


def _ordered(order):
    def answer(cell, x, h, c):
        parts = dict(zip(order, _sums(cell, x, h).chunk(4, dim=1), strict=True))
        return _finish(parts["i"], parts["f"], parts["g"], parts["o"], c)

    return answer


def _sigmoid_candidate(cell, x, h, c):
    i, f, g, o = _sums(cell, x, h).chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.sigmoid()
    return o.sigmoid() * c.tanh(), c


def _tanh_gates(cell, x, h, c):
    i, f, g, o = _sums(cell, x, h).chunk(4, dim=1)
    c = f.tanh() * c + i.tanh() * g.sigmoid()
    return o.tanh() * c.tanh(), c


def _cell_not_squashed(cell, x, h, c):
    o = _sums(cell, x, h).chunk(4, dim=1)[3].sigmoid()
    c = lstm_step(cell, x, h, c)[1]
    return o * c, c


def _reads_old_cell(cell, x, h, c):
    o = _sums(cell, x, h).chunk(4, dim=1)[3].sigmoid()
    return o * c.tanh(), lstm_step(cell, x, h, c)[1]


def _one_bias(cell, x, h, c):
    i, f, g, o = (_sums(cell, x, h) - cell.bias_hh).chunk(4, dim=1)
    return _finish(i, f, g, o, c)


def _no_bias(cell, x, h, c):
    i, f, g, o = (_sums(cell, x, h) - cell.bias_ih - cell.bias_hh).chunk(4, dim=1)
    return _finish(i, f, g, o, c)


def _nothing_forgotten(cell, x, h, c):
    i, _, g, o = _sums(cell, x, h).chunk(4, dim=1)
    c = c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def _squashed_cell(cell, x, h, c):
    h, c = lstm_step(cell, x, h, c)
    return h, c.tanh()


def _coupled(cell, x, h, c):
    _, f, g, o = _sums(cell, x, h).chunk(4, dim=1)
    c = f.sigmoid() * c + (1.0 - f.sigmoid()) * g.tanh()
    return o.sigmoid() * c.tanh(), c


def cells(gates, states):
    """Three cells with so many gates, and the states that a step is given."""

    def cases(rng):
        made = []
        for batch, inputs, n in ((2, 3, 4), (1, 2, 3), (4, 1, 5)):
            shapes = [(gates * n, inputs), (gates * n, n), (gates * n,), (gates * n,)]
            shapes += [(batch, inputs)] + [(batch, n)] * states
            made.append(tuple(rng.normal(0.0, 0.8, shape) for shape in shapes))
        return made

    return cases


def example(gates, states):
    """One unit, one input: numbers that can be followed by hand."""
    weights = np.array([[1.0], [-1.0], [0.5], [2.0]])[:gates]
    recurrent = np.array([[0.5], [1.0], [-2.0], [1.0]])[:gates]
    first, second = np.array([0.0, 1.0, 0.5, -1.0])[:gates], np.array([0.5, 0.0, 1.0, 0.0])[:gates]
    return (weights, recurrent, first, second, np.array([[1.0]]), *[np.array([[0.5]])] * states)


LSTM_STEP = CodeExercise(
    id="lstm/lstm-step",
    title="One step of an LSTM",
    functions=asks(
        lstm_step,
        "two tensors, h and c",
        {
            "gates in the order i, f, o, g": (
                _ordered("ifog"),
                "You took the third block for the output gate and the fourth for g. torch's "
                "order is i, f, g, o.",
            ),
            "gates in the order f, i, g, o": (
                _ordered("figo"),
                "You took the first block for the forget gate, or let i weigh the old cell "
                "and f the new one. torch's order is i, f, g, o, and c = f·c + i·g.",
            ),
            "gates in the order f, i, o, g": (
                _ordered("fiog"),
                "Your blocks are in the order of many textbooks: f, i, o, g. torch's is i, f, "
                "g, o.",
            ),
            "σ for the candidate": (
                _sigmoid_candidate,
                "You put g through σ. It is what is written, not a gate: tanh, so that it can "
                "be negative.",
            ),
            "σ and tanh swapped": (
                _tanh_gates,
                "You put the gates through tanh and g through σ. A gate is a share from 0 to "
                "1: σ. What it lets through is tanh.",
            ),
            "h = o · c": (
                _cell_not_squashed,
                "Your c is right, but h is o times tanh(c): the cell may grow beyond 1, the "
                "state may not.",
            ),
            "the output reads the old cell": (
                _reads_old_cell,
                "Your c is right, but h reads the cell before the step. It is o times tanh of "
                "the new c.",
            ),
            "one bias left out": (
                _one_bias,
                "You left bias_hh out. torch has two biases for each gate and adds both.",
            ),
            "no bias": (
                _no_bias,
                "You left the biases out. torch has two for each gate and adds both.",
            ),
            "h left out": (
                lambda cell, x, h, c: lstm_step(cell, x, 0.0 * h, c),
                "Your gates look at x only. They look at h as well: h @ weight_hh.T belongs "
                "to the sum.",
            ),
            "nothing is forgotten": (
                _nothing_forgotten,
                "You added to the old cell all of it, c + i·g. It is multiplied by the forget "
                "gate first.",
            ),
            "tanh of the cell returned": (
                _squashed_cell,
                "Your h is right. The c that you return is its tanh; the cell itself is not "
                "squashed, h only reads it so.",
            ),
            "i taken as 1 − f": (
                _coupled,
                "You let in 1 − f. That is a GRU's rule; an LSTM has an input gate of its own.",
            ),
            "h and c swapped": (
                lambda cell, x, h, c: lstm_step(cell, x, h, c)[::-1],
                "Your numbers are right, in the wrong order: return h, then c.",
            ),
        },
        driver=drive_lstm_step,
    ),
    parts=(
        Part(
            title="3 random cells, float64, against torch's formulas",
            points=2.0,
            cases=cells(4, 2),
            example=example(4, 2),
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
