"""Lyapunov exponents of a product of Jacobians, by QR."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def lyapunov_exponents(jacobians):
    """Mean of log|diag R| of the QR decompositions along the way, from the largest down."""
    return np.sort(_growth(jacobians).mean(axis=0))[::-1]


def _growth(jacobians, size=np.abs):
    q, growth = np.eye(len(jacobians[0])), []
    for jacobian in jacobians:
        q, r = np.linalg.qr(jacobian @ q)
        with np.errstate(invalid="ignore"):
            growth.append(np.log(size(np.diag(r))))
    return np.array(growth)


def _q_not_carried(jacobians):
    logs = [np.log(np.abs(np.diag(np.linalg.qr(jacobian)[1]))) for jacobian in jacobians]
    return np.sort(np.mean(logs, axis=0))[::-1]


def _eigenvalues(jacobians):
    logs = [np.sort(np.log(np.abs(np.linalg.eigvals(j)))) for j in jacobians]
    return np.mean(logs, axis=0)[::-1]


def _singular_values(jacobians):
    logs = [np.log(np.linalg.svd(j, compute_uv=False)) for j in jacobians]
    return np.mean(logs, axis=0)


def _whole_product(jacobians):
    product = np.eye(len(jacobians[0]))
    for jacobian in jacobians:
        product = jacobian @ product
    with np.errstate(divide="ignore"):
        return np.log(np.linalg.svd(product, compute_uv=False)) / len(jacobians)


def _slow_direction_first(rng, steps, scale):
    """Upper triangular: the first column of Q stays where it is, and it is the slow one."""
    upper = np.triu(rng.uniform(-0.3, 0.3, (steps, 2, 2)), 1)
    return scale * (upper + np.eye(2) * rng.uniform([0.3, 1.0], [0.6, 1.5], (steps, 2))[:, None])


def _products(steps, scale):
    def cases(rng):
        return [
            (scale * rng.normal(size=(steps + extra, n, n)) * np.linspace(0.5, 1.5, n),)
            for extra, n in ((0, 2), (5, 3))
        ] + [(_slow_direction_first(rng, steps, scale),)]

    return cases


_LYAPUNOV_EXAMPLE = (np.array([[[2.0, 1.0], [1.0, 1.0]], [[0.0, -1.0], [3.0, 0.5]]]),)

LYAPUNOV = CodeExercise(
    id="recurrent/lyapunov",
    title="Lyapunov exponents by QR",
    functions=asks(
        lyapunov_exponents,
        "an array of shape (n,)",
        {
            "Q is not carried along": (
                _q_not_carried,
                "You decomposed each Jacobian by itself. The directions must travel: decompose J_t "
                "Q, with the Q of the step before. (Q J_t has the same R as J_t.)",
            ),
            "no absolute value": (
                lambda jacobians: np.sort(_growth(jacobians, size=np.copy).mean(axis=0))[::-1],
                "You took the logarithm of a negative number: NumPy's R may have negative "
                "entries on the diagonal. Take their absolute value.",
            ),
            "the Jacobian is transposed": (
                lambda jacobians: lyapunov_exponents(np.swapaxes(jacobians, 1, 2)),
                "You multiplied by Jᵀ. That is the way of a gradient, backwards in time. The "
                "directions travel forwards, with J.",
            ),
            "backwards in time": (
                lambda jacobians: lyapunov_exponents(np.asarray(jacobians)[::-1]),
                "You started with the last Jacobian. They come in the order in which they "
                "act: the first in the list is the first to act.",
            ),
            "log of the mean": (
                lambda jacobians: np.sort(np.log(np.exp(_growth(jacobians)).mean(axis=0)))[::-1],
                "You took the mean first, then the logarithm. Factors multiply, so it is their "
                "logarithms that average: first log, then mean.",
            ),
            "the eigenvalues of each step": (
                _eigenvalues,
                "You averaged the eigenvalues of the single Jacobians. Eigenvectors change "
                "from step to step, so those do not multiply.",
            ),
            "the singular values of each step": (
                _singular_values,
                "You averaged the singular values of the single Jacobians. No direction gets "
                "the largest stretch at every step.",
            ),
            "the whole product at once": (
                _whole_product,
                "You multiplied everything first. That leaves the range of float64 in a long "
                "run, and its singular values are not what QR accumulates in a short one.",
            ),
            "sum instead of mean": (
                lambda jacobians: lyapunov_exponents(jacobians) * len(jacobians),
                "You returned the whole growth. An exponent is growth per step: divide by the "
                "number of steps.",
            ),
            "from the smallest up": (
                lambda jacobians: lyapunov_exponents(jacobians)[::-1],
                "Your values are right, and the wrong way round: `np.sort` goes up, and the "
                "largest comes first here.",
            ),
            "not sorted": (
                lambda jacobians: _growth(jacobians).mean(axis=0),
                "Your values are right, and in the order of the columns of Q. In a short run "
                "that need not be from the largest down: sort them.",
            ),
            "one step too few": (
                lambda jacobians: np.sort(_growth(jacobians)[1:].mean(axis=0))[::-1],
                "You left the first step out. No burn-in: every step counts.",
            ),
            "divided by T − 1": (
                lambda jacobians: (
                    lyapunov_exponents(jacobians) * len(jacobians) / (len(jacobians) - 1)
                ),
                "You divided by T − 1. There are T steps: divide by T.",
            ),
            "the largest only": (
                lambda jacobians: float(lyapunov_exponents(jacobians)[0]),
                "You returned the largest exponent only. All n are asked.",
            ),
            "growth factors instead of their logarithms": (
                lambda jacobians: np.exp(lyapunov_exponents(jacobians)),
                "You returned growth factors per step. An exponent is the logarithm of one.",
            ),
            "base two": (
                lambda jacobians: lyapunov_exponents(jacobians) / np.log(2),
                "You used log2. Exponents are in natural logarithms.",
            ),
            "base ten": (
                lambda jacobians: lyapunov_exponents(jacobians) / np.log(10),
                "You used log10. Exponents are in natural logarithms.",
            ),
        },
        name="lyapunov_by_qr",
    ),
    parts=(
        Part(
            title="3 random products of 40 matrices",
            points=2.0,
            cases=_products(40, 1.0),
            example=_LYAPUNOV_EXAMPLE,
            look_at="Their sum must be the mean of log|det J|: no direction may be lost.",
        ),
        Part(
            title="3 random products of 1500 matrices, far below float64",
            points=1.0,
            cases=_products(1500, 0.2),
            example=_LYAPUNOV_EXAMPLE,
            look_at="Nothing may be multiplied up: only Q goes on to the next step.",
        ),
    ),
    hints=(
        "Follow n directions that are at right angles. A step stretches and tilts them; QR makes "
        "them orthogonal again and tells the stretch.",
        "Start with Q = I. At each step: Q, R = qr(J Q). The stretches are on the diagonal of R.",
        "Collect np.log(np.abs(np.diag(R))) at each step, take the mean over steps, sort from the "
        "largest down.",
    ),
)
