"""Networks by recipe, each reproducible from its seed alone."""

from gradcourse.nets.feedforward import activation_function, deep_linear, mlp

__all__ = ["activation_function", "deep_linear", "mlp"]
