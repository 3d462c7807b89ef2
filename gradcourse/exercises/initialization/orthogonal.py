"""An orthogonal matrix that is uniformly distributed."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.drivers.initialization import drive_orthogonal


def orthogonal(a):
    """Q of A = QR with a positive diagonal of R; of a wide A, the transpose of Aᵀ's."""
    a = np.asarray(a, dtype=np.float64)
    if a.shape[0] < a.shape[1]:
        return orthogonal(a.T).T
    q, r = np.linalg.qr(a)
    return np.asarray(q * np.sign(np.diag(r)))


def _if_tall(q):
    """Of a wide matrix, the transpose of what the transpose gives."""
    return lambda a: q(a) if a.shape[0] >= a.shape[1] else q(a.T).T


def _signs(r, length):
    signs = np.sign(np.diag(r))
    return np.concatenate([signs, np.ones(length - len(signs))])


def _sign_on_rows(a):
    q, r = np.linalg.qr(a)
    return _signs(r, len(q))[:, None] * q


def _times_diagonal(a):
    q, r = np.linalg.qr(a)
    return q * np.diag(r)


def _signs_of_all(a):
    q, r = np.linalg.qr(a)
    return q * np.sign(r)


def _complete(a):
    """A square Q whatever the shape."""
    q, r = np.linalg.qr(a, mode="complete")
    return q * _signs(r, len(q))


def _polar(a):
    u, _, vt = np.linalg.svd(np.asarray(a), full_matrices=False)
    return np.asarray(u @ vt)


def _left_singular(a):
    a = np.asarray(a)
    if a.shape[0] < a.shape[1]:
        return np.asarray(np.linalg.svd(a, full_matrices=False)[2])
    return np.asarray(np.linalg.svd(a, full_matrices=False)[0])


def _wide_as_it_is(a):
    q, r = np.linalg.qr(np.asarray(a))
    return np.asarray(q * np.sign(np.diag(r)))


def _gaussian(rng, rows, columns):
    """Gaussian, with both signs on R's diagonal, so that a missing correction shows."""
    while True:
        a = rng.standard_normal((rows, columns))
        signs = np.sign(np.diag(np.linalg.qr(a if rows >= columns else a.T)[1]))
        if abs(signs.sum()) < len(signs):
            return a


def _squares(rng):
    return [(_gaussian(rng, n, n),) for n in (3, 5, 8)]


def _oblongs(rng):
    return [(_gaussian(rng, *shape),) for shape in ((7, 3), (4, 9))]


def _stacks(rng):
    return [(rng.standard_normal((400, n, n)),) for n in (2, 3)]


ORTHOGONAL = CodeExercise(
    id="init/orthogonal",
    title="A uniform orthogonal matrix",
    functions=asks(
        orthogonal,
        "an array with the shape of a",
        {
            "no sign fix": (
                _if_tall(lambda a: np.linalg.qr(a)[0]),
                "Orthogonal, but not uniform: np.linalg.qr picks the signs of R's diagonal by "
                "its own rule, so the upper left entry of Q is almost never positive. Make "
                "R's diagonal positive.",
            ),
            "a negative diagonal": (
                lambda a: -orthogonal(a),
                "You made the diagonal of R negative. Turn all the signs around.",
            ),
            "the signs multiply the rows": (
                _if_tall(_sign_on_rows),
                "You multiplied the rows of Q by the signs. Then Q R is no longer A. If row k "
                "of R changes its sign, *column* k of Q must.",
            ),
            "times R's diagonal, not its sign": (
                _if_tall(_times_diagonal),
                "You multiplied Q by R's diagonal itself. Its columns then have lengths other "
                "than 1. Only the sign is wanted.",
            ),
            "the signs of all of R": (
                _if_tall(_signs_of_all),
                "np.sign(r) is a whole matrix, with zeros below the diagonal, which wipe out "
                "entries of Q. One sign for each column is wanted: those of R's diagonal, "
                "np.diag(r).",
            ),
            "columns of length 1": (
                _if_tall(lambda a: a / np.linalg.norm(a, axis=0)),
                "You scaled the columns to length 1. They are not at right angles to each "
                "other. The QR decomposition sees to that.",
            ),
            "the polar factor U Vᵀ": (
                _polar,
                "U Vᵀ of the singular value decomposition is orthogonal, and of a Gaussian "
                "matrix even uniform. But it is not the Q of A = Q R, which is asked.",
            ),
            "U of the singular value decomposition": (
                _left_singular,
                "U is orthogonal, but its signs are the library's choice, as with qr. Use QR, "
                "where the sign can be fixed by R.",
            ),
            "a wide matrix is not transposed": (
                _wide_as_it_is,
                "Right for square and tall matrices. For a wide one, QR gives a square Q and "
                "loses the shape: work with the transpose and transpose back.",
            ),
            "the complete Q": (
                _if_tall(_complete),
                "Your Q is square whatever the shape of A. The answer has the shape of A: "
                "mode='complete' is not wanted.",
            ),
        },
        driver=drive_orthogonal,
        inputs=("a",),
    ),
    parts=(
        Part(
            title="3 random square matrices",
            points=1.5,
            cases=_squares,
            example=(np.array([[0.0, -1.0], [2.0, 1.0]]),),
            look_at="Qᵀ Q must be 1, Q times an upper triangular R must be A, and R's diagonal "
            "must be positive.",
        ),
        Part(
            title="a tall and a wide random matrix",
            points=1.0,
            cases=_oblongs,
            example=(np.array([[3.0, 0.0, 0.0], [1.0, 2.0, 0.0]]),),
            look_at="The answer has the shape of a. A wide one has orthonormal rows.",
        ),
        Part(
            title="uniform: 400 random matrices, the mean of Q[0, 0] and the share with det Q > 0",
            points=0.5,
            cases=_stacks,
            example=(np.array([[[0.0, -1.0], [2.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]]),),
            rtol=1e-5,
            look_at="Shown: the mean of Q[0, 0], then the share with a positive determinant. For "
            "uniform matrices they are near 0 and near ½.",
        ),
    ),
    hints=(
        "np.linalg.qr gives Q and R. Q is orthogonal already; only its signs are not yet random.",
        "Q R stays the same if column k of Q and row k of R change sign together. Choose the "
        "signs that make R's diagonal positive. Do a wide matrix by its transpose.",
        "q, r = np.linalg.qr(a); return q * np.sign(np.diag(r)).",
    ),
)
