"""How alike gradients are along a walk."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def cosines(gradients):
    """Cosine of the angle between every two rows; shape (m, m)."""
    g = np.asarray(gradients, dtype=np.float64)
    g = g / np.linalg.norm(g, axis=1, keepdims=True)
    return g @ g.T


def shattering_curve(gradients):
    """Mean cosine of all pairs that are 0, 1, …, m − 1 steps apart."""
    found = cosines(gradients)
    return np.array([np.diag(found, k).mean() for k in range(len(found))])


def _centred(gradients):
    g = np.asarray(gradients)
    return cosines(g - g.mean(axis=1, keepdims=True))


def _walk_removed(gradients):
    g = np.asarray(gradients)
    return cosines(g - g.mean(axis=0))


def _products(gradients):
    g = np.asarray(gradients)
    return g @ g.T


def _over_units(gradients):
    g = np.asarray(gradients)
    g = g / np.linalg.norm(g, axis=0)
    return g @ g.T


def _one_length(gradients):
    g = np.asarray(gradients)
    return g @ g.T / np.linalg.norm(g, axis=1)


def _length_of_all(gradients):
    g = np.asarray(gradients)
    return g @ g.T / np.sum(g**2)


def _plain_sums(gradients):
    found = cosines(gradients)
    return np.array([np.diag(found, k).sum() for k in range(len(found))])


def _sums(gradients):
    found = cosines(gradients)
    return np.array([np.diag(found, k).sum() for k in range(len(found))]) / len(found)


def _round(gradients):
    found = cosines(gradients)
    m = np.arange(len(found))
    return np.array([found[m, (m + k) % len(m)].mean() for k in m])


def _absolute(gradients):
    found = np.abs(cosines(gradients))
    return np.array([np.diag(found, k).mean() for k in range(len(found))])


def _of_products(gradients):
    found = _products(gradients)
    curve = np.array([np.diag(found, k).mean() for k in range(len(found))])
    return curve / curve[0]


def _walks(rng):
    """Gradients that change slowly, of lengths that change a lot."""
    made = []
    for steps, units in ((6, 4), (9, 3), (12, 5)):
        g = 0.6 * np.cumsum(rng.normal(size=(steps, units)), axis=0) + rng.normal(size=units)
        g[-1] = -g[0]  # absolute values shall be seen
        made.append((g * np.exp(rng.normal(size=(steps, 1))),))
    return made


_EXAMPLE = np.array([[3.0, 0.0], [0.0, 1.0], [0.0, 2.0]])

SHATTERING = CodeExercise(
    id="residual/shattering",
    title="The shattering curve",
    functions=(
        asks(
            cosines,
            "an array of shape (m, m)",
            {
                "products, not cosines": (
                    _products,
                    "You returned inner products. Divide each gradient by its own length first.",
                ),
                "centred": (
                    _centred,
                    "You subtracted each gradient's mean over the units, as np.corrcoef does. "
                    "Take the angle between the gradients as they are.",
                ),
                "the walk's mean subtracted": (
                    _walk_removed,
                    "You subtracted the mean gradient of the walk. What all have in common is "
                    "just what makes them alike: leave it in.",
                ),
                "divided by the columns' lengths": (
                    _over_units,
                    "You normalized each unit over the walk. Each *row* is one gradient: axis=1, "
                    "with keepdims=True.",
                ),
                "divided by one length only": (
                    _one_length,
                    "You divided each product by one of the two lengths. A cosine has both below "
                    "the line; the matrix is then symmetric, and 1 on the diagonal.",
                ),
                "one length for all": (
                    _length_of_all,
                    "You divided all by the norm of the whole array. Each gradient has a length "
                    "of its own: np.linalg.norm with axis=1.",
                ),
                "opposite counts as alike": (
                    lambda gradients: np.abs(cosines(gradients)),
                    "You took absolute values. The cosine of opposite gradients is −1.",
                ),
            },
        )
        + asks(
            shattering_curve,
            "an array of shape (m,)",
            {
                "only from the start": (
                    lambda gradients: cosines(gradients)[0],
                    "You compared with the first gradient only. Take the mean over all pairs that "
                    "are k steps apart.",
                ),
                "sums divided by m": (
                    _sums,
                    "You divided every sum by m. There are only m − k pairs that are k steps "
                    "apart.",
                ),
                "sums, not means": (
                    _plain_sums,
                    "You added the cosines of the pairs. Divide by their number: m − k pairs are "
                    "k steps apart.",
                ),
                "the walk is a ring": (
                    _round,
                    "Your walk starts again behind its end (np.roll does that). The last point and "
                    "the first are m − 1 steps apart, not 1.",
                ),
                "absolute values": (
                    _absolute,
                    "You took absolute values. Opposite gradients are as unlike as can be.",
                ),
                "mean of products over mean of squares": (
                    _of_products,
                    "You divided once, at the end. Long gradients then count more; take the cosine "
                    "of each pair, and then the mean.",
                ),
            },
        )
    ),
    parts=(
        Part(
            title="cosines on 3 random walks",
            points=1.0,
            cases=_walks,
            function="cosines",
            example=(_EXAMPLE,),
            look_at="The diagonal is 1. In the example the first gradient is at right angles to "
            "the others.",
        ),
        Part(
            title="the curve of 3 random walks",
            points=1.0,
            cases=_walks,
            function="shattering_curve",
            example=(_EXAMPLE,),
            look_at="In the example the pairs one step apart have cosines 0 and 1, so the mean is "
            "½.",
        ),
    ),
    hints=(
        "One row is one gradient. The cosine of two is their inner product over both lengths.",
        "With unit rows g, g @ g.T holds all cosines; np.diag(c, k) those of pairs k apart.",
        "np.linalg.norm(gradients, axis=1, keepdims=True) holds the lengths, one per row. In "
        "the matrix of cosines np.diag(c, k) has m − k entries: take their mean, for each k.",
    ),
)
