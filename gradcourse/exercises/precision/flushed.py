"""The share of a gradient that float16 flushes to 0."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def flushed_share(gradient, scale):
    """Share of the entries other than 0 that become 0 in float16."""
    alive = gradient[gradient != 0]
    return float(np.mean((alive * scale).astype(np.float16) == 0))


def _below(gradient, scale, limit):
    alive = gradient[gradient != 0]
    return float(np.mean(np.abs(alive * scale) < limit))


def _signed_below(limit):
    def answer(gradient, scale):
        alive = gradient[gradient != 0]
        return float(np.mean(alive * scale <= limit))

    return answer


def _gradients(rng):
    found = []
    for size, middle, scale in ((400, -24.0, 1.0), (300, -29.0, 64.0), (500, -34.0, 1024.0)):
        gradient = rng.choice([-1.0, 1.0], size) * 2.0 ** rng.normal(middle, 4.0, size)
        gradient[rng.random(size) < 0.2] = 0.0
        found.append((gradient, scale))
    return found


FLUSHED = CodeExercise(
    id="precision/flushed",
    title="What float16 flushes",
    functions=asks(
        flushed_share,
        "a float",
        {
            "zeros that were zeros before": (
                lambda gradient, scale: float(np.mean((gradient * scale).astype(np.float16) == 0)),
                "You counted entries that were 0 from the start: no format can lose those.",
            ),
            "a share of all entries": (
                lambda gradient, scale: (
                    flushed_share(gradient, scale) * float(np.mean(gradient != 0))
                ),
                "You divided by the number of all entries. It is a share of those other than 0.",
            ),
            "a count": (
                lambda gradient, scale: (
                    flushed_share(gradient, scale) * float(np.count_nonzero(gradient))
                ),
                "You counted the flushed entries. A share is that over the number of those that "
                "are not 0.",
            ),
            "without the scale": (
                lambda gradient, scale: flushed_share(gradient, 1.0),
                "You cast the gradient before it was scaled. The scale comes first: what is "
                "flushed stays 0.",
            ),
            "scaled the other way": (
                lambda gradient, scale: flushed_share(gradient, 1.0 / scale),
                "You divided by the scale. That comes afterwards, in float32.",
            ),
            "subnormal numbers as well": (
                lambda gradient, scale: _below(gradient, scale, 2.0**-14),
                "You counted all that is below 2⁻¹⁴. Subnormal numbers have lost digits, but they "
                "are not 0.",
            ),
            "no absolute value": (
                _signed_below(2.0**-25),
                "You counted every negative entry, however large: below a border lie all of them. "
                "What is flushed is small in size.",
            ),
            "no absolute value, and the smallest number": (
                _signed_below(2.0**-24),
                "Two slips: you counted every negative entry, however large; and what lies between "
                "half of 2⁻²⁴ and 2⁻²⁴ is rounded up.",
            ),
            "below the smallest number": (
                lambda gradient, scale: _below(gradient, scale, 2.0**-24),
                "You counted what is below 2⁻²⁴. What lies between half of it and it is rounded "
                "up.",
            ),
        },
    ),
    parts=(
        Part(
            title="three random gradients, three scales",
            points=1.0,
            cases=_gradients,
            example=(np.array([0.0, 1e-9, 5e-8, 1e-3]), 1.0),
            look_at="Of the three entries that are not 0, only 1e-9 is flushed: 1/3.",
        ),
    ),
    hints=(
        "Let NumPy do the rounding: .astype(np.float16).",
        "Take the entries that are not 0, multiply, cast, and count zeros.",
        "np.mean((gradient[gradient != 0] * scale).astype(np.float16) == 0).",
    ),
)
