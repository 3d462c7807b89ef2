"""A threshold from the history of the norms."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def _finite(norms):
    norms = np.asarray(norms, dtype=np.float64)
    return norms[np.isfinite(norms)]


def threshold_from_history(norms, percent):
    """The percentile of the finite norms."""
    return float(np.percentile(_finite(norms), percent))


def _unsorted(norms, percent):
    kept = _finite(norms)
    return float(kept[int(percent / 100 * (len(kept) - 1))])


def _one_of_them(norms, percent):
    kept = np.sort(_finite(norms))
    return float(kept[min(int(percent / 100 * len(kept)), len(kept) - 1)])


def _one_of_them_below(norms, percent):
    kept = np.sort(_finite(norms))
    return float(kept[int(percent / 100 * (len(kept) - 1))])


def _without_nan(norms, percent):
    return float(np.nanpercentile(np.asarray(norms, dtype=np.float64), percent))


def _with_zeros(norms, percent):
    norms = np.asarray(norms, dtype=np.float64)
    return float(np.percentile(np.where(np.isfinite(norms), norms, 0.0), percent))


def _history(rng, count):
    norms = np.exp(rng.normal(0.5, 0.8, count))
    norms[int(rng.integers(count))] *= float(rng.uniform(500.0, 2000.0))
    return np.asarray(norms)


def _histories(rng):
    return [(_history(rng, n), float(rng.uniform(75.0, 95.0))) for n in (20, 31, 50)]


def _broken_histories(rng):
    made = []
    for count, bad in ((24, (math.inf,) * 3), (33, (math.nan, math.inf, math.inf))):
        norms = _history(rng, count)
        norms[rng.choice(count, len(bad), replace=False)] = bad
        made.append((norms, float(rng.uniform(70.0, 85.0))))
    return made


THRESHOLD = CodeExercise(
    id="clipping/threshold",
    title="A threshold from the norm's history",
    functions=asks(
        threshold_from_history,
        "a float",
        {
            "the mean": (
                lambda norms, percent: float(np.mean(_finite(norms))),
                "You took the mean. One norm of a thousand moves it far; a percentile hardly "
                "notices.",
            ),
            "a share of the largest": (
                lambda norms, percent: float(percent / 100 * np.max(_finite(norms))),
                "You took percent of the largest norm. The percentile is the value below "
                "which percent of the norms lie.",
            ),
            "from the other end": (
                lambda norms, percent: threshold_from_history(norms, 100.0 - percent),
                "Yours is the percentile counted from above: it would clip most updates. At "
                "90 percent, one update in ten is clipped.",
            ),
            "not sorted": (
                _unsorted,
                "You took the norm at that place in time. A percentile counts in the sorted list.",
            ),
            "the norm at that place": (
                _one_of_them,
                "You took the norm that stands at that place in the sorted list. The place is a "
                "fraction, percent/100 · (n − 1) counted from 0: the percentile lies between "
                "two norms.",
            ),
            "the norm below that place": (
                _one_of_them_below,
                "You cut the fraction off the place. Where it falls between two norms, the "
                "percentile lies between them, in proportion.",
            ),
            "NaN and Inf stay in": (
                lambda norms, percent: float(np.percentile(norms, percent)),
                "You let NaN and Inf into the percentile: with NaN the threshold is NaN, and "
                "nothing is ever clipped. Keep the finite norms only.",
            ),
            "Inf stays in": (
                _without_nan,
                "You dropped NaN and kept Inf, which pushes the percentile up. Keep the "
                "finite norms only.",
            ),
            "NaN stays in": (
                lambda norms, percent: float(
                    np.percentile(np.asarray(norms)[~np.isinf(norms)], percent)
                ),
                "You dropped Inf and kept NaN, and one NaN makes the percentile NaN. Keep the "
                "finite norms only.",
            ),
            "zeros in their place": (
                _with_zeros,
                "You put 0 where a norm was not finite, which pulls the percentile down. "
                "Leave these updates out.",
            ),
            "percent given to np.quantile": (
                lambda norms, percent: float(np.quantile(_finite(norms), percent)),
                "You gave percent to np.quantile, which wants a share between 0 and 1. "
                "np.percentile wants 0 to 100.",
            ),
            "percent as a share": (
                lambda norms, percent: float(np.percentile(_finite(norms), percent / 100)),
                "You divided percent by 100 and gave it to np.percentile, which wants 0 to "
                "100. (np.quantile wants 0 to 1.)",
            ),
        },
    ),
    parts=(
        Part(
            title="3 random histories, each with one enormous norm",
            points=1.0,
            cases=_histories,
            example=(np.array([1.0, 5.0, 2.0, 4000.0, 3.0]), 50.0),
            look_at="Sorted: 1, 2, 3, 5, 4000. The middle one is 3.",
        ),
        Part(
            title="2 random histories with NaN or Inf in them",
            points=1.0,
            cases=_broken_histories,
            example=(np.array([1.0, math.inf, 2.0, math.inf, 6.0]), 50.0),
            look_at="Of the finite ones, 1, 2, 6, the middle one is 2.",
        ),
    ),
    hints=(
        "Which updates of the history say nothing about the size of an ordinary gradient?",
        "np.isfinite picks the norms to keep; np.percentile(kept, percent) takes 0 to 100.",
        "norms[np.isfinite(norms)] keeps the finite ones, if norms is an array. np.percentile "
        "takes percent as it is, np.quantile a share.",
    ),
)
