"""One batch-norm layer, forwards."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def standardised(u, eps):
    """x̂ and √(σ² + ε) of a batch, shape (B, n)."""
    u = np.asarray(u, dtype=np.float64)
    size = np.sqrt(u.var(axis=0) + eps)
    return (u - u.mean(axis=0)) / size, size


def bn_forward(u, gamma, beta, eps):
    """z = γ (u − μ)/√(σ² + ε) + β, each unit over the batch."""
    return gamma * standardised(u, eps)[0] + beta


def _one_mean(u, gamma, beta, eps):
    return gamma * (u - np.mean(u)) / np.sqrt(np.var(u) + eps) + beta


def _unbiased(u, gamma, beta, eps):
    return gamma * (u - np.mean(u, 0)) / np.sqrt(np.var(u, 0, ddof=1) + eps) + beta


def _by_variance(u, gamma, beta, eps):
    return gamma * (u - np.mean(u, 0)) / (np.var(u, 0) + eps) + beta


def _eps_outside(u, gamma, beta, eps):
    return gamma * (u - np.mean(u, 0)) / (np.std(u, 0) + eps) + beta


def _no_eps(u, gamma, beta, eps):
    with np.errstate(invalid="ignore", divide="ignore"):
        return gamma * (u - np.mean(u, 0)) / np.std(u, 0) + beta


def batches(rng):
    """u, γ, β and ε, three times."""
    made = []
    for rows, units in ((6, 3), (9, 4), (5, 5)):
        u = rng.normal(rng.uniform(-3.0, 3.0, units), rng.uniform(0.5, 3.0, units), (rows, units))
        made.append((u, rng.uniform(0.5, 2.0, units), rng.normal(size=units), 1e-3))
    return made


def _silent_units(rng):
    """One unit that is the same for all images, as a dead ReLU makes them; one nearly so."""
    made = []
    for rows, units in ((6, 3), (8, 4)):
        u = rng.normal(0.0, 1.0, (rows, units))
        # A sum of eighths is exact, so the mean leaves exactly 0.
        u[:, 0] = rng.integers(-20, 20) / 8.0
        u[:, 1] *= 1e-3
        made.append((u, rng.uniform(0.5, 2.0, units), rng.normal(size=units), 1e-5))
    return made


EXAMPLE = np.array([[1.0, 10.0], [3.0, 30.0], [5.0, 20.0]])

FORWARD = CodeExercise(
    id="batch-norm/forward",
    title="Batch norm, forwards",
    functions=asks(
        bn_forward,
        "an array with the shape of u",
        {
            "over the units": (
                lambda u, gamma, beta, eps: gamma * standardised(np.transpose(u), eps)[0].T + beta,
                "You took mean and variance of each image over its units. That is layer norm. "
                "Batch norm takes them of each unit, over the images: axis 0.",
            ),
            "the mean is not subtracted": (
                lambda u, gamma, beta, eps: gamma * np.asarray(u) / standardised(u, eps)[1] + beta,
                "You divided u by √(σ² + ε) and did not subtract μ. Look at the column means of "
                "your result: without β they should be 0.",
            ),
            "one mean for all": (
                _one_mean,
                "You took one mean and one variance of the whole array. Every unit has its "
                "own: look at the column means of your result.",
            ),
            "variance with B − 1": (
                _unbiased,
                "You divided the sum of squares by B − 1. Here it is divided by B; torch "
                "keeps B − 1 for the running variance.",
            ),
            "divided by the variance": (
                _by_variance,
                "You divided by σ² + ε. To get variance 1 you divide by its square root.",
            ),
            "ε outside the root": (
                _eps_outside,
                "You divided by σ + ε. ε is added to the variance, under the root.",
            ),
            "ε left out": (
                _no_eps,
                "You left ε out. A unit that is the same for all images has σ² = 0, and 0/0 "
                "is NaN.",
            ),
            "γ multiplies β": (
                lambda u, gamma, beta, eps: gamma * (standardised(u, eps)[0] + beta),
                "You computed γ(x̂ + β). β is added last: γ x̂ + β.",
            ),
            "γ and β swapped": (
                lambda u, gamma, beta, eps: bn_forward(u, beta, gamma, eps),
                "You scaled by β and shifted by γ. γ scales and β shifts: γ x̂ + β.",
            ),
            "brackets missing": (
                lambda u, gamma, beta, eps: (
                    gamma * u - np.mean(u, 0) / np.sqrt(np.var(u, 0) + eps) + beta
                ),
                "Only μ is divided by s: / binds more strongly than −. Put u − μ into brackets.",
            ),
            "an ε of your own": (
                lambda u, gamma, beta, eps: bn_forward(u, gamma, beta, 1e-5),
                "You used ε = 1e-5, torch's default. Use the `eps` that you are given.",
            ),
            "γ and β left out": (
                lambda u, gamma, beta, eps: standardised(u, eps)[0],
                "You returned x̂. Each unit is then scaled by its γ and shifted by its β.",
            ),
        },
    ),
    parts=(
        Part(
            title="3 random batches",
            points=1.0,
            cases=batches,
            example=(EXAMPLE, np.array([1.0, 2.0]), np.array([0.0, 1.0]), 1e-3),
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
        "s = np.sqrt(u.var(axis=0) + eps) is one number for each unit. x̂ is (u − "
        "u.mean(axis=0)) / s; what makes z of it?",
    ),
)
