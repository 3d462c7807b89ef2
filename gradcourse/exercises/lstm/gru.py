"""One step of a GRU, with torch's weights."""

from __future__ import annotations

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.drivers.lstm import drive_gru_step
from gradcourse.exercises.lstm.cells import CELL_INPUTS, cells, example


def _blocks(cell, x, h, second_bias=1.0):
    from_x = x @ cell.weight_ih.T + cell.bias_ih
    from_h = h @ cell.weight_hh.T + second_bias * cell.bias_hh
    return from_x.chunk(3, dim=1), from_h.chunk(3, dim=1)


def gru_step(cell, x, h):
    """h after one step, as nn.GRUCell computes it."""
    (xr, xz, xn), (hr, hz, hn) = _blocks(cell, x, h)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    return (1.0 - z) * (xn + r * hn).tanh() + z * h


def _candidate(r, xn, hn):
    return (xn + r * hn).tanh()


def _step(candidate=_candidate, order="rzn", kept=lambda z: z, second_bias=1.0):
    """The same with another candidate, another order of blocks, or another share that is kept."""

    def answer(cell, x, h):
        from_x, from_h = (
            dict(zip(order, part, strict=True)) for part in _blocks(cell, x, h, second_bias)
        )
        r, z = ((from_x[gate] + from_h[gate]).sigmoid() for gate in "rz")
        new = candidate(r, from_x["n"], from_h["n"])
        return (1.0 - kept(z)) * new + kept(z) * h

    return answer


def _reset_before_product(cell, x, h):
    r = _blocks(cell, x, h)[0][0] + _blocks(cell, x, h)[1][0]
    hn = _blocks(cell, x, r.sigmoid() * h)[1][2]
    return _step(lambda _r, xn, _hn: (xn + hn).tanh())(cell, x, h)


def _bias_not_reset(cell, x, h):
    b = cell.bias_hh.chunk(3)[2]
    return _step(lambda r, xn, hn: (xn + b + r * (hn - b)).tanh())(cell, x, h)


def _no_sigmoid_of_r(cell, x, h):
    (xr, _, _), (hr, _, _) = _blocks(cell, x, h)
    return _step(lambda _r, xn, hn: (xn + (xr + hr) * hn).tanh())(cell, x, h)


GRU_STEP = CodeExercise(
    id="lstm/gru-step",
    title="One step of a GRU",
    functions=asks(
        gru_step,
        "a tensor, h",
        {
            "z and 1 − z swapped": (
                _step(kept=lambda z: 1.0 - z),
                "You let z take the new value. In torch z is the share of h that is *kept*; "
                "some papers write it the other way round.",
            ),
            "reset before the matrix product": (
                _reset_before_product,
                "You multiplied h by r before W_hn. That is the GRU of the first paper; torch "
                "applies r after the product, r·(W_hn h + b_hn).",
            ),
            "b_hn outside the reset": (
                _bias_not_reset,
                "You added b_hn outside of r. In torch it is inside: r·(W_hn h + b_hn).",
            ),
            "r and z swapped": (
                _step(order="zrn"),
                "You took the first block for z. torch's order is r, z, n.",
            ),
            "blocks in the order r, n, z": (
                _step(order="rnz"),
                "You took the second block for n and the third for z. torch's order is r, z, n.",
            ),
            "one bias left out": (
                _step(second_bias=0.0),
                "You left bias_hh out. torch has two biases for each block; those of n are "
                "used in different places.",
            ),
            "the σ of r is forgotten": (
                _no_sigmoid_of_r,
                "You multiplied by the sum for r itself. A gate is a share from 0 to 1: σ of it.",
            ),
            "no tanh": (
                _step(lambda r, xn, hn: xn + r * hn),
                "Your candidate n is a plain sum. It goes through tanh.",
            ),
            "the input is reset, too": (
                _step(lambda r, xn, hn: (r * (xn + hn)).tanh()),
                "You multiplied the whole sum by r. Only the part that comes from h is reset.",
            ),
            "the reset gate is left out": (
                _step(lambda r, xn, hn: (xn + hn).tanh()),
                "You left r out. It multiplies what the candidate n reads from h.",
            ),
            "σ for the candidate": (
                _step(lambda r, xn, hn: (xn + r * hn).sigmoid()),
                "You put n through σ. It is what is written, not a gate: tanh.",
            ),
        },
        driver=drive_gru_step,
        inputs=CELL_INPUTS,
    ),
    parts=(
        Part(
            title="3 random cells, float64, against torch's formulas",
            points=2.0,
            cases=cells(3, 1),
            example=example(3, 1),
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
