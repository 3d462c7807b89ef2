"""A gradient scaler by hand: unscale, clip, skip, and the next scale."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def unscaled(gradient, scale, max_norm):
    """The gradient for the update: divided by the scale, then clipped; zeros if not finite."""
    if not np.isfinite(gradient).all():
        return np.zeros(gradient.shape, dtype=np.float32)
    g = gradient.astype(np.float32) / np.float32(scale)
    return _clipped(g, max_norm)


def next_scale(gradient, scale, good):
    """Half of it after an overflow, twice it after 2000 good updates in a row."""
    if not np.isfinite(gradient).all():
        return scale / 2
    return scale * 2 if good == 2000 else scale


def _clipped(g, max_norm):
    norm = np.linalg.norm(g.astype(np.float64))
    return (g * np.float32(max_norm / norm)) if norm > max_norm else g


def _finite(gradient):
    return bool(np.isfinite(gradient).all())


def _zeros(gradient):
    return np.zeros(gradient.shape, dtype=np.float32)


def _clipped_first(gradient, scale, max_norm):
    if not _finite(gradient):
        return _zeros(gradient)
    return _clipped(gradient.astype(np.float32), max_norm) / np.float32(scale)


def _in_float16(gradient, scale, max_norm):
    if not _finite(gradient):
        return _zeros(gradient)
    return _clipped((gradient / np.float16(scale)).astype(np.float32), max_norm)


def _not_clipped(gradient, scale, max_norm):
    if not _finite(gradient):
        return _zeros(gradient)
    return gradient.astype(np.float32) / np.float32(scale)


def _always_to_the_norm(gradient, scale, max_norm):
    if not _finite(gradient):
        return _zeros(gradient)
    g = gradient.astype(np.float32) / np.float32(scale)
    return g * np.float32(max_norm / np.linalg.norm(g.astype(np.float64)))


def _clipped_to_1(gradient, scale, max_norm):
    g = _not_clipped(gradient, scale, max_norm)
    norm = np.linalg.norm(g.astype(np.float64))
    return g / np.float32(norm) if norm > max_norm else g


def _entry_by_entry(gradient, scale, max_norm):
    if not _finite(gradient):
        return _zeros(gradient)
    return np.clip(gradient.astype(np.float32) / np.float32(scale), -max_norm, max_norm)


def _not_skipped(gradient, scale, max_norm):
    g = gradient.astype(np.float32) / np.float32(scale)
    norm = np.linalg.norm(g.astype(np.float64))
    return g if norm <= max_norm else g * np.float32(max_norm / norm)


def _multiplied(gradient, scale, max_norm):
    return unscaled(gradient, 1.0 / scale, max_norm)


def _holes_filled(gradient, scale, max_norm):
    g = np.nan_to_num(gradient.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    return _clipped(g / np.float32(scale), max_norm)


def _scaled(rng, size):
    """A gradient of norm ``size`` as a backward pass on a scaled loss leaves it, in float16."""
    scale = 2.0 ** int(rng.integers(8, 12))
    g = rng.normal(size=6) * 10.0 ** rng.uniform(-3, 0, 6)
    # One entry that float16 holds while it is scaled, and not afterwards.
    g[0] = 9e-8
    g[1:] *= size / np.linalg.norm(g[1:])
    return (scale * g).astype(np.float16), scale


def _good_gradients(rng):
    found = []
    # The first is so short that it stays below the threshold even where it is scaled twice.
    for size, max_norm in ((1e-7, 1.0), (0.2, 1.0), (3.0, 0.5), (8.0, 2.0)):
        gradient, scale = _scaled(rng, size)
        found.append((gradient, scale, max_norm))
    return found


def _overflowed(rng):
    found = []
    for hole in (np.inf, -np.inf, np.nan):
        gradient, scale = _scaled(rng, 3.0)
        gradient[int(rng.integers(6))] = hole
        found.append((gradient, scale, 1.0))
    return found


def _histories(rng):
    found = []
    for hole, good in ((None, 7), (None, 2000), (None, 1999), (np.inf, 0), (np.nan, 0)):
        gradient, scale = _scaled(rng, 3.0)
        if hole is not None:
            gradient[int(rng.integers(6))] = hole
        found.append((gradient, scale, good))
    return found


_SMALL = np.array([3072.0, 4096.0], dtype=np.float16)

SCALER = CodeExercise(
    id="precision/scaler",
    title="A gradient scaler",
    functions=asks(
        unscaled,
        "a float32 array of the gradient's shape",
        {
            "clipped while it was scaled": (
                _clipped_first,
                "You clipped first. The scaled gradient is hundreds of times too long: unscale, "
                "then clip.",
            ),
            "divided in float16": (
                _in_float16,
                "You divided in float16, where the small entries lose their digits again. Turn "
                "it into float32 first.",
            ),
            "not clipped": (_not_clipped, "You did not clip: the norm may be max_norm at most."),
            "clipped to norm 1": (
                _clipped_to_1,
                "You clip to norm 1, whatever max_norm is.",
            ),
            "entry by entry": (
                _entry_by_entry,
                "You clipped each entry, which turns the direction. Clip the norm of the whole: "
                "multiply all entries by one number.",
            ),
            "multiplied by the scale": (
                _multiplied,
                "You multiplied by the scale once more. The loss was multiplied, and its gradient "
                "with it: divide.",
            ),
            "every gradient to the same norm": (
                _always_to_the_norm,
                "You made short gradients longer. Clipping only shortens.",
            ),
            "not skipped": (
                _not_skipped,
                "A gradient with Inf or NaN went into the update. Return zeros: the update is "
                "skipped.",
            ),
            "only the hole is skipped": (
                _holes_filled,
                "You put 0 for the entries that overflowed and used the rest. The whole gradient "
                "is without worth: return zeros.",
            ),
        },
    )
    + asks(
        next_scale,
        "a float",
        {
            "not raised at 2000": (
                lambda gradient, scale, good: scale if _finite(gradient) else scale / 2,
                "Your scale stays at the 2000th good update in a row, which `good` counts already: "
                "there it is doubled. Is the doubling missing, or does it come one update later?",
            ),
            "raised every time": (
                lambda gradient, scale, good: scale * 2 if _finite(gradient) else scale / 2,
                "You doubled after every good update: the next one would overflow. Only at 2000.",
            ),
            "never lowered": (
                lambda gradient, scale, good: scale * 2 if good == 2000 else scale,
                "Your scale stays where the gradient overflowed, and so will the next one.",
            ),
            "doubled where it overflowed": (
                lambda gradient, scale, good: (
                    next_scale(gradient, scale, good) if _finite(gradient) else scale * 2
                ),
                "You doubled the scale after an overflow. It was too large: halve it.",
            ),
            "blind to NaN": (
                lambda gradient, scale, good: (
                    scale / 2
                    if np.isinf(gradient).any()
                    else (scale * 2 if good == 2000 else scale)
                ),
                "You looked for Inf only. Inf − Inf and 0 · Inf are NaN, and as bad.",
            ),
        },
    ),
    parts=(
        Part(
            title="four finite gradients",
            points=1.0,
            cases=_good_gradients,
            function="unscaled",
            example=(_SMALL, 1024.0, 1.0),
            look_at="Unscaled, the example is (3, 4), of norm 5: clipped it is (0.6, 0.8).",
            rtol=1e-4,
            atol=0.0,
            same_dtype=True,
        ),
        Part(
            title="gradients with Inf or NaN",
            points=0.5,
            cases=_overflowed,
            function="unscaled",
            example=(np.array([np.inf, 4096.0], dtype=np.float16), 1024.0, 1.0),
            look_at="The update is left out: zeros, of the gradient's shape.",
            same_dtype=True,
        ),
        Part(
            title="five histories",
            points=0.5,
            cases=_histories,
            function="next_scale",
            example=(_SMALL, 1024.0, 2000),
            look_at="The 2000th good update in a row: 2048.",
        ),
    ),
    hints=(
        "np.isfinite(gradient).all() decides first.",
        "gradient.astype(np.float32) / scale, and only then the norm.",
        "Clip with g * (max_norm / norm) if norm > max_norm. The scale: half if not finite, twice "
        "if good == 2000, else as it is.",
    ),
)
