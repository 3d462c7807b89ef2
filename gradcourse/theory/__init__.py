"""Closed forms in plain floats and arrays, each with its source. No torch."""

from gradcourse.theory.activations import activation, sigmoid, slope, tanh
from gradcourse.theory.floats import (
    FloatLimits,
    float_limits,
    overflow_depth,
    subnormal_depth,
    underflow_depth,
)
from gradcourse.theory.meanfield import (
    chi,
    depth_scale,
    gaussian_mean,
    gradient_decay,
    mean_squared_slope,
    q_fixed_point,
    q_map,
    q_trajectory,
)
from gradcourse.theory.products import (
    FactorLaw,
    ginibre_exponents,
    lognormal_factors,
    lyapunov_exponent,
    two_point_factors,
    uniform_factors,
)

__all__ = [
    "FactorLaw",
    "FloatLimits",
    "activation",
    "chi",
    "depth_scale",
    "float_limits",
    "gaussian_mean",
    "ginibre_exponents",
    "gradient_decay",
    "lognormal_factors",
    "lyapunov_exponent",
    "mean_squared_slope",
    "overflow_depth",
    "q_fixed_point",
    "q_map",
    "q_trajectory",
    "sigmoid",
    "slope",
    "subnormal_depth",
    "tanh",
    "two_point_factors",
    "underflow_depth",
    "uniform_factors",
]
