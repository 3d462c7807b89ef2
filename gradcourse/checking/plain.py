"""Turn what a learner's function returned into plain data, once, beside the learner's code.

Plain data is: None, bool, int, float, complex, str, numpy arrays of these, and lists and dicts of
plain data. Everything after this step (comparing, showing, sending to another process) meets
nothing else, so no object of the learner's can take part in its own marking.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

DEEPEST = 20
"""Nesting beyond this is cut off: a list can contain itself."""


@dataclass(frozen=True)
class Foreign:
    """Something that is no plain data: only the name of its type is kept, and why."""

    type_name: str
    why: str = ""


@dataclass(frozen=True)
class Bfloat16:
    """An array whose values had bfloat16's precision, a dtype that numpy does not have."""

    values: np.ndarray


def plain(value: Any, depth: int = 0) -> Any:
    """Convert a value to plain data.

    Parameters
    ----------
    value : object
        Numbers, numpy arrays and scalars, torch tensors (detached, on the CPU), strings, and
        lists, tuples and dicts of these. Tuples become lists.

    Returns
    -------
    object
        Plain data; `Bfloat16` for tensors of that dtype, `Foreign` for anything else.
    """
    if depth > DEEPEST:
        return Foreign("list", "it is nested too deeply")
    if value is None or type(value) in (bool, int, float, complex, str):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return _array(value)
    if _is_tensor(value):
        return _tensor(value)
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in list(value)]
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth + 1) for key, item in dict(value).items()}
    kind: Any
    for kind in (int, float, complex, str):
        if isinstance(value, kind):  # a subclass: only its plain value is believed
            return kind(value)
    return Foreign(type(value).__name__)


def _array(value: Any) -> Any:
    array = np.array(value, subok=False)
    if array.dtype.kind in "biufcU":
        return array
    return Foreign("ndarray", f"its dtype is {array.dtype}")


def _is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _tensor(value: Any) -> Any:
    torch = sys.modules["torch"]
    try:
        tensor = value.detach().cpu()
        if tensor.is_sparse:
            tensor = tensor.to_dense()
        if tensor.dtype is torch.bfloat16:
            return Bfloat16(np.array(tensor.float().numpy()))
        return np.array(tensor.resolve_conj().resolve_neg().numpy())
    except (RuntimeError, TypeError, NotImplementedError, AttributeError) as error:
        return Foreign("Tensor", str(error).splitlines()[0][:120])
