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
# Whoever asks for more threads shall not have them spin for long while they wait: on a busy machine
# that made training ten times slower. Nor shall they sleep at once: waking them for every small
# operation made it seven times slower on an idle one. 10,000 turns are some ten microseconds.
if "torch" not in sys.modules:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

_HOMES = {
    "mlp": "gradcourse.nets",
    "normalized_mlp": "gradcourse.nets",
    "deep_linear": "gradcourse.nets",
    "digits": "gradcourse.data",
    "adding_problem": "gradcourse.data",
    "delayed_recall": "gradcourse.data",
    "recurrent": "gradcourse.nets",
    "probe": "gradcourse.instrument",
    "Record": "gradcourse.instrument",
    "gradient_norm": "gradcourse.instrument",
    "log2_histogram": "gradcourse.instrument",
    "product_log_singular_values": "gradcourse.instrument",
    "jacobian_spectrum": "gradcourse.instrument",
    "lyapunov_exponents": "gradcourse.instrument",
    "lag_gradient": "gradcourse.instrument",
    "lag_log_norms": "gradcourse.instrument",
    "lag_spectrum": "gradcourse.instrument",
    "lag_slope": "gradcourse.instrument",
    "state_jacobians": "gradcourse.instrument",
    "clip_grad_norm_": "gradcourse.instrument",
    "watch": "gradcourse.instrument",
    "post_mortem": "gradcourse.instrument",
    "PostMortem": "gradcourse.instrument",
    "NonFiniteError": "gradcourse.instrument",
    "GradcourseError": "gradcourse.support",
    "spread": "gradcourse.support",
    "diagnose": "gradcourse.diagnosis",
    "train": "gradcourse.training",
    "accuracy": "gradcourse.training",
    "ShiftMeter": "gradcourse.training",
    "pascanu_omega": "gradcourse.training",
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
    "lag_plot": "gradcourse.figures",
    "ridge_plot": "gradcourse.figures",
    "update_plot": "gradcourse.figures",
    "saturation_plot": "gradcourse.figures",
    "spectrum_plot": "gradcourse.figures",
    "with_theory": "gradcourse.figures",
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
    "GradcourseError",
    "Knob",
    "Line",
    "NonFiniteError",
    "Picture",
    "Plot",
    "PostMortem",
    "Record",
    "ShiftMeter",
    "accuracy",
    "adding_problem",
    "check",
    "clip_grad_norm_",
    "data",
    "deep_linear",
    "delayed_recall",
    "demo",
    "depth_plot",
    "diagnose",
    "digits",
    "doctor",
    "gradient_norm",
    "histogram_picture",
    "jacobian_spectrum",
    "lag_gradient",
    "lag_log_norms",
    "lag_plot",
    "lag_slope",
    "lag_spectrum",
    "log2_histogram",
    "lyapunov_exponents",
    "mlp",
    "nets",
    "normalized_mlp",
    "panel",
    "pascanu_omega",
    "post_mortem",
    "probe",
    "product_log_singular_values",
    "progress",
    "recurrent",
    "ridge_plot",
    "saturation_plot",
    "score",
    "side_by_side",
    "spectrum_plot",
    "spread",
    "state_jacobians",
    "theory",
    "train",
    "update_plot",
    "watch",
    "with_theory",
]

if TYPE_CHECKING:
    from gradcourse import data, nets, theory
    from gradcourse.data import adding_problem, delayed_recall, digits
    from gradcourse.demos import demo
    from gradcourse.diagnosis import diagnose
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
        lag_plot,
        ridge_plot,
        saturation_plot,
        side_by_side,
        spectrum_plot,
        update_plot,
        with_theory,
    )
    from gradcourse.health import doctor
    from gradcourse.instrument import (
        NonFiniteError,
        PostMortem,
        Record,
        clip_grad_norm_,
        gradient_norm,
        jacobian_spectrum,
        lag_gradient,
        lag_log_norms,
        lag_slope,
        lag_spectrum,
        log2_histogram,
        lyapunov_exponents,
        post_mortem,
        probe,
        product_log_singular_values,
        state_jacobians,
        watch,
    )
    from gradcourse.nets import deep_linear, mlp, normalized_mlp, recurrent
    from gradcourse.support import GradcourseError, spread
    from gradcourse.training import ShiftMeter, accuracy, pascanu_omega, train


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
