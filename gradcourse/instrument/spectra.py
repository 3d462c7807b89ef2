"""Singular values and growth rates of products of many matrices."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import lapack

from gradcourse.support import GradcourseError

_MOST_PER_QR = 5
_SPAN_PER_QR = 16.0
"""A product of factors without QR loses digits with the span of its spectrum: here e¹⁶, 7 of 16."""

_WIDEST = 600.0
"""Largest span of log singular values, e-folds, that one float64 matrix carries safely."""


def product_log_singular_values(matrices: Iterable[ArrayLike]) -> np.ndarray:
    """Return the natural logs of all singular values of ``M_L … M_2 M_1``.

    A float64 SVD of the product is right for the largest 16 decades only. Here the product is
    kept as orthogonal Q times diagonal D (in logs) times unit triangular U, and the spectrum of
    D U comes from a one-sided Jacobi method, which is right relative to *each* singular value
    (Drmač & Veselić 2008, LAPACK ``dgejsv``).

    Parameters
    ----------
    matrices : iterable of array, each shape (n, n)
        In the order in which they act: the first is applied first.

    Returns
    -------
    numpy.ndarray, shape (n,), float64
        From the largest to the smallest.

    Raises
    ------
    GradcourseError
        If the matrices are not square and of one size, not finite, or singular to working
        precision, or if the spectrum spans more than 260 decades.
    """
    log_scale, triangular = _scaled_triangular(_checked(matrices))
    shift = float(log_scale.max()) - _WIDEST / 2
    if log_scale.max() - log_scale.min() > _WIDEST:
        raise GradcourseError(
            f"The singular values span {np.ptp(log_scale) / np.log(10):.0f} decades; at most 260 "
            "fit. Use fewer matrices, or product_exponents for the growth rates."
        )
    scaled = np.exp(log_scale - shift)[:, None] * triangular
    values, _, _, work, _, info = lapack.dgejsv(scaled, joba=2, jobu=3, jobv=3, jobr=0)
    if info != 0:
        raise GradcourseError(
            f"The singular values did not converge (LAPACK dgejsv gave {info}); "
            "check the matrices for NaN and Inf."
        )
    return np.sort(np.log(values) + np.log(work[0] / work[1]) + shift)[::-1]


def product_exponents(matrices: Iterable[ArrayLike]) -> np.ndarray:
    """Return the running Lyapunov exponents of a product of matrices, by QR.

    Row k holds the mean growth per factor, in logs, of n orthogonal directions after k + 1
    factors (Benettin et al. 1980). The rows converge to the exponents from the largest down; they
    are not the singular values of the finite product, which are
    `product_log_singular_values`.

    Parameters
    ----------
    matrices : iterable of array, each shape (n, n)
        In the order in which they act.

    Returns
    -------
    numpy.ndarray, shape (L, n), float64
        -inf where a direction is lost.

    Raises
    ------
    GradcourseError
        If the matrices are not square and of one size, or not finite.
    """
    factors = _checked(matrices)
    q = np.eye(factors[0].shape[0])
    growth = []
    for matrix in factors:
        q, r = np.linalg.qr(matrix @ q)
        with np.errstate(divide="ignore"):
            growth.append(np.log(np.abs(np.diag(r))))
    return np.cumsum(growth, axis=0) / np.arange(1, len(factors) + 1)[:, None]


def _checked(matrices: Iterable[ArrayLike]) -> list[np.ndarray]:
    factors = [np.asarray(matrix, dtype=np.float64) for matrix in matrices]
    if not factors:
        raise GradcourseError("No matrices were given; give at least one, in a list.")
    shape = factors[0].shape
    for position, matrix in enumerate(factors):
        if matrix.ndim != 2 or matrix.shape != shape or shape[0] != shape[1] or not matrix.size:
            raise GradcourseError(
                f"Matrix {position} has shape {matrix.shape}; all must be square and of one size."
            )
        if not np.isfinite(matrix).all():
            raise GradcourseError(f"Matrix {position} holds NaN or Inf; all must be finite.")
    return factors


def _scaled_triangular(factors: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Log of D and unit upper triangular U, where the product is orthogonal × D × U."""
    n = factors[0].shape[0]
    q, log_scale, triangular = np.eye(n), np.zeros(n), np.eye(n)
    done, ahead = 0, 1
    while done < len(factors):
        block, exponents = q, 0
        for matrix in factors[done : done + ahead]:
            # A power of two is taken out, exactly, so that no product overflows.
            exponent = int(np.frexp(np.abs(matrix).max())[1])
            block = np.ldexp(matrix, -exponent) @ block
            exponents += exponent
        taken = min(ahead, len(factors) - done)
        done += taken
        q, r = np.linalg.qr(block)
        # D has no sign, so Q takes over those of R's diagonal.
        signs = np.where(np.diag(r) < 0, -1.0, 1.0)
        q, r = q * signs, r * signs[:, None]
        diagonal = np.diag(r)
        if not np.all(diagonal > 0):
            raise GradcourseError(
                f"The product is singular by matrix {done - 1}: some singular values are 0 and "
                "have no log. Use product_exponents."
            )
        # D'⁻¹ R D is formed entry by entry from differences of logs: D alone would underflow.
        ratio = np.triu(np.exp(np.minimum(log_scale[None, :] - log_scale[:, None], 700.0)))
        triangular = (r / diagonal[:, None] * ratio) @ triangular
        log_scale = log_scale + np.log(diagonal) + exponents * np.log(2)
        span = np.ptp(np.log(diagonal)) / taken
        ahead = int(np.clip(_SPAN_PER_QR / max(span, 1e-9), 1, _MOST_PER_QR))
    return log_scale, triangular
