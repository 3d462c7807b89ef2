"""Scales that a batch of data gives: LSUV."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def lsuv_scales(weights, x):
    """The factor that each weight matrix gets, ReLU between the layers."""
    h, scales = np.asarray(x, dtype=np.float64), []
    for w in weights:
        z = h @ np.asarray(w).T
        scales.append(1 / z.std())
        h = np.maximum(scales[-1] * z, 0)
    return np.array(scales)


def _walk(
    weights,
    x,
    factor=lambda z: 1 / z.std(),
    passed_on=lambda z, scale: np.maximum(scale * z, 0),
):
    """`lsuv_scales` with another factor, or something else sent on to the next layer."""
    h, scales = np.asarray(x), []
    for w in weights:
        z = h @ w.T
        scales.append(factor(z))
        h = passed_on(z, scales[-1])
    return np.array(scales)


def _batches(rng):
    made = []
    for sizes in ((12, 20, 15, 10), (30, 25, 25, 25, 25)):
        weights = [
            rng.uniform(0.05, 0.6) * rng.standard_normal((n_out, n_in))
            for n_in, n_out in pairwise(sizes)
        ]
        made.append((weights, rng.normal(0.2, rng.uniform(0.5, 3.0), (50, sizes[0]))))
    return made


LSUV = CodeExercise(
    id="init/lsuv",
    title="Scales from data (LSUV)",
    functions=asks(
        lsuv_scales,
        "an array with one factor per matrix",
        {
            "divided by the variance": (
                lambda weights, x: _walk(weights, x, lambda z: 1 / z.var()),
                "You divided by the variance. A factor s multiplies the variance by s², so "
                "it must be 1 over the standard deviation.",
            ),
            "the scaled layer is not passed on": (
                lambda weights, x: _walk(weights, x, passed_on=lambda z, _: np.maximum(z, 0)),
                "Only your first factor is right: the later ones belong to *unscaled* outputs. "
                "A layer must see what the layers before it give after their scaling, and its "
                "factor does not hold theirs once more.",
            ),
            "root mean square for standard deviation": (
                lambda weights, x: _walk(weights, x, lambda z: 1 / np.sqrt(np.mean(z**2))),
                "You divided by the root mean square. From layer 2 on the outputs have a mean "
                "that is not 0; the standard deviation, z.std(), subtracts it.",
            ),
            "divided by n − 1": (
                lambda weights, x: _walk(weights, x, lambda z: 1 / z.std(ddof=1)),
                "Your standard deviation divides by n − 1, as torch's z.std() does. Here it is "
                "over the numbers that are there: numpy's z.std(), or correction=0 in torch.",
            ),
            "the mean over units": (
                lambda weights, x: _walk(weights, x, lambda z: 1 / z.std(axis=0).mean()),
                "You averaged the standard deviations of the units. LSUV takes one over all "
                "rows and units together: z.std().",
            ),
            "every layer sees the data": (
                lambda weights, x: np.array([1 / (np.asarray(x) @ w.T).std() for w in weights]),
                "You sent the data into every layer. Layer 2 sees the activations of layer 1.",
            ),
            "measured after the ReLU": (
                lambda weights, x: _walk(weights, x, lambda z: 1 / np.maximum(z, 0).std()),
                "You took the standard deviation of the activations. LSUV measures the "
                "outputs of the matrix, before the ReLU.",
            ),
            "multiplied instead of divided": (
                lambda weights, x: _walk(weights, x, lambda z: z.std()),
                "Your factors make large outputs larger. The factor is 1 over the standard "
                "deviation.",
            ),
            "the ReLU is left out": (
                lambda weights, x: _walk(weights, x, passed_on=lambda z, scale: scale * z),
                "Only your first factor is right: there is a ReLU between two layers.",
            ),
            "the standard deviation of the weights": (
                lambda weights, x: np.array([1 / np.asarray(w).std() for w in weights]),
                "You normalised the weights. LSUV looks at what they do to data: the standard "
                "deviation of the outputs.",
            ),
        },
        keeps=("weights",),
    ),
    parts=(
        Part(
            title="2 random networks of 3 and 4 layers",
            points=2.0,
            cases=_batches,
            example=(
                [np.array([[2.0, 0.0], [0.0, -2.0]]), np.array([[1.0, 1.0]])],
                np.array([[1.0, 1.0], [-1.0, -1.0], [2.0, -2.0], [-2.0, 2.0]]),
            ),
            rtol=1e-5,
            look_at="Compute the outputs of layer 1 for the example by hand, their standard "
            "deviation, then ReLU, then layer 2.",
        ),
    ),
    hints=(
        "Go through the layers from the first to the last, and keep what the layer before gives.",
        "In each layer: z = h @ w.T, the factor is 1/z.std(), over all rows and units at once.",
        "h = np.maximum(z / z.std(), 0) goes into the next layer, which is scaled in its turn.",
    ),
)
