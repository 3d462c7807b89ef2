"""The ratio of update to weight, matrix by matrix."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def update_ratios(before, after):
    """‖ΔW‖/‖W‖ of each matrix; an array of shape (matrices,)."""
    return np.array(
        [np.linalg.norm(b - a) / np.linalg.norm(a) for a, b in zip(before, after, strict=True)]
    )


def _of_all(before, after):
    moved = sum(np.sum((b - a) ** 2) for a, b in zip(before, after, strict=True))
    size = sum(np.sum(a**2) for a in before)
    return np.full(len(before), np.sqrt(moved / size))


def _pairs(rng):
    cases = []
    for count in (2, 3, 4):
        before = [
            rng.uniform(0.1, 3.0) * rng.normal(size=tuple(rng.integers(2, 6, 2)))
            for _ in range(count)
        ]
        after = [a + 10.0 ** rng.uniform(-2, 0) * rng.normal(size=a.shape) for a in before]
        cases.append((before, after))
    return cases


UPDATE_RATIOS = CodeExercise(
    id="diagnosis/update-ratios",
    title="The update, relative to the weights",
    functions=asks(
        update_ratios,
        "an array of shape (matrices,)",
        {
            "difference of the norms": (
                lambda before, after: np.array(
                    [
                        abs(np.linalg.norm(b) - np.linalg.norm(a)) / np.linalg.norm(a)
                        for a, b in zip(before, after, strict=True)
                    ]
                ),
                "You compared the lengths. A matrix can turn without changing its length: take "
                "the norm of the difference.",
            ),
            "relative to the end": (
                lambda before, after: update_ratios(after, before),
                "You divided by the norm after the update. The ratio is relative to the weights "
                "that it met.",
            ),
            "one ratio for all": (
                _of_all,
                "You took all matrices together. One matrix that stands still hides among others "
                "that move: give each its own ratio.",
            ),
            "the spectral norm": (
                lambda before, after: np.array(
                    [
                        np.linalg.norm(b - a, 2) / np.linalg.norm(a, 2)
                        for a, b in zip(before, after, strict=True)
                    ]
                ),
                "You took the spectral norm, the largest singular value (ord = 2). ‖W‖ is the root "
                "of the sum of all squares: np.linalg.norm(W).",
            ),
            "entry by entry": (
                lambda before, after: np.array(
                    [np.mean(np.abs((b - a) / a)) for a, b in zip(before, after, strict=True)]
                ),
                "You divided entry by entry. An entry near 0 then rules the mean: take the norms "
                "of the whole matrices.",
            ),
        },
    ),
    parts=(
        Part(
            title="two to four matrices",
            points=1.0,
            cases=_pairs,
            example=(
                [np.array([[3.0, 4.0]]), np.array([[1.0], [0.0]])],
                [np.array([[3.0, 4.5]]), np.array([[0.0], [1.0]])],
            ),
            look_at="Each matrix by itself: how far did it move, and how long was it?",
        ),
    ),
    hints=(
        "One number for each pair of matrices.",
        "The norm of the difference, divided by the norm before the update.",
        "zip(before, after) gives the pairs, np.linalg.norm(b - a) how far one of them moved. What "
        "stands below the line?",
    ),
)
