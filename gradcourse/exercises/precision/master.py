"""A weight that stands still, and a copy that does not."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, NamedValue, Part, Prediction, asks

UPDATE = 0.001


def _smallest_that_stays():
    """The smallest positive weight in bfloat16 that + 0.001 leaves as it is, by trying them all."""
    import torch

    bits = torch.arange(1, 0x7F80, dtype=torch.int32).to(torch.int16)
    weights = bits.view(torch.bfloat16)  # every positive number, in order
    after = (weights.float() + UPDATE).bfloat16()
    return float(weights[after == weights].min())


STANDS_STILL = Prediction(
    id="precision/stands-still",
    title="The smallest weight that stands still",
    question="Weights are stored in bfloat16: 8 bits of precision, so that numbers from 2^e on lie "
    "2^(e−7) apart. Adam adds 0.001. Which is the smallest positive weight that stays as it is?",
    answer="weight",
    measure=_smallest_that_stays,
    within=1.05,
    low=1e-4,
    high=100.0,
    points=1.0,
    explain="From ½ on numbers lie 2⁻⁸ = 0.0039 apart; 0.001 is less than half of that and is "
    "rounded away. Between ¼ and ½ half a step is 0.00098.",
    misconceptions=(
        NamedValue(
            "a whole step",
            0.25,
            "You compared with the whole step. An update of more than half a step is rounded up "
            "to it.",
        ),
        NamedValue(
            "the distance at 1",
            0.128,
            "You divided 0.001 by 2⁻⁷. Steps grow at powers of two only, and half a step counts.",
        ),
        NamedValue(
            "exactly half a step",
            0.256,
            "256 · 0.001: right so far. But steps change at powers of two only: which is the next?",
        ),
        NamedValue("1", 1.0, "1 + 0.001 is 1, but some smaller weights stay as well."),
        NamedValue("as in float16", 4.0, "float16 has 11 bits of precision. bfloat16 has 8."),
    ),
    hints=(
        "An update is lost if it is less than half the distance to the next number.",
        "In which octave, 2^e to 2^(e+1), is half a step, 2^(e−8), larger than 0.001?",
        "2⁻¹⁰ = 0.00098 is less than 0.001, 2⁻⁹ is more: e − 8 = −9.",
    ),
)


def _copy_of(weights, updates):
    copy = weights.astype(np.float32)
    for update in updates:
        copy = copy + update
    return copy


def train_half(weights, updates):
    """What the network reads in the end: a float32 copy got the updates, and is cast."""
    return _copy_of(weights, updates).astype(np.float16)


def _in_float16(weights, updates):
    w = weights.astype(np.float16)
    for update in updates:
        w = (w + update.astype(np.float16)).astype(np.float16)
    return w


def _small_updates(weights, updates):
    copy = weights.astype(np.float32)
    for update in updates:
        copy = copy + update.astype(np.float16).astype(np.float32)
    return copy.astype(np.float16)


def _trainings(rng):
    found = []
    for size, steps, update in ((1.0, 300, 1e-4), (0.25, 200, 5e-5), (1e-4, 400, 2.4e-8)):
        weights = (size * rng.uniform(0.7, 1.9, 5)).astype(np.float16)
        updates = update * rng.uniform(0.6, 1.0, (steps, 5))
        found.append((weights, updates.astype(np.float32)))
    return found


MASTER = CodeExercise(
    id="precision/master",
    title="A copy that can count",
    functions=asks(
        train_half,
        "a float16 array of the shape of weights",
        {
            "rounded after every update": (
                _in_float16,
                "You added in float16, or rounded to it after each update. Each is less than half "
                "a step, and is forgotten.",
            ),
            "updates in float16": (
                _small_updates,
                "You cast the updates first. The smallest of them are 0 in float16.",
            ),
            "the copy in place of what the network reads": (
                _copy_of,
                "What you return has another format than the weights that the network reads: the "
                "question names it. Cast the copy once, after the last update.",
            ),
            "the last update only": (
                lambda weights, updates: (weights.astype(np.float32) + updates[-1]).astype(
                    np.float16
                ),
                "Only the last update is in your answer. Each is added to what the one before "
                "left.",
            ),
        },
    ),
    parts=(
        Part(
            title="three trainings of 200 to 400 updates",
            points=1.0,
            cases=_trainings,
            example=(
                np.array([1.0, 0.001], dtype=np.float16),
                np.full((50, 2), 0.0004, dtype=np.float32),
            ),
            look_at="Both grow by 50 · 0.0004 = 0.02, although 1 + 0.0004 is 1 in float16.",
            rtol=2e-3,
            same_dtype=True,
        ),
    ),
    hints=(
        "Which of the two arrays has room for 1.0004?",
        "Make a float32 copy once, before the loop, and cast once, after it.",
        "copy = weights.astype(np.float32); copy = copy + update; return copy.astype(np.float16).",
    ),
)
