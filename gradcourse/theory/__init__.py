"""Closed forms in plain floats and arrays, each with its source. No torch."""

from gradcourse.theory.activations import activation, sigmoid, slope, tanh
from gradcourse.theory.edge import edge_of_chaos
from gradcourse.theory.floats import (
    FloatLimits,
    float_limits,
    overflow_depth,
    subnormal_depth,
    underflow_depth,
)
from gradcourse.theory.gates import chrono_bias_range, chrono_memory, forget_bias, forget_half_life
from gradcourse.theory.initialization import (
    backward_gain,
    forward_gain,
    selu_constants,
    weight_std,
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
from gradcourse.theory.normalization import (
    last_block_ratio,
    logit_bound,
    normalized_gradient_growth,
    normalized_residual_gradient_growth,
    normalized_residual_variance,
)
from gradcourse.theory.products import (
    FactorLaw,
    ginibre_exponents,
    identity_plus_noise_exponent,
    lognormal_factors,
    lyapunov_exponent,
    two_point_factors,
    uniform_factors,
)
from gradcourse.theory.shattering import (
    gradient_correlation,
    relu_correlation,
    relu_slope_correlation,
)
from gradcourse.theory.skip_connections import (
    path_shares,
    residual_log_singular_values,
    residual_variance,
)
from gradcourse.theory.slopes import mean_slope, saturated_share

__all__ = [
    "FactorLaw",
    "FloatLimits",
    "activation",
    "backward_gain",
    "chi",
    "chrono_bias_range",
    "chrono_memory",
    "depth_scale",
    "edge_of_chaos",
    "float_limits",
    "forget_bias",
    "forget_half_life",
    "forward_gain",
    "gaussian_mean",
    "ginibre_exponents",
    "gradient_correlation",
    "gradient_decay",
    "identity_plus_noise_exponent",
    "last_block_ratio",
    "logit_bound",
    "lognormal_factors",
    "lyapunov_exponent",
    "mean_slope",
    "mean_squared_slope",
    "normalized_gradient_growth",
    "normalized_residual_gradient_growth",
    "normalized_residual_variance",
    "overflow_depth",
    "path_shares",
    "q_fixed_point",
    "q_map",
    "q_trajectory",
    "relu_correlation",
    "relu_slope_correlation",
    "residual_log_singular_values",
    "residual_variance",
    "saturated_share",
    "selu_constants",
    "sigmoid",
    "slope",
    "subnormal_depth",
    "tanh",
    "two_point_factors",
    "underflow_depth",
    "uniform_factors",
    "weight_std",
]
