"""What all paths of an LSTM at rest do together."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def rest_growth(W_hh, forget_bias):
    """Spectral radius of σ(b) I + ¼ W_g, ∂c_t/∂c_(t−1) of an LSTM at rest."""
    return _radius(_step(W_hh, forget_bias, 2, 0.25))


def _step(W_hh, forget_bias, block, gates):
    n = np.shape(W_hh)[1]
    kept = 1.0 / (1.0 + np.exp(-forget_bias))
    return np.asarray(kept * np.eye(n) + gates * np.asarray(W_hh)[block * n : (block + 1) * n])


def _radius(matrix):
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def _radii_added(W_hh, forget_bias):
    kept = 1.0 / (1.0 + np.exp(-forget_bias))
    n = np.shape(W_hh)[1]
    return float(kept + 0.25 * _radius(np.asarray(W_hh)[2 * n : 3 * n]))


def _matrices(rng):
    made = []
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
    functions=asks(
        rest_growth,
        "a float",
        {
            "the output gate is forgotten": (
                lambda W, b: _radius(_step(W, b, 2, 0.5)),
                "You multiplied W_g by i = ½ only. h is o·tanh(c), so o = ½ comes in, too: a "
                "quarter.",
            ),
            "the forget bias on the input gate": (
                lambda W, b: _radius(_step(W, b, 2, 0.5 * _kept(b))),
                "You gave the input gate the forget gate's bias. All other biases are 0: i = ½.",
            ),
            "no gates before W_g": (
                lambda W, b: _radius(_step(W, b, 2, 1.0)),
                "You added W_g as it is. Between c_(t−1) and c_t stand o on the way out and i "
                "on the way in, each ½.",
            ),
            "the block of the output gate": (
                lambda W, b: _radius(_step(W, b, 3, 0.25)),
                "You took the last block, W_o. torch's order is i, f, g, o: W_g is the third.",
            ),
            "the block of the forget gate": (
                lambda W, b: _radius(_step(W, b, 1, 0.25)),
                "You took W_f. At rest c is 0, so what the forget gate does to it has no "
                "derivative. W_g is the third block.",
            ),
            "the road is left out": (
                lambda W, b: _radius(_step(W, b, 2, 0.25) - np.eye(np.shape(W)[1]) * _kept(b)),
                "You left the road out: σ(b) on the diagonal.",
            ),
            "the road alone": (
                lambda W, b: _kept(b),
                "You gave the road alone, σ(b). h_(t−1) reads the cell and g reads "
                "h_(t−1): a second way from c_(t−1) to c_t.",
            ),
            "σ(b) on every entry": (
                lambda W, b: _radius(_step(W, b, 2, 0.25) + _kept(b) * (1.0 - _unit(W))),
                "You added σ(b) to every entry of the matrix. A cell keeps itself only: σ(b) "
                "stands on the diagonal, np.eye(n).",
            ),
            "the largest real part": (
                lambda W, b: float(np.linalg.eigvals(_step(W, b, 2, 0.25)).real.max()),
                "You took the largest real part. The spectral radius is the largest "
                "*absolute value* of a complex eigenvalue.",
            ),
            "the norm in place of the radius": (
                lambda W, b: float(np.linalg.norm(_step(W, b, 2, 0.25), 2)),
                "You took the spectral norm: the most that one step can do. After many steps "
                "it is the spectral radius.",
            ),
            "radii added": (
                _radii_added,
                "You added σ(b) and ¼ of the radius of W_g. Eigenvalues add, their sizes do "
                "not: take the eigenvalues of the sum.",
            ),
            "the σ is forgotten": (
                lambda W, b: _radius(_step(W, b, 2, 0.25) + (b - _kept(b)) * _unit(W)),
                "You put the bias itself on the diagonal. The gate is σ of it.",
            ),
        },
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
        "np.eye(n) times σ(b), plus a quarter of the third block of W_hh. np.linalg.eigvals "
        "gives its eigenvalues, complex ones too: ask for their sizes.",
    ),
)


def _kept(bias):
    return float(1.0 / (1.0 + np.exp(-bias)))


def _unit(W_hh):
    return np.eye(np.shape(W_hh)[1])
