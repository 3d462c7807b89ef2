"""One step of a GRU, with torch's weights."""

from __future__ import annotations

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.drivers.lstm import drive_gru_step
from gradcourse.exercises.lstm.cells import cells, example


def _blocks(cell, x, h):
    from_x = x @ cell.weight_ih.T + cell.bias_ih
    from_h = h @ cell.weight_hh.T + cell.bias_hh
    return from_x.chunk(3, dim=1), from_h.chunk(3, dim=1)


def gru_step(cell, x, h):
    """h after one step, as nn.GRUCell computes it."""
    (xr, xz, xn), (hr, hz, hn) = _blocks(cell, x, h)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    return (1.0 - z) * (xn + r * hn).tanh() + z * h


def _z_the_other_way(cell, x, h):
    (xr, xz, xn), (hr, hz, hn) = _blocks(cell, x, h)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    return z * (xn + r * hn).tanh() + (1.0 - z) * h


def _reset_before_product(cell, x, h):
    (xr, xz, xn), (hr, hz, _) = _blocks(cell, x, h)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    n = len(cell.bias_hh) // 3
    hn = (r * h) @ cell.weight_hh[2 * n :].T + cell.bias_hh[2 * n :]
    return (1.0 - z) * (xn + hn).tanh() + z * h


def _bias_not_reset(cell, x, h):
    (xr, xz, xn), (hr, hz, hn) = _blocks(cell, x, h)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    b = cell.bias_hh.chunk(3)[2]
    return (1.0 - z) * (xn + b + r * (hn - b)).tanh() + z * h


def _reset_and_update_swapped(cell, x, h):
    (xz, xr, xn), (hz, hr, hn) = _blocks(cell, x, h)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    return (1.0 - z) * (xn + r * hn).tanh() + z * h


def _everything_reset(cell, x, h):
    (xr, xz, xn), (hr, hz, hn) = _blocks(cell, x, h)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    return (1.0 - z) * (r * (xn + hn)).tanh() + z * h


def _no_reset(cell, x, h):
    (_, xz, xn), (_, hz, hn) = _blocks(cell, x, h)
    z = (xz + hz).sigmoid()
    return (1.0 - z) * (xn + hn).tanh() + z * h


def _sigmoid_n(cell, x, h):
    (xr, xz, xn), (hr, hz, hn) = _blocks(cell, x, h)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    return (1.0 - z) * (xn + r * hn).sigmoid() + z * h


def _one_bias(cell, x, h):
    (xr, xz, xn), (hr, hz, hn) = _blocks(cell, x, h)
    br, bz, bn = cell.bias_hh.chunk(3)
    r, z = (xr + hr - br).sigmoid(), (xz + hz - bz).sigmoid()
    return (1.0 - z) * (xn + r * (hn - bn)).tanh() + z * h


def _candidate_before_update(cell, x, h):
    (xr, xn, xz), (hr, hn, hz) = _blocks(cell, x, h)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    return (1.0 - z) * (xn + r * hn).tanh() + z * h


def _candidate_unsquashed(cell, x, h):
    (xr, xz, xn), (hr, hz, hn) = _blocks(cell, x, h)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    return (1.0 - z) * (xn + r * hn) + z * h


GRU_STEP = CodeExercise(
    id="lstm/gru-step",
    title="One step of a GRU",
    functions=asks(
        gru_step,
        "a tensor, h",
        {
            "z and 1 − z swapped": (
                _z_the_other_way,
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
                _reset_and_update_swapped,
                "You took the first block for z. torch's order is r, z, n.",
            ),
            "blocks in the order r, n, z": (
                _candidate_before_update,
                "You took the second block for n and the third for z. torch's order is r, z, n.",
            ),
            "one bias left out": (
                _one_bias,
                "You left bias_hh out. torch has two biases for each block; those of n are "
                "used in different places.",
            ),
            "no tanh": (
                _candidate_unsquashed,
                "Your candidate n is a plain sum. It goes through tanh.",
            ),
            "the input is reset, too": (
                _everything_reset,
                "You multiplied the whole sum by r. Only the part that comes from h is reset.",
            ),
            "the reset gate is left out": (
                _no_reset,
                "You left r out. It multiplies what the candidate n reads from h.",
            ),
            "σ for the candidate": (
                _sigmoid_n,
                "You put n through σ. It is what is written, not a gate: tanh.",
            ),
        },
        driver=drive_gru_step,
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
