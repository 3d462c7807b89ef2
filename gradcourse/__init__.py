"""Why do gradients vanish and explode, and what cures them?

``import gradcourse as gc`` is all a notebook needs: every name below is loaded when it is
first used, so the import itself costs next to nothing. The names, by the floor they live on:

- nets, data, theory: ``mlp``, ``digits``, ``theory``
- the instrument: ``probe``, ``Record``, ``gradient_norm``
- training: ``train``
- figures: ``Plot``, ``Line``, ``Band``, ``Axis``, ``depth_plot``
- checking: ``check``, ``panel``, ``score``, ``progress``
- demos: ``demo``; the emergency room: ``emergency_room``
- the machine: ``doctor``
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from gradcourse.lazy import on_first_use
from gradcourse.ran import follow_cells as _follow_cells

# A widget's callback runs in a thread of its own, where torch.set_num_threads in a cell does not
# reach: there, more than one OpenMP thread makes small tensors eight times slower. The variable
# is read when torch is loaded, so it can only be set before.
# Whoever asks for more threads shall not have them spin for long while they wait: on a busy machine
# that made training ten times slower. Nor shall they sleep at once: waking them for every small
# operation made it seven times slower on an idle one. 10,000 turns are some ten microseconds.
# A Jupyter server computes nothing, and what it sets all its kernels inherit, also other people's.
if "torch" not in sys.modules and "jupyter_server" not in sys.modules:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

# The names of `import gradcourse as gc`, listed once: for type checkers, and to be loaded.
if TYPE_CHECKING:
    from gradcourse import data as data
    from gradcourse import nets as nets
    from gradcourse import theory as theory
    from gradcourse.data import adding_problem as adding_problem
    from gradcourse.data import delayed_recall as delayed_recall
    from gradcourse.data import digits as digits
    from gradcourse.demos import demo as demo
    from gradcourse.diagnosis import diagnose as diagnose
    from gradcourse.emergency import emergency_room as emergency_room
    from gradcourse.exercises import bet as bet
    from gradcourse.exercises import check as check
    from gradcourse.exercises import intuition as intuition
    from gradcourse.exercises import panel as panel
    from gradcourse.exercises import progress as progress
    from gradcourse.exercises import score as score
    from gradcourse.figures import Axis as Axis
    from gradcourse.figures import Band as Band
    from gradcourse.figures import Demo as Demo
    from gradcourse.figures import Knob as Knob
    from gradcourse.figures import Line as Line
    from gradcourse.figures import Picture as Picture
    from gradcourse.figures import Plot as Plot
    from gradcourse.figures import depth_plot as depth_plot
    from gradcourse.figures import histogram_picture as histogram_picture
    from gradcourse.figures import lag_plot as lag_plot
    from gradcourse.figures import ridge_plot as ridge_plot
    from gradcourse.figures import saturation_plot as saturation_plot
    from gradcourse.figures import side_by_side as side_by_side
    from gradcourse.figures import spectrum_plot as spectrum_plot
    from gradcourse.figures import update_plot as update_plot
    from gradcourse.figures import with_theory as with_theory
    from gradcourse.health import doctor as doctor
    from gradcourse.instrument import NonFiniteError as NonFiniteError
    from gradcourse.instrument import PostMortem as PostMortem
    from gradcourse.instrument import Record as Record
    from gradcourse.instrument import clip_grad_norm_ as clip_grad_norm_
    from gradcourse.instrument import gradient_norm as gradient_norm
    from gradcourse.instrument import jacobian_spectrum as jacobian_spectrum
    from gradcourse.instrument import lag_gradient as lag_gradient
    from gradcourse.instrument import lag_log_norms as lag_log_norms
    from gradcourse.instrument import lag_slope as lag_slope
    from gradcourse.instrument import lag_spectrum as lag_spectrum
    from gradcourse.instrument import log2_histogram as log2_histogram
    from gradcourse.instrument import lyapunov_exponents as lyapunov_exponents
    from gradcourse.instrument import post_mortem as post_mortem
    from gradcourse.instrument import product_log_singular_values as product_log_singular_values
    from gradcourse.instrument import state_jacobians as state_jacobians
    from gradcourse.instrument import watch as watch
    from gradcourse.instrument.probe import probe as probe
    from gradcourse.integrations.board import tensorboard as tensorboard
    from gradcourse.ledger import claims as claims
    from gradcourse.ledger import errata as errata
    from gradcourse.nets import deep_linear as deep_linear
    from gradcourse.nets import mlp as mlp
    from gradcourse.nets import normalized_mlp as normalized_mlp
    from gradcourse.nets import recurrent as recurrent
    from gradcourse.support import GradcourseError as GradcourseError
    from gradcourse.support import spread as spread
    from gradcourse.training import ShiftMeter as ShiftMeter
    from gradcourse.training import accuracy as accuracy
    from gradcourse.training import pascanu_omega as pascanu_omega
    from gradcourse.training import train as train

# A verdict says from which run of which cell an answer comes.
_follow_cells()

__getattr__, __dir__ = on_first_use(__name__)

# A kernel has loaded IPython; anything else is spared the question.
if "IPython" in sys.modules:
    from gradcourse.lifesign import watch_cells

    watch_cells()
__all__ = __dir__()
