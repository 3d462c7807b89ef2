"""One batch-norm layer, backwards."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.exercises.batch_norm.layer import EXAMPLE, batches, standardised


def bn_backward(delta, u, gamma, eps):
    """∂ℒ/∂u = γ/s · (δ − mean δ − x̂ · mean(δ x̂)), with s = √(σ² + ε)."""
    x, size = standardised(u, eps)
    delta = np.asarray(delta, dtype=np.float64)
    return gamma / size * (delta - delta.mean(axis=0) - x * (delta * x).mean(axis=0))


def bn_parameter_gradients(delta, u, eps):
    """∂ℒ/∂γ and ∂ℒ/∂β, shape (2, n)."""
    x, _ = standardised(u, eps)
    return np.array([(delta * x).sum(axis=0), np.sum(delta, axis=0)])


def _direct(delta, u, gamma, eps):
    return gamma / standardised(u, eps)[1] * delta


def _without_variance(delta, u, gamma, eps):
    return _direct(delta - np.mean(delta, 0), u, gamma, eps)


def _without_mean(delta, u, gamma, eps):
    x, _ = standardised(u, eps)
    return _direct(delta - x * np.mean(delta * x, 0), u, gamma, eps)


def _backward_unbiased(delta, u, gamma, eps):
    size = np.sqrt(np.var(u, 0, ddof=1) + eps)
    x = (u - np.mean(u, 0)) / size
    return gamma / size * (delta - np.mean(delta, 0) - x * np.mean(delta * x, 0))


def _sums(delta, u, gamma, eps):
    x, _ = standardised(u, eps)
    return _direct(delta - np.sum(delta, 0) - x * np.sum(delta * x, 0), u, gamma, eps)


def _sums_in_place(delta, u, gamma, eps):
    """(u − μ) where x̂ belongs."""
    x = np.asarray(u) - np.mean(u, 0)
    return _direct(delta - np.mean(delta, 0) - x * np.mean(delta * x, 0), u, gamma, eps)


def _without_x(delta, u, gamma, eps):
    x, _ = standardised(u, eps)
    return _direct(delta - np.mean(delta, 0) - np.mean(delta * x, 0), u, gamma, eps)


def _plus(delta, u, gamma, eps):
    return 2.0 * _direct(delta, u, gamma, eps) - bn_backward(delta, u, gamma, eps)


def _plus_variance(delta, u, gamma, eps):
    return 2.0 * _without_variance(delta, u, gamma, eps) - bn_backward(delta, u, gamma, eps)


def _parameters_unbiased(delta, u, eps):
    x = (u - np.mean(u, 0)) / np.sqrt(np.var(u, 0, ddof=1) + eps)
    return np.array([np.sum(delta * x, 0), np.sum(delta, 0)])


def _parameters_along_units(delta, u, eps):
    x, _ = standardised(u, eps)
    return np.array([np.sum(delta * x, 1), np.sum(delta, 1)])


def _by_square(delta, u, gamma, eps):
    return bn_backward(delta, u, gamma, eps) / standardised(u, eps)[1]


def _along_units(delta, u, gamma, eps):
    return gamma * bn_backward(np.transpose(delta), np.transpose(u), 1.0, eps).T


def _gradients(rng):
    return [(rng.normal(size=u.shape), u, gamma, eps) for u, gamma, _beta, eps in batches(rng)]


def _gradients_of_parameters(rng):
    return [(rng.normal(size=u.shape), u, eps) for u, _gamma, _beta, eps in batches(rng)]


_DELTA = np.array([[1.0, 0.5], [0.0, -1.0], [0.0, 2.0]])

BACKWARD = CodeExercise(
    id="batch-norm/backward",
    title="Batch norm, backwards",
    functions=(
        asks(
            bn_backward,
            "an array with the shape of u",
            {
                "the direct path only": (
                    _direct,
                    "You gave γ δ/s. u also moves μ and σ², and through them the x̂ of every image "
                    "in the batch: two more paths.",
                ),
                "the path through σ² is missing": (
                    _without_variance,
                    "You have the direct path and the one through μ. u moves σ² too, and that "
                    "scales every x̂ of the batch. (The mean of δ x̂ is not mean δ times mean x̂, "
                    "which is 0.)",
                ),
                "the path through μ is missing": (
                    _without_mean,
                    "You have the direct path and the one through σ². u moves μ too; sum your "
                    "result over the batch: it must be 0.",
                ),
                "sums where means belong": (
                    _sums,
                    "You subtracted sums over the batch. One u moves μ by 1/B of its own change, "
                    "so means stand there.",
                ),
                "x̂ left out in the path through σ²": (
                    _without_x,
                    "Your path through σ² subtracts the mean of δ x̂ alone. A larger σ² pulls each "
                    "x̂_i towards 0 in proportion to itself: times x̂.",
                ),
                "u − μ where x̂ belongs": (
                    _sums_in_place,
                    "Your last term has u − μ where x̂ belongs. Divide by s = √(σ² + ε) first.",
                ),
                "γ left out": (
                    lambda delta, u, gamma, eps: bn_backward(delta, u, 1.0, eps),
                    "Your result lacks the factor γ: δ is ∂ℒ/∂z, and z = γ x̂ + β.",
                ),
                "not divided by s": (
                    lambda delta, u, gamma, eps: (
                        bn_backward(delta, u, gamma, eps) * standardised(u, eps)[1]
                    ),
                    "You are off by the factor s = √(σ² + ε): x̂ is u divided by s, so the "
                    "gradient is divided by s, too.",
                ),
                "variance with B − 1": (
                    _backward_unbiased,
                    "You took σ² with B − 1. Forwards the batch was normalized with B, and the "
                    "way back must use the same s.",
                ),
                "ε left out": (
                    lambda delta, u, gamma, eps: bn_backward(delta, u, gamma, 0.0),
                    "You divided by σ. Forwards u was divided by s = √(σ² + ε), so s stands "
                    "wherever σ stands in your formula, in x̂ too.",
                ),
                "plus where minus belongs": (
                    _plus,
                    "Your two indirect paths have the wrong sign. A larger u_i raises μ, and that "
                    "lowers every x̂.",
                ),
                "plus in the path through σ²": (
                    _plus_variance,
                    "Your path through σ² has the wrong sign. A larger σ² makes every x̂ smaller.",
                ),
                "divided by s²": (
                    _by_square,
                    "You divided by s² = σ² + ε in front of the bracket. There stands γ/s, with "
                    "s = √(σ² + ε).",
                ),
                "over the units": (
                    _along_units,
                    "You took the means of each image over its units. Batch norm's are over the "
                    "images of each unit: axis 0.",
                ),
            },
        )
        + asks(
            bn_parameter_gradients,
            "an array of shape (2, n)",
            {
                "means over the batch": (
                    lambda delta, u, eps: bn_parameter_gradients(delta, u, eps) / len(u),
                    "You took means. γ and β act on every image, and the chain rule adds what "
                    "comes back from each; a 1/B of the loss is inside δ already.",
                ),
                "in columns": (
                    lambda delta, u, eps: bn_parameter_gradients(delta, u, eps).T,
                    "Your two gradients stand side by side. ∂ℒ/∂γ is the first row and ∂ℒ/∂β the "
                    "second.",
                ),
                "γ and β swapped": (
                    lambda delta, u, eps: bn_parameter_gradients(delta, u, eps)[::-1],
                    "Your two rows are swapped: ∂z/∂γ = x̂ and ∂z/∂β = 1.",
                ),
                "u where x̂ belongs": (
                    lambda delta, u, eps: np.array([np.sum(delta * u, 0), np.sum(delta, 0)]),
                    "You multiplied δ by u. γ multiplies x̂, so ∂z/∂γ = x̂.",
                ),
                "u − μ where x̂ belongs": (
                    lambda delta, u, eps: np.array(
                        [np.sum(delta * (u - np.mean(u, 0)), 0), np.sum(delta, 0)]
                    ),
                    "You multiplied δ by u − μ. γ multiplies x̂, which is that divided by "
                    "s = √(σ² + ε).",
                ),
                "variance with B − 1": (
                    _parameters_unbiased,
                    "Your x̂ has σ² with B − 1. γ multiplied the x̂ of the way forwards, and its "
                    "σ² divides by B.",
                ),
                "over the units": (
                    _parameters_along_units,
                    "You added over the units, for each image. Each unit has its own γ and β: add "
                    "over the images, axis 0.",
                ),
                "γ's gradient without x̂": (
                    lambda delta, u, eps: np.array([np.sum(delta, 0), np.sum(delta, 0)]),
                    "Both your rows are Σ δ. That is right for β; z = γ x̂ + β, so for γ there is "
                    "one more factor.",
                ),
            },
        )
    ),
    parts=(
        Part(
            title="∂ℒ/∂u on 3 random batches",
            points=2.0,
            cases=_gradients,
            function="bn_backward",
            example=(_DELTA, EXAMPLE, np.array([1.0, 2.0]), 1e-3),
            look_at="Two sums tell: over the batch your result adds up to 0, and so does your "
            "result times x̂, nearly.",
        ),
        Part(
            title="∂ℒ/∂γ and ∂ℒ/∂β on 3 random batches",
            points=1.0,
            cases=_gradients_of_parameters,
            function="bn_parameter_gradients",
            example=(_DELTA, EXAMPLE, 1e-3),
            look_at="z = γ x̂ + β for every image of the batch. What is ∂z/∂γ, and how many images "
            "share one γ?",
        ),
    ),
    hints=(
        "Three paths lead from u to the loss: through x̂ directly, through μ, and through σ².",
        "With s = √(σ² + ε) the direct path is γδ/s. The path through μ subtracts the mean of δ, "
        "the path through σ² subtracts x̂ times the mean of δ·x̂.",
        "x = (u − mean)/s; then γ/s · (δ − mean of δ − x · mean of δ·x), with each mean along "
        "axis 0. The parameters have sums where this has means, and no γ/s.",
    ),
)
