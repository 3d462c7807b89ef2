"""Lesson 08: cells with torch's weights, and an LSTM whose biases a learner sets."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def drive_lstm_step(lstm_step: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Call ``lstm_step(cell, x, h, c)`` on float64 tensors.

    Parameters
    ----------
    lstm_step : callable
        It returns h and c after the step.
    arguments : tuple
        Weights (4n, inputs) and (4n, n), biases (4n,) and (4n,), x (batch, inputs), h and c
        (batch, n). The cell is no module, only a holder of the four and of its sizes, under torch's
        names: it cannot be called.

    Returns
    -------
    dict of str to array, or None
    """
    import torch

    cell, (x, h, c) = _cell(arguments)
    with torch.no_grad():
        found = lstm_step(cell, x, h, c)
    if found is None:
        return None
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise TypeError(f"it returns {_several(found)}; expected are two tensors, h and c")
    return {"h after the step": _array(found[0]), "c after the step": _array(found[1])}


def drive_gru_step(gru_step: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Call ``gru_step(cell, x, h)`` on float64 tensors; as `drive_lstm_step`, with 3n rows."""
    import torch

    cell, (x, h) = _cell(arguments)
    with torch.no_grad():
        found = gru_step(cell, x, h)
    return None if found is None else _array(found)


def drive_chrono(chrono_: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Let a learner set the biases of an nn.LSTM in place, and look at all of them.

    Parameters
    ----------
    chrono_ : callable
        ``chrono_(lstm, longest, uniform)``; what it returns is not looked at.
    arguments : tuple
        Biases (4n,) and (4n,) to begin with, the longest lag, and n numbers between 0 and 1.

    Returns
    -------
    dict
        What each gate adds up to: the sum of torch's two biases; and whether the weights, small
        random ones, were changed.
    """
    import torch

    first, second, longest, uniform = arguments
    n = len(np.asarray(uniform))
    lstm: Any = torch.nn.LSTM(2, n, dtype=torch.float64)
    with torch.no_grad():
        lstm.bias_ih_l0.copy_(torch.tensor(np.asarray(first)))
        lstm.bias_hh_l0.copy_(torch.tensor(np.asarray(second)))
        before = [lstm.weight_ih_l0.clone(), lstm.weight_hh_l0.clone()]
    chrono_(lstm, float(longest), torch.tensor(np.asarray(uniform), dtype=torch.float64))
    with torch.no_grad():
        total = (lstm.bias_ih_l0 + lstm.bias_hh_l0).chunk(4)
        after = [lstm.weight_ih_l0, lstm.weight_hh_l0]
        changed = any(not torch.equal(a, b) for a, b in zip(after, before, strict=True))
        sums = {
            f"the bias of the {name} gate (both of torch's together)": _array(bias)
            for name, bias in zip(("input", "forget", "cell", "output"), total, strict=True)
        }
    return {**sums, "the weights were changed": changed}


def _cell(arguments: tuple[Any, ...]) -> tuple[SimpleNamespace, list[Any]]:
    import torch

    tensors = [torch.tensor(np.asarray(a), dtype=torch.float64) for a in arguments]
    own = dict(zip(NAMES, tensors[:4], strict=True))
    sizes = {"input_size": tensors[0].shape[1], "hidden_size": tensors[1].shape[1]}
    return SimpleNamespace(**own, **sizes), tensors[4:]


def _several(found: Any) -> str:
    if isinstance(found, tuple | list):
        return f"{len(found)} values"
    return "one tensor" if hasattr(found, "shape") else f"a {type(found).__name__}"


def _array(value: Any) -> Any:
    import torch

    return value.detach().numpy() if isinstance(value, torch.Tensor) else value
