"""The angle by which a way of clipping turns the gradient."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def _flat(tensors):
    return np.concatenate([np.ravel(t) for t in tensors])


def _cosine(first, second):
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


def angle_to_raw(raw, clipped):
    """Angle between a raw and a clipped gradient, in degrees, over all tensors together."""
    return math.degrees(math.acos(min(1.0, _cosine(_flat(raw), _flat(clipped)))))


def _mean_angle(raw, clipped):
    return float(np.mean([angle_to_raw([a], [b]) for a, b in zip(raw, clipped, strict=True)]))


def _clipped_pairs(rng):
    made = []
    for limit in (0.4, 0.7, 1.0, 1.3):
        raw = [rng.normal(size=shape) * 3.0 for shape in ((3, 3), (4,))]
        made.append((raw, [np.clip(g, -limit, limit * 0.9) for g in raw]))
    return made


ANGLE = CodeExercise(
    id="clipping/angle",
    title="The angle to the raw gradient",
    functions=asks(
        angle_to_raw,
        "a float, in degrees",
        {
            "radians": (
                lambda raw, clipped: math.radians(angle_to_raw(raw, clipped)),
                "Your angle is in radians. Here it is in degrees.",
            ),
            "the cosine": (
                lambda raw, clipped: _cosine(_flat(raw), _flat(clipped)),
                "You returned the cosine. The angle is its arccos, in degrees.",
            ),
            "mean over the tensors": (
                _mean_angle,
                "You averaged the tensors' own angles. The gradient is one vector: flatten "
                "and join all tensors first.",
            ),
            "from the lengths": (
                lambda raw, clipped: math.degrees(
                    math.acos(np.linalg.norm(_flat(clipped)) / np.linalg.norm(_flat(raw)))
                ),
                "You used the ratio of the lengths. A vector can be shortened without being "
                "turned: you need their dot product.",
            ),
            "by one length twice": (
                lambda raw, clipped: math.degrees(
                    math.acos(_flat(raw) @ _flat(clipped) / np.sum(_flat(raw) ** 2))
                ),
                "You divided by the raw norm twice. Each vector is divided by its own norm.",
            ),
        },
    ),
    parts=(
        Part(
            title="4 random gradients, clipped by value",
            points=1.0,
            cases=_clipped_pairs,
            example=(
                [np.array([3.0, 0.0]), np.array([4.0])],
                [np.array([1.0, 0.0]), np.array([1.0])],
            ),
            look_at="(3, 0, 4) and (1, 0, 1): the dot product is 7, the norms are 5 and √2.",
            rtol=1e-5,
        ),
    ),
    hints=(
        "The gradient of a network is one long vector.",
        "cos = a·b / (‖a‖ ‖b‖), with both gradients flattened and joined.",
        "np.concatenate([np.ravel(t) for t in raw]) is one long vector. np.arccos gives "
        "radians, and NaN where rounding made the cosine 1.0000000000000002: cut it at 1.",
    ),
)
