"""Activations and their slopes as functions of arrays."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from gradcourse.support import GradcourseError
from gradcourse.theory.elementwise import as_numbers

Function = Callable[[np.ndarray], np.ndarray]


def sigmoid(z: ArrayLike) -> np.ndarray:
    """Return 1 / (1 + exp(−z)), without overflow for any z."""
    return special.expit(as_numbers("z", z))


def tanh(z: ArrayLike) -> np.ndarray:
    """Return the hyperbolic tangent."""
    return np.tanh(as_numbers("z", z))


def _sigmoid_slope(z: np.ndarray) -> np.ndarray:
    # σ(z) σ(−z), not σ (1 − σ): the difference loses all digits where σ is near 1.
    return special.expit(z) * special.expit(-z)


def _tanh_slope(z: np.ndarray) -> np.ndarray:
    return 4 * _sigmoid_slope(2 * z)


def _normal_cdf(z: np.ndarray) -> np.ndarray:
    return special.ndtr(z)


def _normal_pdf(z: np.ndarray) -> np.ndarray:
    return np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


_ALPHA, _LAMBDA = 1.6732632423543772, 1.0507009873554805
"""SELU's constants (Klambauer et al. 2017); `selu_constants` derives them."""

_TABLE: MappingProxyType[str, tuple[Function, Function]] = MappingProxyType(
    {
        "sigmoid": (special.expit, _sigmoid_slope),
        "tanh": (np.tanh, _tanh_slope),
        "relu": (lambda z: np.maximum(z, 0.0), lambda z: (z > 0).astype(float)),
        "leaky_relu": (
            lambda z: np.where(z > 0, z, 0.01 * z),
            lambda z: np.where(z > 0, 1.0, 0.01),
        ),
        "elu": (
            lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
            lambda z: np.where(z > 0, 1.0, np.exp(np.minimum(z, 0))),
        ),
        "selu": (
            lambda z: _LAMBDA * np.where(z > 0, z, _ALPHA * np.expm1(np.minimum(z, 0))),
            lambda z: _LAMBDA * np.where(z > 0, 1.0, _ALPHA * np.exp(np.minimum(z, 0))),
        ),
        "gelu": (
            lambda z: z * _normal_cdf(z),
            lambda z: _normal_cdf(z) + z * _normal_pdf(z),
        ),
        "silu": (
            lambda z: z * special.expit(z),
            lambda z: special.expit(z) + z * _sigmoid_slope(z),
        ),
        "erf": (special.erf, lambda z: 2 / np.sqrt(np.pi) * np.exp(-(z**2))),
        "linear": (lambda z: z, np.ones_like),
    }
)


def activation(name: str, z: ArrayLike) -> np.ndarray:
    """Return φ(z).

    Parameters
    ----------
    name : str
        "sigmoid", "tanh", "relu", "leaky_relu" (slope 0.01), "elu", "selu", "gelu", "silu",
        "erf" or "linear".
    z : array_like
        Pre-activations, any shape.

    Returns
    -------
    numpy.ndarray, float64, the shape of ``z``

    Raises
    ------
    GradcourseError
        If the name is unknown.
    """
    return _lookup(name)[0](as_numbers("z", z))


def slope(name: str, z: ArrayLike) -> np.ndarray:
    """Return φ′(z), for the activations of `activation`.

    σ′ = σ (1 − σ) is at most ¼ and tanh′ = 1 − tanh² at most 1, both only at z = 0. The slope of
    ReLU and its kin at exactly 0 is the left one, as in torch.

    Examples
    --------
    >>> float(slope("sigmoid", 0.0)), float(slope("tanh", 0.0))
    (0.25, 1.0)
    """
    return _lookup(name)[1](as_numbers("z", z))


def _lookup(name: str) -> tuple[Function, Function]:
    if not isinstance(name, str) or name not in _TABLE:
        raise GradcourseError(
            f"No activation is called {name!r}; theory knows: {', '.join(_TABLE)}."
        )
    return _TABLE[name]
