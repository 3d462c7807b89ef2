"""How far back in time a gradient, or a memory, reaches in a recurrent network."""

from gradcourse.instrument.lags.gradient import lag_gradient, lag_norms, lag_slope
from gradcourse.instrument.lags.jacobians import lag_log_norms, lag_spectrum, state_jacobians

__all__ = [
    "lag_gradient",
    "lag_log_norms",
    "lag_norms",
    "lag_slope",
    "lag_spectrum",
    "state_jacobians",
]
