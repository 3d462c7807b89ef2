"""One step of an LSTM, with torch's weights."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.drivers.lstm import drive_lstm_step

CELL_INPUTS = (
    "cell.weight_ih",
    "cell.weight_hh",
    "cell.bias_ih",
    "cell.bias_hh",
    "x",
    "h",
)
"""What the drivers' arguments are called."""


def _sums(cell, x, h):
    return x @ cell.weight_ih.T + h @ cell.weight_hh.T + cell.bias_ih + cell.bias_hh


def lstm_step(cell, x, h, c):
    """h and c after one step, as nn.LSTMCell computes them."""
    i, f, g, o = _sums(cell, x, h).chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def _sigmoid(z):
    return z.sigmoid()


def _tanh(z):
    return z.tanh()


def _step(
    order="ifgo",
    gate=_sigmoid,
    written=_tanh,
    new=lambda i, f, g, c: f * c + i * g,
    read=lambda new, old: new.tanh(),
    sums=_sums,
):
    """The same with another order of blocks, other squashes, another cell or another sum."""

    def answer(cell, x, h, c):
        blocks = dict(zip(order, sums(cell, x, h).chunk(4, dim=1), strict=True))
        after = new(gate(blocks["i"]), gate(blocks["f"]), written(blocks["g"]), c)
        return gate(blocks["o"]) * read(after, c), after

    return answer


def _one_bias(cell, x, h):
    return _sums(cell, x, h) - cell.bias_hh


def _squashed_cell(cell, x, h, c):
    h, c = lstm_step(cell, x, h, c)
    return h, c.tanh()


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
                _step("ifog"),
                "You took the third block for the output gate and the fourth for g. torch's "
                "order is i, f, g, o.",
            ),
            "gates in the order f, i, g, o": (
                _step("figo"),
                "You took the first block for the forget gate, or let i weigh the old cell "
                "and f the new one. torch's order is i, f, g, o, and c = f·c + i·g.",
            ),
            "gates in the order f, i, o, g": (
                _step("fiog"),
                "Your blocks are in the order of many textbooks: f, i, o, g. torch's is i, f, "
                "g, o.",
            ),
            "σ for the candidate": (
                _step(written=_sigmoid),
                "You put g through σ. It is what is written, not a gate: tanh, so that it can "
                "be negative.",
            ),
            "σ and tanh swapped": (
                _step(gate=_tanh, written=_sigmoid),
                "You put the gates through tanh and g through σ. A gate is a share from 0 to "
                "1: σ. What it lets through is tanh.",
            ),
            "h = o · c": (
                _step(read=lambda new, old: new),
                "Your c is right, but h is o times tanh(c): the cell may grow beyond 1, the "
                "state may not.",
            ),
            "the output reads the old cell": (
                _step(read=lambda new, old: old.tanh()),
                "Your c is right, but h reads the cell before the step. It is o times tanh of "
                "the new c.",
            ),
            "one bias left out": (
                _step(sums=_one_bias),
                "You left bias_hh out. torch has two biases for each gate and adds both.",
            ),
            "no bias": (
                _step(sums=lambda cell, x, h: x @ cell.weight_ih.T + h @ cell.weight_hh.T),
                "You left the biases out. torch has two for each gate and adds both.",
            ),
            "h left out": (
                lambda cell, x, h, c: lstm_step(cell, x, 0.0 * h, c),
                "Your gates look at x only. They look at h as well: h @ weight_hh.T belongs "
                "to the sum.",
            ),
            "nothing is forgotten": (
                _step(new=lambda i, f, g, c: c + i * g),
                "You added to the old cell all of it, c + i·g. It is multiplied by the forget "
                "gate first.",
            ),
            "an open gate that forgets": (
                _step(new=lambda i, f, g, c: (1.0 - f) * c + i * g),
                "You kept 1 − f of the cell. The forget gate is the share that is *kept*: f·c.",
            ),
            "tanh of the cell returned": (
                _squashed_cell,
                "Your h is right. The c that you return is its tanh; the cell itself is not "
                "squashed, h only reads it so.",
            ),
            "i taken as 1 − f": (
                _step(new=lambda i, f, g, c: f * c + (1.0 - f) * g),
                "You let in 1 − f. That is a GRU's rule; an LSTM has an input gate of its own.",
            ),
            "h and c swapped": (
                lambda cell, x, h, c: lstm_step(cell, x, h, c)[::-1],
                "Your numbers are right, in the wrong order: return h, then c.",
            ),
        },
        driver=drive_lstm_step,
        inputs=(*CELL_INPUTS, "c"),
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
