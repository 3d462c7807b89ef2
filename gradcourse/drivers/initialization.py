"""Lesson 05: an orthogonal matrix, or statistics over many of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def drive_orthogonal(orthogonal: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Call ``orthogonal`` on one matrix, or on each matrix of a stack.

    Returns
    -------
    array of float64
        The answer itself for one matrix. For a stack of shape (k, n, n): the mean of the upper
        left entry and the share of answers with a positive determinant, both over the k answers.
    """
    (a,) = arguments
    a = np.asarray(a, dtype=np.float64)
    if a.ndim == 2:
        return orthogonal(a)
    answers = [orthogonal(one) for one in a]
    if any(answer is None for answer in answers):
        return None
    stack = np.array([np.asarray(answer, dtype=np.float64) for answer in answers])
    if stack.shape != a.shape:
        raise ValueError(f"the answers have shape {stack.shape[1:]}; expected {a.shape[1:]}")
    return np.array([stack[:, 0, 0].mean(), np.mean(np.linalg.det(stack) > 0)])
