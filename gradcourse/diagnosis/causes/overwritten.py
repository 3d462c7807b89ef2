"""Weights that something other than the optimizer writes: put back after an update, or cut."""

from __future__ import annotations

import itertools

import numpy as np

from gradcourse.diagnosis.causes.standstill import is_stuck
from gradcourse.diagnosis.finding import Finding, Remedy
from gradcourse.diagnosis.signals import Signals, median
from gradcourse.diagnosis.signs import Sign, of_the_run
from gradcourse.diagnosis.thresholds import threshold

LET_STAY = Remedy(
    "Look for what writes the weights after optimizer.step(): load_state_dict of a kept state, a "
    "copy from another model, values that are set by hand. Do it once, outside the loop",
    "10",
)
NO_CUT = Remedy(
    "Look for what else writes the weights: clamp_ to a small range, load_state_dict, a product "
    "with a number. Leave it out, or take a wider range",
    "10",
)


def find(signals: Signals, good: np.ndarray) -> list[Sign]:
    """The first that is certain; at most one finding."""
    for test in (_put_back, _moved_by_others):
        finding = test(signals, good)
        if finding is not None:
            return [Sign(0, finding)]
    return []


def _moving(signals: Signals, good: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows with known norms and updates; both, of the trained weights that move: (R, M)."""
    known = np.isfinite(signals.weight_norm) & np.isfinite(signals.update_ratio)
    rows = np.flatnonzero(good & known.any(axis=1) & (signals.evaluations == 1))
    trained = {t.name for t in signals.record.facts.trainees if t.requires_grad and t.in_optimizer}
    norms, ratios = signals.weight_norm[rows], signals.update_ratio[rows]
    moves = known[rows].all(axis=0) & (norms > 0).all(axis=0)
    moves &= np.asarray(median(ratios, axis=0)) > threshold("small_update")
    moves &= np.array([name in trained for name in signals.weights], dtype=bool)
    return rows, norms[:, moves], ratios[:, moves]


def _put_back(signals: Signals, good: np.ndarray) -> Finding | None:
    """Norms that are, to the last digit, what they were before an update that changed them."""
    _, norms, ratios = _moving(signals, good)
    if len(norms) < _FEW or not norms.shape[1]:
        return None
    again = [
        _most_often(norm[ratio > threshold("small_update")])
        for norm, ratio in zip(norms.T, ratios.T, strict=True)
    ]
    if min(again) < max(_FEW - 1, len(norms) / 3) or not is_stuck(signals, good):
        return None
    if all(map(_has_unit_rows, norms[0])):
        return None  # rows that are normalized keep their norm and still turn
    pace = float(median(ratios))
    return of_the_run(
        signals,
        "overwritten",
        f"Each measured update changes the median weight by {pace:.2g} of its norm, and at "
        f"{min(again)} of {len(norms)} measured steps the weights have the norm that they had, to "
        "the last digit: something puts them back.",
        {"median ‖ΔW‖/‖W‖": pace, "measured steps with the same norm": float(min(again))},
        (LET_STAY,),
        0.9,
    )


def _most_often(values: np.ndarray) -> int:
    """How often the commonest value occurs."""
    return int(np.unique(values, return_counts=True)[1].max(initial=0))


def _has_unit_rows(norm: float) -> bool:
    """Whether the square of a norm is a whole number, as that of so many rows of length 1."""
    return abs(norm**2 - round(norm**2)) < 1e-5 * norm**2


def _moved_by_others(signals: Signals, good: np.ndarray) -> Finding | None:
    """Norms that shrink between two measured steps by far more than the updates around them.

    Those that grow so may have met a large update that was not measured.
    """
    rows, norms, ratios = _moving(signals, good)
    if len(norms) < 2 or not norms.shape[1] or not is_stuck(signals, good):
        return None
    steps = signals.step_numbers[rows]
    for k, following in itertools.pairwise(range(len(rows))):
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


_FEW = 5
"""Measured steps before equal norms are no chance."""

_FAR, _SEEN = 10.0, 0.1
"""How many times what the updates explain, and which part of the norm, counts as a change."""
