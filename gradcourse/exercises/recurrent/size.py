"""Two sizes of a matrix: spectral radius and spectral norm."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def spectral_radius(W):
    """Largest |eigenvalue|."""
    return float(np.abs(np.linalg.eigvals(W)).max())


def spectral_norm(W):
    """Largest singular value."""
    return float(np.linalg.svd(W, compute_uv=False)[0])


def _matrices(rng):
    """Random ones whose dominant eigenvalues are a complex pair or negative, and one sheared."""
    made = []
    angle = rng.uniform(0.9, 1.15)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for core in (1.5 * turn, np.diag([-1.4, rng.uniform(0.5, 0.8)])):
        matrix = np.zeros((4, 4))
        matrix[:2, :2] = core
        matrix[2:, 2:] = np.diag(rng.uniform(0.2, 0.45, 2))
        basis = np.eye(4) + np.triu(rng.uniform(0.5, 1.5, (4, 4)), 1)
        made.append((basis @ matrix @ np.linalg.inv(basis),))
    # Triangular: NumPy lists the eigenvalues in the order of the diagonal, the largest last.
    rising = np.sort(rng.uniform(0.2, 1.3, 3))
    made.append((np.diag(rising) + np.triu(rng.uniform(0.5, 1.5, (3, 3)), 1),))
    made.append((rng.normal(size=(5, 5)) + np.triu(rng.uniform(1.0, 3.0, (5, 5)), 1),))
    return made


_EXAMPLE = (np.array([[0.0, -2.0], [0.5, 0.0]]),)

RADIUS_AND_NORM = CodeExercise(
    id="recurrent/radius-and-norm",
    title="Spectral radius and spectral norm",
    functions=(
        asks(
            spectral_radius,
            "a float",
            {
                "the largest singular value": (
                    spectral_norm,
                    "That is the norm: how much W stretches once, at most. The radius is about "
                    "eigenvalues.",
                ),
                "the largest real part": (
                    lambda W: float(np.linalg.eigvals(W).real.max()),
                    "You took the largest real part. Eigenvalues may be negative or complex: it "
                    "is their absolute value that counts.",
                ),
                "the absolute value of the largest": (
                    lambda W: float(np.abs(np.linalg.eigvals(W).max())),
                    "You took the maximum first and the absolute value after it. A large negative "
                    "eigenvalue is lost that way: first np.abs, then max.",
                ),
                "the absolute value of the real part": (
                    lambda W: float(np.abs(np.linalg.eigvals(W).real).max()),
                    "You dropped the imaginary part. |a + ib| is √(a² + b²): a pair of complex "
                    "eigenvalues turns the state, and that counts.",
                ),
                "as if W were symmetric": (
                    lambda W: float(np.abs(np.linalg.eigvalsh(W)).max()),
                    "`eigvalsh` reads one triangle of W and takes it for symmetric. A recurrent "
                    "matrix is not: use `eigvals`.",
                ),
                "the smallest instead of the largest": (
                    lambda W: float(np.abs(np.linalg.eigvals(W)).min()),
                    "You took the smallest eigenvalue. The one that wins after many steps is the "
                    "largest.",
                ),
                "the first instead of the largest": (
                    lambda W: float(np.abs(np.linalg.eigvals(W)[0])),
                    "You took the first eigenvalue of the list. NumPy does not sort them: take "
                    "the largest.",
                ),
                "all of them": (
                    lambda W: np.abs(np.linalg.eigvals(W)),
                    "You returned all of them. The radius is one number, the largest.",
                ),
                "the mean instead of the largest": (
                    lambda W: float(np.abs(np.linalg.eigvals(W)).mean()),
                    "You took the mean over the eigenvalues. After many steps the largest alone "
                    "is left.",
                ),
                "the largest diagonal entry": (
                    lambda W: float(np.abs(np.diag(W)).max()),
                    "You read the diagonal of W. Its eigenvalues stand there only if W is "
                    "triangular.",
                ),
                "the Frobenius norm": (
                    lambda W: float(np.linalg.norm(W)),
                    "np.linalg.norm(W) is a norm of W, the Frobenius norm. The radius is about "
                    "eigenvalues.",
                ),
                "its square": (
                    lambda W: spectral_radius(W) ** 2,
                    "You returned the square of the radius.",
                ),
            },
        )
        + asks(
            spectral_norm,
            "a float",
            {
                "the spectral radius": (
                    spectral_radius,
                    "That is the spectral radius. W can stretch a vector by more than its largest "
                    "eigenvalue; look at [[0, 2], [0, 0]].",
                ),
                "the Frobenius norm": (
                    lambda W: float(np.linalg.norm(W)),
                    "np.linalg.norm(W) alone is the Frobenius norm: the root of the sum over all "
                    "singular values squared. The largest alone is asked: ord=2.",
                ),
                "its square": (
                    lambda W: spectral_norm(W) ** 2,
                    "The eigenvalues of WᵀW are the squares of the singular values. The root is "
                    "missing.",
                ),
                "all of them": (
                    lambda W: np.linalg.svd(W, compute_uv=False),
                    "You returned all singular values. The norm is the largest of them.",
                ),
                "the smallest instead of the largest": (
                    lambda W: float(np.linalg.svd(W, compute_uv=False)[-1]),
                    "You took the smallest singular value, by which W stretches least. svd sorts "
                    "them from the largest down.",
                ),
                "the largest column sum": (
                    lambda W: float(np.linalg.norm(W, 1)),
                    "That is the largest column sum of |W|, the norm for ord=1. Lengths are "
                    "Euclidean here: ord=2.",
                ),
                "the longest column": (
                    lambda W: float(np.linalg.norm(W, axis=0).max()),
                    "You took the longest column, the image of one unit vector. A vector between "
                    "two axes may be stretched more.",
                ),
                "the longest row": (
                    lambda W: float(np.linalg.norm(W, axis=1).max()),
                    "You took the longest row. A stretch has to do with all rows at once.",
                ),
                "the sum of all": (
                    lambda W: float(np.linalg.svd(W, compute_uv=False).sum()),
                    "You added the singular values up. The largest alone is asked.",
                ),
                "the largest entry": (
                    lambda W: float(np.abs(W).max()),
                    "You took the largest entry. Several entries can add up in one direction.",
                ),
                "the largest row sum": (
                    lambda W: float(np.linalg.norm(W, np.inf)),
                    "That is the largest row sum of |W|, the norm for ord=inf. Lengths are "
                    "Euclidean here: ord=2.",
                ),
            },
        )
    ),
    parts=(
        Part(
            title="spectral_radius of 4 random matrices",
            points=1.0,
            cases=_matrices,
            function="spectral_radius",
            example=_EXAMPLE,
            look_at="The eigenvalues of the example are i and −i. How large are they?",
        ),
        Part(
            title="spectral_norm of 4 random matrices",
            points=1.0,
            cases=_matrices,
            function="spectral_norm",
            example=_EXAMPLE,
            look_at="By how much does the example stretch the vector (0, 1)?",
        ),
    ),
    hints=(
        "One is about what W does to a vector after many steps, the other about one step.",
        "The radius is the largest absolute value of the eigenvalues. The norm is the largest "
        "singular value.",
        "np.linalg.eigvals gives eigenvalues, complex ones too, in no order: ask for their sizes "
        "before you choose. np.linalg.norm takes the kind of norm as its second argument.",
    ),
)
