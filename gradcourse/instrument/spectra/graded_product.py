"""Products of many matrices as orthogonal × diagonal × well-conditioned, at any range."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.linalg import lapack

from gradcourse.support import GradcourseError

_MOST_PER_QR = 5
_SPAN_PER_QR = 16.0
"""A product of factors without QR loses digits with the span of its spectrum: here e¹⁶, 7 of 16."""

_WIDEST = 600.0
"""Largest span of log singular values, e-folds, that one float64 matrix carries safely."""

_MARGIN = 60.0
"""Two parts of a graded spectrum that are e⁶⁰ apart disturb each other by e⁻¹²⁰, relatively."""

_EPS = float(np.finfo(np.float64).eps)


def log_singular_values(factors: Sequence[np.ndarray]) -> np.ndarray:
    """Natural logs of the singular values of the product, largest first, -inf for a zero.

    ``factors`` are float64 matrices that fit together, the first applied first.
    """
    count = min(factors[-1].shape[0], factors[0].shape[1])
    logs = np.full(count, -np.inf)
    chain = _without_zeros(factors)
    if not all(matrix.size for matrix in chain):
        return logs
    log_scale, right = _graded([part for matrix in chain for part in _even(matrix)])
    found = _spectrum(log_scale, right)
    logs[: len(found)] = found
    return logs


def _without_zeros(factors: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Drop rows that are exactly 0, with the columns they would meet, and the other way round.

    A ReLU that is off makes such a row. Left in, rounding would fill it with 1e-16.
    """
    chain = list(factors)
    for k in range(len(chain)):
        kept = chain[k].any(axis=1)
        if not kept.all():
            chain[k] = chain[k][kept]
            if k + 1 < len(chain):
                chain[k + 1] = chain[k + 1][:, kept]
    for k in reversed(range(1, len(chain))):
        kept = chain[k].any(axis=0)
        if not kept.all():
            chain[k] = chain[k][:, kept]
            chain[k - 1] = chain[k - 1][kept]
    return chain


