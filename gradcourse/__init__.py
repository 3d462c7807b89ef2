"""Why do gradients vanish and explode, and what cures them?

``import gradcourse as gc`` is all a notebook needs: every name below is loaded when it is
first used, so the import itself costs next to nothing. The names, by the floor they live on:

- nets, data, theory: ``mlp``, ``digits``, ``theory``
- the instrument: ``probe``, ``Record``, ``gradient_norm``
- training: ``train``
- figures: ``Plot``, ``Line``, ``Band``, ``Axis``, ``depth_plot``
- checking: ``check``, ``panel``, ``score``, ``progress``
- demos: ``demo``
- the machine: ``doctor``
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

# A widget's callback runs in a thread of its own, where torch.set_num_threads in a cell does not
# reach: there, more than one OpenMP thread makes small tensors eight times slower. The variable
# is read when torch is loaded, so it can only be set before.
# Whoever asks for more threads shall not have them spin while they wait: on a busy machine that
# made training ten times slower.
if "torch" not in sys.modules:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_HOMES = {
    "mlp": "gradcourse.nets",
    "deep_linear": "gradcourse.nets",
    "digits": "gradcourse.data",
    "probe": "gradcourse.instrument",
    "Record": "gradcourse.instrument",
    "gradient_norm": "gradcourse.instrument",
    "log2_histogram": "gradcourse.instrument",
    "product_log_singular_values": "gradcourse.instrument",
    "train": "gradcourse.training",
    "accuracy": "gradcourse.training",
    "Plot": "gradcourse.figures",
    "Picture": "gradcourse.figures",
    "Line": "gradcourse.figures",
    "Band": "gradcourse.figures",
    "Axis": "gradcourse.figures",
    "depth_plot": "gradcourse.figures",
    "histogram_picture": "gradcourse.figures",
    "side_by_side": "gradcourse.figures",
    "Knob": "gradcourse.figures",
    "Demo": "gradcourse.figures",
    "demo": "gradcourse.demos",
    "check": "gradcourse.exercises",
    "panel": "gradcourse.exercises",
    "score": "gradcourse.exercises",
    "progress": "gradcourse.exercises",
    "doctor": "gradcourse.health",
}
_MODULES = {"theory", "nets", "data"}

__all__ = [
    "Axis",
    "Band",
    "Demo",
    "Knob",
    "Line",
    "Picture",
    "Plot",
    "Record",
    "accuracy",
    "check",
    "data",
    "deep_linear",
    "demo",
    "depth_plot",
    "digits",
    "doctor",
    "gradient_norm",
    "histogram_picture",
    "log2_histogram",
    "mlp",
    "nets",
    "panel",
    "probe",
    "product_log_singular_values",
    "progress",
    "score",
    "side_by_side",
    "theory",
    "train",
]

if TYPE_CHECKING:
    from gradcourse import data, nets, theory
    from gradcourse.data import digits
    from gradcourse.demos import demo
    from gradcourse.exercises import check, panel, progress, score
    from gradcourse.figures import (
        Axis,
        Band,
        Demo,
        Knob,
        Line,
        Picture,
        Plot,
        depth_plot,
        histogram_picture,
        side_by_side,
    )
    from gradcourse.health import doctor
    from gradcourse.instrument import (
        Record,
        gradient_norm,
        log2_histogram,
        probe,
        product_log_singular_values,
    )
    from gradcourse.nets import deep_linear, mlp
    from gradcourse.training import accuracy, train


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"gradcourse.{name}")
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"gradcourse has no name {name!r}; it has: {', '.join(__all__)}")


def __dir__() -> list[str]:
    return __all__
