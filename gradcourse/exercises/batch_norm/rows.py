"""Layer norm and RMS norm: what is left to normalize where a batch holds one or two images."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.exercises.batch_norm.layer import bn_forward


def ln_forward(u, gamma, beta, eps):
    """Each image by the mean and the variance of its own units."""
    u = np.asarray(u, dtype=np.float64)
    centred = u - u.mean(axis=1, keepdims=True)
    return gamma * centred / np.sqrt(u.var(axis=1, keepdims=True) + eps) + beta


def rms_forward(u, gamma, eps):
    """Each image by the root mean square of its own units."""
    u = np.asarray(u, dtype=np.float64)
    return gamma * u / np.sqrt(np.mean(u**2, axis=1, keepdims=True) + eps)


def _ln_flat(u, gamma, beta, eps):
    return gamma * (u - np.mean(u, 1)) / np.sqrt(np.var(u, 1) + eps) + beta


def _ln_unbiased(u, gamma, beta, eps):
    centred = u - np.mean(u, 1, keepdims=True)
    return gamma * centred / np.sqrt(np.var(u, 1, ddof=1, keepdims=True) + eps) + beta


def _ln_eps_outside(u, gamma, beta, eps):
    centred = u - np.mean(u, 1, keepdims=True)
    return gamma * centred / (np.std(u, 1, keepdims=True) + eps) + beta


def _ln_whole(u, gamma, beta, eps):
    return gamma * (u - np.mean(u)) / np.sqrt(np.var(u) + eps) + beta


def _rms_norm_of_row(u, gamma, eps):
    return gamma * u / np.sqrt(np.sum(np.square(u), 1, keepdims=True) + eps)


def _rms_eps_outside(u, gamma, eps):
    return gamma * u / (np.sqrt(np.mean(np.square(u), 1, keepdims=True)) + eps)


def _rms_squared(u, gamma, eps):
    return gamma * u / (np.mean(np.square(u), 1, keepdims=True) + eps)


def _pairs(rng):
    made = []
    for rows, units in ((2, 4), (1, 5), (2, 6)):
        u = rng.normal(rng.uniform(-2.0, 2.0, (rows, 1)), rng.uniform(0.5, 3.0, (rows, 1)),
                       (rows, units))  # fmt: skip
        made.append((u, rng.uniform(0.5, 2.0, units), rng.normal(size=units), 1e-3))
    return made


def _pairs_without_beta(rng):
    return [(u, gamma, eps) for u, gamma, _beta, eps in _pairs(rng)]


_PAIR = np.array([[1.0, 2.0, 6.0], [10.0, 0.0, -4.0]])
_GAMMA = np.array([1.0, 2.0, 1.0])

LAYER_NORM = CodeExercise(
    id="batch-norm/layer-norm",
    title="Layer norm and RMS norm, at batch sizes 1 and 2",
    functions=(
        asks(
            ln_forward,
            "an array with the shape of u",
            {
                "over the batch": (
                    bn_forward,
                    "You took mean and variance over the images: that is batch norm. With two "
                    "images it leaves only +1 and −1, with one image only 0. Take axis 1.",
                ),
                "keepdims forgotten": (
                    _ln_flat,
                    "u.mean(axis=1) has shape (B,) and numpy lines it up with the units. With "
                    "keepdims=True it has shape (B, 1): one number for each row.",
                ),
                "mean not subtracted": (
                    lambda u, gamma, beta, eps: rms_forward(u, gamma, eps) + beta,
                    "You divided by the root mean square and subtracted no mean: that is RMS norm. "
                    "Layer norm subtracts each row's mean first.",
                ),
                "variance with n − 1": (
                    _ln_unbiased,
                    "You divided the sum of squares by n − 1. Layer norm divides it by the number "
                    "of units n.",
                ),
                "ε outside the root": (
                    _ln_eps_outside,
                    "You divided by σ + ε. ε is added to the variance, under the root.",
                ),
                "ε left out": (
                    lambda u, gamma, beta, eps: ln_forward(u, gamma, beta, 0.0),
                    "You left ε out. It is added to the variance, under the root.",
                ),
                "one mean for all rows": (
                    _ln_whole,
                    "You took one mean and one variance of the whole array, so the images still "
                    "see each other. Each row has its own.",
                ),
                "γ and β left out": (
                    lambda u, gamma, beta, eps: ln_forward(u, 1.0, 0.0, eps),
                    "Your rows are standardised. Each unit is then scaled by its γ and shifted by "
                    "its β.",
                ),
            },
        )
        + asks(
            rms_forward,
            "an array with the shape of u",
            {
                "keepdims forgotten": (
                    lambda u, gamma, eps: gamma * u / np.sqrt(np.mean(np.square(u), 1) + eps),
                    "The mean over axis 1 has shape (B,) and numpy lines it up with the units, not "
                    "with the rows. keepdims=True gives it the shape (B, 1).",
                ),
                "mean subtracted": (
                    lambda u, gamma, eps: ln_forward(u, gamma, 0.0, eps),
                    "You subtracted the row's mean: that is layer norm without β. RMS norm only "
                    "divides.",
                ),
                "length instead of root mean square": (
                    _rms_norm_of_row,
                    "You divided by the row's length, the root of a sum. A *mean* of squares "
                    "stands under the root, so that each entry has size about 1.",
                ),
                "over the batch": (
                    lambda u, gamma, eps: gamma * u / np.sqrt(np.mean(np.square(u), 0) + eps),
                    "You took the mean square over the images. RMS norm takes it of each image "
                    "over its units: axis 1.",
                ),
                "ε outside the root": (
                    _rms_eps_outside,
                    "You divided by the root mean square plus ε. ε is added to the mean square, "
                    "under the root.",
                ),
                "ε left out": (
                    lambda u, gamma, eps: rms_forward(u, gamma, 0.0),
                    "You left ε out. It is added to the mean square, under the root.",
                ),
                "the root is missing": (
                    _rms_squared,
                    "You divided by the mean square itself. Take its square root: doubling u must "
                    "change nothing.",
                ),
                "divided by the standard deviation": (
                    lambda u, gamma, eps: gamma * u / np.sqrt(np.var(u, 1, keepdims=True) + eps),
                    "You divided by the row's standard deviation. RMS norm takes the mean of u², "
                    "with no mean subtracted anywhere.",
                ),
                "one mean for all rows": (
                    lambda u, gamma, eps: gamma * u / np.sqrt(np.mean(np.square(u)) + eps),
                    "You took one mean square of the whole array, so the images see each other. "
                    "Each row has its own.",
                ),
                "γ left out": (
                    lambda u, gamma, eps: rms_forward(u, 1.0, eps),
                    "You left γ out: each unit is scaled by its own at the end.",
                ),
            },
        )
    ),
    parts=(
        Part(
            title="layer norm on 3 random batches of one or two images",
            points=0.5,
            cases=_pairs,
            function="ln_forward",
            example=(_PAIR, _GAMMA, np.array([0.0, 0.0, 1.0]), 1e-3),
            look_at="With γ = 1 and β = 0 every row has mean 0 and variance nearly 1.",
        ),
        Part(
            title="RMS norm on 3 random batches of one or two images",
            points=0.5,
            cases=_pairs_without_beta,
            function="rms_forward",
            example=(_PAIR, _GAMMA, 1e-3),
            look_at="With γ = 1 every row has mean square nearly 1. Its mean is what it was, "
            "divided.",
        ),
    ),
    hints=(
        "The same two formulas as for a batch, but along the other axis.",
        "np.mean and np.var with axis=1 and keepdims=True give one number per image, in a shape "
        "that divides u.",
        "u.mean(1, keepdims=True) and u.var(1, keepdims=True) have shape (B, 1). RMS norm needs "
        "one of them only: the mean, of u**2.",
    ),
)
