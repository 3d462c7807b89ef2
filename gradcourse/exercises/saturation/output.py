"""δ of the output layer, for two losses."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.exercises.saturation.units import sigmoid_prime
from gradcourse.theory import sigmoid

# ---------------------------------------------------------------- δ of the output layer


def delta_squared_error(z, y):
    """∂ℒ/∂z of ℒ = ½ Σ (σ(z) − y)²."""
    return (sigmoid(z) - y) * sigmoid_prime(z)


def delta_cross_entropy(z, y):
    """∂ℒ/∂z of ℒ = −Σ (y log σ(z) + (1 − y) log(1 − σ(z)))."""
    return sigmoid(z) - y


def _softmax_delta(z, y):
    p = np.exp(np.asarray(z) - np.max(z))
    return p / p.sum() - y


def _through_probability(z, y):
    a = sigmoid(z)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (a - y) / (a * (1.0 - a))


def _quotient_times_slope(z, y):
    with np.errstate(invalid="ignore"):
        return _through_probability(z, y) * sigmoid_prime(z)


def outputs(spread):
    def cases(rng):
        made = []
        for size in (4, 10):
            targets = rng.integers(0, 2, size).astype(float)
            targets[:2] = (0.0, 1.0)
            made.append((rng.uniform(-spread, spread, size), targets))
        return made

    return cases


def certain_outputs(rng):
    """Outputs that are sure, half of them wrongly."""
    made = []
    for size in (4, 8):
        z = rng.uniform(150.0, 250.0, size) * np.tile([1.0, -1.0], size // 2)
        targets = np.repeat([0.0, 1.0], size // 2)
        made.append((z, targets))
    return made


OUTPUT_DELTA = CodeExercise(
    id="saturation/output-delta",
    title="δ of a σ output, for two losses",
    functions=(
        asks(
            delta_squared_error,
            "an array with the shape of z",
            {
                "the slope of σ is missing": (
                    lambda z, y: sigmoid(z) - y,
                    "You gave ∂ℒ/∂a = a − y. δ is the derivative with respect to z: one more "
                    "factor of the chain rule, the slope σ′(z).",
                ),
                "the ½ is missing": (
                    lambda z, y: 2.0 * delta_squared_error(z, y),
                    "Yours is twice too large. The loss is ½(a − y)²; the ½ cancels the 2 of the "
                    "square.",
                ),
                "half of it": (
                    lambda z, y: 0.5 * delta_squared_error(z, y),
                    "Yours is half of it. The derivative of ½(a − y)² with respect to a is a − "
                    "y: the ½ is used up.",
                ),
                "the mean over the outputs": (
                    lambda z, y: delta_squared_error(z, y) / len(z),
                    "You divided by the number of outputs. This loss is a sum, not a mean.",
                ),
                "the sum over the outputs": (
                    lambda z, y: float(np.sum(delta_squared_error(z, y))),
                    "You added the outputs up. δ has one entry for each output, shape (n,).",
                ),
                "the slope at a": (
                    lambda z, y: (sigmoid(z) - y) * sigmoid_prime(sigmoid(z)),
                    "You took the slope of σ at a. It is σ′(z); written with a it is a(1 − a).",
                ),
                "half of the slope": (
                    lambda z, y: (sigmoid(z) - y) * sigmoid(z),
                    "You multiplied by a. The slope of σ is a(1 − a): the second factor is "
                    "missing.",
                ),
                "without a sign": (
                    lambda z, y: np.abs(delta_squared_error(z, y)),
                    "You took the absolute value. δ has a sign: it tells an output that is too "
                    "large from one that is too small.",
                ),
                "target minus output": (
                    lambda z, y: -delta_squared_error(z, y),
                    "Your sign is reversed: y − a is the direction of the step, a − y that of the "
                    "gradient. An output that is too large must have δ > 0.",
                ),
                "z taken for an activation": (
                    lambda z, y: (z - y) * z * (1.0 - z),
                    "You used z where a = σ(z) belongs. Compute a first; then both factors are "
                    "written with a.",
                ),
                "the loss instead of its derivative": (
                    lambda z, y: 0.5 * (sigmoid(z) - y) ** 2,
                    "You returned the loss itself. δ is its derivative with respect to z.",
                ),
            },
        )
        + asks(
            delta_cross_entropy,
            "an array with the shape of z",
            {
                "the slope of σ is left in": (
                    delta_squared_error,
                    "You gave (a − y)·σ′(z), the δ of the squared error. Here ∂ℒ/∂a has a "
                    "denominator a(1 − a); look at what it cancels.",
                ),
                "derivative with respect to a": (
                    _through_probability,
                    "You gave ∂ℒ/∂a. δ is ∂ℒ/∂z: multiply by σ′(z) = a(1 − a) and simplify on "
                    "paper.",
                ),
                "the mean over the outputs": (
                    lambda z, y: delta_cross_entropy(z, y) / len(z),
                    "You divided by the number of outputs. This loss is a sum, not a mean.",
                ),
                "the sum over the outputs": (
                    lambda z, y: float(np.sum(delta_cross_entropy(z, y))),
                    "You added the outputs up. δ has one entry for each output, shape (n,).",
                ),
                "only the term with y": (
                    lambda z, y: -np.asarray(y) * (1.0 - sigmoid(z)),
                    "You differentiated the term with y only. Where y = 0 the term (1 − y) log(1 "
                    "− a) gives the gradient.",
                ),
                "z taken for an activation": (
                    lambda z, y: np.asarray(z) - y,
                    "You used z where a = σ(z) belongs.",
                ),
                "target minus output": (
                    lambda z, y: -delta_cross_entropy(z, y),
                    "Your sign is reversed. An output that is too large must have δ > 0.",
                ),
                "softmax over the outputs": (
                    _softmax_delta,
                    "You used softmax. Each output here is a σ of its own: two of them may be 1 "
                    "at the same time.",
                ),
                "0 divided by 0": (
                    _quotient_times_slope,
                    "Right on paper, NaN at |z| = 150 and beyond: a(1 − a) is 0 there and you "
                    "divide by it. Simplify before you compute.",
                ),
            },
        )
    ),
    parts=(
        Part(
            title="squared error on 2 random output layers, |z| ≤ 4",
            points=1.0,
            cases=outputs(4.0),
            function="delta_squared_error",
            example=(np.array([0.0, 2.0]), np.array([1.0, 1.0])),
            look_at="Two factors: ∂ℒ/∂a and ∂a/∂z. Compute both for the small example by hand.",
        ),
        Part(
            title="cross-entropy on 2 random output layers, |z| ≤ 4",
            points=0.5,
            cases=outputs(4.0),
            function="delta_cross_entropy",
            example=(np.array([0.0, 2.0]), np.array([1.0, 1.0])),
            look_at="∂ℒ/∂a = (a − y)/(a(1 − a)), and then the slope of σ.",
        ),
        Part(
            title="cross-entropy on 2 random output layers, |z| from 150 to 250",
            points=0.5,
            cases=certain_outputs,
            function="delta_cross_entropy",
            example=(np.array([-200.0, 200.0]), np.array([1.0, 1.0])),
            look_at="An output that is sure and wrong must have |δ| = 1. Where do you divide?",
        ),
    ),
    hints=(
        "Write a = σ(z). The chain rule has two factors: ∂ℒ/∂z = ∂ℒ/∂a · ∂a/∂z.",
        "∂ℒ/∂a is a − y for the squared error and (a − y)/(a(1 − a)) for cross-entropy; ∂a/∂z is "
        "a(1 − a) for both.",
        "Squared error: (a − y)·a·(1 − a). Cross-entropy: the denominator cancels the slope, "
        "a − y is left.",
    ),
)
