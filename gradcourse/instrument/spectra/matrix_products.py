"""Singular values and growth rates of products of many matrices."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from gradcourse.instrument.spectra.graded_product import log_singular_values
from gradcourse.support import GradcourseError


def product_log_singular_values(matrices: Iterable[ArrayLike]) -> np.ndarray:
    """Return the natural logs of all singular values of ``M_L … M_2 M_1``.

    A float64 SVD of the product is right for the largest 16 decades only. Here the product is
    kept as orthogonal Q times diagonal D (in logs) times well-conditioned U, and the spectrum of
    D U comes from a one-sided Jacobi method, which is right relative to *each* singular value
    (Drmač & Veselić 2008, LAPACK ``dgejsv``). No number of decades is too many.

    Parameters
    ----------
    matrices : iterable of array, each shape (n_out, n_in)
        In the order in which they act: the first is applied first. Each takes as many numbers as
        the one before it gives; they need not be square.

    Returns
    -------
    numpy.ndarray, shape (min(n_out of the last, n_in of the first),), float64
        From the largest to the smallest; -inf for a singular value that is 0. A direction counts
        as 0 where a matrix maps it to exactly 0, as a ReLU that is off, or to nothing but
        rounding errors of float64, as a layer norm does with the mean.

    Raises
    ------
    GradcourseError
        If the matrices do not fit together or are not finite.

    Examples
    --------
    >>> product_log_singular_values([np.diag([1.0, 1e-200])] * 3) / np.log(10)
    array([   0., -600.])
    """
    factors = [_matrix(matrix, position) for position, matrix in enumerate(matrices)]
    if not factors:
        raise GradcourseError("No matrices were given; give at least one, in a list.")
    for position in range(1, len(factors)):
        gives, takes = factors[position - 1].shape[0], factors[position].shape[1]
        if gives != takes:
            raise GradcourseError(
                f"Matrix {position} has shape {factors[position].shape}, so it takes {takes} "
                f"numbers; the one before it gives {gives}. List them in the order in which they "
                "act."
            )
    return log_singular_values(factors)


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
    growth = _growth(matrices, None)
    return np.cumsum(growth, axis=0) / np.arange(1, len(growth) + 1)[:, None]


def lyapunov_exponents(
    matrices: Iterable[ArrayLike], count: int | None = None, burn_in: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the Lyapunov exponents along a trajectory, with their standard errors.

    Parameters
    ----------
    matrices : iterable of array, each shape (n, n)
        The Jacobians of the steps, ∂h_{t+1}/∂h_t, in order. They are read once, one at a time, so
        a generator will do for a long trajectory.
    count : int, optional
        How many exponents, from the largest down; by default all n.
    burn_in : int, optional
        Steps in which the directions may settle, left out of the mean; by default a tenth.

    Returns
    -------
    exponents : numpy.ndarray, shape (count,), float64
        Mean growth per step, in natural logs, sorted from the largest down; -inf where a
        direction is lost.
    standard_error : numpy.ndarray, shape (count,), float64
        From the means of batches of consecutive steps, so it holds for steps that resemble those
        before them, as long as a batch is longer than that memory. It leaves out how much another
        trajectory would differ. NaN beside -inf.

    Raises
    ------
    GradcourseError
        If the matrices are not square and of one size, not finite, or fewer than 16 remain.

    References
    ----------
    Benettin, Galgani, Giorgilli & Strelcyn (1980), Lyapunov characteristic exponents for smooth
    dynamical systems. Standard error: Flegal & Jones (2010), batch means.

    Examples
    --------
    >>> turning = [np.array([[0.0, -2.0], [2.0, 0.0]])] * 40
    >>> exponents, standard_error = lyapunov_exponents(turning)
    >>> (np.exp(exponents).round(6), standard_error.round(6))
    (array([2., 2.]), array([0., 0.]))
    """
    growth = _growth(matrices, count)
    skipped = len(growth) // 10 if burn_in is None else burn_in
    if not isinstance(skipped, int) or skipped < 0:
        raise GradcourseError(f"burn_in is {burn_in!r}; expected a number of steps, 0 or more.")
    growth = growth[skipped:]
    if len(growth) < 16:
        raise GradcourseError(
            f"{len(growth)} steps remain after a burn-in of {skipped}; a standard error needs at "
            "least 16. Use a longer trajectory."
        )
    exponents = growth.mean(axis=0)
    order = np.argsort(-exponents, kind="stable")
    return exponents[order], _batch_error(growth)[order]


def _batch_error(growth: np.ndarray) -> np.ndarray:
    """Standard error of the mean over dependent rows. √L batches balance bias and noise."""
    batches = max(8, math.isqrt(len(growth)))
    length = len(growth) // batches
    used = growth[len(growth) - batches * length :]
    with np.errstate(invalid="ignore"):
        means = used.reshape(batches, length, -1).mean(axis=1)
        spread = means.std(axis=0, ddof=1)
    return np.asarray(spread / math.sqrt(batches))


def _growth(matrices: Iterable[ArrayLike], count: int | None) -> np.ndarray:
    """Log growth of each direction in each step, shape (L, count)."""
    q, shape, growth = np.zeros((0, 0)), (0, 0), []
    for position, given in enumerate(matrices):
        matrix = _matrix(given, position)
        if position == 0:
            q, shape = _start(matrix, count), matrix.shape
        if matrix.shape != shape or shape[0] != shape[1]:
            raise GradcourseError(
                f"Matrix {position} has shape {matrix.shape}; all must be square and of one size."
            )
        exponent = int(np.frexp(np.abs(matrix).max())[1])
        q, r = np.linalg.qr(np.ldexp(matrix, -exponent) @ q)
        with np.errstate(divide="ignore"):
            growth.append(np.log(np.abs(np.diag(r))) + exponent * math.log(2))
    if not growth:
        raise GradcourseError("No matrices were given; give at least one, in a list.")
    return np.array(growth)


def _start(matrix: np.ndarray, count: int | None) -> np.ndarray:
    n = matrix.shape[0]
    if count is None or count == n:
        return np.eye(n)
    if not isinstance(count, int) or not 1 <= count <= n:
        raise GradcourseError(f"count is {count!r}; expected 1 to {n}, the size of the matrices.")
    # Random directions: a unit vector may lie in a subspace that the matrices keep to themselves.
    return np.linalg.qr(np.random.default_rng(0).normal(size=(n, count)))[0]


def _matrix(given: ArrayLike, position: int) -> np.ndarray:
    matrix = np.asarray(given, dtype=np.float64)
    if matrix.ndim != 2 or not matrix.size:
        raise GradcourseError(
            f"Matrix {position} has shape {matrix.shape}; expected two dimensions, none of them 0."
        )
    if not np.isfinite(matrix).all():
        raise GradcourseError(f"Matrix {position} holds NaN or Inf; all must be finite.")
    return matrix
