"""The factor by which one batch-normed layer multiplies δ."""

from __future__ import annotations

import numpy as np

from gradcourse import theory
from gradcourse.checking.question import CodeExercise, Part, asks


def gradient_growth(a, slope):
    """√(E[φ′²] / Var[φ]) from activations and slopes of a batch, shape (B, n)."""
    return float(np.sqrt(np.mean(np.square(slope)) / np.mean(np.var(a, axis=0))))


def _over_units(a, slope):
    return float(np.sqrt(np.mean(np.square(slope)) / np.mean(np.var(a, axis=1))))


def _unit_by_unit(a, slope):
    return float(np.mean(np.sqrt(np.mean(np.square(slope), axis=0) / np.var(a, axis=0))))


def _layers(rng):
    made = []
    for name, rows, units in (("relu", 40, 6), ("tanh", 30, 8), ("sigmoid", 50, 5)):
        z = rng.normal(rng.uniform(-1.0, 1.0, units), rng.uniform(0.6, 1.6, units), (rows, units))
        made.append((theory.activation(name, z), theory.slope(name, z)))
    return made


GROWTH = CodeExercise(
    id="batch-norm/growth",
    title="What one batch-normed layer does to δ",
    functions=asks(
        gradient_growth,
        "a float",
        {
            "mean square instead of variance": (
                lambda a, slope: float(np.sqrt(np.mean(np.square(slope)) / np.mean(np.square(a)))),
                "You divided by E[φ²], as for a plain network. Batch norm of the next layer "
                "subtracts what all images share: the variance over the batch remains.",
            ),
            "one variance of all": (
                lambda a, slope: float(np.sqrt(np.mean(np.square(slope)) / np.var(a))),
                "You took one variance over all units and images. The differences between "
                "units' means are not part of it: variance of each unit, then the mean.",
            ),
            "variance over the units": (
                _over_units,
                "You took the variance over the units of each image. Batch norm's is over the "
                "images of each unit: axis 0.",
            ),
            "mean of the standard deviations": (
                lambda a, slope: float(
                    np.sqrt(np.mean(np.square(slope))) / np.mean(np.std(a, axis=0))
                ),
                "You averaged the units' standard deviations. Their variances add up in u: "
                "the mean of the variances first, then the root.",
            ),
            "a factor for each unit, then their mean": (
                _unit_by_unit,
                "You made a factor for each unit and averaged the factors. Average the "
                "squared slopes and the variances first; there is one ratio, and one root.",
            ),
            "variance with B − 1": (
                lambda a, slope: float(
                    np.sqrt(np.mean(np.square(slope)) / np.mean(np.var(a, axis=0, ddof=1)))
                ),
                "Your variances are divided by B − 1, as torch's var does unless you say "
                "correction=0. Batch norm divides by B.",
            ),
            "the root is missing": (
                lambda a, slope: gradient_growth(a, slope) ** 2,
                "You gave the factor on the mean square of δ. The factor on its size is the "
                "square root.",
            ),
            "mean slope": (
                lambda a, slope: float(np.mean(slope) / np.sqrt(np.mean(np.var(a, axis=0)))),
                "You used the mean slope. Sizes add as squares: the root of the mean of "
                "squared slopes.",
            ),
            "upside down": (
                lambda a, slope: 1.0 / gradient_growth(a, slope),
                "Yours is upside down: slopes multiply δ, and batch norm divides it by the "
                "spread of what comes in.",
            ),
        },
    ),
    parts=(
        Part(
            title="3 random layers: ReLU, tanh, sigmoid",
            points=2.0,
            cases=_layers,
            example=(
                np.array([[0.0, 2.0], [2.0, 3.0], [4.0, 4.0]]),
                np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 1.0]]),
            ),
            look_at="In the example the mean squared slope is 5/6. The variances of the two units "
            "over the three images are 8/3 and 2/3.",
        ),
    ),
    hints=(
        "Two things happen to δ on its way back through one layer: φ′ multiplies, and batch norm "
        "divides by σ.",
        "σ² of the layer above is proportional to the variance of a over the batch, one for each "
        "unit, then averaged; the weights cancel.",
        "a.var(axis=0) is one variance per unit; its mean stands below, the mean of slope**2 "
        "above. And the size is not the mean square.",
    ),
)
