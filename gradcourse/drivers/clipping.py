"""Lesson 09: parameters with gradients for a learner's clipping, and a small run for a loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

RATE = 0.1
SCALE = 1024.0


def drive_clip(clip: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Give parameters gradients, let the learner clip them, and look at what is left.

    Parameters
    ----------
    clip : callable
        ``clip(parameters, max_norm)`` changes the gradients in place and returns the norm before.
    arguments : tuple
        A list of gradients, each an array or "none", and the threshold.

    Returns
    -------
    dict or None
        The norm, float32, Inf for any that is not finite; how many parameters have a gradient,
        and the gradients that were given, afterwards; whether they are the same tensors, and
        whether the weights were changed. None when the function returned None.
    """
    import torch

    given, max_norm = arguments
    parameters = []
    for gradient in given:
        none = isinstance(gradient, str)
        shape = (2,) if none else np.shape(gradient)
        parameter = torch.nn.Parameter(torch.ones(shape))
        if not none:
            parameter.grad = torch.tensor(np.asarray(gradient), dtype=torch.float32)
        parameters.append(parameter)
    before = [parameter.grad for parameter in parameters]
    norm = clip(parameters, max_norm)
    if norm is None:
        return None
    norm = float(norm)
    report: dict[str, Any] = {
        "the norm that you returned": np.float32(norm if math.isfinite(norm) else math.inf),
        "how many parameters have a gradient afterwards": sum(
            p.grad is not None for p in parameters
        ),
    }
    for index, (gradient, parameter) in enumerate(zip(given, parameters, strict=True)):
        if not isinstance(gradient, str):
            left = parameter.grad
            report[f"the gradient of parameters[{index}] afterwards"] = (
                "none" if left is None else left.numpy()
            )
    report["whether each gradient is the same tensor as before"] = all(
        first is None or now is None or first.data_ptr() == now.data_ptr()
        for first, now in zip(before, (p.grad for p in parameters), strict=True)
    )
    report["whether the weights were changed"] = any(
        bool((parameter != 1).any()) for parameter in parameters
    )
    return report


def drive_step(training_step: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Two steps of plain gradient descent with a GradScaler, as the learner writes them.

    Parameters
    ----------
    training_step : callable
        ``training_step(model, x, y, optimizer, scaler, max_norm)``.
    arguments : tuple
        Weights (1, inputs), a gradient left from before (1, inputs), x (2, rows, inputs),
        y (2, rows, 1) and the threshold.

    Returns
    -------
    dict
        How far the weights went in each step, and the scale at the end.
    """
    import torch

    weights, stale, x, y, max_norm = arguments
    model = torch.nn.Linear(np.shape(weights)[1], 1, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor(np.asarray(weights)))
    model.weight.grad = torch.tensor(np.asarray(stale), dtype=torch.float32)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    scaler = torch.amp.GradScaler("cpu", init_scale=SCALE, growth_interval=1000)
    scaler.scale(torch.zeros(()))  # as if it had been in use: it makes its scale when first called
    steps = []
    for inputs, targets in zip(np.asarray(x), np.asarray(y), strict=True):
        before = model.weight.detach().clone()
        training_step(
            model,
            torch.tensor(inputs, dtype=torch.float32),
            torch.tensor(targets, dtype=torch.float32),
            optimizer,
            scaler,
            max_norm,
        )
        steps.append((model.weight.detach() - before).double().numpy()[0])
    return {
        "the change of the weights in two steps": np.array(steps),
        "the scale at the end": float(scaler.get_scale()),
    }
