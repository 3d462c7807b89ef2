"""Lesson 05: an orthogonal matrix, or statistics over many of them; a torch model's start."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
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


def drive_initialize(initialize: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Build a stack of nn.Linear and ReLU as torch makes it, and let the learner start it anew.

    Parameters
    ----------
    initialize : callable
        ``initialize(model)`` changes its weights and biases in place.
    arguments : tuple
        The widths, from the inputs to the outputs, and a seed.

    Returns
    -------
    dict
        For each matrix, from the first, the standard deviation of its entries, and in how many
        directions it carries a signal; and the largest size of a bias.

    Raises
    ------
    ValueError
        Where a bias was taken away.
    """
    import torch
    from torch import nn

    widths, seed = arguments
    torch.manual_seed(int(seed))
    modules: list[nn.Module] = []
    for fan_in, fan_out in pairwise([int(width) for width in widths]):
        modules += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    model = nn.Sequential(*modules[:-1])
    initialize(model)
    layers = [module for module in model if isinstance(module, nn.Linear)]
    if any(m.bias is None for m in layers):
        raise ValueError("a bias is gone, so it can never be trained; keep it and fill it with 0")
    matrices = [m.weight.detach().double().numpy() for m in layers]
    return {
        "the standard deviation of each matrix": np.array([w.std(ddof=1) for w in matrices]),
        "the number of directions in which each matrix carries a signal": np.array(
            [_directions(w) for w in matrices]
        ),
        "the largest size of a bias": max(float(m.bias.detach().abs().max()) for m in layers),
    }


def _directions(matrix: np.ndarray) -> float:
    """Return (Σσ²)² / Σσ⁴ over the singular values σ: how many of one size would do as much.

    Entries that are independent and have mean 0 give mn/(m + n + 1), whatever their scale. A
    standard deviation alone does not tell them from one entry among zeros, from equal rows, or
    from entries that all lie on one side of 0: those carry a signal in one direction.
    """
    products = matrix @ matrix.T if len(matrix) < matrix.shape[1] else matrix.T @ matrix
    squares = float((products**2).sum())
    return float(np.trace(products) ** 2 / squares) if squares else 0.0
