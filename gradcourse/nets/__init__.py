"""Networks by recipe, each reproducible from its seed alone."""

from gradcourse.nets.convolutional import residual_cnn
from gradcourse.nets.feedforward import activation_function, deep_linear, mlp
from gradcourse.nets.initializers import (
    chrono_,
    constant_,
    linear_start_,
    lsuv_,
    near_identity_,
    orthogonal_,
)
from gradcourse.nets.normalized import normalization, normalized_mlp
from gradcourse.nets.recurrent import Recurrent, Truncated, recurrent
from gradcourse.nets.residual import residual_mlp
from gradcourse.nets.surgery import scaled, with_activation, with_zeros
from gradcourse.nets.transformer import transformer

__all__ = [
    "Recurrent",
    "Truncated",
    "activation_function",
    "chrono_",
    "constant_",
    "deep_linear",
    "linear_start_",
    "lsuv_",
    "mlp",
    "near_identity_",
    "normalization",
    "normalized_mlp",
    "orthogonal_",
    "recurrent",
    "residual_cnn",
    "residual_mlp",
    "scaled",
    "transformer",
    "with_activation",
    "with_zeros",
]
