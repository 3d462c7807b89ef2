"""Lesson 06: a trained-looking batch-norm network for a learner's prediction function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def drive_predict(predict: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Build a small network with batch norm, let the learner predict, and look at what is left.

    Parameters
    ----------
    predict : callable
        ``predict(model, x)`` returns the digit of each row.
    arguments : tuple
        Weights (16, inputs) and (10, 16), running means and variances (16,), whether the model
        arrives in training mode (a text: all of it but its norm), and x (rows, inputs).

    Returns
    -------
    dict or None
        The predicted digits; how many of the five modules (the network and its four layers) are
        in training mode afterwards; how far the running statistics moved. None when the function
        returned None.
    """
    import torch
    from torch import nn

    first, last, mean, variance, training, x = arguments
    first, last = np.asarray(first), np.asarray(last)
    norm = nn.BatchNorm1d(len(first))
    below = nn.Linear(first.shape[1], len(first), bias=False)
    above = nn.Linear(len(first), len(last), bias=False)
    model = nn.Sequential(below, norm, nn.ReLU(), above)
    running_mean, running_variance = norm.running_mean, norm.running_var
    assert running_mean is not None
    assert running_variance is not None
    with torch.no_grad():
        below.weight.copy_(torch.tensor(first))
        above.weight.copy_(torch.tensor(last))
        running_mean.copy_(torch.tensor(np.asarray(mean)))
        running_variance.copy_(torch.tensor(np.asarray(variance)))
    model.train(bool(training))
    if isinstance(training, str):
        norm.eval()
    before = running_mean.clone(), running_variance.clone()
    found = predict(model, torch.tensor(np.asarray(x), dtype=torch.float32))
    if found is None:
        return None
    if isinstance(found, torch.Tensor):
        found = found.detach().numpy()
    after = norm.running_mean, norm.running_var
    moved = [float((a - b).abs().max()) for a, b in zip(after, before, strict=True)]  # type: ignore[operator]
    return {
        "the digits that you returned": np.asarray(found).astype(np.float64),
        "how many modules are in training mode afterwards": sum(
            module.training for module in model.modules()
        ),
        "by how much the running statistics moved": max(moved),
    }
