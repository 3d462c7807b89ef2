"""Singular values of long products of matrices, all of them right."""

from gradcourse.instrument.spectra.jacobian import jacobian_spectrum, layer_jacobians
from gradcourse.instrument.spectra.matrix_products import (
    lyapunov_exponents,
    product_exponents,
    product_log_singular_values,
)

__all__ = [
    "jacobian_spectrum",
    "layer_jacobians",
    "lyapunov_exponents",
    "product_exponents",
    "product_log_singular_values",
]
