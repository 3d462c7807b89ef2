"""Signs of a sick network, and what one network shows of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcourse.experiments.common import Array
from gradcourse.experiments.ward.outcome import Outcome, outcome
from gradcourse.experiments.ward.patients import KINDS, admit, kind

SEEDS_OF_THE_SICK = range(6)
SEEDS_OF_THE_HEALTHY = range(11)
"""18 kinds of sick networks and 10 of healthy ones: 108 and 110."""

DECADES = 3.0
"""Decades that δ may change over the depth, in the scale-free rule."""

QUIET, LOUD = 1e-5, 1e-1
"""Median ‖ΔW‖/‖W‖ between which an update is neither too small nor too large."""


@dataclass(frozen=True)
class Sign:
    """Something that a network shows or does not.

    Attributes
    ----------
    key, text : str
        "flat loss", and how it is read off.
    scale_free : bool
        Whether a loss that is multiplied by a number leaves it as it is (with Adam).
    shown : callable
        From an `Outcome` with a record to a bool.
    """

    key: str
    text: str
    scale_free: bool
    shown: Callable[[Outcome], bool]


def _losses(run: Outcome) -> Array:
    return np.where(np.isfinite(run.loss), run.loss, np.nan)


def _poor(run: Outcome) -> bool:
    """The last tenth is above half of the first loss, or not finite."""
    losses = _losses(run)
    last = np.nanmean(losses[-max(len(losses) // 10, 1) :])
    return not last < 0.5 * losses[0]


def _erratic(run: Outcome) -> bool:
    """In the second half, neighbours differ by more than 30 % of the mean, in the median."""
    half = _losses(run)[len(run.loss) // 2 :]
    if len(half) < 2:
        return True
    return bool(np.nanmedian(np.abs(np.diff(half))) > 0.3 * np.nanmean(half))


def _flat(run: Outcome) -> bool:
    """The last fifth is not 5 % below the fifth before it."""
    losses = _losses(run)
    fifth = max(len(losses) // 5, 1)
    before, last = losses[-2 * fifth : -fifth], losses[-fifth:]
    if not len(before):
        return True
    return not np.nanmean(last) < 0.95 * np.nanmean(before)


def _not_finite(run: Outcome) -> bool:
    return not np.isfinite(run.loss).all()


def _growth(run: Outcome) -> Array:
    """‖W‖ of each matrix, after relative to before."""
    return np.array(
        [np.linalg.norm(b) / np.linalg.norm(a) for a, b in zip(run.start, run.end, strict=True)]
    )


def _change(run: Outcome) -> Array:
    """‖ΔW‖ / ‖W‖ of each matrix over the run."""
    return np.array(
        [np.linalg.norm(b - a) / np.linalg.norm(a) for a, b in zip(run.start, run.end, strict=True)]
    )


def _growing(run: Outcome) -> bool:
    growth = _growth(run)
    return bool((~(growth <= 1.5)).any())


def _going_to_zero(run: Outcome) -> bool:
    return bool((_growth(run) < 0.5).any())


def _early_still(run: Outcome) -> bool:
    change = _change(run)
    return bool(change[0] < 0.1 * change[-1])


def _norm_above_one(run: Outcome) -> bool:
    return bool((run.norm > 1.0).all())


def _norm_tiny(run: Outcome) -> bool:
    return bool(np.nanmedian(run.norm) < 1e-3)


def _norm_rising(run: Outcome) -> bool:
    tenth = max(len(run.norm) // 10, 1)
    return not np.nanmean(run.norm[-tenth:]) <= 1.25 * np.nanmean(run.norm[:tenth])


def _delta_over_depth(run: Outcome) -> bool:
    """δ changes by more than three decades from the last matrix to the first."""
    record = run.record
    columns = [k for k, kind_ in enumerate(record.kinds) if kind_ == "Linear"]
    if len(columns) < 2:
        return False
    delta = record.output_gradient_rms[record.measured][:, columns]
    with np.errstate(divide="ignore", invalid="ignore"):
        decades = np.abs(np.log10(delta[:, 0] / delta[:, -1]))
    return bool(not np.nanmedian(decades) < DECADES)


def _update_off(run: Outcome) -> bool:
    """The median ‖ΔW‖/‖W‖ of a matrix lies outside of 1e-5 to 1e-1, or there is none."""
    ratio = run.record.update_ratio[run.record.update_measured]
    if not len(ratio) or not np.isfinite(ratio).any():
        return True
    medians = np.nanmedian(ratio[:, np.isfinite(ratio).any(axis=0)], axis=0)
    return bool(((medians < QUIET) | (medians > LOUD)).any())


def _off_at_the_start(run: Outcome) -> bool:
    """The first loss is more than three times that of a constant answer, or below half of it."""
    recipe = run.recipe
    if recipe.task == "regression":
        from gradcourse.experiments.ward.recipe import rows_of

        guess = float(rows_of(recipe)[1].var())
    else:
        guess = math.log(10 if recipe.task == "digits" else 2)
    return not 0.5 < run.loss[0] / (recipe.scale * guess) < 3.0


SIGNS: tuple[Sign, ...] = (
    Sign("poor loss", "the loss ends above half of where it began", True, _poor),
    Sign("erratic loss", "late losses differ by more than 30 % from one batch to the next", True,
         _erratic),
    Sign("flat loss", "over the last fifth the loss does not fall by 5 %", True, _flat),
    Sign("NaN", "the loss turns NaN or Inf", True, _not_finite),
    Sign("weights grow", "the norm of a matrix grows by half", True, _growing),
    Sign("weights go to 0", "the norm of a matrix is halved", True, _going_to_zero),
    Sign("early layers still", "layer 1 changes by less than a tenth of the last one", True,
         _early_still),
    Sign("‖g‖ > 1 always", "the norm of the gradient is above 1 at every step", False,
         _norm_above_one),
    Sign("‖g‖ tiny", "the norm of the gradient is below 0.001 in the median", False, _norm_tiny),
    Sign("‖g‖ rises", "the norm of the gradient ends a quarter above where it began", True,
         _norm_rising),
    Sign("first loss off", "the loss does not begin near that of a constant answer", True,
         _off_at_the_start),
    Sign("δ over depth", "δ changes by more than three decades over the depth", True,
         _delta_over_depth),
    Sign("update off", "‖ΔW‖/‖W‖ of a matrix is below 10⁻⁵ or above 10⁻¹", True, _update_off),
)  # fmt: skip
"""Those that articles list, and the scale-free ones of this course."""


def networks(
    sick: Iterable[int] = SEEDS_OF_THE_SICK, healthy: Iterable[int] = SEEDS_OF_THE_HEALTHY
) -> tuple[tuple[str, int], ...]:
    """Return kind and seed of every network of the trial."""
    return tuple((row.key, seed) for row in KINDS for seed in (healthy if row.healthy else sick))


def examined(key: str, seed: int) -> dict[str, Any]:
    """Train one network and note which signs it shows.

    Returns
    -------
    dict
        ``healthy``, ``measured`` (on the test rows), ``signs`` (the keys of those it shows),
        ``diagnosis`` (the kinds that `gradcourse.diagnose` found), ``least_norm`` and
        ``largest_norm`` of the gradient over the run, as powers of ten.
    """
    from gradcourse.diagnosis import diagnose

    run = outcome(admit(key, seed), True)
    with np.errstate(all="ignore"):
        signs = [sign.key for sign in SIGNS if sign.shown(run)]
    return {
        "kind": key,
        "seed": seed,
        "healthy": kind(key).healthy,
        "measured": round(run.measured, 3),
        "signs": signs,
        "least_norm": _power(run.norm.min()),
        "largest_norm": _power(run.norm.max()),
        "diagnosis": list(diagnose(run.record).kinds),
    }


def _power(norm: float) -> float:
    """log₁₀, kept within what a stored table can hold."""
    if not np.isfinite(norm):
        return 99.0
    return round(float(np.log10(norm)), 2) if norm > 0 else -99.0
