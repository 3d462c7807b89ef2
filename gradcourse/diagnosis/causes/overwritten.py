"""Weights that something other than the optimizer writes: put back after an update, or cut."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from gradcourse.diagnosis.causes.standstill import is_stuck
from gradcourse.diagnosis.causes.trainees import trainable
from gradcourse.diagnosis.finding import Finding, Remedy
from gradcourse.diagnosis.signals import Signals, median
from gradcourse.diagnosis.signs import Sign, first_of, of_the_run
from gradcourse.diagnosis.thresholds import threshold

LET_STAY = Remedy(
    "Look for what writes the weights after optimizer.step(): load_state_dict of a kept state, a "
    "copy from another model, values that are set or cut by hand. Do it once, outside the loop",
    "10",
)
NO_CUT = Remedy(
    "Look for what else writes the weights: clamp_ to a small range, load_state_dict, a product "
    "with a number. Leave it out, or take a wider range",
    "10",
)


def find(signals: Signals, good: np.ndarray) -> list[Sign]:
    """The first that is certain; at most one finding."""
    if not is_stuck(signals, good):
        return []
    tests = (_put_back, _moved_by_others, _cut_at_once, _not_kept)
    return first_of(tests, signals, _moving(signals, good))


@dataclass(frozen=True)
class _Moving:
    """The trained weights that move, where both their norm and their update are known.

    Attributes
    ----------
    steps : array, shape (R,)
    norms, ratios, gradients : array, shape (R, M)
        ‖W‖ before the update, ‖ΔW‖/‖W‖ and ‖∂ℒ/∂W‖.
    """

    steps: np.ndarray
    norms: np.ndarray
    ratios: np.ndarray
    gradients: np.ndarray


def _moving(signals: Signals, good: np.ndarray) -> _Moving:
    known = np.isfinite(signals.weight_norm) & np.isfinite(signals.update_ratio)
    rows = np.flatnonzero(good & known.any(axis=1) & (signals.evaluations == 1))
    trained = {trainee.name for trainee in trainable(signals)}
    norms, ratios = signals.weight_norm[rows], signals.update_ratio[rows]
    moves = known[rows].all(axis=0) & (norms > 0).all(axis=0)
    moves &= np.asarray(median(ratios, axis=0)) > threshold("small_update")
    moves &= np.array([name in trained for name in signals.weights], dtype=bool)
    gradients = signals.weight_gradient_norm[rows]
    parts = (table[:, moves] for table in (norms, ratios, gradients))
    return _Moving(signals.step_numbers[rows], *parts)


def _put_back(signals: Signals, found: _Moving) -> Finding | None:
    """Norms that are, to the last digit, what they were before an update that changed them."""
    rows, weights = found.norms.shape
    if rows < _FEW or not weights or signals.dtypes & {"bfloat16", "float16"}:
        return None  # of short weights an update changes few entries, and may change them back
    again = [_most_often(found, column) for column in range(weights)]
    if min(again) < max(_FEW - 1, rows / 3):
        return None
    if all(map(_has_unit_rows, found.norms[0])):
        return None  # rows that are normalized keep their norm and still turn
    pace = float(median(found.ratios))
    return of_the_run(
        signals,
        "overwritten",
        f"Each measured update changes the median weight by {pace:.2g} of its norm, and at "
        f"{min(again)} of {rows} measured steps the weights have the norm that they had, to the "
        "last digit: something puts them back.",
        {"median ‖ΔW‖/‖W‖": pace, "measured steps with the same norm": float(min(again))},
        (LET_STAY,),
        0.9,
    )


def _most_often(found: _Moving, column: int) -> int:
    """How often a weight that moves had the norm that it had most often.

    0 where it comes back to it by itself: descent on all rows with too large a rate may go to and
    fro between two points for ever, and then its gradients are the same, too.
    """
    moved = found.ratios[:, column] > threshold("small_update")
    norms, gradients = found.norms[moved, column], found.gradients[moved, column]
    values, counts = np.unique(norms, return_counts=True)
    if not len(counts):
        return 0
    same = norms == values[counts.argmax()]
    to_and_fro = not same[0] and np.ptp(gradients[same]) == 0
    return 0 if to_and_fro else int(counts.max())


def _has_unit_rows(norm: float) -> bool:
    """Whether the square of a norm is a whole number, as that of so many rows of length 1."""
    return abs(norm**2 - round(norm**2)) < 1e-5 * norm**2


def _moved_by_others(signals: Signals, found: _Moving) -> Finding | None:
    """Norms that shrink between two measured steps by far more than the updates around them.

    Those that grow so may have met a large update that was not measured.
    """
    steps, norms, ratios = found.steps, found.norms, found.ratios
    if len(norms) < 2 or not norms.shape[1]:
        return None
    for k, following in itertools.pairwise(range(len(steps))):
        before, after = norms[k], norms[following]
        gap = int(steps[following] - steps[k])
        changes = np.maximum(ratios[k] * before, ratios[following] * after)
        drift = before - after
        large = (drift > _FAR * gap * changes) & (drift > _SEEN * before)
        if 2 * large.sum() >= len(large):
            one = int(np.argmax(drift / before * large))
            names = "all" if large.all() else f"{large.sum()} of {len(large)}"
            return of_the_run(
                signals,
                "overwritten",
                f"Between step {steps[k]} and step {steps[following]} the norms of {names} weights "
                f"shrank, one from {before[one]:.3g} to {after[one]:.3g}; updates of the size "
                f"that was measured come to {gap * changes[one]:.1g} at most. Something other "
                "than the optimizer writes the weights.",
                {
                    "loss of norm over the size of the updates": float(
                        drift[one] / (gap * changes[one])
                    )
                },
                (NO_CUT,),
                0.8,
            )
    return None


def _cut_at_once(signals: Signals, found: _Moving) -> Finding | None:
    """A weight of which less than half is left after an update that explains a tenth of that."""
    _, other, norm = _kept(signals)
    cut = (other > _FAR) & (norm < _HALF)
    if not cut.any():
        return None
    first = int(np.argmax(cut))
    return of_the_run(
        signals,
        "overwritten",
        f"After an update, something else changed a weight by {other[first]:.2g} times as much, to "
        f"{norm[first]:.2g} of its norm.",
        {"other changes over that of the update": float(other[first])},
        (NO_CUT,),
        0.8,
    )


def _not_kept(signals: Signals, found: _Moving) -> Finding | None:
    """Updates of which next to nothing is left when the next one begins."""
    left, _, _ = _kept(signals)
    if len(left) < 3 or not median(np.abs(left)) < threshold("kept"):
        return None
    return of_the_run(
        signals,
        "overwritten",
        f"Of what a measured update changes, {float(median(np.abs(left))):.1%} is left when the "
        "next one begins: something else writes the weights in between, as where a copy of their "
        "average (EMA) is put in and stays.",
        {"share of an update that is left": float(median(left))},
        (LET_STAY,),
        0.9,
    )


def _kept(signals: Signals) -> np.ndarray:
    """The finite rows of ``Facts.kept``, as columns."""
    rows = [row for row in signals.record.facts.kept if np.isfinite(row).all()]
    return np.array(rows).reshape(-1, 3).T


_HALF = 0.5
"""Part of its norm that is left of a weight that is cut."""

_FEW = 5
"""Measured steps before equal norms are no chance."""

_FAR, _SEEN = 10.0, 0.1
"""How many times what the updates explain, and which part of the norm, counts as a change."""
