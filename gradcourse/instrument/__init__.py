"""The measuring device behind every lesson, exercise and picture."""

import sys

from gradcourse.instrument.clipping import clip_grad_norm_
from gradcourse.instrument.histogram import Log2Histogram, log2_histogram
from gradcourse.instrument.lags.gradient import lag_gradient, lag_norms, lag_slope
from gradcourse.instrument.lags.jacobians import lag_log_norms, lag_spectrum, state_jacobians
from gradcourse.instrument.loop import follow
from gradcourse.instrument.norms import gradient_norm
from gradcourse.instrument.postmortem import (
    NonFiniteError,
    PostMortem,
    Watch,
    post_mortem,
    watch,
)
from gradcourse.instrument.probe import Probe, probe
from gradcourse.instrument.record import Record
from gradcourse.instrument.spectra.jacobian import jacobian_spectrum, layer_jacobians
from gradcourse.instrument.spectra.matrix_products import (
    lyapunov_exponents,
    product_exponents,
    product_log_singular_values,
)

# Models that were saved inside a block, and post-mortems, name the modules of their day.
sys.modules[f"{__name__}.passes"] = follow
sys.modules[f"{__name__}.postmortem.finding"] = sys.modules[PostMortem.__module__]

__all__ = [
    "Log2Histogram",
    "NonFiniteError",
    "PostMortem",
    "Probe",
    "Record",
    "Watch",
    "clip_grad_norm_",
    "gradient_norm",
    "jacobian_spectrum",
    "lag_gradient",
    "lag_log_norms",
    "lag_norms",
    "lag_slope",
    "lag_spectrum",
    "layer_jacobians",
    "log2_histogram",
    "lyapunov_exponents",
    "post_mortem",
    "probe",
    "product_exponents",
    "product_log_singular_values",
    "state_jacobians",
    "watch",
]
