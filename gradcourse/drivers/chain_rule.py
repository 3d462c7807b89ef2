"""Lesson 01: a learner's probe, on a small network with given weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def drive_probe(probe: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Build layers from given weights, and hand them to the probe with a batch.

    Parameters
    ----------
    probe : callable
        ``probe(layers, x, y)`` returns the norm of the gradient behind each layer.
    arguments : tuple
        A list of matrices (out, in), after each but the last of which a tanh stands; x
        (rows, in); labels y (rows,).

    Returns
    -------
    list of float, or what the probe returned, where that is no list of numbers
    """
    import torch

    weights, x, y = arguments
    layers: list[torch.nn.Module] = []
    for k, weight in enumerate(weights):
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False).double()
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(weight))
        layers.append(layer)
        if k < len(weights) - 1:
            layers.append(torch.nn.Tanh())
    found = probe(layers, torch.tensor(x), torch.tensor(np.asarray(y)))
    if not isinstance(found, list | tuple):
        return found
    return [float(norm) for norm in found]
