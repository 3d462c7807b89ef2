"""One batch-norm layer, forwards and backwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcourse.checking.exercise import Arguments, CodeExercise, Function, Misconception, Part

Array = NDArray[np.float64]

# ---------------------------------------------------------------- forwards


def standardised(u: Any, eps: float) -> tuple[Array, Array]:
    """x̂ and √(σ² + ε) of a batch, shape (B, n)."""
    u = np.asarray(u, dtype=np.float64)
    size = np.sqrt(u.var(axis=0) + eps)
    return (u - u.mean(axis=0)) / size, size


def bn_forward(u: Any, gamma: Any, beta: Any, eps: float) -> Array:
    """z = γ (u − μ)/√(σ² + ε) + β, each unit over the batch."""
    return gamma * standardised(u, eps)[0] + beta


def _over_units(u: Any, gamma: Any, beta: Any, eps: float) -> Array:
    return gamma * standardised(np.transpose(u), eps)[0].T + beta


def _one_mean(u: Any, gamma: Any, beta: Any, eps: float) -> Array:
    return gamma * (u - np.mean(u)) / np.sqrt(np.var(u) + eps) + beta


def _unbiased(u: Any, gamma: Any, beta: Any, eps: float) -> Array:
    return gamma * (u - np.mean(u, 0)) / np.sqrt(np.var(u, 0, ddof=1) + eps) + beta


def _by_variance(u: Any, gamma: Any, beta: Any, eps: float) -> Array:
    return gamma * (u - np.mean(u, 0)) / (np.var(u, 0) + eps) + beta


def _eps_outside(u: Any, gamma: Any, beta: Any, eps: float) -> Array:
    return gamma * (u - np.mean(u, 0)) / (np.std(u, 0) + eps) + beta


def _no_eps(u: Any, gamma: Any, beta: Any, eps: float) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return gamma * (u - np.mean(u, 0)) / np.std(u, 0) + beta


def _batches(rng: np.random.Generator) -> Sequence[Arguments]:
    made: list[Arguments] = []
    for rows, units in ((6, 3), (9, 4), (5, 5)):
        u = rng.normal(rng.uniform(-3.0, 3.0, units), rng.uniform(0.5, 3.0, units), (rows, units))
        made.append((u, rng.uniform(0.5, 2.0, units), rng.normal(size=units), 1e-3))
    return made


def _silent_units(rng: np.random.Generator) -> Sequence[Arguments]:
    """One unit that is the same for all images, as a dead ReLU makes them; one nearly so."""
    made: list[Arguments] = []
    for rows, units in ((6, 3), (8, 4)):
        u = rng.normal(0.0, 1.0, (rows, units))
        # A sum of eighths is exact, so the mean leaves exactly 0.
        u[:, 0] = rng.integers(-20, 20) / 8.0
        u[:, 1] *= 1e-3
        made.append((u, rng.uniform(0.5, 2.0, units), rng.normal(size=units), 1e-5))
    return made


_EXAMPLE = np.array([[1.0, 10.0], [3.0, 30.0], [5.0, 20.0]])

FORWARD = CodeExercise(
    id="batch-norm/forward",
    title="Batch norm, forwards",
    lesson="06",
    functions=(
        Function(
            "bn_forward",
            ("u", "gamma", "beta", "eps"),
            bn_forward,
            (
                Misconception(
                    "over the units",
                    _over_units,
                    "You took mean and variance of each image over its units. That is layer norm. "
                    "Batch norm takes them of each unit, over the images: axis 0.",
                ),
                Misconception(
                    "one mean for all",
                    _one_mean,
                    "You took one mean and one variance of the whole array. Every unit has its "
                    "own: look at the column means of your result.",
                ),
                Misconception(
                    "variance with B − 1",
                    _unbiased,
                    "You divided the sum of squares by B − 1. Here it is divided by B; torch "
                    "keeps B − 1 for the running variance.",
                ),
                Misconception(
                    "divided by the variance",
                    _by_variance,
                    "You divided by σ² + ε. To get variance 1 you divide by its square root.",
                ),
                Misconception(
                    "ε outside the root",
                    _eps_outside,
                    "You divided by σ + ε. ε is added to the variance, under the root.",
                ),
                Misconception(
                    "ε left out",
                    _no_eps,
                    "You left ε out. A unit that is the same for all images has σ² = 0, and 0/0 "
                    "is NaN.",
                ),
                Misconception(
                    "γ multiplies β",
                    lambda u, gamma, beta, eps: gamma * (standardised(u, eps)[0] + beta),
                    "You computed γ(x̂ + β). β is added last: γ x̂ + β.",
                ),
                Misconception(
                    "γ and β left out",
                    lambda u, gamma, beta, eps: standardised(u, eps)[0],
                    "You returned x̂. Each unit is then scaled by its γ and shifted by its β.",
                ),
            ),
            returns="an array with the shape of u",
        ),
    ),
    parts=(
        Part(
            title="3 random batches",
            points=1.0,
            cases=_batches,
            example=(_EXAMPLE, np.array([1.0, 2.0]), np.array([0.0, 1.0]), 1e-3),
            look_at="With γ = 1 and β = 0 every column has mean 0 and variance nearly 1. Print "
            "the column means and variances of what you return.",
        ),
        Part(
            title="2 random batches with a unit that is the same for all images",
            points=1.0,
            cases=_silent_units,
            example=(
                np.array([[2.0, 1.0], [2.0, -1.0]]),
                np.array([1.0, 1.0]),
                np.array([0.5, 0.0]),
                1e-5,
            ),
            look_at="Where σ² = 0, x̂ is 0 and z is β. Where does ε stand in your formula?",
        ),
    ),
    hints=(
        "Each column of u is one unit. All means are over the images, the rows.",
        "Subtract u.mean(axis=0); divide by the root of u.var(axis=0) plus ε; then γ, then β.",
        "gamma * (u - u.mean(axis=0)) / np.sqrt(u.var(axis=0) + eps) + beta",
    ),
)

# ---------------------------------------------------------------- backwards


def bn_backward(delta: Any, u: Any, gamma: Any, eps: float) -> Array:
    """∂ℒ/∂u = γ/s · (δ − mean δ − x̂ · mean(δ x̂)), with s = √(σ² + ε)."""
    x, size = standardised(u, eps)
    delta = np.asarray(delta, dtype=np.float64)
    return gamma / size * (delta - delta.mean(axis=0) - x * (delta * x).mean(axis=0))


def bn_parameter_gradients(delta: Any, u: Any, eps: float) -> Array:
    """∂ℒ/∂γ and ∂ℒ/∂β, shape (2, n)."""
    x, _ = standardised(u, eps)
    return np.array([(delta * x).sum(axis=0), np.sum(delta, axis=0)])


def _direct(delta: Any, u: Any, gamma: Any, eps: float) -> Array:
    return gamma / standardised(u, eps)[1] * delta


def _without_variance(delta: Any, u: Any, gamma: Any, eps: float) -> Array:
    return _direct(delta - np.mean(delta, 0), u, gamma, eps)


def _without_mean(delta: Any, u: Any, gamma: Any, eps: float) -> Array:
    x, _ = standardised(u, eps)
    return _direct(delta - x * np.mean(delta * x, 0), u, gamma, eps)


def _sums(delta: Any, u: Any, gamma: Any, eps: float) -> Array:
    x, _ = standardised(u, eps)
    return _direct(delta - np.sum(delta, 0) - x * np.sum(delta * x, 0), u, gamma, eps)


def _sums_in_place(delta: Any, u: Any, gamma: Any, eps: float) -> Array:
    """(u − μ) where x̂ belongs."""
    x = np.asarray(u) - np.mean(u, 0)
    return _direct(delta - np.mean(delta, 0) - x * np.mean(delta * x, 0), u, gamma, eps)


def _plus(delta: Any, u: Any, gamma: Any, eps: float) -> Array:
    return 2.0 * _direct(delta, u, gamma, eps) - bn_backward(delta, u, gamma, eps)


def _gradients(rng: np.random.Generator) -> Sequence[Arguments]:
    return [(rng.normal(size=u.shape), u, gamma, eps) for u, gamma, _beta, eps in _batches(rng)]


def _gradients_of_parameters(rng: np.random.Generator) -> Sequence[Arguments]:
    return [(rng.normal(size=u.shape), u, eps) for u, _gamma, _beta, eps in _batches(rng)]


_DELTA = np.array([[1.0, 0.5], [0.0, -1.0], [0.0, 2.0]])

BACKWARD = CodeExercise(
    id="batch-norm/backward",
    title="Batch norm, backwards",
    lesson="06",
    functions=(
        Function(
            "bn_backward",
            ("delta", "u", "gamma", "eps"),
            bn_backward,
            (
                Misconception(
                    "the direct path only",
                    _direct,
                    "You gave γ δ/s. u also moves μ and σ², and through them the x̂ of every image "
                    "in the batch: two more paths.",
                ),
                Misconception(
                    "the path through σ² is missing",
                    _without_variance,
                    "You have the direct path and the one through μ. u moves σ² too, and that "
                    "scales every x̂ of the batch.",
                ),
                Misconception(
                    "the path through μ is missing",
                    _without_mean,
                    "You have the direct path and the one through σ². u moves μ too; sum your "
                    "result over the batch: it must be 0.",
                ),
                Misconception(
                    "sums where means belong",
                    _sums,
                    "You subtracted sums over the batch. One u moves μ by 1/B of its own change, "
                    "so means stand there.",
                ),
                Misconception(
                    "u − μ where x̂ belongs",
                    _sums_in_place,
                    "Your last term has u − μ where x̂ belongs. Divide by s = √(σ² + ε) first.",
                ),
                Misconception(
                    "γ left out",
                    lambda delta, u, gamma, eps: bn_backward(delta, u, 1.0, eps),
                    "Your result lacks the factor γ: δ is ∂ℒ/∂z, and z = γ x̂ + β.",
                ),
                Misconception(
                    "not divided by s",
                    lambda delta, u, gamma, eps: (
                        bn_backward(delta, u, gamma, eps) * standardised(u, eps)[1]
                    ),
                    "You are off by the factor s = √(σ² + ε): x̂ is u divided by s, so the "
                    "gradient is divided by s, too.",
                ),
                Misconception(
                    "plus where minus belongs",
                    _plus,
                    "Your two indirect paths have the wrong sign. A larger u_i raises μ, and that "
                    "lowers every x̂.",
                ),
            ),
            returns="an array with the shape of u",
        ),
        Function(
            "bn_parameter_gradients",
            ("delta", "u", "eps"),
            bn_parameter_gradients,
            (
                Misconception(
                    "means over the batch",
                    lambda delta, u, eps: bn_parameter_gradients(delta, u, eps) / len(u),
                    "You took means. γ and β act on every image, and the chain rule adds what "
                    "comes back from each; a 1/B of the loss is inside δ already.",
                ),
                Misconception(
                    "γ and β swapped",
                    lambda delta, u, eps: bn_parameter_gradients(delta, u, eps)[::-1],
                    "Your two rows are swapped: ∂z/∂γ = x̂ and ∂z/∂β = 1.",
                ),
                Misconception(
                    "u where x̂ belongs",
                    lambda delta, u, eps: np.array([np.sum(delta * u, 0), np.sum(delta, 0)]),
                    "You multiplied δ by u. γ multiplies x̂, so ∂z/∂γ = x̂.",
                ),
                Misconception(
                    "γ's gradient without x̂",
                    lambda delta, u, eps: np.array([np.sum(delta, 0), np.sum(delta, 0)]),
                    "Both your rows are Σ δ. That is right for β; z = γ x̂ + β, so for γ there is "
                    "one more factor.",
                ),
            ),
            returns="an array of shape (2, n)",
        ),
    ),
    parts=(
        Part(
            title="∂ℒ/∂u on 3 random batches",
            points=2.0,
            cases=_gradients,
            function="bn_backward",
            example=(_DELTA, _EXAMPLE, np.array([1.0, 2.0]), 1e-3),
            look_at="Two sums tell: over the batch your result adds up to 0, and so does your "
            "result times x̂, nearly.",
        ),
        Part(
            title="∂ℒ/∂γ and ∂ℒ/∂β on 3 random batches",
            points=1.0,
            cases=_gradients_of_parameters,
            function="bn_parameter_gradients",
            example=(_DELTA, _EXAMPLE, 1e-3),
            look_at="z = γ x̂ + β for every image of the batch. What is ∂z/∂γ, and how many images "
            "share one γ?",
        ),
    ),
    hints=(
        "Three paths lead from u to the loss: through x̂ directly, through μ, and through σ².",
        "With s = √(σ² + ε) the direct path is γδ/s. The path through μ subtracts the mean of δ, "
        "the path through σ² subtracts x̂ times the mean of δ·x̂.",
        "gamma / s * (delta - delta.mean(0) - x * (delta * x).mean(0)); and for the parameters "
        "np.array([(delta * x).sum(0), delta.sum(0)])",
    ),
)
