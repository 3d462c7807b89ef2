"""The output layer: δ of two losses, and a loss that survives a saturated output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcourse.checking.exercise import Arguments, CodeExercise, Function, Misconception, Part
from gradcourse.drivers.saturation import drive_loss
from gradcourse.exercises.saturation.units import sigmoid_prime
from gradcourse.theory import sigmoid

Array = NDArray[np.float64]

# ---------------------------------------------------------------- δ of the output layer


def delta_squared_error(z: Any, y: Any) -> Array:
    """∂𝓛/∂z of 𝓛 = ½ Σ (σ(z) − y)²."""
    return (sigmoid(z) - y) * sigmoid_prime(z)


def delta_cross_entropy(z: Any, y: Any) -> Array:
    """∂𝓛/∂z of 𝓛 = −Σ (y log σ(z) + (1 − y) log(1 − σ(z)))."""
    return sigmoid(z) - y


def _softmax_delta(z: Any, y: Any) -> Array:
    p = np.exp(np.asarray(z) - np.max(z))
    return p / p.sum() - y


def _through_probability(z: Any, y: Any) -> Array:
    a = sigmoid(z)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (a - y) / (a * (1.0 - a))


def _quotient_times_slope(z: Any, y: Any) -> Array:
    with np.errstate(invalid="ignore"):
        return _through_probability(z, y) * sigmoid_prime(z)


def _outputs(spread: float) -> Callable[[np.random.Generator], Sequence[Arguments]]:
    def cases(rng: np.random.Generator) -> Sequence[Arguments]:
        made: list[Arguments] = []
        for size in (4, 10):
            targets = rng.integers(0, 2, size).astype(float)
            targets[:2] = (0.0, 1.0)
            made.append((rng.uniform(-spread, spread, size), targets))
        return made

    return cases


def _certain_outputs(rng: np.random.Generator) -> Sequence[Arguments]:
    """Outputs that are sure, half of them wrongly."""
    made: list[Arguments] = []
    for size in (4, 8):
        z = rng.uniform(150.0, 250.0, size) * np.tile([1.0, -1.0], size // 2)
        targets = np.repeat([0.0, 1.0], size // 2)
        made.append((z, targets))
    return made


OUTPUT_DELTA = CodeExercise(
    id="saturation/output-delta",
    title="δ of a σ output, for two losses",
    lesson="02",
    functions=(
        Function(
            "delta_squared_error",
            ("z", "y"),
            delta_squared_error,
            (
                Misconception(
                    "the slope of σ is missing",
                    lambda z, y: sigmoid(z) - y,
                    "You gave ∂𝓛/∂a = a − y. δ is the derivative with respect to z: one more "
                    "factor of the chain rule, the slope σ′(z).",
                ),
                Misconception(
                    "the ½ is missing",
                    lambda z, y: 2.0 * delta_squared_error(z, y),
                    "Yours is twice too large. The loss is ½(a − y)²; the ½ cancels the 2 of the "
                    "square.",
                ),
                Misconception(
                    "target minus output",
                    lambda z, y: -delta_squared_error(z, y),
                    "Your sign is reversed: y − a is the direction of the step, a − y that of the "
                    "gradient. An output that is too large must have δ > 0.",
                ),
                Misconception(
                    "z taken for an activation",
                    lambda z, y: (z - y) * z * (1.0 - z),
                    "You used z where a = σ(z) belongs. Compute a first; then both factors are "
                    "written with a.",
                ),
                Misconception(
                    "the loss instead of its derivative",
                    lambda z, y: 0.5 * (sigmoid(z) - y) ** 2,
                    "You returned the loss itself. δ is its derivative with respect to z.",
                ),
            ),
            returns="an array with the shape of z",
        ),
        Function(
            "delta_cross_entropy",
            ("z", "y"),
            delta_cross_entropy,
            (
                Misconception(
                    "the slope of σ is left in",
                    delta_squared_error,
                    "You gave (a − y)·σ′(z), the δ of the squared error. Here ∂𝓛/∂a has a "
                    "denominator a(1 − a); look at what it cancels.",
                ),
                Misconception(
                    "derivative with respect to a",
                    _through_probability,
                    "You gave ∂𝓛/∂a. δ is ∂𝓛/∂z: multiply by σ′(z) = a(1 − a) and simplify on "
                    "paper.",
                ),
                Misconception(
                    "target minus output",
                    lambda z, y: -delta_cross_entropy(z, y),
                    "Your sign is reversed. An output that is too large must have δ > 0.",
                ),
                Misconception(
                    "softmax over the outputs",
                    _softmax_delta,
                    "You used softmax. Each output here is a σ of its own: two of them may be 1 "
                    "at the same time.",
                ),
                Misconception(
                    "0 divided by 0",
                    _quotient_times_slope,
                    "Right on paper, NaN at |z| = 150 and beyond: a(1 − a) is 0 there and you "
                    "divide by it. Simplify before you compute.",
                ),
            ),
            returns="an array with the shape of z",
        ),
    ),
    parts=(
        Part(
            title="squared error on 2 random output layers, |z| ≤ 4",
            points=1.0,
            cases=_outputs(4.0),
            function="delta_squared_error",
            example=(np.array([0.0, 2.0]), np.array([1.0, 1.0])),
            look_at="Two factors: ∂𝓛/∂a and ∂a/∂z. Compute both for the small example by hand.",
        ),
        Part(
            title="cross-entropy on 2 random output layers, |z| ≤ 4",
            points=0.5,
            cases=_outputs(4.0),
            function="delta_cross_entropy",
            example=(np.array([0.0, 2.0]), np.array([1.0, 1.0])),
            look_at="∂𝓛/∂a = (a − y)/(a(1 − a)), and then the slope of σ.",
        ),
        Part(
            title="cross-entropy on 2 random output layers, |z| from 150 to 250",
            points=0.5,
            cases=_certain_outputs,
            function="delta_cross_entropy",
            example=(np.array([-200.0, 200.0]), np.array([1.0, 1.0])),
            look_at="An output that is sure and wrong must have |δ| = 1. Where do you divide?",
        ),
    ),
    hints=(
        "Write a = σ(z). The chain rule has two factors: ∂𝓛/∂z = ∂𝓛/∂a · ∂a/∂z.",
        "∂𝓛/∂a is a − y for the squared error and (a − y)/(a(1 − a)) for cross-entropy; ∂a/∂z is "
        "a(1 − a) for both.",
        "Squared error: (a − y)·a·(1 − a). Cross-entropy: the denominator cancels the slope, "
        "a − y is left.",
    ),
)

# ---------------------------------------------------------------- a loss from pre-activations


def loss_from_logits(z: Any, y: Any) -> Any:
    """Mean cross-entropy of σ(z) against y, from z."""
    import torch.nn.functional as F

    return (F.softplus(z) - y * z).mean()


def _log_of_sigmoid(z: Any, y: Any) -> Any:
    import torch

    a = torch.sigmoid(z)
    return -(y * torch.log(a) + (1 - y) * torch.log(1 - a)).mean()


def _binary_cross_entropy(z: Any, y: Any) -> Any:
    import torch
    import torch.nn.functional as F

    return F.binary_cross_entropy(torch.sigmoid(z), y)


def _clamped(z: Any, y: Any) -> Any:
    import torch

    a = torch.sigmoid(z).clamp(1e-7, 1 - 1e-7)
    return -(y * torch.log(a) + (1 - y) * torch.log(1 - a)).mean()


def _squared_error(z: Any, y: Any) -> Any:
    import torch

    return 0.5 * (torch.sigmoid(z) - y).square().mean()


def _summed(z: Any, y: Any) -> Any:
    return loss_from_logits(z, y) * z.numel()


def _softmax_loss(z: Any, y: Any) -> Any:
    import torch.nn.functional as F

    return F.cross_entropy(z, y)


def _squashed_twice(z: Any, y: Any) -> Any:
    import torch

    return loss_from_logits(torch.sigmoid(z), y)


LOSS_FROM_LOGITS = CodeExercise(
    id="saturation/loss-from-logits",
    title="Repair a saturated output",
    lesson="02",
    functions=(
        Function(
            "loss_from_logits",
            ("z", "y"),
            loss_from_logits,
            (
                Misconception(
                    "log of a σ that is exactly 0",
                    _log_of_sigmoid,
                    "You take the logarithm of σ(z). In float32 σ(−200) is exactly 0, and 0·log 0 "
                    "is NaN. Write log σ(z) with z, on paper, before you compute.",
                ),
                Misconception(
                    "binary_cross_entropy on σ(z)",
                    _binary_cross_entropy,
                    "PyTorch cuts the logarithm off at −100: no NaN, but at |z| = 200 the "
                    "gradient is 0. The information is lost in σ(z); start from z.",
                ),
                Misconception(
                    "σ(z) clamped",
                    _clamped,
                    "Clamping removes the NaN and the gradient with it: outside the clamp the "
                    "derivative is 0. Look at the gradient of a wrong and certain output.",
                ),
                Misconception(
                    "squared error",
                    _squared_error,
                    "That is the squared error. Its gradient carries σ′(z), which is 0 where the "
                    "output is saturated: the disease, not the repair.",
                ),
                Misconception(
                    "sum instead of mean",
                    _summed,
                    "Loss and gradient are too large by the number of outputs: you took the sum. "
                    "The mean is asked.",
                ),
                Misconception(
                    "softmax cross-entropy",
                    _softmax_loss,
                    "You used softmax over the outputs. Each output here is a σ of its own, with "
                    "a target of its own.",
                ),
                Misconception(
                    "σ applied twice",
                    _squashed_twice,
                    "You gave σ(z) to a loss that applies σ itself. It wants z.",
                ),
            ),
            driver=drive_loss,
            returns="a tensor of shape ()",
        ),
    ),
    parts=(
        Part(
            title="loss and gradient on 2 random output layers, |z| ≤ 4",
            points=1.0,
            cases=_outputs(4.0),
            example=(np.array([0.0, 2.0]), np.array([1.0, 1.0])),
            look_at="Shown: the loss, then its gradient for each z, which is (σ(z) − y)/n.",
            rtol=1e-4,
            atol=1e-6,
        ),
        Part(
            title="loss and gradient on 2 random output layers, |z| from 150 to 250",
            points=2.0,
            cases=_certain_outputs,
            example=(np.array([-200.0, 200.0]), np.array([1.0, 1.0])),
            look_at="Shown: the loss, then its gradient for each z. A wrong and certain output "
            "has loss |z|/n and gradient ±1/n.",
            rtol=1e-4,
            atol=1e-6,
        ),
    ),
    hints=(
        "σ(z) throws away what you need: −200 and −300 both become 0. Never compute it.",
        "−log σ(z) = log(1 + e^(−z)), and −log(1 − σ(z)) = log(1 + e^z). PyTorch has a function "
        "for log(1 + e^z) that does not overflow.",
        "softplus(z) − y·z is the loss of one output; take the mean. "
        "`torch.nn.functional.binary_cross_entropy_with_logits` does the same.",
    ),
)