def _graded(factors: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Log of D, shape (r,), and U, shape (r, n), where the product is orthogonal × D × U."""
    n = factors[0].shape[1]
    q, log_scale, right = np.eye(n), np.zeros(n), np.eye(n)
    done, ahead = 0, 1
    while done < len(factors):
        taken = min(ahead, len(factors) - done)
        block, exponents = _block(factors[done : done + taken], q)
        order = _by_size(block, log_scale)
        if taken > 1 and len(order) < len(log_scale):
            ahead = 1  # a column underflowed
            continue
        new_q, r = _qr(block[:, order])
        span = _span(new_q, r, block[:, order])
        if taken > 1 and span > 1.5 * _SPAN_PER_QR:
            # One of these factors is worse than those before: with fewer at a time no digit goes.
            ahead = max(1, min(taken - 1, int(_SPAN_PER_QR / span * taken)))
            continue
        if span == math.inf:
            new_q, r, order = _rank_revealed(block, order)
            span = _span(new_q, r, block[:, order])
        done += taken
        q = new_q
        log_scale, right = _push(r, log_scale[order], right[order])
        log_scale = log_scale + exponents * np.log(2)
        ahead = int(np.clip(_SPAN_PER_QR / max(span / taken, 1e-9), 1, _MOST_PER_QR))
    return log_scale, right


def _span(q: np.ndarray, r: np.ndarray, columns: np.ndarray) -> float:
    """e-folds between the largest and the smallest pivot; inf if a pivot is only rounding."""
    if _lost(q, r, columns).any():
        return math.inf
    diagonal = np.diag(r)
    return math.log(diagonal.max()) - math.log(diagonal.min())


def _block(factors: list[np.ndarray], q: np.ndarray) -> tuple[np.ndarray, int]:
    """The product of a few factors with Q, and the powers of two taken out of it, exactly."""
    block, exponents = q, 0
    for matrix in factors:
        exponent = int(np.frexp(np.abs(matrix).max())[1])
        block = np.ldexp(matrix, -exponent) @ block
        exponents += exponent
    return block, exponents


def _even(matrix: np.ndarray) -> list[np.ndarray]:
    """The matrix as factors: columns and rows of like size, and powers of two beside it.

    Small columns would drown in what comes before them; rows beyond e³⁰⁰ apart underflow inside
    LAPACK's QR.
    """
    columns = np.frexp(np.abs(matrix).max(axis=0))[1]
    before: list[np.ndarray] = []
    if np.ptp(columns) > 30:
        matrix, before = np.ldexp(matrix, -columns), _diagonal(columns)
    rows = np.frexp(np.abs(matrix).max(axis=1))[1]
    after: list[np.ndarray] = []
    if np.ptp(rows) > 400:
        matrix, after = np.ldexp(matrix, -rows[:, None]), _diagonal(rows)
    return [*before, matrix, *after]


def _diagonal(exponents: np.ndarray) -> list[np.ndarray]:
    """diag(2^exponents) as up to five factors, none of which spans more than 2⁴³⁰."""
    count = -(-int(np.ptp(exponents)) // 430)
    each = [exponents // count] * (count - 1)
    return [np.diag(np.ldexp(1.0, part)) for part in [*each, exponents - sum(each)]]


def _by_size(block: np.ndarray, log_scale: np.ndarray) -> np.ndarray:
    """Columns of block × D from the largest down, without those that are 0."""
    # Not the 2-norm, whose squares underflow from 1e-162 down.
    sizes = np.abs(block).max(axis=0)
    with np.errstate(divide="ignore"):
        logs = np.log(sizes) + log_scale
    order = np.argsort(-logs, kind="stable")
    return order[np.isfinite(logs[order])]


def _rank_revealed(
    block: np.ndarray, order: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Q, R of the ordered columns, without directions that only rounding made.

    A column that depends on those before it goes to the end and makes no row of R.
    """
    leading, dependent = order, order[:0]
    q, r = _qr(block[:, leading])
    while (lost := _lost(q, r, block[:, leading])).any():
        out = np.concatenate([lost, np.zeros(len(leading) - len(lost), dtype=bool)])
        leading, dependent = leading[~out], np.concatenate([dependent, leading[out]])
        # Rounding chose the lost directions, so another column may have been lost to one of them.
        q, r = _qr(block[:, leading])
        back = _independent(q, block[:, dependent])
        if back is not None:
            leading = np.append(leading, dependent[back])
            dependent = np.delete(dependent, back)
            q, r = _qr(block[:, leading])
    if len(dependent):
        r = np.hstack([r, q.T @ block[:, dependent]])
    return q, r, np.concatenate([leading, dependent])


def _independent(q: np.ndarray, columns: np.ndarray) -> int | None:
    """The column that lies most outside the span of Q, if one does so by more than rounding."""
    sizes = np.abs(columns).max(axis=0)
    unit = columns / np.where(sizes > 0, sizes, 1.0)
    outside = np.linalg.norm(unit - q @ (q.T @ unit), axis=0)
    worst = int(outside.argmax())
    return worst if outside[worst] > 1e3 * max(columns.shape[0], len(sizes)) * _EPS else None


def _qr(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """QR with R's diagonal positive, right row by row also where rows differ in size."""
    sizes = np.abs(columns).max(axis=1)
    # Householder QR keeps small rows' digits only if the large rows come first (Cox & Higham 1998).
    rows = np.argsort(-sizes, kind="stable") if sizes.min() < 1e-3 * sizes.max() else None
    work = np.asfortranarray(columns if rows is None else columns[rows])
    m, n = work.shape
    packed, tau, _, info = lapack.dgeqrf(work, lwork=64 * n, overwrite_a=1)
    k = min(m, n)
    r = np.triu(packed[:k])
    q, _, info_q = lapack.dorgqr(packed[:, :k], tau, lwork=64 * k)
    if info or info_q:
        raise GradcourseError(f"LAPACK's QR failed ({info or info_q}); check the matrices.")
    signs = np.where(np.diag(r) < 0, -1.0, 1.0)
    q *= signs
    r *= signs[:, None]
    if rows is not None:
        unsorted = np.empty_like(q)
        unsorted[rows] = q
        q = unsorted
    return q, r


def _lost(q: np.ndarray, r: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Which pivots are nothing but rounding."""
    k = r.shape[0]
    pivots = np.diag(r)
    tolerance = 4 * max(columns.shape) * _EPS
    lost = pivots <= tolerance * math.sqrt(len(columns)) * np.abs(columns[:, :k]).max(axis=0)
    for j in np.flatnonzero(lost):
        # A small pivot is real where it is a sum of small terms, as for diag(1, 1e-30); it is
        # rounding where large terms cancelled.
        terms = np.abs(q[:, j]) @ np.abs(columns[:, j])
        lost[j] = pivots[j] <= tolerance * terms
    return lost


def _push(r: np.ndarray, log_scale: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """D' and U' with R D U = D' U'."""
    k = r.shape[0]
    diagonal = np.diag(r)
    # D'⁻¹ R D is formed entry by entry from differences of logs: D alone would underflow.
    gap = np.minimum(log_scale[None, :] - log_scale[:k, None], 700.0)
    return (
        log_scale[:k] + np.log(diagonal),
        (r / diagonal[:, None] * np.exp(gap, where=r != 0, out=np.zeros_like(r))) @ right,
    )


def _spectrum(log_scale: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Logs of the singular values of D U, in descending order."""
    if not len(log_scale):
        return np.zeros(0)
    rank, n = right.shape
    wide = np.ptp(log_scale) > _WIDEST
    if rank < n or wide:
        # U = L Z with orthogonal Z, and D L is then graded by rows and by columns.
        right = _qr(right.T)[1].T
    if not wide:
        return np.sort(_jacobi(log_scale, right))[::-1]
    return _by_windows(log_scale, right)


def _by_windows(log_scale: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """One part of the spectrum at a time, each with its neighbours on both sides.

    With M = D L, graded, what lies e⁶⁰ above or below a window leaves its singular values alone.
    """
    size = log_scale + np.log(np.abs(np.diag(lower)))
    order = np.argsort(-size, kind="stable")
    size, log_scale, lower = size[order], log_scale[order], lower[np.ix_(order, order)]
    logs, start = [], 0
    while start < len(size):
        stop = int(np.searchsorted(-size, -(size[start] - (_WIDEST - 3 * _MARGIN)), "right"))
        first = int(np.searchsorted(-size, -(size[start] + _MARGIN), "left"))
        last = int(np.searchsorted(-size, -(size[stop - 1] - _MARGIN), "right"))
        window = slice(first, last)
        values = np.sort(_jacobi(log_scale[window], lower[window, window]))[::-1]
        logs.append(values[start - first : stop - first])
        start = stop
    return np.concatenate(logs)


def _jacobi(log_scale: np.ndarray, right: np.ndarray) -> np.ndarray:
    """One-sided Jacobi, right relative to each singular value (Drmač & Veselić 2008)."""
    shift = float(log_scale.max()) - _WIDEST / 2
    scaled = np.exp(log_scale - shift)[:, None] * right
    values, _, _, work, _, info = lapack.dgejsv(scaled, joba=2, jobu=3, jobv=3, jobr=0)
    if info != 0:
        raise GradcourseError(
            f"The singular values did not converge (LAPACK dgejsv gave {info}); "
            "check the matrices for NaN and Inf."
        )
    with np.errstate(divide="ignore"):
        return np.log(values) + np.log(work[0] / work[1]) + shift
